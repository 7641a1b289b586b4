"""What is known of a template before a trial: its history, from a table of scored trials.

A trial counts as accepted by its posterior of being a target, from the score alone: ``p =
sigmoid(slope (score - centre))``. So the history needs no label and no decision. It is the history
of `workflow_src.updating.score_history`, here of all trials at once and in float64.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from workflow_src.common.errors import InputError

FEATURES = ("score", "accepted_mean", "accepted_spread", "accepted_count", "since_enrolment")
# The training speakers' mean and spread count as this many accepted scores of a template.
PRIOR_COUNT = 2.0
UNKNOWN_DAY = np.iinfo(np.int64).min


@dataclass(frozen=True)
class Scale:
    """The scale of scores, estimated on training speakers.

    Attributes
    ----------
    centre, slope
        The posterior of a target, for equally many targets and non-targets, is ``sigmoid(slope
        (score - centre))``.
    mean, spread
        Mean and standard deviation of target scores.
    """

    centre: float
    slope: float
    mean: float
    spread: float


@dataclass(frozen=True)
class Places:
    """The place of each trial in its sequence, which is one (model, round).

    Attributes
    ----------
    order
        int64 [T]: the rows of the table by sequence, then step.
    first
        int64 [T]: for each row of `order`, the place there at which its sequence begins.
    """

    order: np.ndarray
    first: np.ndarray

    @classmethod
    def find(cls, trials: pd.DataFrame) -> Places:
        """Find the places of trials with the columns model, round and step, rows in any order."""
        rounds = trials["round"].to_numpy(dtype=np.int64)
        codes = pd.factorize(trials["model"])[0] * (rounds.max(initial=0) + 1) + rounds
        order = np.lexsort((trials["step"].to_numpy(), codes))
        begins = np.flatnonzero(np.diff(codes[order], prepend=-1))
        return cls(order, np.repeat(begins, np.diff(begins, append=len(order))))

    def sum_before(self, values: np.ndarray) -> np.ndarray:
        """Return for each trial the sum of `values` [T] over the earlier trials of its sequence."""
        ranked = values[self.order]
        total = np.cumsum(ranked) - ranked
        sums = np.empty_like(total)
        sums[self.order] = total - total[self.first]
        return sums


def compute_history(
    scores: np.ndarray, days: np.ndarray, places: Places, scale: Scale
) -> np.ndarray:
    """Return the features of every trial before its score is remembered.

    Parameters
    ----------
    scores
        float [T].
    days
        [T]: days since the enrolment of each trial's template.
    places
        The places of the trials in their sequences.
    scale
        The scale of scores.

    Returns
    -------
    ndarray
        float64 [T, 5], the columns `FEATURES`. All are centred near 0 and of about unit size: the
        score as log-odds over 4, mean and log-spread of the accepted scores so far relative to
        those of the training speakers, and log(1 + x) of the number accepted so far and of the days
        since enrolment.
    """
    scores = np.asarray(scores, dtype=np.float64)
    log_odds = scale.slope * (scores - scale.centre)
    accepted = 1 / (1 + np.exp(-log_odds.clip(-500, 500)))
    distance = scores - scale.mean
    count = places.sum_before(accepted)
    total = places.sum_before(accepted * distance)
    squares = places.sum_before(accepted * distance**2)
    mean = total / (count + PRIOR_COUNT)
    variance = (squares + PRIOR_COUNT * scale.spread**2) / (count + PRIOR_COUNT) - mean**2
    return np.column_stack(
        [
            log_odds / 4,
            mean / scale.spread,
            0.5 * np.log(np.maximum(variance / scale.spread**2, 1e-3)),
            np.log1p(np.maximum(count, 0)) - 2,
            np.log1p(np.maximum(np.asarray(days, dtype=np.float64), 0)) - 2,
        ]
    )


def count_days(trials: pd.DataFrame, enrolment: pd.DataFrame, index: pd.DataFrame) -> np.ndarray:
    """Count the days from the end of each template's enrolment to each of its trials.

    Parameters
    ----------
    trials
        Columns model and day (ISO dates).
    enrolment
        Columns model and utterance.
    index
        Columns utterance and date (ISO) of all enrolment utterances.

    Returns
    -------
    ndarray
        int64 [T]; 0 where a day is unknown (empty).

    Raises
    ------
    InputError
        A model has no enrolment.
    """
    used = index[index["utterance"].isin(enrolment["utterance"])]
    dates = enrolment["utterance"].map(used.set_index("utterance")["date"]).fillna("")
    last = _to_days(dates).groupby(enrolment["model"]).max()
    models = pd.Index(trials["model"].unique())
    if len(missing := models.difference(last.index)):
        raise InputError(f"enrolment table: has no enrolment of the model {missing[0]!r}")
    ended = trials["model"].map(last).to_numpy()
    days = _to_days(trials["day"]).to_numpy()
    known = (days != UNKNOWN_DAY) & (ended != UNKNOWN_DAY)
    return np.where(known, days - ended, 0)


def _to_days(dates: pd.Series) -> pd.Series:
    """Return ISO dates as days since 1970, int64; `UNKNOWN_DAY` for an empty one."""
    codes, names = pd.factorize(dates)
    days = np.array(names, dtype="datetime64[D]").astype(np.int64)
    return pd.Series(days[codes], index=dates.index)
