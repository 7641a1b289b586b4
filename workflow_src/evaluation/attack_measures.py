"""What an attack on templates did, as rates with intervals.

Intervals come from victims that are drawn again (`workflow_src.evaluation.bootstrap`): the
trajectories of one victim are alike. Each victim counts as often as drawn, whoever attacks. This
module reads and writes no files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from workflow_src.evaluation.bootstrap import Resamples
from workflow_src.evaluation.intervals import Sampled, interval, rate_interval

# The number of attempts within which an acceptance is counted.
ATTEMPTS = 10


@dataclass(frozen=True)
class Attacked:
    """What happened to V templates under one attacker.

    Attributes
    ----------
    attempts
        bool [V, A]: whether each attempt was accepted; `made` says which were made.
    made
        bool [V, A].
    rejected, rejected_without
        int64 [V]: rejected tests of the victim after the attack, and those of the same tests if
        nobody attacks.
    tests
        int64 [V]: these tests.
    able
        bool [V]: whether there are enough of these tests to tell a recovery.
    days
        float64 [V]: days from the first of these tests to the recovery; NaN where there was none.
    """

    attempts: np.ndarray
    made: np.ndarray
    rejected: np.ndarray
    rejected_without: np.ndarray
    tests: np.ndarray
    able: np.ndarray
    days: np.ndarray


def find_recovery(accepted: np.ndarray, without: np.ndarray, wanted: int) -> int | None:
    """Return with which test a template has recovered; None if it has not.

    Parameters
    ----------
    accepted, without
        bool [n]: the victim's tests after the attack, with and without it, in their order.
    wanted
        So many tests in a row must be decided no worse than without an attack.

    Returns
    -------
    int
        The place of the first of these tests.
    """
    fine = accepted | ~without
    if len(fine) < wanted:
        return None
    whole = sliding_window_view(fine, wanted).all(axis=1)
    return int(whole.argmax()) if whole.any() else None


def measure_attack(
    attacked: Attacked, speakers: np.ndarray, resamples: Resamples, confidence: float
) -> dict[str, float]:
    """Return the measures of an attack, each with the ends of its interval.

    Parameters
    ----------
    attacked
        What happened to each template.
    speakers
        int64 [V]: the speaker of each template, a place in ``resamples.speakers``.
    resamples
        The victims drawn again.
    confidence
        Of the intervals.

    Returns
    -------
    dict
        ``first_acceptance``: the mean number of attempts to the first that is accepted; where none
        is, all attempts count. ``within_percent``: templates that accept one of the first
        `ATTEMPTS`. ``accepted_percent``: attempts that are accepted. ``frr_percent``: rejected
        tests of the victim after the attack, and ``frr_without_percent`` the same without it;
        ``frr_added``, their difference. ``recovered_percent``: templates that recovered, of those
        with enough tests to tell. ``days_to_recovery``: their mean days until then. With ``_low``
        and ``_high``, the ends of the interval, NaN where resamples tell nothing.
    """
    made = attacked.made.sum(axis=1)
    hits = attacked.attempts & attacked.made
    first = np.where(hits.any(axis=1), hits.argmax(axis=1) + 1, made)
    some, recovered = np.ones(len(made)), ~np.isnan(attacked.days)
    draws = _Draws(speakers, resamples)
    shares = {
        "within": (hits[:, :ATTEMPTS].any(axis=1), some),
        "accepted": (hits.sum(axis=1), made),
        "frr": (attacked.rejected, attacked.tests),
        "frr_without": (attacked.rejected_without, attacked.tests),
        "recovered": (recovered, attacked.able),
    }
    told = _tell("first_acceptance", draws.ratio(first, some), interval, confidence)
    sampled = {name: draws.ratio(*parts) for name, parts in shares.items()}
    for name, rate in sampled.items():
        told |= _tell(f"{name}_percent", rate, rate_interval, confidence, 100)
    added = Sampled(
        sampled["frr"].value - sampled["frr_without"].value,
        sampled["frr"].samples - sampled["frr_without"].samples,
        sampled["frr"].freedom,
    )
    told |= _tell("frr_added", added, interval, confidence, 100)
    days = draws.ratio(np.nan_to_num(attacked.days), recovered)
    return told | _tell("days_to_recovery", days, interval, confidence)


class _Draws:
    """Sums over templates, in each resample of their speakers."""

    def __init__(self, speakers: np.ndarray, resamples: Resamples) -> None:
        self._speakers, self._weights = speakers, resamples.weights

    def ratio(self, parts: np.ndarray, wholes: np.ndarray) -> Sampled:
        """Return the sum of some numbers [V] over that of others, as a number with resamples."""
        size = self._weights.shape[1]
        sums = np.stack([np.bincount(self._speakers, one, size) for one in (parts, wholes)])
        drawn = sums @ self._weights.T
        present = np.unique(self._speakers[np.asarray(wholes) > 0])
        with np.errstate(invalid="ignore", divide="ignore"):
            value = float(sums[0].sum() / sums[1].sum())
            return Sampled(value, drawn[0] / drawn[1], len(present) - 1, 1 / sums[1].sum())


def _tell(
    name: str,
    sampled: Sampled,
    ends: Callable[[Sampled, float], tuple[float, float]],
    confidence: float,
    scale: float = 1.0,
) -> dict[str, float]:
    """Return a number and the ends of its interval, as three columns."""
    low, high = ends(sampled, confidence)
    return {
        name: scale * sampled.value,
        f"{name}_low": scale * low,
        f"{name}_high": scale * high,
    }
