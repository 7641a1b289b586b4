"""Laws of embeddings around a given one, for a method that must work for many speaker models."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from workflow_src.settings.corpus import SimulatedListing
from workflow_src.settings.laws import EmbeddingLaw
from workflow_src.synthetic.listing import make_listing
from workflow_src.synthetic.simulation import simulate

# A law is this near to the given one, or as far as all these numbers allow.
NEAREST, FARTHEST = 0.25, 1.0
DIMENSIONS = (96, 128, 192)
# The logarithm of a number of the law changes by at most this, up or down.
SPREADS = {
    "speaker_decay": 0.5,
    "gender": 0.7,
    "change_decay": 0.7,
    "drift": 1.0,
    "drift_spread": 0.5,
    "day": 1.0,
    "day_spread": 0.5,
    "settling": 1.0,
    "settling_days": 0.7,
    "slot": 1.0,
    "session": 1.0,
    "utterance": 0.6,
    "noise_spread": 0.7,
    "phrase": 0.7,
}
# The bounds of a group's share of a speaker's variance.
CLUSTER_SHARES = (0.1, 0.7)
# The bounds of 1 - the correlation of the drift from one day to the next, on a logarithmic scale.
FORGOTTEN = (0.004, 0.1)
# The length of what all embeddings of a speaker model have in common.
COMMON = (0.0, 0.9)
DAYS = (30, 120)
ATTENDANCE = (0.2, 0.9)


def draw_law(rng: np.random.Generator, given: EmbeddingLaw) -> EmbeddingLaw:
    """Draw a law around a given one: how strongly voices change, and how fast they drift."""
    distance = rng.uniform(NEAREST, FARTHEST)

    def move(value: float, least: float, most: float) -> float:
        return value + distance * (rng.uniform(least, most) - value)

    changed: dict[str, float] = {
        name: getattr(given, name) * math.exp(distance * rng.uniform(-spread, spread))
        for name, spread in SPREADS.items()
    }
    changed["cluster_share"] = move(given.cluster_share, *CLUSTER_SHARES)
    forgotten = math.log(1 - given.drift_correlation)
    changed["drift_correlation"] = 1 - math.exp(move(forgotten, *np.log(FORGOTTEN)))
    dimension = int(rng.choice(DIMENSIONS))
    return EmbeddingLaw.model_validate({**given.model_dump(), **changed, "dimension": dimension})


def draw_speech(
    rng: np.random.Generator, law: EmbeddingLaw, speakers: int, seed: int
) -> tuple[np.ndarray, pd.DataFrame]:
    """Draw speakers, when they record, and their embeddings with a common mean.

    Returns
    -------
    embeddings, utterances
        float32 [N, D], and the columns speaker, date, ... of `make_listing` in the same order.
    """
    listing = SimulatedListing(
        speakers=speakers,
        days=int(rng.integers(*DAYS, endpoint=True)),
        attendance=float(rng.uniform(*ATTENDANCE)),
    )
    utterances = make_listing(listing, seed)
    embeddings = np.empty((len(utterances), law.dimension), np.float32)
    for rows, drawn in simulate(utterances, law, seed):
        embeddings[rows] = drawn
    common = rng.standard_normal(law.dimension)
    common *= rng.uniform(*COMMON) / np.linalg.norm(common)
    embeddings += common.astype(np.float32)
    return embeddings, utterances
