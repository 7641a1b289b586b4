"""Operating points: thresholds that are chosen on development trials, and what they give elsewhere.

A threshold is chosen before any test trial is scored. There are two kinds of values to compare with
it: the scores of a run, and the log-likelihood ratios (LLRs) of its back-end. The rates of a choice
are means over the development scenarios, so that none decides by its number of trials.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, NamedTuple, Self

import numpy as np
import pandas as pd
from pydantic import ValidationError

from workflow_src.common.errors import InputError, describe_validation_error
from workflow_src.common.files import read_json
from workflow_src.evaluation.calibration import (
    BackEnd,
    ScoredTrials,
    bayes_threshold,
    cllr,
    detection_cost,
    fit_back_end,
    least_cllr,
    min_cllr,
)
from workflow_src.evaluation.history import Places
from workflow_src.evaluation.metrics import ErrorRates, equal_error_rate, error_rates
from workflow_src.settings.base import Block
from workflow_src.settings.evaluation import Evaluation, OperatingPoints

COST = "cost"
KINDS = ("score", "llr")
DAYS_IN_WEEK = 7
# The least number of updates of each group of trials.
UPDATES = (0, 1, 4, 10, 30, 100)
POINT_COLUMNS = [
    "by",
    "group",
    "kind",
    "point",
    "threshold",
    "far_percent",
    "frr_percent",
    "dcf",
    "own_threshold",
    "own_frr_percent",
    "target_trials",
    "nontarget_trials",
]
CALIBRATION_COLUMNS = [
    "by",
    "group",
    "kind",
    "eer_percent",
    "min_dcf",
    "cllr",
    "min_cllr",
    "target_trials",
    "nontarget_trials",
]


class Development(Block):
    """The development trials on which something was chosen."""

    key: ClassVar[str] = "development"

    target_trials: int
    nontarget_trials: int


class Chosen(Block):
    """What was chosen for one kind of values, and how good these are on the development trials.

    Attributes
    ----------
    eer_percent, cllr, min_cllr
        Means over the scenarios.
    thresholds
        Name of the point -> threshold.
    """

    key: ClassVar[str] = "score"

    eer_percent: float
    cllr: float
    min_cllr: float
    thresholds: dict[str, float]


class SetPoints(Block):
    """The operating points of a run and its back-end, as in ``operating_points.json``.

    Attributes
    ----------
    development
        Numbers of development trials; None where there are none, and then nothing is chosen.
    back_end
        None where the settings want none.
    score, llr
        What was chosen for each kind of values.
    """

    key: ClassVar[str] = "operating points"

    development: Development | None = None
    back_end: BackEnd | None = None
    score: Chosen | None = None
    llr: Chosen | None = None

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read ``operating_points.json``; raises `InputError` where it is missing or broken."""
        try:
            # A dataclass is read from JSON alone.
            return cls.model_validate_json(json.dumps(read_json(path)))
        except ValidationError as error:
            raise InputError(describe_validation_error(error, str(path))) from error

    def chosen(self, kind: str) -> Chosen | None:
        """Return what was chosen for a kind of values."""
        return self.score if kind == "score" else self.llr


class Labelled(NamedTuple):
    """Values of one kind and their labels: float [T] and bool [T], with both labels."""

    values: np.ndarray
    target: np.ndarray


def name_points(settings: OperatingPoints) -> dict[str, float | None]:
    """Return the operating points: name -> false acceptance rate; None for the least cost."""
    rates = {f"far_{100 * far:.10g}": far for far in settings.far}
    return {**rates, COST: None}


def choose_thresholds(lists: Sequence[Labelled], settings: OperatingPoints) -> dict[str, float]:
    """Choose the threshold of each operating point.

    Parameters
    ----------
    lists
        The trials of each scenario. A rate is the mean of its rates in the scenarios.
    settings
        The operating points.

    Returns
    -------
    dict
        Name of the point -> threshold, which is the score of a trial. For a false acceptance rate,
        the lowest one that keeps it; for the cost, the lowest one with the least cost.
    """
    cuts = np.unique(np.concatenate([each.values for each in lists]).astype(np.float64))
    frr, far = np.zeros(len(cuts)), np.zeros(len(cuts))
    for values, target in lists:
        for rate, own, sign in ((frr, values[target], 1), (far, values[~target], -1)):
            below = np.searchsorted(np.sort(own).astype(np.float64), cuts, side="right")
            rate += (below if sign > 0 else len(own) - below) / len(own) / len(lists)
    prior = settings.cost.effective_prior
    chosen = {
        name: int(np.argmin(prior * frr + (1 - prior) * far))
        if wanted is None
        # The rates are sums of shares, which round.
        else int(np.argmax(far <= wanted * (1 + 1e-9)))
        for name, wanted in name_points(settings).items()
    }
    return {name: float(cuts[place]) for name, place in chosen.items()}


def set_operating_points(
    trials: Sequence[ScoredTrials], targets: Sequence[np.ndarray], settings: Evaluation
) -> SetPoints:
    """Fit the back-end and choose all thresholds on development trials.

    Parameters
    ----------
    trials, targets
        The trials of each scenario and their labels, bool [T]. Scenarios without targets or
        without non-targets are left out.
    settings
        The block ``evaluation``.
    """
    both = [place for place, target in enumerate(targets) if target.any() and not target.all()]
    trials, targets = [trials[place] for place in both], [targets[place] for place in both]
    if not trials:
        return SetPoints()
    target = np.concatenate(targets)
    values = {"score": [each.scores for each in trials]}
    back_end = None
    if settings.calibration.back_end != "none":
        back_end = fit_back_end(
            settings.calibration.back_end, trials, targets, settings.calibration.p_target
        )
        values["llr"] = [back_end.llrs(each) for each in trials]
    chosen = {}
    for kind, of_kind in values.items():
        lists = [Labelled(*each) for each in zip(of_kind, targets, strict=True)]
        thresholds = choose_thresholds(lists, settings.operating_points)
        if kind == "llr":
            prior = settings.operating_points.cost.effective_prior
            thresholds[COST] = bayes_threshold(prior)
        chosen[kind] = Chosen(
            eer_percent=float(100 * np.mean([equal_error_rate(*each)[0] for each in lists])),
            cllr=float(np.mean([cllr(*each) for each in lists])),
            min_cllr=float(np.mean([min_cllr(*each) for each in lists])),
            thresholds=thresholds,
        )
    return SetPoints(
        development=Development(
            target_trials=int(target.sum()), nontarget_trials=int((~target).sum())
        ),
        back_end=back_end,
        **chosen,
    )


class GroupedTrials(NamedTuple):
    """Scored trials of a list, with what they are grouped by.

    Attributes
    ----------
    scored
        The trials, as a back-end sees them.
    target
        bool [T].
    updates
        int64 [T]: updates of the template before the trial.
    """

    scored: ScoredTrials
    target: np.ndarray
    updates: np.ndarray

    @classmethod
    def of(cls, table: pd.DataFrame, days: np.ndarray, places: Places) -> GroupedTrials:
        """Take the columns score, updated and target of scored trials."""
        scored = ScoredTrials(table["score"].to_numpy(), days, places)
        updates = places.sum_before(table["updated"].to_numpy(dtype=np.int64))
        return cls(scored, table["target"].to_numpy(dtype=bool), updates)

    def groups(self) -> Iterator[tuple[str, int | None, np.ndarray]]:
        """Yield all trials, those of each week, and those of templates with so many updates.

        Each group has what it is by, its number (the week, from 1; or the least number of updates)
        and its rows. Groups without targets or without non-targets are left out.
        """
        rows = np.arange(len(self.target))
        yield "all", None, rows
        weeks = np.maximum(self.scored.days, 0) // DAYS_IN_WEEK + 1
        updates = np.array(UPDATES)[np.searchsorted(UPDATES, self.updates, side="right") - 1]
        for by, numbers in (("week", weeks), ("updates", updates)):
            if by == "week" and not self.scored.days.any():
                continue  # of a corpus that does not tell its days
            for number in np.unique(numbers):
                own = rows[numbers == number]
                if 0 < np.count_nonzero(self.target[own]) < len(own):
                    yield by, int(number), own


def measure(
    trials: GroupedTrials, chosen: SetPoints, settings: OperatingPoints
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measure a run on a list of test trials at the thresholds that were set in advance.

    Parameters
    ----------
    trials
        The trials, with both kinds.
    chosen
        What `set_operating_points` chose for the run.
    settings
        The operating points.

    Returns
    -------
    points
        The columns `POINT_COLUMNS`: a row for each group of trials (``by`` all, week or updates),
        kind (score or llr) and operating point. ``dcf`` is the detection cost at the point's
        threshold. ``own_threshold`` is the one that would have been chosen on these very trials,
        and ``own_frr_percent`` its FRR; empty where there are too few non-targets for the rate.
    calibration
        The columns `CALIBRATION_COLUMNS`: a row for each group and kind. Cllr takes a score as it
        is for an LLR.
    """
    prior = settings.cost.effective_prior
    values = {"score": trials.scored.scores}
    if chosen.back_end is not None:
        values["llr"] = chosen.back_end.llrs(trials.scored)
    points, measures = [], []
    for by, group, rows in trials.groups():
        target = trials.target[rows]
        for kind, of_kind in values.items():
            own = of_kind[rows]
            rates = error_rates(own, target)
            start, counts = (by, group, kind), (rates.targets, rates.nontargets)
            min_dcf = rates.min_dcf(prior)[0]
            eer = 100 * rates.equal_error_rate()[0]
            measures.append((*start, eer, min_dcf, cllr(own, target), least_cllr(rates), *counts))
            of_points = chosen.chosen(kind)
            if of_points is None:
                continue
            for name, wanted in name_points(settings).items():
                if name not in of_points.thresholds:
                    raise InputError(f"operating points: have no threshold of {name} for a {kind}")
                threshold = of_points.thresholds[name]
                frr, far = _rates_at(rates, threshold)
                dcf = detection_cost(frr, far, prior)
                best = _own_threshold(rates, wanted, prior)
                own_frr = 100 * _rates_at(rates, best)[0]
                row = (name, threshold, 100 * far, 100 * frr, dcf, best, own_frr)
                points.append((*start, *row, *counts))
    tables = (
        pd.DataFrame(points, columns=POINT_COLUMNS),
        pd.DataFrame(measures, columns=CALIBRATION_COLUMNS),
    )
    return tables[0].astype({"group": "Int64"}), tables[1].astype({"group": "Int64"})


def _rates_at(rates: ErrorRates, threshold: float) -> tuple[float, float]:
    """Return FRR and FAR at any threshold; NaN for NaN."""
    if np.isnan(threshold):
        return np.nan, np.nan
    place = int(np.searchsorted(rates.thresholds, threshold, side="right")) - 1
    return (float(rates.frr[place]), float(rates.far[place])) if place >= 0 else (0.0, 1.0)


def _own_threshold(rates: ErrorRates, wanted: float | None, prior: float) -> float:
    """Return the threshold of a point as these trials alone would choose it."""
    if wanted is None:
        return rates.min_dcf(prior)[1]
    if wanted * rates.nontargets < 1:
        return np.nan
    return float(rates.thresholds[int(np.argmax(rates.far <= wanted))])


def widen(
    points: pd.DataFrame, calibration: pd.DataFrame, keys: Sequence[str], settings: OperatingPoints
) -> pd.DataFrame:
    """Return one row for each run and list, with the measures over all its trials as columns.

    Parameters
    ----------
    points, calibration
        The tables of `measure`, with the columns `keys`.
    keys
        The columns that name a run and a list.
    settings
        The operating points.

    Returns
    -------
    DataFrame
        ``far_percent_at_<point>`` and ``frr_percent_at_<point>`` for each point, ``dcf_at_cost``,
        ``cllr`` and ``min_cllr`` of the scores; the same of the LLRs, with ``llr_`` before the
        names, and ``llr_eer_percent`` and ``llr_min_dcf``. What there is not is empty.
    """
    keys = list(keys)
    parts = {"": calibration[keys].drop_duplicates().set_index(keys)}
    for kind in KINDS:
        start = "" if kind == "score" else f"{kind}_"
        for name in name_points(settings):
            rates = ["far_percent", "frr_percent"] + ["dcf"] * (name == COST)
            own = points[(points["kind"] == kind) & (points["point"] == name)]
            part = _take_all(own, keys, rates).add_suffix(f"_at_{name}")
            parts[f"{kind} {name}"] = part.add_prefix(start)
        names = ["cllr", "min_cllr"] + ["eer_percent", "min_dcf"] * (kind == "llr")
        own = calibration[calibration["kind"] == kind]
        parts[kind] = _take_all(own, keys, names).add_prefix(start)
    return pd.concat(parts.values(), axis=1).reset_index()


def _take_all(table: pd.DataFrame, keys: list[str], columns: list[str]) -> pd.DataFrame:
    """Return some columns of the rows over all trials of a run and list, with the keys as index."""
    return table[table["by"] == "all"].set_index(keys)[columns]
