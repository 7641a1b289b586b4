"""Stored policies.

A policy is a folder: ``policy.safetensors`` (its tensors, for raw embeddings), ``policy.json`` (its
method, all else that its rule is made of, and how it came about) and, if made here,
``training.csv`` (the learning curve, or what was tried).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
from safetensors.torch import load_file, save
from torch import Tensor

from workflow_src.common.errors import InputError, blamed_on, printable
from workflow_src.common.files import read_json, write_csv, write_json, written_whole
from workflow_src.updating.interface import UpdateRule

WEIGHTS, DESCRIPTION, CURVE = "policy.safetensors", "policy.json", "training.csv"
Rule = TypeVar("Rule", bound=UpdateRule)


def write_policy(
    folder: Path,
    tensors: Mapping[str, Tensor],
    description: Mapping[str, Any],
    curve: pd.DataFrame | None = None,
) -> None:
    """Write a policy folder.

    Parameters
    ----------
    folder
        Where; made if missing.
    tensors
        A rule's `tensors`, or a network's state dict.
    description
        The content of ``policy.json``: ``method`` first.
    curve
        The learning curve, or what was tried; None where there is none.
    """
    write_tensors(
        {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()},
        folder / WEIGHTS,
    )
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

    Parameters
    ----------
    folder
        With ``policy.safetensors`` and ``policy.json``.
    rule
        The class of the rule.
    threshold
        What a trial's score must exceed; None keeps the rule's own. Rules that hold their own
        always keep it.

    Raises
    ------
    InputError
        A file is missing or broken, or its content is not that of the rule.
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
    """Blame a policy's folder for what goes wrong while its rule is restored."""
    try:
        with blamed_on(folder):
            yield
    # What a rule is made of may be missing, of another kind or shape, or out of range.
    except (
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        ArithmeticError,
        RuntimeError,
    ) as error:
        said = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
        raise InputError(f"{folder}: is no whole policy of {rule.__name__} ({said})") from error


def write_tensors(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write named tensors as ``.safetensors``."""
    with written_whole(path) as part:
        part.write_bytes(save(dict(tensors)))


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read the named tensors of a ``.safetensors`` file.

    Raises
    ------
    InputError
        The file is missing or broken, or has a number that is not finite.
    """
    try:
        tensors = load_file(path)
        finite = {name: bool(tensor.isfinite().all()) for name, tensor in tensors.items()}
    # It passes on what damaged headers lead to, in Rust, in torch and in Python.
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path}: cannot be read as safetensors ({reason})") from error
    for name in tensors:
        if not finite[name]:
            raise InputError(f"{path}: {printable(name)} has a value that is not finite")
    return tensors
