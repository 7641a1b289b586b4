"""Tables of trials with what a back-end knows of them, and their scores by many runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_src.common.tables import read_scenario
from workflow_src.evaluation.calibration import ScoredTrials
from workflow_src.evaluation.history import Places, count_days
from workflow_src.evaluation.quality import look_up_quality
from workflow_src.inference.many_runs import score_runs
from workflow_src.running.progress import show_progress
from workflow_src.updating.interface import UpdateRule


@dataclass(frozen=True)
class TrialTables:
    """Trials of one scenario, and what a back-end knows of them beside their scores.

    Attributes
    ----------
    trials, enrolment
        The tables, as for `workflow_src.inference.scoring.score_scenario`.
    days
        int64 [T]: days since the enrolment of each trial's template.
    places
        The places of the trials in their sequences.
    quality
        float64 [T, 2], of `look_up_quality`, or None.
    """

    trials: pd.DataFrame
    enrolment: pd.DataFrame
    days: np.ndarray
    places: Places
    quality: np.ndarray | None

    @classmethod
    def read(
        cls,
        folder: Path,
        name: str,
        embeddings: np.ndarray,
        index: pd.DataFrame,
        manifest: pd.DataFrame | None,
    ) -> TrialTables:
        """Read ``<name>.parquet`` and ``<name>.enrolment.parquet``.

        With a manifest (utterance, seconds), they have the quality of their tests.
        """
        trials, enrolment = read_scenario(folder, name)
        quality = None
        if manifest is not None:
            quality = look_up_quality(trials, index, embeddings, manifest)
        days = count_days(trials, enrolment, index)
        return cls(trials, enrolment, days, Places.find(trials), quality)

    @property
    def targets(self) -> np.ndarray:
        """The labels, bool [T]."""
        return self.trials["target"].to_numpy(dtype=bool)

    def with_scores(self, scores: np.ndarray) -> ScoredTrials:
        """Return the trials as a back-end sees them, with scores float [T]."""
        return ScoredTrials(scores, self.days, self.places, self.quality)


def read_development(
    folder: Path,
    scenarios: Sequence[str],
    embeddings: np.ndarray,
    index: pd.DataFrame,
    manifest: pd.DataFrame | None,
) -> list[TrialTables]:
    """Read the development trials of those scenarios that have targets and non-targets.

    The arguments are those of `TrialTables.read`.
    """
    read = [TrialTables.read(folder, name, embeddings, index, manifest) for name in scenarios]
    # Where no speaker trains, there are no trials.
    return [one for one in read if one.targets.any() and not one.targets.all()]


def score_all(
    rules: Mapping[str, UpdateRule],
    lists: Sequence[TrialTables],
    embeddings: np.ndarray,
    index: pd.DataFrame,
) -> dict[str, list[ScoredTrials]]:
    """Score trials with the rule of each run.

    Parameters
    ----------
    rules
        Run -> its rule, a single variant.
    lists
        The trials of each scenario.
    embeddings, index
        As for `workflow_src.inference.scoring.score_scenario`.

    Returns
    -------
    dict
        Run -> its scored trials, in the order of `lists`.
    """
    scored: dict[str, list[ScoredTrials]] = {run: [] for run in rules}
    for one in lists:
        tables = score_runs(rules, one.trials, one.enrolment, embeddings, index)
        for run, table in show_progress(tables, "runs", len(rules)):
            scored[run].append(one.with_scores(table["score"].to_numpy()))
    return scored
