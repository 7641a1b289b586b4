"""Scoring the same trials with many runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from workflow_src.inference.scoring import score_task
from workflow_src.updating.interface import UpdateRule
from workflow_src.updating.sequences import build_task


def score_runs(
    rules: Mapping[str, UpdateRule],
    trials: pd.DataFrame,
    enrolment: pd.DataFrame,
    embeddings: np.ndarray,
    index: pd.DataFrame,
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Score the trials of a scenario with the rule of each run, one after the other.

    Parameters
    ----------
    rules
        Run -> its rule, a single variant.
    trials, enrolment, embeddings, index
        As for `workflow_src.inference.scoring.score_scenario`.

    Yields
    ------
    str
        The run.
    DataFrame
        Its table of `score_scenario`, rows as in `trials`.
    """
    common = build_task(trials, enrolment, embeddings, index)
    for run, rule in rules.items():
        chosen = rule.choose_enrolment(enrolment, index)
        own = chosen is not enrolment
        task = build_task(trials, chosen, embeddings, index) if own else common
        yield run, score_task(rule, task, trials)
