"""`ready-made`: `multi-rate` with a network that was trained in advance, on many simulated laws.

It needs no training corpus. Its fit estimates only the scale of scores, from 50 target pairs and
from any other speakers' recordings: mean and spread of the cosines of targets and of non-targets.
A target pair is one recording of an enrolment against the mean of the others.
`workflow_src.methods.train_ready_made` trains the network.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from workflow_src.common.digests import ROOT
from workflow_src.common.errors import InputError
from workflow_src.common.seeds import generator
from workflow_src.methods.multi_rate import MultiRate
from workflow_src.methods.storage import load_policy
from workflow_src.methods.study import Study, TrainingSpeech
from workflow_src.settings.catalogue import READY_MADE
from workflow_src.updating.score_history import ScoreScale

TARGET_PAIRS, NONTARGET_PAIRS = 50, 500


class ReadyMade(MultiRate):
    """The rule."""

    @classmethod
    def fit(cls, study: Study) -> tuple[ReadyMade, pd.DataFrame]:
        """Estimate the scale of scores.

        Return the rule, and a table without rows, because nothing is tried.
        """
        rng = generator(study.seed, "ready-made", "pairs")
        scale = estimate_from_enrolments(study.read_training(), study.enrolled, rng)
        network = load_policy(ROOT / READY_MADE, MultiRate).network
        return cls(scale, network), pd.DataFrame({"cost": []})


def estimate_from_enrolments(
    speech: TrainingSpeech, enrolled: int, rng: np.random.Generator
) -> ScoreScale:
    """Estimate the scale of scores from enrolments and from any other speakers' recordings.

    Parameters
    ----------
    speech
        Recordings of several speakers; the first `enrolled` + 1 of each count as an enrolment.
    enrolled
        Enrolment utterances per template.
    rng
        Chooses the pairs.

    Raises
    ------
    InputError
        Fewer than two speakers have enough recordings.
    """
    rows = speech.rows_by_speaker()
    able = [own for own in rows if len(own) > enrolled]
    if len(able) < 2:
        raise InputError(
            f"training speakers: {len(able)} of {len(rows)} have {enrolled + 1} recordings or "
            "more; at least two must have as many"
        )
    vectors = speech.embeddings
    targets, nontargets = [], []
    for _ in range(TARGET_PAIRS):
        enrolment = able[rng.integers(len(able))][: enrolled + 1]
        tested = rng.integers(len(enrolment))
        template = vectors[np.delete(enrolment, tested)].mean(axis=0)
        targets.append(_cosine(template, vectors[enrolment[tested]]))
    for _ in range(NONTARGET_PAIRS):
        speaker = rng.integers(len(able))
        other = able[(speaker + rng.integers(1, len(able))) % len(able)]
        template = vectors[able[speaker][:enrolled]].mean(axis=0)
        nontargets.append(_cosine(template, vectors[other[rng.integers(len(other))]]))
    return scale_of(np.array(targets), np.array(nontargets))


def scale_of(targets: np.ndarray, nontargets: np.ndarray) -> ScoreScale:
    """Return the scale of normal scores with one spread, from cosines [T] and [N]."""
    variance = max((targets.var() + nontargets.var()) / 2, 1e-6)
    mean, other = targets.mean(), nontargets.mean()
    return ScoreScale(
        centre=float((mean + other) / 2),
        slope=float(max((mean - other) / variance, 1e-3)),
        mean=float(mean),
        spread=float(max(targets.std(), 1e-3)),
    )


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
