"""`kalman` and `spherical-plda`: the template as an estimate of a voice, with a variance.

A speaker's embeddings are the voice plus what changes from day to day and from utterance to
utterance; the voice drifts. All are taken to be spherical, so a variance is one number (the sum
over dimensions), estimated on training speakers by the method of moments:

    within       of utterances of one day around their mean
    day          of days around the slow voice
    drift        of the voice, for each day that passes (a random walk)
    between      of speakers

`kalman` carries the variance P of each template. Days add drift to it; a test has the gain
``K = P / (P + R)`` with ``R = caution (day + within)``, and as it may be a non-target, the
weight ``w = posterior K``, and P shrinks by ``1 - w``. The caution, chosen on development trials,
answers for what the model lacks: tests of one day share that day's deviation.

`spherical-plda` is the static case (no drift) with the model's own scores in place of the cosine:
the log-likelihood ratio of "the test is the template's voice" to "it is another's", given how
sure the template is (Sholokhov, Kuzmin, Lee and Chng, *Probabilistic back-ends for online speaker
recognition and clustering*, ICASSP 2023). There embeddings are of unit length.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from workflow_src.methods.development import Partition, choose
from workflow_src.methods.soft import LEAST_SHARE, estimate_scale
from workflow_src.updating.interface import Decision, Encoded, Memory, Trials, UpdateRule
from workflow_src.updating.rules import encode_nothing
from workflow_src.updating.score_history import ScoreScale

CAUTION = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
VARIANCES = ("within", "day", "drift", "between")
# Lags of days over which the drift is measured.
LONGEST_LAG = 60


class Kalman:
    """The rule, for S settings.

    Parameters
    ----------
    scale
        What scores look like.
    variances
        `VARIANCES` by name, in units of the squared mean norm of embeddings.
    enrolled
        How many utterances make a template.
    norm
        Mean norm of the embeddings.
    dimension
        D.
    caution
        S factors, or one.
    """

    method = "kalman"
    normalises = False
    drifts = True

    def __init__(
        self,
        scale: ScoreScale,
        variances: dict[str, float],
        enrolled: int,
        norm: float,
        dimension: int,
        caution: np.ndarray | float,
    ) -> None:
        self.scale, self.variances, self.enrolled = scale, variances, enrolled
        self.norm, self.dimension = norm, dimension
        self.caution = torch.tensor(np.atleast_1d(caution), dtype=torch.float32)[:, None]
        self.settings = len(self.caution)
        self.noise = self.caution * (variances["within"] + variances["day"])

    def encode(self, embeddings: Tensor) -> Encoded:
        """Return nothing."""
        return encode_nothing(embeddings)

    def begin(self, templates: int) -> Memory:
        """Remember the variance of each template and, where it drifts, its last trial's day."""
        shape = (self.settings, templates)
        if self.drifts:
            # Enrolment is of one day, whose deviation is not averaged out.
            start = self.variances["day"] + self.variances["within"] / self.enrolled
            variance = torch.full(shape, start)
            return Memory({"variance": variance, "day": torch.zeros(shape)})
        return Memory({"variance": (self.noise / self.enrolled).expand(shape).clone()})

    def decide(self, trials: Trials, memory: Memory) -> Decision:
        """Weigh the test by gain and posterior."""
        variance = memory.tensors["variance"]
        if self.drifts:
            day = memory.tensors["day"]
            variance += self.variances["drift"] * (trials.days - day).clamp(min=0)
            torch.maximum(day, trials.days.expand_as(day), out=day)
        gain = variance / (variance + self.noise)
        scores = None if self.drifts else self.log_likelihood_ratio(trials, variance)
        posterior = self.scale.posterior(trials.scores if scores is None else scores)
        weights = posterior * gain
        variance *= 1 - weights
        return Decision(updated=posterior > LEAST_SHARE, weights=weights, scores=scores)

    def log_likelihood_ratio(self, trials: Trials, variance: Tensor) -> Tensor:
        """Return the scores of spherical PLDA [S, n], for tests of unit length, over D.

        The template's mean is shrunk towards 0, the mean of all speakers, as it is unsure.
        """
        between, noise = self.variances["between"], self.noise
        shrink = between / (between + variance)
        mean = shrink * trials.template_norms / self.norm
        own = shrink * variance + noise
        other = between + noise
        distance = 1 + mean.square() - 2 * mean * trials.scores
        # D ln p for variances own / D and other / D a dimension; the D of the exponent cancels.
        return 0.5 * (torch.log(other / own) + 1 / other - distance / own)

    def tensors(self) -> dict[str, Tensor]:
        """Return what is stored as weights."""
        return {"caution": self.caution[0]}

    def describe(self) -> dict[str, Any]:
        """Return what is stored as text."""
        return {
            "scale": self.scale.state(),
            "variances": self.variances,
            "enrolled": self.enrolled,
            "norm": self.norm,
        }

    @classmethod
    def restore(cls, tensors: dict[str, Tensor], about: dict[str, Any]) -> Kalman:
        """Return the rule that `tensors` and `describe` came from."""
        return cls(
            ScoreScale(**about["scale"]),
            about["variances"],
            about["enrolled"],
            about["norm"],
            about["dimension"],
            tensors["caution"].numpy(),
        )


class SphericalPlda(Kalman):
    """The static case, scored by its own log-likelihood ratio."""

    method = "spherical-plda"
    drifts = False


def estimate_variances(
    embeddings: np.ndarray, speakers: np.ndarray, days: np.ndarray
) -> tuple[dict[str, float], float]:
    """Estimate the variances by the method of moments.

    Parameters
    ----------
    embeddings
        float32 [N, D]: of the training speakers.
    speakers, days
        int64 [N]: who, and on which day (days since any date).

    Returns
    -------
    variances
        `VARIANCES`, of embeddings divided by their mean norm; sums over dimensions.
    norm
        That mean norm.

    Notes
    -----
    Half the mean squared distance of two day means of a speaker, less what is due to their
    utterances, is ``day + drift |lag| / 2``: a line over the lag, fitted by least squares.
    """
    norm = float(np.linalg.norm(embeddings, axis=1).mean())
    table = pd.DataFrame({"speaker": speakers, "day": days})
    group = table.groupby(["speaker", "day"], sort=True).ngroup().to_numpy()
    first = np.unique(group, return_index=True)[1]
    count = np.bincount(group)
    by_group = np.argsort(group, kind="stable")
    begin = np.cumsum(count) - count
    means = np.add.reduceat(embeddings[by_group], begin, axis=0, dtype=np.float64)
    means /= norm * count[:, None]
    squares = np.vecdot(embeddings, embeddings).astype(np.float64).sum() / norm**2
    degrees = max(len(group) - len(count), 1)
    within = float((squares - (count * np.vecdot(means, means)).sum()) / degrees)

    who, when = np.asarray(speakers)[first], np.asarray(days)[first]
    distances, lags = [], []
    centres = []
    for speaker in np.unique(who):
        own = np.flatnonzero(who == speaker)
        x, noise = means[own], within / count[own]
        gram = x @ x.T
        square = np.diag(gram)[:, None] + np.diag(gram) - 2 * gram
        half = (square - noise[:, None] - noise) / 2
        lag = np.abs(when[own][:, None] - when[own])
        chosen = np.triu((lag > 0) & (lag <= LONGEST_LAG))
        distances.append(half[chosen])
        lags.append(lag[chosen])
        centres.append(x.mean(0))
    distance, lag = np.concatenate(distances), np.concatenate(lags)
    if len(distance):
        slope, offset = (
            np.polyfit(lag, distance, 1) if len(set(lag)) > 1 else (0.0, distance.mean())
        )
    else:
        slope, offset = 0.0, 0.0
    centres = np.array(centres)
    between = float(centres.var(axis=0).sum()) * len(centres) / max(len(centres) - 1, 1)
    least = 1e-6
    return {
        "within": max(within, least),
        "day": max(float(offset), least),
        "drift": max(2 * float(slope), 0.0),
        "between": max(between, least),
    }, norm


def fit_kalman(
    partition: Partition,
    variances: dict[str, float],
    norm: float,
    enrolled: int,
    fixed: UpdateRule,
    rule: type[Kalman] = Kalman,
) -> tuple[Kalman, pd.DataFrame]:
    """Choose the caution on development trials.

    Parameters
    ----------
    partition
        Development trials.
    variances, norm
        From `estimate_variances`.
    enrolled
        How many utterances make a template.
    fixed
        The tuned fixed weight: the rule whose scores tell the posterior of a target.
    rule
        `Kalman` or `SphericalPlda`.

    Returns
    -------
    Kalman
        The rule.
    DataFrame
        caution, cost: all that was tried.
    """
    development = partition.every
    dimension = next(iter(development.tasks.values())).templates.shape[1]
    scale = estimate_scale(partition.fitting, fixed)
    grid = pd.DataFrame({"caution": CAUTION})
    if rule.drifts:
        table, best = choose(
            development,
            lambda rows: rule(
                scale, variances, enrolled, norm, dimension, rows["caution"].to_numpy()
            ),
            grid,
        )
        return rule(scale, variances, enrolled, norm, dimension, best["caution"]), table
    # Each caution has scores of its own, and so a posterior of its own.
    costs, rules = [], []
    for caution in CAUTION:
        # A scale that calls nothing a target: the scores of templates that stay as they are.
        never = ScoreScale(centre=1e9, slope=1.0, mean=0.0, spread=1.0)
        still = rule(never, variances, enrolled, norm, dimension, caution)
        own = estimate_scale(partition.fitting, still)
        updating = rule(own, variances, enrolled, norm, dimension, caution)
        own = estimate_scale(partition.fitting, updating)
        rules.append(rule(own, variances, enrolled, norm, dimension, caution))
        costs.append(float(development.cost(rules[-1])[0]))
    return rules[int(np.argmin(costs))], grid.assign(cost=costs)
