"""Scores to log-likelihood ratios: their measures, and the back-ends that give them.

A log-likelihood ratio (LLR) is natural: ln p(trial | target) - ln p(trial | non-target). With
calibrated LLRs, the threshold that is best for a prior and costs follows from these alone
(`bayes_threshold`).

Sources: Bruemmer and du Preez, *Application-independent evaluation of speaker detection*, Computer
Speech and Language 20, 2006 (Cllr, minCllr); Bruemmer and de Villiers, *The BOSARIS Toolkit*, 2011
(prior-weighted logistic regression).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from workflow_src.evaluation.history import FEATURES, Places, Scale, compute_history
from workflow_src.evaluation.metrics import ErrorRates, error_rates
from workflow_src.evaluation.quality import QUALITIES
from workflow_src.settings.evaluation import BackEndKind

# Weight of the squared coefficients of standardised features: separable trials would have infinite
# ones.
RIDGE = 1e-6
MOST_STEPS = 100
Rate = TypeVar("Rate", float, np.ndarray)


def cllr(llrs: ArrayLike, target: ArrayLike) -> float:
    """Return the cost of LLRs in bits, 1 for LLRs that say nothing.

    Parameters
    ----------
    llrs
        float [T], natural.
    target
        bool [T], with both kinds.
    """
    llrs, target = np.asarray(llrs, dtype=np.float64), np.asarray(target)
    costs = np.logaddexp(0, np.where(target, -llrs, llrs)) / np.log(2)
    return float(costs[target].mean() + costs[~target].mean()) / 2


def min_cllr(scores: ArrayLike, target: ArrayLike) -> float:
    """Return the least Cllr that an increasing map of the scores can reach.

    The map is the isotonic regression of the labels (PAV). Tied scores stay together.

    Raises
    ------
    InputError
        One of the two kinds of trial is missing, or a score is not finite.
    """
    return least_cllr(error_rates(scores, target))


def least_cllr(rates: ErrorRates) -> float:
    """Return minCllr of the trials whose error rates these are; see `min_cllr`."""
    # The import takes most of a second.
    from scipy.optimize import isotonic_regression

    targets = np.diff(rates.misses, prepend=0)
    nontargets = np.diff(rates.nontargets - rates.false_alarms, prepend=0)
    counts = targets + nontargets
    share = isotonic_regression(targets / counts, weights=counts).x
    cost = 0.0
    for number, of_all, posterior in (
        (targets, rates.targets, share),
        (nontargets, rates.nontargets, 1 - share),
    ):
        # -log2 of the posterior for equally many of both kinds.
        own = posterior / of_all
        other = (1 - posterior) / (rates.targets + rates.nontargets - of_all)
        there = number > 0
        cost += (number * -np.log2(own / (own + other), where=there, out=0.0 * own)).sum() / of_all
    return float(cost) / 2


def bayes_threshold(p_target: float) -> float:
    """Return the best threshold for calibrated LLRs at a prior of a target, with unit costs."""
    return float(np.log((1 - p_target) / p_target))


def detection_cost(frr: Rate, far: Rate, p_target: float) -> Rate:
    """Return the normalised cost of decisions, with unit costs and a prior of a target."""
    return (p_target * frr + (1 - p_target) * far) / min(p_target, 1 - p_target)


def fit_logistic(
    features: np.ndarray, target: np.ndarray, weights: np.ndarray, offset: float
) -> tuple[np.ndarray, float]:
    """Fit a logistic regression by Newton's method; it is convex, and nothing is drawn.

    Parameters
    ----------
    features
        float64 [T, F].
    target
        bool [T].
    weights
        float64 [T]: weight of each trial; their sum is about 1.
    offset
        Log-odds of the prior to which the weights belong; it is no part of the result.

    Returns
    -------
    coefficients, constant
        float64 [F] and float: ``features @ coefficients + constant`` is an LLR.
    """
    centre = np.average(features, axis=0, weights=weights)
    spread = np.sqrt(np.average((features - centre) ** 2, axis=0, weights=weights))
    spread[spread < 1e-12] = 1
    x = np.column_stack([(features - centre) / spread, np.ones(len(features))])
    sign = np.where(target, 1.0, -1.0)
    penalty = np.r_[np.full(features.shape[1], RIDGE), 0]

    def compute(b: np.ndarray) -> tuple[np.ndarray, float]:
        log_odds = x @ b + offset
        return log_odds, float(weights @ np.logaddexp(0, -sign * log_odds) + penalty @ b**2)

    b = np.zeros(x.shape[1])
    log_odds, loss = compute(b)
    for _ in range(MOST_STEPS):
        posterior = 1 / (1 + np.exp(-log_odds.clip(-500, 500)))
        gradient = x.T @ (weights * (posterior - target)) + 2 * penalty * b
        curvature = (x * (weights * posterior * (1 - posterior))[:, None]).T @ x
        # A small number, so that the constant is determined where all posteriors are 0 or 1.
        step = np.linalg.solve(curvature + np.diag(2 * penalty + 1e-12), gradient)
        # Newton's step can go too far, at first.
        while (then := compute(b - step))[1] > loss and np.abs(step).max() > 1e-9:
            step /= 2
        if loss - then[1] < 1e-14:
            break
        b, (log_odds, loss) = b - step, then
    coefficients = b[:-1] / spread
    return coefficients, float(b[-1] - coefficients @ centre)


class ScoredTrials(NamedTuple):
    """Scored trials of a scenario, as a back-end sees them.

    Attributes
    ----------
    scores
        float [T].
    days
        [T]: days since the enrolment of each trial's template.
    places
        The places of the trials in their sequences.
    quality
        float64 [T, 2], of `workflow_src.evaluation.quality`; only the back-end ``quality`` needs
        it.
    """

    scores: np.ndarray
    days: np.ndarray
    places: Places
    quality: np.ndarray | None = None


@dataclass(frozen=True)
class BackEnd:
    """A calibration whose slope and offset are linear in what is known of the template.

    With the score s and the other features h of `workflow_src.evaluation.history`, it gives ``LLR =
    constant + a . h + (slope + b . h) s``. All of h is known without the label.

    Attributes
    ----------
    kind
        ``affine`` has no features but the score. ``history`` has those of the template's history,
        which are known before the trial is heard. ``quality`` also has what is known of the test.
    scale
        The scale of scores.
    quality
        The mean of each known quality on the development trials, by its name. A quality counts
        relative to it; where it is unknown, it counts as the mean.
    constant, slope
        Two numbers.
    added, times_score
        a and b, by the names of the features.
    """

    kind: BackEndKind
    scale: Scale
    quality: dict[str, float]
    constant: float
    slope: float
    added: dict[str, float]
    times_score: dict[str, float]

    def llrs(self, trials: ScoredTrials) -> np.ndarray:
        """Return the LLRs of trials, float64 [T]."""
        x = _design(self.kind, trials, self.scale, self.quality)
        added, times_score = self.added.values(), self.times_score.values()
        return x @ np.array([self.slope, *added, *times_score]) + self.constant


def _design(
    kind: BackEndKind, trials: ScoredTrials, scale: Scale, quality: Mapping[str, float]
) -> np.ndarray:
    """Return the score, the H other features, and their products with the score, [T, 1 + 2 H]."""
    features = compute_history(trials.scores, trials.days, trials.places, scale)
    score, known = features[:, :1], features[:, 1:] if kind != "affine" else features[:, :0]
    if quality:
        if trials.quality is None:
            raise ValueError("the trials lack the quality of their tests")
        columns = [QUALITIES.index(name) for name in quality]
        relative = trials.quality[:, columns] - np.array(list(quality.values()))
        known = np.hstack([known, np.nan_to_num(relative)])
    return np.hstack([score, known, known * score])


def weigh(targets: Sequence[np.ndarray], p_target: float) -> np.ndarray:
    """Return weights of trials such that scenarios weigh the same, and targets `p_target` in each.

    `targets` holds the labels of each scenario, bool [T]; the weights of all scenarios are
    concatenated, and their sum is 1.
    """
    weights = [
        np.where(target, p_target / target.sum(), (1 - p_target) / (~target).sum())
        for target in targets
    ]
    return np.concatenate(weights) / len(weights)


def estimate_scale(scores: np.ndarray, target: np.ndarray, weights: np.ndarray) -> Scale:
    """Estimate the scale of scores; `weights` are those of equally many targets and non-targets."""
    scores = np.asarray(scores, dtype=np.float64)
    [slope], constant = fit_logistic(scores[:, None], target, weights, 0.0)
    slope = max(float(slope), 1e-3)
    own, share = scores[target], weights[target]
    mean = np.average(own, weights=share)
    spread = np.sqrt(np.average((own - mean) ** 2, weights=share))
    return Scale(-constant / slope, slope, float(mean), float(max(spread, 1e-3)))


def fit_back_end(
    kind: BackEndKind,
    trials: Sequence[ScoredTrials],
    targets: Sequence[np.ndarray],
    p_target: float,
) -> BackEnd:
    """Fit a back-end on development trials by prior-weighted logistic regression.

    Parameters
    ----------
    kind
        The kind of back-end.
    trials, targets
        The trials of each scenario and their labels, bool [T], with both kinds.
    p_target
        The prior of a target for which the LLRs should be good; they do not contain it.
    """
    target = np.concatenate(targets)
    scores = np.concatenate([each.scores for each in trials])
    scale = estimate_scale(scores, target, weigh(targets, 0.5))
    quality = _average_quality(trials) if kind == "quality" else {}
    features = np.vstack([_design(kind, each, scale, quality) for each in trials])
    offset = -bayes_threshold(p_target)
    coefficients, constant = fit_logistic(features, target, weigh(targets, p_target), offset)
    slope, *others = coefficients.tolist()
    names = [*(FEATURES[1:] if kind != "affine" else ()), *quality]
    return BackEnd(
        kind=kind,
        scale=scale,
        quality=quality,
        constant=constant,
        slope=slope,
        added=dict(zip(names, others[: len(names)], strict=True)),
        times_score=dict(zip(names, others[len(names) :], strict=True)),
    )


def _average_quality(trials: Sequence[ScoredTrials]) -> dict[str, float]:
    """Return the mean of each quality that is known of all trials."""
    values = np.vstack([each.quality for each in trials if each.quality is not None])
    means = values.mean(axis=0)
    return {
        name: float(mean) for name, mean in zip(QUALITIES, means, strict=True) if np.isfinite(mean)
    }
