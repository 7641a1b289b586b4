"""What operating points that were set in advance give on test trials, over time and updates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from workflow_src.common.errors import InputError
from workflow_src.evaluation.bootstrap import ResampledTrials
from workflow_src.evaluation.calibration import ScoredTrials, cllr, detection_cost, least_cllr
from workflow_src.evaluation.history import Places
from workflow_src.evaluation.intervals import Sampled, interval, rate_interval
from workflow_src.evaluation.metrics import ErrorRates, error_rates
from workflow_src.evaluation.operating_points import COST, KINDS, SetPoints, name_points
from workflow_src.settings.evaluation import OperatingPoints

DAYS_IN_WEEK = 7
# The least number of updates of each group of trials.
UPDATES = (0, 1, 4, 10, 30, 100)
GROUP_COLUMNS = ["by", "group", "kind"]
COUNT_COLUMNS = ["target_trials", "nontarget_trials"]
RATE_COLUMNS = ["far_percent", "far_low", "far_high", "frr_percent", "frr_low", "frr_high"]
COST_COLUMNS = ["dcf", "dcf_low", "dcf_high"]
POINT_COLUMNS = [
    *GROUP_COLUMNS,
    "point",
    "threshold",
    *RATE_COLUMNS,
    *COST_COLUMNS,
    "own_threshold",
    "own_frr_percent",
    *COUNT_COLUMNS,
]
CALIBRATION_COLUMNS = [
    *GROUP_COLUMNS,
    "eer_percent",
    "min_dcf",
    "cllr",
    "min_cllr",
    *COUNT_COLUMNS,
]


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
    def of(
        cls,
        table: pd.DataFrame,
        days: np.ndarray,
        places: Places,
        quality: np.ndarray | None = None,
    ) -> GroupedTrials:
        """Take the columns score, updated and target of scored trials; the rest as it is."""
        scored = ScoredTrials(table["score"].to_numpy(), days, places, quality)
        updates = places.sum_before(table["updated"].to_numpy(dtype=np.int64))
        return cls(scored, table["target"].to_numpy(dtype=bool), updates)

    def groups(self) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        """Yield ways to group the trials: by what, the numbers of the groups, each trial's group.

        These are all trials together, with the number 0; the weeks since enrolment, from 1; and the
        updates of the template, with the least number of the group.
        """
        yield "all", np.zeros(1, dtype=np.int64), np.zeros(len(self.target), dtype=np.int64)
        # A corpus may not tell its days.
        if self.scored.days.any():
            weeks = np.maximum(self.scored.days, 0) // DAYS_IN_WEEK + 1
            yield "week", *np.unique(weeks, return_inverse=True)
        least = np.searchsorted(UPDATES, self.updates, side="right") - 1
        used, group = np.unique(least, return_inverse=True)
        yield "updates", np.array(UPDATES)[used], group


def measure(
    trials: GroupedTrials,
    chosen: SetPoints,
    settings: OperatingPoints,
    resampled: ResampledTrials,
    confidence: float,
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
    resampled
        Resamples of the speakers of the trials.
    confidence
        Of the intervals.

    Returns
    -------
    points
        The columns `POINT_COLUMNS`: a row for each group of trials (``by`` all, week or updates),
        kind (score or llr) and operating point. ``dcf`` is the detection cost. The ends of
        intervals are empty where resamples tell nothing. ``own_threshold`` is the one that would
        have been chosen on these very trials, and ``own_frr_percent`` its FRR; empty where there
        are too few non-targets for the rate.
    calibration
        The columns `CALIBRATION_COLUMNS`: a row for each group and kind. Cllr takes a score as it
        is for an LLR.

    Raises
    ------
    InputError
        A threshold is missing.
    """
    prior, wanted = settings.cost.effective_prior, name_points(settings)
    values = {"score": trials.scored.scores}
    if chosen.back_end is not None:
        values["llr"] = chosen.back_end.llrs(trials.scored)
    points, measures = [], []
    for by, numbers, group in trials.groups():
        for kind, of_kind in values.items():
            thresholds = _list_thresholds(chosen, kind, settings)
            wrong = [trials.target != (of_kind > cut) for cut in thresholds.values()]
            samples = resampled.means(wrong, group, len(numbers)) if wrong else ()
            for place, number in enumerate(numbers):
                own = group == place
                value, target = of_kind[own], trials.target[own]
                if target.all() or not target.any():
                    continue
                rates = error_rates(value, target)
                start = (by, None if by == "all" else int(number), kind)
                end = (rates.targets, rates.nontargets)
                eer, min_dcf = 100 * rates.equal_error_rate()[0], rates.min_dcf(prior)[0]
                measures.append(
                    (*start, eer, min_dcf, cllr(value, target), least_cllr(rates), *end)
                )
                freedom = resampled.count_enrolled(own) - 1
                for which, (name, threshold) in enumerate(thresholds.items()):
                    drawn = [side[:, which, place] for side in samples]
                    found = _describe(rates, threshold, drawn, freedom, prior, confidence)
                    best = _own_threshold(rates, wanted[name], prior)
                    own_frr = 100 * _rates_at(rates, best)[0]
                    points.append((*start, name, threshold, *found, best, own_frr, *end))
    return (
        pd.DataFrame(points, columns=POINT_COLUMNS).astype({"group": "Int64"}),
        pd.DataFrame(measures, columns=CALIBRATION_COLUMNS).astype({"group": "Int64"}),
    )


def _list_thresholds(chosen: SetPoints, kind: str, settings: OperatingPoints) -> dict[str, float]:
    """Return the threshold of each operating point; empty where nothing could be chosen."""
    of_kind = chosen.chosen(kind)
    if of_kind is None:
        return {}
    for name in name_points(settings):
        if name not in of_kind.thresholds:
            raise InputError(f"operating points: have no threshold of {name} for a {kind}")
    return {name: of_kind.thresholds[name] for name in name_points(settings)}


def _describe(
    rates: ErrorRates,
    threshold: float,
    drawn: Sequence[np.ndarray],
    freedom: int,
    prior: float,
    confidence: float,
) -> list[float]:
    """Return `RATE_COLUMNS` and `COST_COLUMNS` at a threshold.

    `drawn` are FRR and FAR of the resamples, float64 [R].
    """
    frr, far = _rates_at(rates, threshold)
    row: list[float] = []
    for rate, samples, trials in (
        (far, drawn[1], rates.nontargets),
        (frr, drawn[0], rates.targets),
    ):
        sampled = Sampled(rate, samples, freedom, step=1 / trials)
        row += [100 * number for number in (rate, *rate_interval(sampled, confidence))]
    cost = Sampled(
        detection_cost(frr, far, prior),
        detection_cost(drawn[0], drawn[1], prior),
        freedom,
    )
    low, high = interval(cost, confidence)
    return [*row, cost.value, float(np.maximum(low, 0)), high]


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
    return rates.frr_at_far(wanted)[1]


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
