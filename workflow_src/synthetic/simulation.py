"""The law of simulated embeddings: a constant voice plus changes over time.

Both parts are in units of a speaker's length:

    x = Q [b * (sqrt(share) cluster + sqrt(1 - share) own) + gender] + w * changes

`b` and `w` are the standard deviations of the dimensions. They fall exponentially, and their
squares sum to 1. Q rotates one basis to the other. The changes are a drift (a first-order
autoregressive walk over the days), the day, the settling after the first day, the slot, the
session, the utterance and the phrase. docs/simulation.md has the formulas and the fit.

Embeddings have no common mean. A common mean would raise all cosines, and a method that subtracts
it (centring, score normalisation) would seem much better than it is.

Every speaker has its own random streams, so additional speakers do not change the first ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workflow_src.common.errors import InputError
from workflow_src.common.seeds import generator
from workflow_src.settings.laws import EmbeddingLaw
from workflow_src.synthetic.voices import gender_of

COLUMNS = ["utterance", "speaker", "date", "slot", "phrase"]
# The sign of the gender vector.
SIDES = {"female": 1.0, "male": -1.0}
# The number of values of a slot or phrase, which is one digit of an utterance id.
DIGITS = 10


@dataclass(frozen=True)
class Population:
    """The arrays that all speakers share, float32.

    Attributes
    ----------
    clusters
        [K, D]: the centre of each group of speakers.
    gender
        [D]: the vector from the mean of the genders to the female one.
    phrases
        [10, D]: the effect of each phrase on all voices. Phrase 0 is free speech without effect.
    rotation
        [D, D]: the orthogonal map from the basis of speakers to that of changes.
    between, within
        [D]: the standard deviations between speakers, and of changes.
    """

    clusters: np.ndarray
    gender: np.ndarray
    phrases: np.ndarray
    rotation: np.ndarray
    between: np.ndarray
    within: np.ndarray


def draw_population(law: EmbeddingLaw, seed: int) -> Population:
    """Draw the arrays that all speakers share."""
    dimension = law.dimension
    between = spectrum(dimension, law.speaker_decay)
    direction = between * _normal(_stream(seed, "gender"), dimension)
    phrases = law.phrase * _normal(_stream(seed, "phrases"), DIGITS, dimension)
    phrases[0] = 0
    square = _stream(seed, "rotation").standard_normal((dimension, dimension))
    return Population(
        clusters=_normal(_stream(seed, "clusters"), law.clusters, dimension),
        gender=np.float32(law.gender) * direction / np.linalg.norm(direction),
        phrases=phrases,
        rotation=np.linalg.qr(square)[0].astype(np.float32),
        between=between,
        within=spectrum(dimension, law.change_decay),
    )


def spectrum(dimension: int, decay: float) -> np.ndarray:
    """Return standard deviations, float32 [D]; their squares fall as exp(-k / decay), sum to 1."""
    variance = np.exp(-np.arange(dimension) / decay)
    return np.sqrt(variance / variance.sum()).astype(np.float32)


def draw_voice(
    speaker: str, gender: str, population: Population, law: EmbeddingLaw, seed: int
) -> np.ndarray:
    """Draw the constant voice of a speaker, float32 [D]."""
    rng = _stream(seed, speaker, "voice")
    own = _normal(rng, law.dimension)
    cluster = population.clusters[int(rng.random() * law.clusters)]
    share = law.cluster_share
    mixed = np.float32(np.sqrt(share)) * cluster + np.float32(np.sqrt(1 - share)) * own
    voice = population.between * mixed + np.float32(SIDES[gender]) * population.gender
    return voice @ population.rotation


def draw_changes(
    speaker: str,
    day: np.ndarray,
    slot: np.ndarray,
    phrase: np.ndarray,
    population: Population,
    law: EmbeddingLaw,
    seed: int,
) -> np.ndarray:
    """Draw the changes of a speaker's utterances, float32 [n, D].

    `day`, `slot` and `phrase` are int [n] in corpus order. Days are counted from the speaker's
    first day.
    """

    def stream(name: str) -> np.random.Generator:
        return _stream(seed, speaker, name)

    days, dimension = int(day.max()) + 1, law.dimension
    levels = stream("levels")
    drift_level = law.drift * _strength(levels, law.drift_spread)
    noise_level = _strength(levels, law.noise_spread)

    daily = drift_level * _draw_drift(stream("drift"), days, dimension, law.drift_correlation)
    rng = stream("days")
    strength = law.day * noise_level * _strength(stream("day levels"), law.day_spread, days, 1)
    daily += strength * _normal(rng, days, dimension)
    fading = law.settling * np.exp(-np.arange(days) / law.settling_days)
    daily += fading.astype(np.float32)[:, None] * _normal(stream("settling"), dimension)

    habits = np.float32(law.slot) * _normal(stream("slots"), DIGITS, dimension)
    _, session = np.unique(DIGITS * day + slot, return_inverse=True)
    sessions = _normal(stream("sessions"), int(session.max()) + 1, dimension)
    sessions *= law.session * noise_level

    changes = _normal(stream("utterances"), len(day), dimension)
    strength = _strength(stream("utterance levels"), law.utterance_spread, len(day), 1)
    changes *= law.utterance * noise_level * strength
    changes += daily[day]
    changes += habits[slot]
    changes += sessions[session]
    changes += population.phrases[phrase]
    changes *= population.within
    return changes


def simulate(
    manifest: pd.DataFrame, law: EmbeddingLaw, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Draw the embeddings of all utterances, one speaker after the other.

    The manifest has the columns `COLUMNS`, in corpus order. It can have the column gender
    (``female`` or ``male``). Without it, the speaker's number gives the gender.

    Yields
    ------
    rows, embeddings
        int64 [n], the manifest rows of a speaker's utterances, and float32 [n, D].

    Raises
    ------
    InputError
        A gender is neither of the two.
    """
    population = draw_population(law, seed)
    date = pd.to_datetime(manifest["date"]).to_numpy().astype("datetime64[D]").astype(np.int64)
    slot, phrase = (manifest[name].to_numpy(np.int64) for name in ("slot", "phrase"))
    for speaker, rows in manifest.groupby("speaker", sort=True).indices.items():
        gender = gender_of(speaker)
        if "gender" in manifest.columns:
            gender = manifest["gender"].iloc[rows[0]]
            if gender not in SIDES:
                raise InputError(
                    f"manifest: the gender of speaker {speaker} is {gender!r}; allowed are: "
                    + ", ".join(SIDES)
                )
        day = date[rows] - date[rows].min()
        embeddings = draw_changes(speaker, day, slot[rows], phrase[rows], population, law, seed)
        embeddings += draw_voice(speaker, gender, population, law, seed)
        yield rows, embeddings


def _draw_drift(
    rng: np.random.Generator, days: int, dimension: int, correlation: float
) -> np.ndarray:
    """Draw a stationary walk of variance 1, float32 [days, dimension]."""
    walk = _normal(rng, days, dimension)
    walk[1:] *= np.float32(np.sqrt(1 - correlation**2))
    for day in range(1, days):
        walk[day] += np.float32(correlation) * walk[day - 1]
    return walk


def _strength(rng: np.random.Generator, spread: float, *shape: int) -> np.ndarray:
    """Draw log-normal factors whose squares have mean 1, float32."""
    return np.exp(spread * rng.standard_normal(shape) - spread**2).astype(np.float32)


def _normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape, dtype=np.float32)


def _stream(seed: int, *names: str) -> np.random.Generator:
    return generator(seed, "simulation", *names)
