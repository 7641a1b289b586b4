"""Score the trials of a scenario with an update rule, or with a grid of fixed weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from workflow_src.common.errors import InputError
from workflow_src.evaluation.summary import error_measures
from workflow_src.updating.interface import UpdateRule
from workflow_src.updating.rules import FixedWeight
from workflow_src.updating.scorer import score_sequences
from workflow_src.updating.sequences import Task, build_task

# Settings scored side by side in a sweep: bounds the memory of their scores.
SETTINGS_AT_ONCE = 16


def score_scenario(
    rule: UpdateRule,
    trials: pd.DataFrame,
    enrolment: pd.DataFrame,
    embeddings: np.ndarray,
    index: pd.DataFrame,
) -> pd.DataFrame:
    """Score all trials of a scenario in lockstep.

    Parameters
    ----------
    rule
        The method of updating, with one setting.
    trials
        Columns model, round, step, utterance, and any others; rows in any order.
    enrolment
        Columns model, utterance: the template is the mean of the model's utterances.
    embeddings
        float32 [N, D], may be memory-mapped.
    index
        Columns row and utterance of the embeddings.

    Returns
    -------
    DataFrame
        The trial table with the columns score (float32: cosine before the update), updated
        (bool) and weight (float32, 0 where not updated).

    Raises
    ------
    InputError
        The tables do not fit together, see `build_task`; or a score is not finite.
    ValueError
        The rule has several settings.
    """
    return score_task(rule, build_task(trials, enrolment, embeddings, index), trials)


def score_task(rule: UpdateRule, task: Task, trials: pd.DataFrame) -> pd.DataFrame:
    """Score the task that was built from a trial table; as `score_scenario`, for several rules.

    Parameters
    ----------
    rule
        The method of updating, with one setting.
    task
        What `build_task` made of `trials`.
    trials
        The trial table.

    Returns
    -------
    DataFrame
        As from `score_scenario`.

    Raises
    ------
    InputError
        A score is not finite.
    ValueError
        The rule has several settings.
    """
    if rule.settings != 1:
        raise ValueError(f"one setting can be scored into one table, not {rule.settings}")
    scored = score_sequences(rule, task.templates, task.sequences, task.embeddings)
    scores = scored.scores[0].numpy()
    bad = np.flatnonzero(~np.isfinite(scores))
    if len(bad):
        row = trials.iloc[bad[0]]
        raise InputError(
            f"scoring: the score of model {row['model']!r} at step {row['step']} is not finite; "
            "its template has no direction"
        )
    return trials.assign(
        score=scores, updated=scored.updated[0].numpy(), weight=scored.weights[0].numpy()
    )


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
        Settings of `FixedWeight`.
    trials, enrolment, embeddings, index
        As for `score_scenario`, and a column target of the trials.

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
    for first in range(0, len(pairs), SETTINGS_AT_ONCE):
        some = pairs[first : first + SETTINGS_AT_ONCE]
        rule = FixedWeight([alpha for alpha, _ in some], [threshold for _, threshold in some])
        scores = score_sequences(rule, task.templates, task.sequences, task.embeddings).scores
        for (alpha, threshold), of_one in zip(some, scores.numpy(), strict=True):
            summary = error_measures(of_one, target)
            rows.append((alpha, threshold, summary["eer_percent"], summary["min_dcf"]))
    return pd.DataFrame(rows, columns=["alpha", "threshold", "eer_percent", "min_dcf"])
