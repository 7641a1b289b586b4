"""Development trials: trials of training speakers, on which methods are fitted and chosen.

Test speakers have none. A method with many parameters is fitted on some of the training speakers
and chosen on the others (validation). A method with one or two parameters is chosen on all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_src.common.errors import InputError, blamed_on
from workflow_src.common.seeds import generator
from workflow_src.common.tables import read_scenario
from workflow_src.evaluation.metrics import equal_error_rate
from workflow_src.methods.baseline import Baseline
from workflow_src.settings.tuning import CANDIDATES, Tuning
from workflow_src.updating.interface import UpdateRule
from workflow_src.updating.scorer import score_sequences
from workflow_src.updating.sequences import Task, build_task

# Variants of a rule that are scored together. The limit bounds the memory of their scores.
VARIANTS_AT_ONCE = 16


@dataclass(frozen=True)
class Development:
    """Development trials of some speakers.

    Attributes
    ----------
    tasks
        Scenario -> task; its sequences have days and labels.
    baseline
        Scenario -> EER (a share) without updates. Other EERs are divided by it.
    """

    tasks: Mapping[str, Task]
    baseline: Mapping[str, float]

    @classmethod
    def of(cls, tasks: Mapping[str, Task]) -> Development:
        """Score the baseline of every task."""
        baseline = {name: float(_error_rates(Baseline(), task)[0]) for name, task in tasks.items()}
        return cls(tasks, baseline)

    def cost(self, rule: UpdateRule) -> np.ndarray:
        """Return the cost of each variant, float64 [S]: the mean of EER / baseline's EER."""
        relative = [
            _error_rates(rule, task) / max(self.baseline[name], 1e-4)
            for name, task in self.tasks.items()
        ]
        return np.mean(relative, axis=0)

    def candidate_thresholds(self) -> list[float]:
        """Return `CANDIDATES` thresholds that fit the scale of these scores, in rising order.

        They are evenly spaced from the median of the non-targets' scores to the upper quartile of
        the targets', both of the baseline, and rounded to about a hundredth of their distance.
        """
        scores = np.concatenate([*self.scores(Baseline()).values()]).astype(np.float64)
        targets = np.concatenate([task.sequences.labels for task in self.tasks.values()])
        ends = float(np.median(scores[~targets])), float(np.quantile(scores[targets], 0.75))
        step = max(abs(ends[1] - ends[0]) / (CANDIDATES - 1), 1e-6)
        grid = np.linspace(*ends, CANDIDATES).round(1 - math.floor(math.log10(step)))
        # Rounding can move a cosine beyond 1.
        return np.unique(grid.clip(-1, 1)).tolist()

    def scores(self, rule: UpdateRule) -> dict[str, np.ndarray]:
        """Return a rule's scores for every scenario, float32 [T] in packed order."""
        return {
            name: score_sequences(rule, task.templates, task.sequences, task.embeddings)
            .scores[0]
            .numpy()[task.sequences.order]
            for name, task in self.tasks.items()
        }


@dataclass(frozen=True)
class Partition:
    """Development trials of all speakers, of the fitting and of the validation speakers."""

    every: Development
    fitting: Development
    validation: Development


def make_partition(
    trials: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]],
    embeddings: np.ndarray,
    index: pd.DataFrame,
    validation_share: float,
    seed: int,
) -> Partition:
    """Split the development trials by speaker.

    Parameters
    ----------
    trials
        Scenario -> trials and enrolments of the development speakers.
    embeddings, index
        float32 [N, D] and the utterance of each row.
    validation_share
        Share of the validation speakers. If a part would have fewer than two speakers, both parts
        have all of them.
    seed
        Seed of the draw of validation speakers.

    Raises
    ------
    InputError
        The tables do not fit together, see `build_task`.
    """
    speakers = sorted(set().union(*(set(table["speaker"]) for table, _ in trials.values())))
    if len(speakers) < 2:
        raise InputError(
            "development trials: at least two training speakers must have some; "
            "the log of generate_development_trials says why. Test fewer speakers, or tune and fit "
            "nothing: set the thresholds under methods to numbers"
        )
    order = generator(seed, "development", "validation").permutation(len(speakers))
    count = round(validation_share * len(speakers))
    chosen = {speakers[i] for i in order[:count]}
    others = set(speakers) - chosen
    if min(len(chosen), len(others)) < 2:
        chosen = others = set(speakers)

    def development(part: set[str]) -> Development:
        tasks = {}
        for name, (table, enrolment) in trials.items():
            own = table[table["speaker"].isin(part)].reset_index(drop=True)
            if len(own):
                models = enrolment[enrolment["model"].isin(set(own["model"]))]
                tasks[name] = build_task(own, models, embeddings, index)
        return Development.of(tasks)

    return Partition(development(set(speakers)), development(others), development(chosen))


def read_development(
    folder: Path, tuning: Tuning, embeddings: np.ndarray, index: pd.DataFrame, seed: int
) -> Partition:
    """Read the development trials of all scenarios and split them by speaker.

    The folder has ``<scenario>.parquet`` and ``<scenario>.enrolment.parquet``. The embeddings
    [N, D] can be memory-mapped.

    Raises
    ------
    InputError
        A table is missing or broken, or the tables do not fit together.
    """
    trials = {
        scenario: read_scenario(folder, scenario) for scenario in tuning.development.scenarios
    }
    with blamed_on(folder):
        return make_partition(trials, embeddings, index, tuning.validation_share, seed)


def choose(
    development: Development, make: Callable[[pd.DataFrame], UpdateRule], grid: pd.DataFrame
) -> tuple[pd.DataFrame, pd.Series]:
    """Return the grid with the column cost, and its best row.

    `grid` has one row per variant. `make` turns some of its rows into one rule. If costs are
    equal, the first row wins.
    """
    costs = [
        development.cost(make(grid.iloc[first : first + VARIANTS_AT_ONCE]))
        for first in range(0, len(grid), VARIANTS_AT_ONCE)
    ]
    grid = grid.assign(cost=np.concatenate(costs))
    return grid, grid.iloc[int(np.argmin(grid["cost"].to_numpy()))]


def _error_rates(rule: UpdateRule, task: Task) -> np.ndarray:
    """Return the EER of each variant, float64 [S]."""
    scored = score_sequences(rule, task.templates, task.sequences, task.embeddings)
    target = np.empty(len(task.sequences.order), dtype=bool)
    target[task.sequences.order] = task.sequences.targets
    return np.array([equal_error_rate(scores, target)[0] for scores in scored.scores.numpy()])
