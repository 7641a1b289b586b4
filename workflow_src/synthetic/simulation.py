"""The law of simulated embeddings: who speaks, and what changes over time.

An embedding is the speaker's vector plus what changes, both in units of a speaker's length:

    x = Q [b * (sqrt(share) cluster + sqrt(1 - share) own) + gender] + w * changes

`b` and `w` are the standard deviations of the dimensions, each an exponential whose squares sum
to 1; Q turns one basis against the other. The changes are a drift (a first-order autoregressive
walk over the days), the day, the settling after the first day, the slot, the session, the
utterance and the phrase; docs/simulation.md has the formulas and how they were fitted.

There is no mean that all embeddings share. With one, all cosines would be raised alike, and
whatever subtracts it (centring, normalisation of scores) would seem to work wonders.

Every speaker has its own streams of random numbers, so a population's first speakers are the same
when more are added.
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
# On which side of the middle each gender stands.
SIDES = {"female": 1.0, "male": -1.0}
# Slots and phrases are one digit of an utterance's id.
DIGITS = 10


@dataclass(frozen=True)
class Population:
    """What all speakers have in common; float32.

    Attributes
    ----------
    clusters
        [K, D]: the middle of each group of speakers.
    gender
        [D]: from the middle between the genders to the female one.
    phrases
        [10, D]: what each phrase does to all voices; free speech, phrase 0, does nothing.
    rotation
        [D, D]: orthogonal, from the basis of speakers to that of changes.
    between, within
        [D]: standard deviation of each dimension between speakers, and of what changes.
    """

    clusters: np.ndarray
    gender: np.ndarray
    phrases: np.ndarray
    rotation: np.ndarray
    between: np.ndarray
    within: np.ndarray


def draw_population(law: EmbeddingLaw, seed: int) -> Population:
    """Draw what all speakers have in common."""
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
    """Return standard deviations whose squares fall as exp(-k / decay) and sum to 1.

    Returns
    -------
    ndarray
        float32 [dimension].
    """
    variance = np.exp(-np.arange(dimension) / decay)
    return np.sqrt(variance / variance.sum()).astype(np.float32)


def draw_voice(
    speaker: str, gender: str, population: Population, law: EmbeddingLaw, seed: int
) -> np.ndarray:
    """Draw what does not change of a speaker, float32 [D]."""
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
    """Draw what changes of a speaker.

    Parameters
    ----------
    speaker
        Four digits.
    day, slot, phrase
        int [n]: days since the speaker's first, slot and phrase of each utterance; in corpus
        order.
    population, law, seed
        As for `draw_voice`.

    Returns
    -------
    ndarray
        float32 [n, D].
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
    changes *= (
        law.utterance
        * noise_level
        * _strength(stream("utterance levels"), law.utterance_spread, len(day), 1)
    )
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

    Parameters
    ----------
    manifest
        The columns `COLUMNS`, in corpus order, and where known gender (``female`` or ``male``);
        where not, it goes by the speaker's number.
    law
        The law of the embeddings.
    seed
        The config's seed.

    Yields
    ------
    rows, embeddings
        int64 [n], places in the manifest of a speaker's utterances, and float32 [n, D].

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
