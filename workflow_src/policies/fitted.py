"""Stored rules that were fitted on development trials: the same folder as a trained policy's.

``policy.safetensors`` holds the rule's tensors, ``policy.json`` its method and all else, and
``training.csv`` what was tried.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from workflow_src.common.errors import InputError
from workflow_src.common.files import write_csv, write_json, written_whole
from workflow_src.policies.checkpoints import CURVE, DESCRIPTION, WEIGHTS
from workflow_src.policies.fixed_weight import TunedFixedWeight
from workflow_src.policies.kalman import Kalman, SphericalPlda
from workflow_src.policies.limits import Oracle
from workflow_src.policies.soft import Soft
from workflow_src.policies.through_time import ThroughTime

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
    with written_whole(folder / WEIGHTS) as part:
        save_file(tensors, part)
    write_json(described, folder / DESCRIPTION)
    write_csv(tried, folder / CURVE)


def restore_fitted(folder: Path, described: Mapping[str, Any]) -> FittedRule:
    """Read a fitted rule; `described` is the content of its ``policy.json``.

    Raises
    ------
    InputError
        A file is missing or broken, or its content is not that of the method.
    """
    path = folder / WEIGHTS
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path}: cannot be read as safetensors ({error})") from error
    if any(not tensor.isfinite().all() for tensor in tensors.values()):
        raise InputError(f"{path}: has a value that is not finite")
    try:
        return FITTED[described["method"]].restore(tensors, dict(described))
    except (KeyError, TypeError, RuntimeError) as error:
        said = f"{type(error).__name__}: {str(error).splitlines()[0]}"
        raise InputError(
            f"{folder}: is no whole policy of {described['method']} ({said})"
        ) from error
