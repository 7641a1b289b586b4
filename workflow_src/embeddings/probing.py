"""Trying a speaker model on noise: what it gives, and whether it takes several recordings."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from workflow_src.common.errors import InputError

Run = Callable[[np.ndarray], np.ndarray]


def probe(
    name: str, run: Run, features: np.ndarray, max_batch: int | None
) -> tuple[int, int | None]:
    """Try a model on the features of one recording.

    Parameters
    ----------
    name
        The model's name in errors.
    run
        Features of B recordings, [B, ...], to embeddings, [B, D]. It raises `InputError` where the
        model fails.
    features
        The features of one recording.
    max_batch
        1 for a model that says to take one recording at a time, else None.

    Returns
    -------
    dim
        D.
    max_batch
        1 if the model takes one recording at a time. A model that was traced with one recording may
        call its batch free all the same.

    Raises
    ------
    InputError
        The model fails, or gives no embeddings, or others each time.
    """
    embeddings = run(features[None])
    shape = np.shape(embeddings)
    if len(shape) != 2 or shape[0] != 1 or shape[1] == 0:
        raise InputError(
            f"{name}: gives an output of shape {list(shape)} for 1 recording; an extractor gives "
            "embeddings [B, D]"
        )
    if embeddings.dtype != np.float32:
        raise InputError(f"{name}: gives {embeddings.dtype} numbers; float32 is needed")
    if not np.array_equal(embeddings, run(features[None]), equal_nan=True):
        raise InputError(
            f"{name}: gives other embeddings of the same recording each time; it must be as in "
            "inference, without dropout or other random nodes"
        )
    if max_batch is None and not _takes_batches(run, features, embeddings[0]):
        max_batch = 1
    return int(shape[1]), max_batch


def _takes_batches(run: Run, features: np.ndarray, embedding: np.ndarray) -> bool:
    """Whether a recording has the same embedding beside another one."""
    try:
        # Another loudness, too: a mean over both would not show what is only reversed.
        embeddings = run(np.stack([features[::-1] / 2, features]))
    except InputError:
        return False
    if np.shape(embeddings) != (2, len(embedding)):
        return False
    return np.allclose(embeddings[1], embedding, rtol=1e-3, atol=1e-4, equal_nan=True)
