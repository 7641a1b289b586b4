"""The distances between the numbers of two results folders."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from workflow_src.common.errors import InputError
from workflow_src.common.files import read_csv, read_npy, read_parquet

EMBEDDINGS, INDEX = "embeddings/embeddings.npy", "embeddings/index.parquet"
SCORES, SUMMARY = re.compile(r"inference/.+\.parquet"), "summary.csv"
TRIAL = ["model", "round", "step", "utterance", "target"]
# Rows of the embeddings that are compared together.
ROWS = 65536


def measure_distances(names: Iterable[str], a: Path, b: Path) -> list[str]:
    """Return a line on the distance of each quantity in results with different bytes.

    Both folders have the results `names`. Raises `InputError` if a file is damaged.
    """
    names = list(names)
    said = _embeddings(a, b) if {EMBEDDINGS, INDEX} & set(names) else []
    said += _policies([name for name in names if name.endswith(".safetensors")], a, b)
    said += _scores([name for name in names if SCORES.fullmatch(name)], a, b)
    return said + (_summary(a, b) if SUMMARY in names else [])


def _embeddings(a: Path, b: Path) -> list[str]:
    indexes = [read_parquet(folder / INDEX, ["row", "utterance"]) for folder in (a, b)]
    one, other = (read_npy(folder / EMBEDDINGS, mmap=True) for folder in (a, b))
    if one.shape[1:] != other.shape[1:]:
        return [f"embeddings of other shapes: {one.shape} in A, {other.shape} in B"]
    both = indexes[0].merge(indexes[1], on="utterance", suffixes=("", "_b"))
    said = []
    if len(both) < max(len(index) for index in indexes):
        only = " in A, ".join(str(len(index) - len(both)) for index in indexes)
        said.append(f"utterances that the other lacks: {only} in B")
    if both.empty:
        return said
    largest, cosine = 0.0, 1.0
    for first in range(0, len(both), ROWS):
        rows = both.iloc[first : first + ROWS]
        x = one[rows["row"].to_numpy()].astype(np.float64)
        y = other[rows["row_b"].to_numpy()].astype(np.float64)
        largest = max(largest, float(np.abs(x - y).max()))
        norms = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
        cosine = min(cosine, float(((x * y).sum(1) / np.where(norms > 0, norms, 1)).min()))
    return [
        *said,
        f"embeddings of {len(both)} utterances: largest difference {largest:.3g}, "
        f"smallest cosine {cosine:.9f}",
    ]


def _policies(names: list[str], a: Path, b: Path) -> list[str]:
    largest, where, said = -1.0, "", []
    for name in names:
        one, other = (_tensors(folder / name) for folder in (a, b))
        shapes = [{key: tensor.shape for key, tensor in side.items()} for side in (one, other)]
        if shapes[0] != shapes[1]:
            said.append(f"other weights: those of {name} have other names or shapes")
            continue
        for key in one:
            difference = _largest(one[key] - other[key])
            if difference > largest:
                largest, where = difference, f"{key} of {name}"
    return said + ([f"weights: largest difference {largest:.3g} ({where})"] if where else [])


def _tensors(path: Path) -> dict[str, np.ndarray]:
    try:
        # In float64, the difference is not rounded.
        return {name: tensor.astype(np.float64) for name, tensor in load_file(path).items()}
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path}: cannot be read as safetensors ({error})") from error


def _scores(names: list[str], a: Path, b: Path) -> list[str]:
    largest, where, flipped, trials, other_trials = 0.0, "", 0, 0, []
    for name in names:
        one, other = (
            read_parquet(folder / name, [*TRIAL, "score", "updated"]) for folder in (a, b)
        )
        if not one[TRIAL].equals(other[TRIAL]):
            other_trials.append(name)
            continue
        difference = _largest(one["score"].to_numpy(np.float64) - other["score"].to_numpy())
        if not where or difference > largest:
            largest, where = difference, name
        flipped += int((one["updated"] != other["updated"]).sum())
        trials += len(one)
    said = []
    if other_trials:
        said.append(f"files of other trials: {len(other_trials)}, {other_trials[0]}")
    if trials:
        said.append(
            f"scores of {trials} trials: largest difference {largest:.3g} ({where}); "
            f"{flipped} decided otherwise about an update"
        )
    return said


def _summary(a: Path, b: Path) -> list[str]:
    one, other = (
        read_csv(folder / SUMMARY, ["run", "scenario", "order", "eer_percent"]) for folder in (a, b)
    )
    both = one.merge(other, on=["run", "scenario", "order"], suffixes=("", "_b"))
    if both.empty:
        return []
    difference = (both["eer_percent"] - both["eer_percent_b"]).abs()
    if difference.isna().any():
        return ["EER: not a number in one of them"]
    if difference.max() == 0:
        return [f"EER: equal in all {len(both)} rows of the summary"]
    row = both.loc[difference.idxmax()]
    return [
        f"EER: largest difference {difference.max():.3g} % ({row['run']}, {row['scenario']}, "
        f"{row['order']} order: {row['eer_percent']:.4g} in A, {row['eer_percent_b']:.4g} in B)"
    ]


def _largest(difference: np.ndarray) -> float:
    """Return the largest absolute value; infinity if one is not a number."""
    if not difference.size:
        return 0.0
    return float(np.nan_to_num(np.abs(difference), nan=np.inf).max())
