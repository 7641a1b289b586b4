"""What is known of a test beside its score: the norm of its embedding, and its seconds."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workflow_src.common.errors import InputError

QUALITIES = ("test_norm", "test_seconds")


def look_up_quality(
    trials: pd.DataFrame,
    index: pd.DataFrame,
    embeddings: np.ndarray,
    manifest: pd.DataFrame,
) -> np.ndarray:
    """Look up the quality of the tests.

    Parameters
    ----------
    trials
        The column utterance.
    index
        Columns row and utterance of the embeddings.
    embeddings
        float32 [N, D], may be memory-mapped: only rows in use are read.
    manifest
        Columns utterance and, where lengths are known, seconds.

    Returns
    -------
    ndarray
        float64 [T, 2], the columns `QUALITIES`, as natural logarithms; NaN where unknown.

    Raises
    ------
    InputError
        A test has no embedding.
    """
    codes, tested = pd.factorize(trials["utterance"])
    rows = pd.Series(index["row"].to_numpy(), index["utterance"]).reindex(tested)
    if rows.isna().any():
        missing = tested[rows.isna().to_numpy()][0]
        raise InputError(f"trial table: {missing!r} has no embedding")
    vectors = np.asarray(embeddings[rows.to_numpy(dtype=np.int64)], dtype=np.float64)
    seconds = np.full(len(tested), np.nan)
    if "seconds" in manifest:
        known = manifest.set_index("utterance")["seconds"].astype("float64")
        seconds = known.reindex(tested).to_numpy()
    with np.errstate(divide="ignore"):
        logs = np.log(np.column_stack([np.linalg.norm(vectors, axis=1), seconds]))
    # Of nothing, nothing is known.
    return np.where(np.isfinite(logs), logs, np.nan)[codes]
