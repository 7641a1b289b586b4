"""The law of the demo corpus: speakers, changes of voices, recording conditions.

A speaker is a vector z ~ N(0, I) of about fifty numbers, each one trait of a voice. Changes over
time are added to z, in units of the spread between speakers: a slow drift, a day, a slot of the
day, a physical state, an utterance. `voice_of` turns the sum into the synthesiser's parameters. No
number is estimated on real speech. The constants are chosen so that the verification task behaves
like the real one.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

import numpy as np

from workflow_src.common.seeds import generator
from workflow_src.corpus.ids import YEAR, format_utterance_id
from workflow_src.settings.corpus import SyntheticCorpus
from workflow_src.settings.laws import VoiceLaw
from workflow_src.synthetic.phonetics import PHRASES, VOWELS

# The name in the random streams of the demo's speakers.
POPULATION = "demo"

# Trait -> number of its dimensions in z.
TRAITS = {
    "f0": 1,
    "tract": 1,
    "formants": 5,
    "vowels": 3 * VOWELS,
    "equaliser": 10,
    "tilt": 1,
    "breath": 1,
    "jitter": 1,
    "shimmer": 1,
    "rate": 1,
    "bandwidth": 1,
    "range": 1,
    "nasality": 1,
    "friction": 1,
}
DIMENSIONS = sum(TRAITS.values())
_ENDS = np.cumsum(list(TRAITS.values()))
TRAIT_SLICES = {
    name: slice(int(end) - size, int(end))
    for (name, size), end in zip(TRAITS.items(), _ENDS, strict=True)
}

FIRST_DAY = datetime.date(YEAR, 5, 1)
# Slot -> first hour. Each slot lasts two hours.
SLOT_HOURS = {1: 6, 2: 9, 3: 12, 4: 17, 5: 20}
SLOT_HOURS_LONG = 2
# Share of sessions whose takes are not numbered in the order of time.
SHUFFLED_SESSIONS = 0.3

# The effect of a slot on every voice, in units of z. Voices are low, breathy and dull in the
# morning, and tense, fast and flat in the late evening.
SLOT_EFFECTS: dict[int, dict[str, float]] = {
    1: {"f0": -0.8, "tilt": 0.9, "breath": 0.9, "rate": -0.6, "range": -0.6, "bandwidth": 0.6},
    2: {},
    3: {},
    4: {"f0": 0.2, "tilt": -0.2},
    5: {"f0": 0.6, "tilt": -0.7, "breath": 0.6, "jitter": 0.6, "range": -0.7, "nasality": 0.5},
}
# The spread of speakers' habits in a slot, relative to the setting. Speakers differ most in the
# morning and in the evening.
SLOT_SPREAD = {1: 1.8, 2: 0.7, 3: 0.7, 4: 0.8, 5: 1.7}
# The effect of a state on every voice, and the spread of speakers' reactions to it.
STATE_EFFECTS: dict[str, dict[str, float]] = {
    "normal": {},
    "sleepy": {"f0": -0.6, "range": -1.2, "rate": -1.0, "breath": 0.7, "tilt": 0.6},
    "sore throat": {
        "f0": -0.9,
        "jitter": 2.0,
        "shimmer": 1.5,
        "breath": 1.2,
        "tilt": 1.0,
        "range": -0.8,
        "bandwidth": 0.6,
    },
    "cold": {
        "nasality": 1.5,
        "bandwidth": 1.0,
        "f0": -0.5,
        "tilt": 0.6,
        "rate": -0.4,
        "friction": -0.6,
    },
}
STATE_SPREAD = {"normal": 0.0, "sleepy": 0.2, "sore throat": 0.35, "cold": 0.25}
# The probability that a day has a new draw of the state of health.
HEALTH_RENEWAL = 1 / 3
# Factors of the share of sleepiness.
SLEEPY_BY_SLOT = {1: 1.9, 2: 0.6, 3: 0.8, 4: 0.4, 5: 1.3}

NOISE_SNR = {"quiet": 32.0, "normal": 22.0, "noisy": 14.0, "extremely noisy": 8.0}
SNR_SPREAD = 1.5


@dataclass(frozen=True)
class Device:
    """The frequency response of a device.

    `low` and `high` are corners in Hz. `peak` and `gain` are a presence peak in Hz and dB. `slope`
    is in dB per octave.
    """

    low: float
    high: float
    peak: float
    gain: float
    slope: float


DEVICES = {
    "phone-a": Device(110, 7600, 2800, 2.0, 0.0),
    "phone-b": Device(160, 7200, 3400, 3.5, -0.4),
    "phone-c": Device(90, 6800, 2200, -1.5, 0.3),
    "phone-d": Device(200, 7700, 4200, 3.0, 0.5),
    "phone-e": Device(130, 6400, 1700, 2.0, -0.6),
    "headset": Device(70, 7800, 5200, -2.5, 0.2),
}
SECOND_DEVICE = 0.12


@dataclass(frozen=True)
class Recording:
    """One utterance of the corpus before its synthesis.

    Attributes
    ----------
    utterance, speaker, kind, phrase, slot
        The id, and the fields of it that are used.
    day
        Days since the first day of the corpus.
    state, noise, device, gender
        The metadata.
    snr
        Ratio of speech to noise in dB.
    latent
        float64 [DIMENSIONS]: z plus all changes over time.
    """

    utterance: str
    speaker: str
    kind: str
    phrase: int
    day: int
    slot: int
    state: str
    noise: str
    device: str
    gender: str
    snr: float
    latent: np.ndarray


@dataclass(frozen=True)
class Voice:
    """The synthesiser's parameters of a voice in one recording.

    Attributes
    ----------
    f0
        Mean fundamental frequency in Hz.
    formants
        float64 [5]: factors of F1-F5 of a neutral man.
    vowels
        float64 [8, 3]: further factors of F1-F3 in each vowel.
    equaliser
        float64 [10]: cosine coefficients over the mel scale, in dB.
    tilt
        Fall of the voiced source in dB per octave.
    breath
        Level of aspiration relative to voicing, in dB.
    jitter, shimmer
        Relative spread of period and amplitude from pulse to pulse.
    rate, bandwidth, span, friction
        Factors of speaking rate, formant bandwidth, pitch range and friction frequency.
    nasality
        Nasal coupling outside nasals, in [0, 1].
    """

    f0: float
    formants: np.ndarray
    vowels: np.ndarray
    equaliser: np.ndarray
    tilt: float
    breath: float
    jitter: float
    shimmer: float
    rate: float
    bandwidth: float
    span: float
    friction: float
    nasality: float


def speaker_ids(count: int) -> list[str]:
    """Return the ids of speakers: 0001, 0002, ..."""
    return [f"{number:04d}" for number in range(1, count + 1)]


def gender_of(speaker: str) -> str:
    """Return the gender of a speaker. Odd numbers are female."""
    return "female" if int(speaker) % 2 else "male"


def draw_speaker(seed: int, population: str, speaker: str) -> np.ndarray:
    """Draw a speaker's z, float64 [DIMENSIONS]."""
    return generator(seed, population, speaker, "voice").standard_normal(DIMENSIONS)


def draw_drift(rng: np.random.Generator, days: int, sd: float, time_constant: float) -> np.ndarray:
    """Draw a stationary first-order autoregressive walk, float64 [days, DIMENSIONS].

    Its standard deviation is `sd`, its correlation is exp(-lag / time_constant).
    """
    steps = rng.standard_normal((days, DIMENSIONS))
    keep = np.exp(-1 / time_constant)
    fresh = np.sqrt(1 - keep**2)
    walk = np.empty_like(steps)
    walk[0] = steps[0]
    for day in range(1, days):
        walk[day] = keep * walk[day - 1] + fresh * steps[day]
    return sd * walk


def effect_vector(effects: dict[str, float]) -> np.ndarray:
    """Return the effects on traits as a vector, float64 [DIMENSIONS]."""
    vector = np.zeros(DIMENSIONS)
    for name, size in effects.items():
        vector[TRAIT_SLICES[name]] = size
    return vector


def draw_recordings(
    seed: int, population: str, speaker: str, settings: SyntheticCorpus, law: VoiceLaw
) -> list[Recording]:
    """Draw all recordings of one speaker, in the order of day, slot and take.

    The name of the population is part of the random streams, so speakers of two populations are
    independent. The ids of the recordings do not depend on the law.
    """
    z = draw_speaker(seed, population, speaker)
    gender = gender_of(speaker)

    def stream(*names: str | int) -> np.random.Generator:
        return generator(seed, population, speaker, *names)

    drift = draw_drift(stream("drift"), settings.days, law.drift, law.drift_days)
    day_offsets = law.day_offset * stream("days").standard_normal((settings.days, DIMENSIONS))
    habits = law.slot_offset * stream("slots").standard_normal((len(SLOT_HOURS), DIMENSIONS))
    slots = {
        slot: law.effects * effect_vector(SLOT_EFFECTS[slot]) + SLOT_SPREAD[slot] * habits[i]
        for i, slot in enumerate(SLOT_HOURS)
    }
    reactions = stream("states").standard_normal((len(STATE_EFFECTS), DIMENSIONS))
    states = {
        state: law.effects
        * (effect_vector(STATE_EFFECTS[state]) + STATE_SPREAD[state] * reactions[i])
        for i, state in enumerate(STATE_EFFECTS)
    }
    names = list(DEVICES)
    own = [names[i] for i in stream("devices").permutation(len(names))[:2]]
    calendar = stream("calendar")
    health, sleepy = _draw_health(stream("health"), settings.days, law)

    fewest_sessions, most_sessions = settings.sessions_per_day
    fewest_takes, most_takes = settings.utterances_per_session
    recordings = []
    for day in range(settings.days):
        # No speaker misses the first day, so every speaker has recordings.
        missed = calendar.random() < settings.missed_days and day > 0
        rng = stream("utterances", day)
        sessions = int(calendar.integers(fewest_sessions, most_sessions, endpoint=True))
        visited = sorted(calendar.permutation(list(SLOT_HOURS))[:sessions].tolist())
        for slot in visited:
            takes = int(calendar.integers(fewest_takes, most_takes, endpoint=True))
            minutes = calendar.permutation(SLOT_HOURS_LONG * 60)[:takes]
            if calendar.random() >= SHUFFLED_SESSIONS:
                minutes = np.sort(minutes)
            drowsy = calendar.random() < sleepy * SLEEPY_BY_SLOT[slot]
            second = calendar.random() < SECOND_DEVICE
            if missed:
                continue
            state = health[day]
            if state == "normal" and drowsy:
                state = "sleepy"
            for take, minute in enumerate(minutes.tolist(), start=1):
                moment = datetime.datetime.combine(
                    FIRST_DAY + datetime.timedelta(days=day), datetime.time(SLOT_HOURS[slot])
                ) + datetime.timedelta(minutes=minute)
                fixed = rng.random() < settings.text_dependent
                phrase = int(rng.integers(1, PHRASES, endpoint=True)) if fixed else 0
                kind = "td" if fixed else "ti"
                noise = _draw_share(rng, law.noise)
                snr = NOISE_SNR[noise] + SNR_SPREAD * rng.uniform(-1, 1)
                offset = law.utterance_offset * rng.standard_normal(DIMENSIONS)
                constant = z + drift[day] + day_offsets[day] + slots[slot] + states[state]
                recordings.append(
                    Recording(
                        utterance=format_utterance_id(speaker, moment, slot, take, kind, phrase),
                        speaker=speaker,
                        kind=kind,
                        phrase=phrase,
                        day=day,
                        slot=slot,
                        state=state,
                        noise=noise,
                        device=own[int(second)],
                        gender=gender,
                        snr=float(snr),
                        latent=constant + offset,
                    )
                )
    return recordings


def _draw_health(rng: np.random.Generator, days: int, law: VoiceLaw) -> tuple[list[str], float]:
    """Return the state of each day without sleepiness, and the share of sleepiness if healthy."""
    shares = {state: law.states.get(state, 0.0) for state in STATE_EFFECTS}
    sleepy = shares.pop("sleepy")
    well = shares["normal"] + sleepy
    shares["normal"] = well
    drawn = [_draw_share(rng, shares)]
    for _ in range(1, days):
        fresh = _draw_share(rng, shares)
        drawn.append(fresh if rng.random() < HEALTH_RENEWAL else drawn[-1])
    return drawn, sleepy / well if well else 0.0


def _draw_share(rng: np.random.Generator, shares: dict[str, float]) -> str:
    # Every draw uses one uniform number, so other shares do not change other draws.
    edges = np.cumsum(list(shares.values()))
    return list(shares)[int(np.searchsorted(edges, rng.random() * edges[-1], side="right"))]


def voice_of(recording: Recording) -> Voice:
    """Turn a recording's latent vector into a voice.

    Extreme values are clipped to the limits of a vocal tract. Typical values are far from them.
    """
    z = {name: recording.latent[where] for name, where in TRAIT_SLICES.items()}
    one = {name: float(value[0]) for name, value in z.items() if len(value) == 1}
    female = recording.gender == "female"
    tract = np.exp(0.045 * one["tract"]) * (1.15 if female else 1.0)
    return Voice(
        f0=float(np.clip((205 if female else 118) * np.exp(0.13 * one["f0"]), 60, 400)),
        formants=tract * np.exp(0.05 * z["formants"]),
        vowels=np.exp(0.065 * z["vowels"].reshape(VOWELS, 3)),
        equaliser=1.2 * z["equaliser"],
        tilt=6.0 + 1.6 * one["tilt"],
        breath=-22 + 4 * one["breath"],
        jitter=float(np.clip(0.008 * np.exp(0.45 * one["jitter"]), 0, 0.06)),
        shimmer=float(np.clip(0.05 * np.exp(0.4 * one["shimmer"]), 0, 0.4)),
        rate=float(np.clip(np.exp(0.12 * one["rate"]), 0.6, 1.7)),
        bandwidth=float(np.clip(np.exp(0.18 * one["bandwidth"]), 0.5, 2.5)),
        span=float(np.clip(np.exp(0.25 * one["range"]), 0.2, 2.5)),
        friction=float(np.exp(0.08 * one["friction"])),
        nasality=float(np.clip(0.08 + 0.08 * one["nasality"], 0, 0.6)),
    )
