"""Measuring runs under several conditions, with the same resamples of speakers.

A condition is a list of trials, which may be changed or made anew. All runs and conditions of a
trial list have the same resamples, so the interval of a difference is about the same speakers in
both.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import pandas as pd

from workflow_src.common.errors import InputError
from workflow_src.evaluation.bootstrap import ResampledTrials, draw_resamples
from workflow_src.evaluation.intervals import (
    Sampled,
    difference,
    half_width,
    normal_quantile,
    rate_interval,
)
from workflow_src.evaluation.trial_speakers import SIDES, find_speakers
from workflow_src.inference.many_runs import score_runs
from workflow_src.running.progress import show_progress
from workflow_src.settings.intervals import Intervals
from workflow_src.settings.orders import TrialList
from workflow_src.updating.interface import UpdateRule

Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True)
class Condition:
    """Trials under which runs are measured.

    Attributes
    ----------
    trials, enrolment
        Tables as for `workflow_src.inference.scoring.score_scenario`; the trials with speaker and
        target.
    rules
        Run -> its rule.
    counted
        bool [T]: the trials of which the EER is taken; None: all.
    scores
        Name -> scores, float32 [T], that no rule gives.
    """

    trials: pd.DataFrame
    enrolment: pd.DataFrame
    rules: Mapping[str, UpdateRule]
    counted: np.ndarray | None = None
    scores: Mapping[str, np.ndarray] = field(default_factory=dict)


class Measured(NamedTuple, Generic[Name]):
    """One run under one condition.

    Attributes
    ----------
    condition, run
        Their names.
    scored
        The counted trials, with the columns of `workflow_src.inference.scoring.score_task`.
    eer
        The EER, a share, and what it is in each resample.
    """

    condition: Name
    run: str
    scored: pd.DataFrame
    eer: Sampled


@dataclass(frozen=True)
class Bench:
    """What all measurements of a control share.

    Attributes
    ----------
    embeddings
        float32 [N, D].
    index
        Columns row, utterance, speaker, date of the embeddings.
    intervals
        Resamples and confidence.
    seed
        The config's seed.
    """

    embeddings: np.ndarray
    index: pd.DataFrame
    intervals: Intervals
    seed: int

    def measure(self, conditions: Mapping[Name, Condition], title: str) -> Iterator[Measured[Name]]:
        """Score the trials of every condition with its runs, and take their EERs.

        `title` is the trial list, in the lines of progress.

        Raises
        ------
        InputError
            The tables do not fit together, or a condition lacks targets or non-targets.
        """
        if any(one.trials.empty for one in conditions.values()):
            raise InputError("has no trial")
        speakers = [find_speakers(one.trials, self.index) for one in conditions.values()]
        known = {one for table in speakers for side in SIDES for one in table[side]}
        drawn = draw_resamples(known, self.intervals.resamples, self.seed)

        def measure() -> Iterator[Measured[Name]]:
            for (name, one), table in zip(conditions.items(), speakers, strict=True):
                counted = slice(None) if one.counted is None else one.counted
                own = table[counted]
                trials = ResampledTrials(own["enrolled"], own["tested"], own["target"], drawn)
                tables = (one.trials, one.enrolment, self.embeddings, self.index)
                others = ((run, one.trials.assign(score=s)) for run, s in one.scores.items())
                for run, scored in itertools.chain(score_runs(one.rules, *tables), others):
                    part = scored[counted]
                    eer = trials.sample(part["score"].to_numpy(), ["eer"])["eer"]
                    yield Measured(name, run, part, eer)

        yield from show_progress(
            measure(), title, sum(len(one.rules) + len(one.scores) for one in conditions.values())
        )

    def tabulate(
        self,
        conditions: Mapping[Name, Condition],
        title: str,
        variable: str,
        baseline: str,
        describe: Callable[[Measured[Name]], dict[str, Any]] = lambda measured: {},
    ) -> pd.DataFrame:
        """Measure all conditions; compare runs with themselves under the first, and with another.

        Parameters
        ----------
        conditions, title
            As for `measure`.
        variable
            The column of the conditions' names.
        baseline
            The run that never updates, with which all are compared under their own condition.
        describe
            Returns further cells of a row.

        Returns
        -------
        DataFrame
            `variable`, run, eer_percent, eer_low, eer_high; difference (from the EER under the
            first condition, in per cent absolute), difference_low, difference_high; gain (by how
            much the EER is lower than that of the baseline), gain_low, gain_high; and the further
            cells.

        Raises
        ------
        InputError
            As `measure`; or the baseline is none of the runs.
        """
        if any(baseline not in one.rules for one in conditions.values()):
            raise InputError(f"--baseline: {baseline!r} is none of the runs")
        measured = list(self.measure(conditions, title))
        eers = {(one.condition, one.run): one.eer for one in measured}
        usual = next(iter(conditions))
        rows = [
            {
                variable: one.condition,
                "run": one.run,
                **describe_eer(one.eer, self.intervals),
                **describe_difference("difference", one.eer, eers[usual, one.run], self.intervals),
                **describe_difference(
                    "gain", eers[one.condition, baseline], one.eer, self.intervals
                ),
                **describe(one),
            }
            for one in measured
        ]
        return pd.DataFrame(rows)


def describe_eer(eer: Sampled, settings: Intervals) -> dict[str, float]:
    """Return the cells of an EER, in per cent: eer_percent, eer_low, eer_high."""
    low, high = rate_interval(eer, settings.confidence)
    return {"eer_percent": 100 * eer.value, "eer_low": 100 * low, "eer_high": 100 * high}


def describe_difference(
    name: str, eer: Sampled, other: Sampled, settings: Intervals
) -> dict[str, float]:
    """Return the cells of an EER minus another one, in per cent absolute.

    They are `name`, and with ``_low`` and ``_high`` the ends of its interval.
    """
    gap = difference(eer, other)
    half = 100 * half_width(gap, normal_quantile(settings.confidence))
    value = 100 * gap.value
    return {name: value, f"{name}_low": value - half, f"{name}_high": value + half}


def name_list(table: pd.DataFrame, one: TrialList) -> pd.DataFrame:
    """Return a table with the trial list in front: scenario, order."""
    columns = one.model_dump()
    return table.assign(**columns)[[*columns, *table.columns]]
