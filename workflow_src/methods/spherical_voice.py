"""The model of a voice that `kalman` and `spherical-plda` share: its variances, its storage.

A speaker's embeddings are the voice plus what changes from day to day and from utterance to
utterance; the voice drifts. All are taken to be spherical, so a variance is one number (the sum
over dimensions), estimated on training speakers by the method of moments:

    within       of utterances of one day around their mean
    day          of days around the slow voice
    drift        of the voice, for each day that passes (a random walk)
    between      of speakers

A template is an estimate of the voice and has a variance P of its own. A test has the gain
``K = P / (P + R)`` with ``R = caution (day + within)``, and as it may be a non-target, the
weight ``w = posterior K``, and P shrinks by ``1 - w``. The caution, chosen on development trials,
answers for what the model lacks: tests of one day share that day's deviation.
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
# Lags of days over which the drift is measured.
LONGEST_LAG = 60


class SphericalVoice(FittedRule):
    """What both rules are made of, S variants of it.

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
        """Return what was estimated."""
        return {
            "scale": self.scale.state(),
            "variances": self.variances,
            "enrolled": self.enrolled,
            "norm": self.norm,
        }

    @classmethod
    def restore(cls, tensors: dict[str, Tensor], about: dict[str, Any]) -> Self:
        """Return the rule that was stored."""
        return cls(
            ScoreScale(**about["scale"]),
            about["variances"],
            about["enrolled"],
            about["norm"],
            about["dimension"],
            tensors["caution"].numpy(),
        )


def estimate_variances(speech: TrainingSpeech) -> tuple[dict[str, float], float]:
    """Estimate the variances by the method of moments.

    Parameters
    ----------
    speech
        Of the training speakers.

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
