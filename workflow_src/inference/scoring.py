"""Scoring the trials of a scenario with an update rule."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workflow_src.common.errors import InputError
from workflow_src.updating.interface import UpdateRule
from workflow_src.updating.scorer import score_sequences
from workflow_src.updating.sequences import Task, build_task


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
        The method of updating, a single variant.
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
        The trial table with the columns score (float32: cosine before the update), updated (bool)
        and weight (float32, 0 where not updated).

    Raises
    ------
    InputError
        The tables do not fit together, see `build_task`; or a score is not finite.
    ValueError
        The rule has several variants.
    """
    return score_task(rule, build_task(trials, enrolment, embeddings, index), trials)


def score_task(rule: UpdateRule, task: Task, trials: pd.DataFrame) -> pd.DataFrame:
    """Score the task that `build_task` made of `trials`; otherwise as `score_scenario`."""
    if rule.variants != 1:
        raise ValueError(f"one variant can be scored into one table, not {rule.variants}")
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
