"""Score the trials of a scenario with a grid of fixed weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from workflow_src.evaluation.summary import error_measures
from workflow_src.methods.fixed_weight import FixedWeight
from workflow_src.updating.scorer import score_sequences
from workflow_src.updating.sequences import build_task

# Combinations scored side by side: bounds the memory of their scores.
VARIANTS_AT_ONCE = 16


def sweep_fixed_weight(
    alphas: Sequence[float],
    thresholds: Sequence[float],
    trials: pd.DataFrame,
    enrolment: pd.DataFrame,
    embeddings: np.ndarray,
    index: pd.DataFrame,
) -> pd.DataFrame:
    """Score every combination of weight and update threshold.

    Parameters
    ----------
    alphas, thresholds
        What to combine.
    trials, enrolment, embeddings, index
        As for `workflow_src.inference.scoring.score_scenario`, and a column target of the trials.

    Returns
    -------
    DataFrame
        alpha, threshold, eer_percent, min_dcf; one row a combination, by alpha, then threshold,
        in the order given.
    """
    task = build_task(trials, enrolment, embeddings, index)
    target = trials["target"].to_numpy(dtype=bool)
    pairs = [(alpha, threshold) for alpha in alphas for threshold in thresholds]
    rows = []
    for first in range(0, len(pairs), VARIANTS_AT_ONCE):
        some = pairs[first : first + VARIANTS_AT_ONCE]
        rule = FixedWeight([alpha for alpha, _ in some], [threshold for _, threshold in some])
        scores = score_sequences(rule, task.templates, task.sequences, task.embeddings).scores
        for (alpha, threshold), of_one in zip(some, scores.numpy(), strict=True):
            summary = error_measures(of_one, target)
            rows.append((alpha, threshold, summary["eer_percent"], summary["min_dcf"]))
    return pd.DataFrame(rows, columns=["alpha", "threshold", "eer_percent", "min_dcf"])
