"""The utterances of a simulated corpus, drawn or read from a list of ids.

Drawn ids follow the lists of SMIIP-TV. A day has five slots, and a speaker uses each with the
speaker's own probability. A session has three utterances in the first half of the days, and four in
the second half. The first take is free speech, the fourth take is a fixed phrase.

Ids have the form of SMIIP-TV. Where it cannot hold the corpus, they have a long form with the year,
``<speaker>_<YYYYMMDDhhmm>_<slot>_<take>_<kind>_<phrase>``.
"""

import datetime
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_src.common.errors import InputError, printable
from workflow_src.common.seeds import generator
from workflow_src.common.tables import require_dates
from workflow_src.corpus.ids import PATTERN_NAME, YEAR, sort_in_corpus_order
from workflow_src.corpus.naming import read_utterances
from workflow_src.settings.corpus import SimulatedListing
from workflow_src.synthetic.phonetics import PHRASES
from workflow_src.synthetic.voices import (
    FIRST_DAY,
    SLOT_HOURS,
    SLOT_HOURS_LONG,
    gender_of,
    speaker_ids,
)

# Sum of both parameters of the beta law of attendance: larger means closer to the mean.
ATTENDANCE_WEIGHT = 14.2
# Probability of free speech, by take. Other takes are fixed phrases.
FREE_SPEECH = np.array([1.0, 0.7, 0.41, 0.0])
# Takes of a session in the first and in the second half of the days.
TAKES = (3, 4)
DAY_MINUTES = 24 * 60
# The speakers that four digits tell apart.
MOST_SHORT_SPEAKERS = 9999


def make_listing(settings: SimulatedListing, seed: int) -> pd.DataFrame:
    """Draw the utterances of all speakers, in corpus order.

    The speakers are 0001, 0002, ..., and each has at least one session. Each speaker has its own
    random streams, so additional speakers do not change the first ones, except that all ids have
    the long form if one of them needs it. `settings.utterances` is not used.

    Returns
    -------
    DataFrame
        Columns `workflow_src.corpus.ids.ID_COLUMNS`.
    """
    speakers = sorted(speaker_ids(settings.speakers))
    drawn = [draw_sessions(speaker, settings, seed) for speaker in speakers]
    who = np.repeat(np.arange(len(speakers)), [len(of_speaker) for of_speaker in drawn])
    minutes, slot, take, phrase = np.concatenate(drawn).T
    day, clock = np.divmod(minutes, DAY_MINUTES)
    dates = np.datetime_as_string(np.datetime64(FIRST_DAY, "D") + np.arange(day.max() + 1))
    times = [f"{minute // 60:02d}:{minute % 60:02d}" for minute in range(DAY_MINUTES)]
    table = pd.DataFrame(
        {
            "speaker": _take(speakers, who),
            "date": _take(dates, day),
            "time": _take(times, clock),
            "slot": slot.astype(np.int8),
            "take": take.astype(np.int8),
            "kind": _take(["ti", "td"], (phrase > 0).astype(np.int64)),
            "phrase": phrase.astype(np.int8),
        }
    )
    # The SMIIP-TV form has four digits for a speaker, and no year.
    last_day = FIRST_DAY + datetime.timedelta(days=settings.days - 1)
    long = settings.speakers > MOST_SHORT_SPEAKERS or last_day.year > YEAR
    stamps = [date.replace("-", "")[0 if long else 4 :] for date in dates.tolist()]
    table.insert(
        0,
        "utterance",
        table["speaker"]
        + ("_" + _take(stamps, day) + _take([time.replace(":", "") for time in times], clock))
        + ("_" + table["slot"].astype("str") + "_" + table["take"].astype("str"))
        + ("_" + table["kind"] + "_" + table["phrase"].astype("str")),
    )
    return table


def draw_sessions(speaker: str, settings: SimulatedListing, seed: int) -> np.ndarray:
    """Draw the utterances of one speaker's sessions, in corpus order.

    Returns
    -------
    ndarray
        int64 [n, 4]: minute since the first midnight, slot, take, phrase (0 for free speech).
    """

    def stream(name: str) -> np.random.Generator:
        return generator(seed, "simulated listing", speaker, name)

    days, slots, takes = settings.days, len(SLOT_HOURS), len(FREE_SPEECH)
    missed = stream("days").random(days) < settings.missed_days
    draws = stream("sessions").random((days, slots))
    used = draws < _draw_attendance(stream("attendance"), settings.attendance)
    used[missed] = False
    # The first day always has a session, so every speaker has utterances.
    used[0, draws[0].argmin()] = True
    wanted = np.where(2 * np.arange(days) < days, *TAKES)
    said = np.arange(takes) < wanted[:, None, None]

    shape = (days, slots, takes)
    end = SLOT_HOURS_LONG * 60
    minutes = np.sort(np.where(said, stream("minutes").integers(0, end, shape), end), axis=-1)
    free = stream("kinds").random(shape) < FREE_SPEECH
    phrases = np.where(free, 0, stream("phrases").integers(1, PHRASES, shape, endpoint=True))

    which = np.nonzero(used[:, :, None] & said)
    day, slot, take = which
    numbers, hours = (np.array(list(part)) for part in (SLOT_HOURS, SLOT_HOURS.values()))
    begins = DAY_MINUTES * day + 60 * hours[slot]
    return np.column_stack([begins + minutes[which], numbers[slot], take + 1, phrases[which]])


def _take(values: Sequence[str] | np.ndarray, which: np.ndarray) -> pd.Series:
    """Return ``values[which]`` as a text column."""
    return pd.Series(pd.array(values, dtype="str").take(which))


def _draw_attendance(rng: np.random.Generator, mean: float) -> float:
    """Draw the probability that a speaker uses a slot."""
    if mean == 1:
        return 1.0
    return rng.beta(ATTENDANCE_WEIGHT * mean, ATTENDANCE_WEIGHT * (1 - mean))


def read_utterance_list(path: str | Path, names: str = PATTERN_NAME) -> pd.DataFrame:
    """Read the utterances that replace drawn ones, as a manifest.

    Parameters
    ----------
    path
        As in `workflow_src.corpus.naming.read_utterances`.
    names
        How the ids are named: ``corpus.simulated.listing.names``.

    Returns
    -------
    DataFrame
        What the names or the table say, with slot and phrase (int8, 0 where they are unknown), in
        corpus order.

    Raises
    ------
    InputError
        The file is invalid, or a slot or phrase is no digit.
    """
    table = read_utterances(Path(path), names, "corpus.simulated.listing.names")
    require_dates(table["date"], "a simulated corpus")
    for name in ("slot", "phrase"):
        table[name] = _as_digits(table, name, path)
    return sort_in_corpus_order(table)


def _as_digits(table: pd.DataFrame, name: str, path: str | Path) -> pd.Series:
    if name not in table:
        return pd.Series(0, table.index, dtype="int8")
    digits = table[name].astype("str")
    bad = ~digits.str.fullmatch("[0-9]").fillna(False).to_numpy(bool)
    if bad.any():
        row = table[bad].iloc[0]
        raise InputError(
            f"{path}: the {name} of {printable(row['utterance'])} is {printable(row[name])!r}; "
            "simulated embeddings need a digit, or no such field"
        )
    return digits.astype("int8")


def find_genders(table: pd.DataFrame, seed: int) -> pd.Series:
    """Return the gender of each utterance's speaker, where a listing does not tell it.

    Odd numbers are female. The gender of a speaker whose name is no number is drawn.
    """

    def gender(speaker: str) -> str:
        if speaker.isdecimal():
            return gender_of(speaker)
        draw = generator(seed, "simulated listing", speaker, "gender").random()
        return "female" if draw < 1 / 2 else "male"

    return table["speaker"].map({name: gender(name) for name in table["speaker"].unique()})
