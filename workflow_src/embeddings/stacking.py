"""Stacking the vectors of a file into a matrix, and the words that blame one of them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from workflow_src.common.errors import InputError, printable


def stack_vectors(
    path: Path, count: int, vectors: Iterable[tuple[str, np.ndarray]]
) -> tuple[list[str], np.ndarray]:
    """Stack `count` vectors into a float32 matrix; the first vector sets the length of all."""
    utterances: list[str] = []
    embeddings = np.empty((0, 0), np.float32)
    with np.errstate(over="ignore"):  # numbers beyond float32 become infinite, and are refused
        for row, (utterance, vector) in enumerate(vectors):
            if row == 0:
                embeddings = np.empty((count, len(vector)), np.float32)
            elif len(vector) != embeddings.shape[1]:
                said = f"has {len(vector)} numbers, the first one there {embeddings.shape[1]}"
                raise InputError(blame(path, utterance, said))
            embeddings[row] = vector
            utterances.append(utterance)
    return utterances, embeddings


def blame(path: Path, utterance: str, fault: str, count: int = 1) -> str:
    """Say what is wrong with the embedding of an utterance, and with how many more."""
    return f"{path}: the embedding of {printable(utterance)} {fault}{and_more(count)}"


def and_more(count: int) -> str:
    """Say how many more there are than the one that was named."""
    return f" (and {count - 1:,} more)" if count > 1 else ""
