"""The types of a step's arguments, and how they are read from a command line.

A step is a module with a dataclass ``Arguments`` and a function ``run``::

    @dataclass(frozen=True, kw_only=True)
    class Arguments:
        manifest: Input
        \"\"\"The utterances, parquet.\"\"\"
        settings: Generation
        \"\"\"How trials are made.\"\"\"
        seed: int
        \"\"\"Of all draws.\"\"\"
        trials: Output
        \"\"\"The trials, parquet.\"\"\"


    def run(args: Arguments) -> None: ...

The text below a field is its help. Its type says where a rule has the value: `Input` and `Inputs`
in the rule's input of that name, `Output` and `Outputs` in its output, every other type in its
params (`workflow_src.running.signature`).

Blocks of settings, runs, lists of them and dicts are given as JSON, which pydantic checks.
"""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

import tyro
from pydantic import BaseModel, TypeAdapter, ValidationError
from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo

from workflow_src.common.errors import InputError, describe_validation_error
from workflow_src.common.json_text import load_json

Input = Path
"""A file or folder that the step reads."""
Inputs = list[Path]
"""Files that the step reads."""
Output = Path
"""A file or folder that the step writes."""
Outputs = list[Path]
"""Files that the step writes."""

Parsed = TypeVar("Parsed")


def parse_arguments(
    kind: type[Parsed], step: str, given: list[str], description: str | None = None
) -> Parsed:
    """Read the arguments of a step.

    Parameters
    ----------
    kind
        The step's class ``Arguments``.
    step
        Its name, ``<room>.<step>``.
    given
        The command line. An option with an empty value (``--table=``) counts as left out.
    description
        What ``--help`` says of the step.

    Raises
    ------
    InputError
        JSON is not what the option takes.
    SystemExit
        An option is missing, unknown or of another type (status 2), or help was asked for (0).
    """
    registry = ConstructorRegistry()
    registry.primitive_rule(functools.partial(_read_json, given))
    return tyro.cli(
        kind,
        prog=f"python -m workflow_src.run {step}",
        args=[word for word in given if not (word.startswith("--") and word.endswith("="))],
        description=description,
        config=(tyro.conf.FlagConversionOff,),
        registry=registry,
    )


def _read_json(given: list[str], info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec | None:
    """Read JSON for a type that `parse_arguments` takes as JSON; None for any other type."""
    kind: Any = info.type
    item = get_args(kind)[0] if get_origin(kind) is list else kind
    if not (kind is dict or get_origin(kind) is dict or _is_checked(item)):
        return None
    adapter = TypeAdapter(kind)

    def read(texts: list[str]) -> Any:
        source = getattr(item, "key", None) or _find_option(texts[0], given)
        try:
            value = adapter.validate_json(texts[0])
            load_json(texts[0], source)
            return value
        except ValidationError as error:
            raise InputError(describe_validation_error(error, source)) from error

    return PrimitiveConstructorSpec(
        nargs=1,
        metavar="JSON",
        instance_from_str=read,
        is_instance=lambda value: True,
        str_from_instance=lambda value: [adapter.dump_json(value).decode()],
    )


def _find_option(value: str, given: list[str]) -> str:
    """Return the option that has a value on the command line, as the next word or after ``=``."""
    options = (word.removesuffix(f"={value}") for word in given if word.endswith(f"={value}"))
    return next(options, given[given.index(value) - 1] if value in given else "")


def _is_checked(kind: Any) -> bool:
    """Whether pydantic checks values of a type: a block of settings, or a dataclass like a run."""
    if not isinstance(kind, type):
        return False
    checked = dataclasses.is_dataclass(kind) and hasattr(kind, "__pydantic_config__")
    return checked or issubclass(kind, BaseModel)
