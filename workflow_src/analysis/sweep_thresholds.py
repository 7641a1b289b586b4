"""Score the fixed weight with every threshold and weight on one scenario, for the EER map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workflow_src.common.files import read_parquet, write_csv
from workflow_src.common.tables import ENROLMENT_COLUMNS, TRIAL_COLUMNS, read_embeddings, read_index
from workflow_src.evaluation.summary import summarise_scores
from workflow_src.methods.baseline import Baseline
from workflow_src.methods.fixed_weight import FixedWeight
from workflow_src.running.arguments import Input, Output
from workflow_src.settings.analysis import SPREAD_THRESHOLDS, Sweep
from workflow_src.updating.scorer import score_sequences
from workflow_src.updating.sequences import build_task

# Combinations that are scored side by side; this limits the memory of their scores.
VARIANTS_AT_ONCE = 16


def spread_thresholds(scores: np.ndarray, target: np.ndarray) -> list[float]:
    """Spread at most `SPREAD_THRESHOLDS` thresholds over the scores of trials without updates.

    They lie at even distances from the median of the non-targets to the 90th percentile of the
    targets, rounded to hundredths.
    """
    ends = np.median(scores[~target]), np.quantile(scores[target], 0.9)
    return np.unique(np.linspace(*ends, SPREAD_THRESHOLDS).round(2)).tolist()


def sweep_fixed_weight(
    alphas: Sequence[float],
    thresholds: Sequence[float] | None,
    trials: pd.DataFrame,
    enrolment: pd.DataFrame,
    embeddings: np.ndarray,
    index: pd.DataFrame,
) -> pd.DataFrame:
    """Score the fixed weight with every combination of weight and update threshold.

    Without thresholds, those of `spread_thresholds` are taken. The tables are as for
    `workflow_src.inference.scoring.score_scenario`; the trials have a column target.

    Returns
    -------
    DataFrame
        alpha, threshold, eer_percent, min_dcf; one row per combination, by alpha, then threshold,
        in the given order.
    """
    task = build_task(trials, enrolment, embeddings, index)
    target = trials["target"].to_numpy(dtype=bool)
    if thresholds is None:
        still = score_sequences(Baseline(), task.templates, task.sequences, task.embeddings).scores
        thresholds = spread_thresholds(still[0].numpy(), target)
    pairs = [(alpha, threshold) for alpha in alphas for threshold in thresholds]
    rows = []
    for first in range(0, len(pairs), VARIANTS_AT_ONCE):
        some = pairs[first : first + VARIANTS_AT_ONCE]
        rule = FixedWeight([alpha for alpha, _ in some], [threshold for _, threshold in some])
        scores = score_sequences(rule, task.templates, task.sequences, task.embeddings).scores
        for (alpha, threshold), of_one in zip(some, scores.numpy(), strict=True):
            summary = summarise_scores(pd.DataFrame({"score": of_one, "target": target}))
            rows.append((alpha, threshold, summary["eer_percent"], summary["min_dcf"]))
    return pd.DataFrame(rows, columns=["alpha", "threshold", "eer_percent", "min_dcf"])


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments."""

    trials: Input
    """The scenario's trials, parquet."""
    enrolment: Input
    """Its enrolments, parquet."""
    embeddings: Input
    """The matrix of embeddings, npy."""
    index: Input
    """Its utterances, parquet."""
    settings: Sweep
    """The weights and thresholds."""
    sweep: Output
    """The table of error rates, CSV."""


def run(args: Arguments) -> None:
    """Score all weights and thresholds side by side and write their error rates."""
    sweep = sweep_fixed_weight(
        args.settings.alphas,
        args.settings.thresholds,
        read_parquet(args.trials, TRIAL_COLUMNS),
        read_parquet(args.enrolment, ENROLMENT_COLUMNS),
        read_embeddings(args.embeddings, mmap=True),
        read_index(args.index),
    )
    write_csv(sweep, args.sweep)
