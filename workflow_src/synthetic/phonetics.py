"""The small language of the demo corpus: its sounds, its fixed phrases, and the plan of a text.

Syllables are CV(V)(N) with 13 consonants, 8 vowels and 4 tones, similar to Mandarin. A text becomes
a *plan*, which is a list of segments. Each segment has a share of the time, and targets for the
vocal tract and the sources.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from workflow_src.common.seeds import generator

# A man's F1, F2, F3 in Hz for the vowels a o e(back) i u y er e(front).
VOWEL_FORMANTS = np.array(
    [
        [750, 1250, 2600],
        [500, 850, 2500],
        [480, 1150, 2500],
        [290, 2250, 3000],
        [330, 750, 2400],
        [290, 1950, 2400],
        [500, 1400, 1800],
        [520, 1850, 2550],
    ],
    dtype=np.float32,
)
VOWELS = len(VOWEL_FORMANTS)
CONSONANTS = ["b", "d", "g", "p", "t", "k", "f", "s", "sh", "h", "m", "n", "l"]
TONES = 4
PHRASES = 5

# Pitch of the four tones at the start, quarter, half, three quarters and end of a syllable, in
# semitones around the speaker's mean. The speaker's range scales it.
TONE_CONTOURS = np.array(
    [[2.5, 2.5, 2.4, 2.4, 2.3], [-1, -1, 0, 1.5, 3], [-1, -3, -4, -3, -1], [4, 3, 1, -2, -4]]
)

# Columns of a segment other than its formants. Amplitudes are linear.
SEGMENT_COLUMNS = ["milliseconds", "voice", "breath", "friction", "centre", "width", "nasal"]
# Consonant -> locus (a man's F1, F2, F3 in Hz), then segments as in SEGMENT_COLUMNS.
_ONSETS: dict[str, tuple[tuple[int, int, int], list[tuple[float, ...]]]] = {
    "b": ((250, 800, 2300), [(45, 0.06, 0, 0, 900, 900, 0), (10, 0, 0.2, 0.5, 900, 900, 0)]),
    "d": ((250, 1700, 2600), [(45, 0.06, 0, 0, 4000, 1500, 0), (10, 0, 0.2, 0.6, 4000, 1500, 0)]),
    "g": ((250, 1500, 2000), [(45, 0.06, 0, 0, 1900, 700, 0), (15, 0, 0.2, 0.6, 1900, 700, 0)]),
    "p": ((250, 800, 2300), [(45, 0, 0, 0, 900, 900, 0), (60, 0, 0.5, 0.15, 1200, 1200, 0)]),
    "t": ((250, 1700, 2600), [(45, 0, 0, 0, 4000, 1500, 0), (60, 0, 0.5, 0.3, 4200, 1800, 0)]),
    "k": ((250, 1500, 2000), [(45, 0, 0, 0, 1900, 700, 0), (65, 0, 0.5, 0.3, 2000, 900, 0)]),
    "f": ((300, 1000, 2400), [(90, 0, 0.05, 0.16, 5000, 3500, 0)]),
    "s": ((300, 1600, 2600), [(100, 0, 0.02, 0.55, 6300, 1400, 0)]),
    "sh": ((300, 1700, 2200), [(100, 0, 0.04, 0.6, 3300, 1100, 0)]),
    "h": ((500, 1200, 2500), [(80, 0, 0.55, 0.15, 1500, 800, 0)]),
    "m": ((280, 950, 2200), [(70, 0.55, 0, 0, 1000, 500, 1)]),
    "n": ((280, 1550, 2500), [(70, 0.55, 0, 0, 1000, 500, 1)]),
    "l": ((340, 1250, 2700), [(60, 0.55, 0, 0, 1000, 500, 0.2)]),
}
_CODA_LOCUS = (300, 1400, 2500)
_CODA = (75, 0.5, 0, 0, 1000, 500, 1)
_VOWEL = (125.0, 1, 0, 0, 1000, 500, 0)
_GLIDE = (85.0, 0.9, 0, 0, 1000, 500, 0)
_PAUSE = ((0, 0, 0, 0, 1000, 500, 0), (500, 1400, 2500), -1)
_SYLLABLE_SECONDS = 0.245
_EDGE_SECONDS = 0.12


@dataclass(frozen=True)
class Plan:
    """The segments of an utterance in time.

    Attributes
    ----------
    frames
        int [S]: frames of each of S segments. Their sum is the length of the utterance.
    formants
        float32 [S, 3]: F1-F3 in Hz of a neutral man's vocal tract.
    vowel
        int [S]: the segment's vowel; -1 in consonants and pauses.
    sources
        float32 [S, 6]: the columns of `SEGMENT_COLUMNS` after the first.
    pitch
        float64 [frames]: semitones around the speaker's mean. The speaker's range scales them.
    """

    frames: np.ndarray
    formants: np.ndarray
    vowel: np.ndarray
    sources: np.ndarray
    pitch: np.ndarray


def draw_text(rng: np.random.Generator, syllables: int) -> np.ndarray:
    """Draw syllables, int [syllables, 5].

    The columns are consonant, vowel, second vowel (-1: none), coda (0/1) and tone.
    """
    text = np.empty((syllables, 5), np.int64)
    text[:, 0] = rng.integers(len(CONSONANTS), size=syllables)
    text[:, 1] = rng.integers(VOWELS, size=syllables)
    second = rng.integers(VOWELS, size=syllables)
    text[:, 2] = np.where((rng.random(syllables) < 0.3) & (second != text[:, 1]), second, -1)
    text[:, 3] = rng.random(syllables) < 0.25
    text[:, 4] = rng.integers(TONES, size=syllables)
    return text


@functools.cache
def phrase_text(phrase: int) -> np.ndarray:
    """Return the syllables of a fixed phrase, 1-5. They are the same for every seed."""
    return draw_text(generator(0, "phrase", phrase), 6 + phrase)


def draw_plan(
    rng: np.random.Generator,
    kind: str,
    phrase: int,
    rate: float,
    seconds: tuple[float, float],
    frame_rate: float,
) -> Plan:
    """Draw the text of an utterance and its timing.

    Parameters
    ----------
    rng
        The utterance's random stream.
    kind, phrase
        ``ti`` (free speech) or ``td`` (fixed phrase), and the number of the phrase.
    rate
        Speaking rate relative to the mean speaker.
    seconds
        Least and most length. A random text has a uniform length between them. A fixed phrase has
        its own length, clipped to them.
    frame_rate
        Frames per second.
    """
    least, most = seconds
    if kind == "td":
        text = phrase_text(phrase)
        length = len(text) * _SYLLABLE_SECONDS / rate + 2 * _EDGE_SECONDS
        length = min(max(length * rng.uniform(0.95, 1.05), least), most)
    else:
        length = rng.uniform(least, most)
        spoken = length - 2 * _EDGE_SECONDS
        text = draw_text(rng, max(2, round(spoken * rate / _SYLLABLE_SECONDS)))
    frames = max(int(np.floor(length * frame_rate)), int(np.ceil(least * frame_rate)))

    # Segments: row, formants, vowel.
    parts: list[tuple[tuple[float, ...], Any, int]] = [_PAUSE]
    first = []
    for consonant, vowel, second, coda, _ in text.tolist():
        first.append(len(parts))
        locus, onset = _ONSETS[CONSONANTS[consonant]]
        parts += [(row, locus, -1) for row in onset]
        parts.append((_VOWEL, VOWEL_FORMANTS[vowel], vowel))
        if second >= 0:
            parts.append((_GLIDE, VOWEL_FORMANTS[second], second))
        if coda:
            parts.append((_CODA, _CODA_LOCUS, -1))
    first.append(len(parts))
    parts.append(_PAUSE)
    rows, formants, vowels = zip(*parts, strict=True)

    segments = np.array(rows, np.float32)
    edge = round(_EDGE_SECONDS * frame_rate)
    weight = segments[:, 0].astype(np.float64) * rng.uniform(0.8, 1.2, len(segments))
    ends = np.cumsum(weight) / weight.sum() * (frames - 2 * edge)
    ends = edge + np.rint(ends).astype(np.int64)
    ends[-1] = frames
    starts = np.concatenate([[0], ends[:-1]])

    # Each syllable has its tone. The pitch falls by three semitones over the utterance.
    syllable_starts = starts[first]
    quarters = np.arange(5) / 4
    widths = np.diff(syllable_starts)
    knots = (syllable_starts[:-1, None] + widths[:, None] * quarters * 0.999).ravel()
    pitch = np.interp(np.arange(frames), knots, TONE_CONTOURS[text[:, 4]].ravel())
    pitch += np.linspace(1.5, -1.5, frames)
    return Plan(
        frames=ends - starts,
        formants=np.array(formants, np.float32),
        vowel=np.array(vowels),
        sources=segments[:, 1:],
        pitch=pitch,
    )
