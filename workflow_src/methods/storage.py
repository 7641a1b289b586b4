"""Stored policies.

A policy is a folder with ``policy.safetensors`` (its tensors, for raw embeddings) and
``policy.json`` (its method, the other numbers of its rule, and its training). A policy that the
workflow trained also has ``training.csv`` (the learning curve, or the candidates).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
from safetensors.torch import load_file, save
from torch import Tensor

from workflow_src.common.errors import InputError, blamed_on, first_line, printable
from workflow_src.common.files import read_json, write_csv, write_json, written_whole
from workflow_src.common.limits import within_budget
from workflow_src.updating.interface import UpdateRule

WEIGHTS, DESCRIPTION, CURVE = "policy.safetensors", "policy.json", "training.csv"
Rule = TypeVar("Rule", bound=UpdateRule)


def write_policy(
    folder: Path,
    tensors: Mapping[str, Tensor],
    description: Mapping[str, Any],
    curve: pd.DataFrame | None = None,
) -> None:
    """Write a policy folder: the tensors, ``policy.json`` and the table ``training.csv``."""
    stored = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with written_whole(folder / WEIGHTS) as part:
        part.write_bytes(save(stored))
    write_json(dict(description), folder / DESCRIPTION)
    if curve is not None:
        write_csv(curve, folder / CURVE)


def read_policy(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read the tensors and the description of a policy folder.

    Raises
    ------
    InputError
        A file is missing or broken.
    """
    about = read_json(folder / DESCRIPTION)
    if not isinstance(about, dict) or not isinstance(about.get("method"), str):
        raise InputError(f"{folder / DESCRIPTION}: does not name a method; it is no policy's")
    return read_tensors(folder / WEIGHTS), about


def load_policy(folder: str | Path, rule: type[Rule], threshold: float | None = None) -> Rule:
    """Return the update rule of a stored policy.

    With `threshold`, an update needs a higher score. A rule that stores its own threshold keeps it.

    Raises
    ------
    InputError
        A file is missing or broken, or its content does not fit the class `rule`.
    """
    folder = Path(folder)
    tensors, about = read_policy(folder)
    with restoring(folder, rule):
        restored = rule.restore(tensors, about)
    if threshold is not None:
        restored.take_threshold(threshold)
    return restored


@contextlib.contextmanager
def restoring(folder: Path, rule: type[UpdateRule]) -> Iterator[None]:
    """Turn errors while a rule is restored into an `InputError` that names the folder."""
    try:
        with blamed_on(folder):
            yield
    # Content can be missing, can have another type or shape, or can be out of range.
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError) as e:
        said = f"{type(e).__name__}: {first_line(e)}"
        raise InputError(f"{folder}: is no whole policy of {rule.__name__} ({said})") from e


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read the named tensors of a ``.safetensors`` file.

    Raises
    ------
    InputError
        The file is missing or broken, or has a number that is not finite.
    """
    try:
        with within_budget(path):
            tensors = load_file(path)
            finite = {name: bool(tensor.isfinite().all()) for name, tensor in tensors.items()}
    except InputError:
        raise
    # Damaged headers raise errors of Rust, of torch and of Python.
    except Exception as error:
        raise InputError(f"{path}: cannot be read as safetensors ({first_line(error)})") from error
    for name in tensors:
        if not finite[name]:
            raise InputError(f"{path}: {printable(name)} has a value that is not finite")
    return tensors
