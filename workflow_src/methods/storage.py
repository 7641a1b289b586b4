"""Stored policies.

A policy is a folder: ``policy.safetensors`` (weights for raw embeddings), ``policy.json``
(method, D or the scalars that it sees and their scale, how it was trained) and, if trained here,
``training.csv``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import fields
from math import isfinite
from pathlib import Path
from typing import Any

import pandas as pd
from safetensors.torch import load_file, save
from torch import Tensor

from workflow_src.common.errors import InputError, printable
from workflow_src.common.files import read_json, write_csv, write_json, written_whole
from workflow_src.methods.networks import (
    PolicyNetwork,
    ScalarMultiHeadNetwork,
    load_state,
    make_network,
    network_dimension,
)
from workflow_src.settings.policies import PPO_METHODS, SCALAR_METHODS
from workflow_src.updating.score_history import FEATURES, ScoreScale

WEIGHTS, DESCRIPTION, CURVE = "policy.safetensors", "policy.json", "training.csv"


def write_policy(
    folder: Path,
    network: PolicyNetwork,
    description: Mapping[str, Any],
    curve: pd.DataFrame | None = None,
) -> None:
    """Write a policy folder.

    Parameters
    ----------
    folder
        Where; made if missing.
    network
        The policy, for raw states.
    description
        What to add to ``policy.json`` after method, what the policy sees, and hidden sizes.
    curve
        The learning curve; None where there is none.
    """
    state = {name: tensor.cpu().contiguous() for name, tensor in network.state_dict().items()}
    if isinstance(network, ScalarMultiHeadNetwork):
        seen = {"features": list(FEATURES), "score_scale": network.scale.state()}
    else:
        seen = {"dimension": network.inputs // 2}
    described = {"method": network.method, **seen, "hidden": list(network.hidden), **description}
    write_tensors(state, folder / WEIGHTS)
    write_json(described, folder / DESCRIPTION)
    if curve is not None:
        write_csv(curve, folder / CURVE)


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


def read_policy(folder: Path, dimension: int | None = None) -> PolicyNetwork:
    """Read the network of a policy folder.

    Parameters
    ----------
    folder
        With ``policy.safetensors`` and ``policy.json``.
    dimension
        D of the embeddings that it is for; not checked when None, nor where it sees scalars.

    Raises
    ------
    InputError
        A file is missing, broken or of another form, or D is another.
    """
    folder = Path(folder)
    path, about = folder / WEIGHTS, folder / DESCRIPTION
    described = read_json(about)
    method = described.get("method") if isinstance(described, dict) else None
    if not isinstance(method, str) or method not in PPO_METHODS:
        raise InputError(f"{about}: method is {method!r}; allowed: {', '.join(PPO_METHODS)}")
    state = read_tensors(path)
    if method in SCALAR_METHODS:
        network = make_network(method, scale=_read_scale(described, about))
    else:
        own = _read_dimension(described, about, dimension)
        # Before a network of that size is made: it may be beyond all memory.
        first = state.get("trunk.0.weight")
        if first is not None and first.ndim == 2 and network_dimension(state) != own:
            raise InputError(
                f"{about}: dimension is {own}, but the tensors in {path} are for "
                f"{network_dimension(state)}"
            )
        network = make_network(method, own)
    load_state(network, state, str(path))
    return network.eval()


def _read_dimension(described: Mapping[str, Any], about: Path, wanted: int | None) -> int:
    own = described.get("dimension")
    if not isinstance(own, int) or isinstance(own, bool) or own < 1:
        raise InputError(f"{about}: dimension is {own!r}; it must be a whole number above 0")
    if wanted is not None and own != wanted:
        raise InputError(
            f"{about}: the policy is for embeddings of {own} dimensions; these have {wanted}"
        )
    return own


def _read_scale(described: Mapping[str, Any], about: Path) -> ScoreScale:
    features, scale = described.get("features"), described.get("score_scale")
    if features != list(FEATURES):
        raise InputError(f"{about}: features is {features!r}; it must be {list(FEATURES)}")
    names = [field.name for field in fields(ScoreScale)]
    if not (
        isinstance(scale, dict)
        and sorted(scale) == sorted(names)
        and all(type(value) in (int, float) and isfinite(value) for value in scale.values())
        and min(scale["slope"], scale["spread"]) > 0
    ):
        raise InputError(
            f"{about}: score_scale is {scale!r}; it must give numbers {', '.join(names)}, of which "
            "slope and spread above 0"
        )
    return ScoreScale(**scale)


def policy_digest(network: PolicyNetwork | None) -> str | None:
    """Return the digest of a policy's weights, or None."""
    if network is None:
        return None
    digest = hashlib.sha256(network.method.encode())
    tensor: Tensor
    for name, tensor in network.state_dict().items():
        digest.update(name.encode() + tensor.cpu().numpy().tobytes())
    return digest.hexdigest()
