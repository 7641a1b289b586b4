"""Stored rules that were fitted on development trials: the same folder as a trained policy's.

``policy.safetensors`` holds the rule's tensors, ``policy.json`` its method and all else, and
``training.csv`` what was tried.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from workflow_src.common.errors import InputError
from workflow_src.common.files import write_csv, write_json
from workflow_src.methods.fixed_weight import TunedFixedWeight
from workflow_src.methods.kalman import Kalman, SphericalPlda
from workflow_src.methods.oracle import Oracle
from workflow_src.methods.soft import Soft
from workflow_src.methods.storage import CURVE, DESCRIPTION, WEIGHTS, read_tensors, write_tensors
from workflow_src.methods.through_time import ThroughTime

FittedRule = TunedFixedWeight | Soft | Kalman | SphericalPlda | ThroughTime | Oracle
FITTED: dict[str, type[FittedRule]] = {
    rule.method: rule
    for rule in (TunedFixedWeight, Soft, Kalman, SphericalPlda, ThroughTime, Oracle)
}


def write_fitted(
    folder: Path,
    rule: FittedRule,
    dimension: int,
    description: Mapping[str, Any],
    tried: pd.DataFrame,
) -> None:
    """Write a fitted rule's folder.

    Parameters
    ----------
    folder
        Where; made if missing.
    rule
        The rule, with one setting.
    dimension
        D of the embeddings that it was fitted on.
    description
        What to add to ``policy.json``.
    tried
        What was tried, or the learning curve.
    """
    described = {
        "method": rule.method,
        "dimension": dimension,
        **rule.describe(),
        **description,
    }
    tensors = {name: tensor.contiguous() for name, tensor in rule.tensors().items()}
    write_tensors(tensors, folder / WEIGHTS)
    write_json(described, folder / DESCRIPTION)
    write_csv(tried, folder / CURVE)


def restore_fitted(folder: Path, described: Mapping[str, Any]) -> FittedRule:
    """Read a fitted rule; `described` is the content of its ``policy.json``.

    Raises
    ------
    InputError
        A file is missing or broken, or its content is not that of the method.
    """
    tensors = read_tensors(folder / WEIGHTS)
    try:
        return FITTED[described["method"]].restore(tensors, dict(described))
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
        raise InputError(
            f"{folder}: is no whole policy of {described['method']} ({said})"
        ) from error
