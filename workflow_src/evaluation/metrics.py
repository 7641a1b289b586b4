"""Error measures in the published convention: EER, minDCF and the DET curve.

Trials are sorted by score. A cut rejects all trials with scores up to the threshold and accepts
those strictly above it, as an update rule does:

    FRR = share of targets with score <= threshold      (misses)
    FAR = share of non-targets with score > threshold   (false alarms)

There is a cut after each distinct score, with that score as its threshold. So tied scores stay
together and the order of rows does not matter. (The cut before the lowest score, which accepts
everything, is left out: it is never better than the cut after the highest.)

Source: Qin, Li, Duan and Li, IEEE/ACM T-ASLP 32, 2024, and the figures released with it. There is
no interpolation between cuts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from workflow_src.common.errors import InputError


@dataclass(frozen=True)
class ErrorRates:
    """Error counts at every cut, by rising threshold.

    Attributes
    ----------
    thresholds
        float64 [C]: the distinct scores; scores strictly above are accepted.
    misses, false_alarms
        int64 [C]: rejected targets and accepted non-targets.
    targets, nontargets
        The number of trials of each kind, at least one.
    """

    thresholds: np.ndarray
    misses: np.ndarray
    false_alarms: np.ndarray
    targets: int
    nontargets: int

    @property
    def frr(self) -> np.ndarray:
        """float64 [C]: false rejection rate."""
        return self.misses / self.targets

    @property
    def far(self) -> np.ndarray:
        """float64 [C]: false acceptance rate."""
        return self.false_alarms / self.nontargets

    def equal_error_rate(self) -> tuple[float, float]:
        """Return the EER and its threshold.

        The EER is (FRR + FAR) / 2 at the cut where the two are closest; the lower threshold wins a
        tie.
        """
        # Whole numbers, so that rounding does not decide a tie.
        gap = np.abs(self.misses * self.nontargets - self.false_alarms * self.targets)
        cut = int(np.argmin(gap))
        rate = (self.misses[cut] / self.targets + self.false_alarms[cut] / self.nontargets) / 2
        return float(rate), float(self.thresholds[cut])

    def min_dcf(self, p_target: float = 0.01) -> tuple[float, float]:
        """Return the minimum of the normalised detection cost and its threshold.

        The cost is (p FRR + (1 - p) FAR) / min(p, 1 - p) with both unit costs 1 and p the prior of
        a target; the lower threshold wins a tie.
        """
        cost = p_target * self.frr + (1 - p_target) * self.far
        cut = int(np.argmin(cost))
        return float(cost[cut] / min(p_target, 1 - p_target)), float(self.thresholds[cut])

    def frr_at_far(self, far: float) -> tuple[float, float]:
        """Return the FRR at the lowest cut whose FAR is at most `far`, and its threshold."""
        cut = int(np.argmax(self.false_alarms <= far * self.nontargets))
        return float(self.misses[cut] / self.targets), float(self.thresholds[cut])


def error_rates(scores: ArrayLike, target: ArrayLike) -> ErrorRates:
    """Count the errors at every cut.

    Parameters
    ----------
    scores
        float [T], in any order; compared in their own precision.
    target
        bool [T]: target or non-target trial.

    Raises
    ------
    InputError
        There is no target, no non-target, or a score that is not finite.
    ValueError
        The two differ in length, or `target` is not bool.
    """
    scores, target = np.asarray(scores), np.asarray(target)
    if scores.ndim != 1 or scores.shape != target.shape or target.dtype != bool:
        raise ValueError(
            f"scores {scores.dtype} {scores.shape} and target {target.dtype} {target.shape}: "
            "needed are numbers [T] and bool [T]"
        )
    targets, nontargets = int(np.count_nonzero(target)), int(np.count_nonzero(~target))
    for kind, count in (("target", targets), ("non-target", nontargets)):
        if not count:
            raise InputError(
                f"error rates: none of the {len(scores)} trials is a {kind}; both are needed"
            )
    if not np.isfinite(scores).all():
        where = int(np.flatnonzero(~np.isfinite(scores))[0])
        raise InputError(
            f"error rates: the score of trial {where} is {scores[where]}; scores must be finite"
        )
    order = np.argsort(scores)
    ranked = scores[order]
    last = np.r_[ranked[1:] != ranked[:-1], True]
    misses = np.cumsum(target[order])[last]
    rejected = np.flatnonzero(last) + 1
    return ErrorRates(
        thresholds=ranked[last].astype(np.float64),
        misses=misses,
        false_alarms=nontargets - (rejected - misses),
        targets=targets,
        nontargets=nontargets,
    )


def equal_error_rate(scores: ArrayLike, target: ArrayLike) -> tuple[float, float]:
    """Return the EER (a share, not per cent) and its threshold; see `error_rates`."""
    return error_rates(scores, target).equal_error_rate()


def min_dcf(scores: ArrayLike, target: ArrayLike, p_target: float = 0.01) -> tuple[float, float]:
    """Return minDCF and its threshold; see `error_rates` and `ErrorRates.min_dcf`."""
    return error_rates(scores, target).min_dcf(p_target)
