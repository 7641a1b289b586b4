"""The model of a voice that `kalman` and `spherical-plda` share: its variances and its storage.

A speaker's embedding is a drifting voice, plus a deviation of the day, plus a deviation of the
utterance. All are spherical, so a variance is one number, the sum over dimensions. The method of
moments estimates the variances on training speakers:

    within       of utterances of one day around their mean
    day          of days around the slow voice
    drift        of the voice for each day that passes (a random walk)
    between      of speakers

A template is an estimate of the voice and has its own variance P. A test has the gain
``K = P / (P + R)`` with ``R = caution (day + within)``. It can be a non-target, so its weight is
``w = posterior K``. An update multiplies P by ``1 - w``. The tests of one day share that day's
deviation, which the model ignores. The caution makes up for this; it is chosen on development
trials.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from workflow_src.methods.study import FittedRule, TrainingSpeech
from workflow_src.updating.score_history import ScoreScale

CAUTION = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
VARIANCES = ("within", "day", "drift", "between")
# The longest lag in days for the estimate of the drift.
LONGEST_LAG = 60


class SphericalVoice(FittedRule):
    """The base class of both rules, with S variants.

    Parameters
    ----------
    scale
        The scale of scores.
    variances
        `VARIANCES` by name, in units of the squared mean norm of embeddings.
    enrolled
        Enrolment utterances per template.
    norm, dimension
        Mean norm and dimension D of the embeddings.
    caution
        S factors, or one.
    """

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
        self.variants = len(self.caution)
        self.noise = self.caution * (variances["within"] + variances["day"])

    def tensors(self) -> dict[str, Tensor]:
        """Return the caution."""
        return {"caution": self.caution[0]}

    def describe(self) -> dict[str, Any]:
        """Return the estimated numbers."""
        known = {"variances": self.variances, "enrolled": self.enrolled, "norm": self.norm}
        return {"scale": self.scale.state(), **known}

    @classmethod
    def restore(cls, tensors: dict[str, Tensor], about: dict[str, Any]) -> Self:
        """Return the stored rule."""
        known = {name: about[name] for name in ("variances", "enrolled", "norm", "dimension")}
        scale, caution = ScoreScale(**about["scale"]), tensors["caution"].numpy()
        return cls(scale=scale, caution=caution, **known)


def estimate_variances(speech: TrainingSpeech) -> tuple[dict[str, float], float]:
    """Estimate the variances by the method of moments.

    Return `VARIANCES` of embeddings divided by their mean norm, as sums over dimensions; and that
    mean norm. Half the mean squared distance of two day means of a speaker, less the part of their
    utterances, is ``day + drift |lag| / 2``. Least squares fits this line over the lag.
    """
    embeddings, speakers, days = speech.embeddings, speech.speakers, speech.days
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
    distances, lags, centres = [], [], []
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
    slope, offset = 0.0, distance.mean() if len(distance) else 0.0
    if len(set(lag)) > 1:
        slope, offset = np.polyfit(lag, distance, 1)
    between = float(np.var(centres, axis=0).sum()) * len(centres) / max(len(centres) - 1, 1)
    least = 1e-6
    return {
        "within": max(within, least),
        "day": max(float(offset), least),
        "drift": max(2 * float(slope), 0.0),
        "between": max(between, least),
    }, norm
