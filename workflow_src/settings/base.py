"""What all blocks of settings are made of, and how their faults are told."""

import re
import reprlib
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from workflow_src.common.errors import printable

# pydantic's names for the branches of a union and for the key of a dict, which are no keys.
_BRANCH = re.compile(r"\[key\]|constrained-\w+|(function-after|literal)\[.*\]")

Weight = Annotated[float, Field(gt=0, le=1)]
Threshold = Annotated[float, Field(ge=-1, le=1)]
TunableThreshold = Threshold | Literal["tuned"]
Probability = Annotated[float, Field(ge=0, le=1)]
Seed = Annotated[int, Field(ge=0)]
Clock = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]

# Of a value only so much is shown as fits into a line.
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 80


def _check_path(path: str) -> str:
    # Snakemake takes what stands in braces for a wildcard.
    if any(character in "{}\x7f" or character < " " for character in path):
        raise ValueError(f"{path!r} holds a brace or a control character; rename it")
    return path


GivenPath = Annotated[str, Field(min_length=1), AfterValidator(_check_path)]
"""The path of a file or folder of the user's."""


class Block(BaseModel):
    """A block of settings: typed, without unknown keys, without numbers given as text."""

    # An alias is the one spelling of its key, in and out: what was written can be read again.
    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        serialize_by_alias=True,
        allow_inf_nan=False,
    )


def distinct(values: list[Any], key: str) -> None:
    """Refuse a list that holds a value twice."""
    if len(set(values)) != len(values):
        raise ValueError(f"{key} lists a value twice; each may stand there once")


def describe_validation_error(error: ValidationError, source: str) -> str:
    """Say what pydantic found: a line for each key that is wrong, ``source: key: what``."""
    faults: dict[str, list[Any]] = {}
    for fault in error.errors():
        key = ".".join(printable(part) for part in fault["loc"] if not _is_branch(part))
        faults.setdefault(key, []).append(fault)
    return "\n".join(
        f"{source}: {key + ': ' if key else ''}{_describe_faults(of_key)}"
        for key, of_key in faults.items()
    )


def _is_branch(part: str | int) -> bool:
    """Whether a part of a place is pydantic's name for the branch of a union, not a key."""
    return isinstance(part, str) and _BRANCH.fullmatch(part) is not None


def _describe_faults(faults: list[Any]) -> str:
    """Say what is wrong with one value, which has a fault for each kind that it may be of."""
    fault = faults[0]
    if fault["type"] == "extra_forbidden":
        return "unknown key; see config.yaml for the keys there are"
    if fault["type"] == "unexpected_keyword_argument":
        return "unknown key"
    if fault["type"] == "value_error":
        return fault["msg"].removeprefix("Value error, ")
    value = fault["input"]
    wanted = " or ".join(dict.fromkeys(f["msg"][0].lower() + f["msg"][1:] for f in faults))
    said = f"{_SHORT.repr(value)} is not allowed: {wanted.replace(' or input should', ' or')}"
    if isinstance(value, str) and fault["type"] in {"float_type", "int_type"}:
        said += " (in YAML, 3e-4 is text; write 0.0003 or 3.0e-4)"
    return said
