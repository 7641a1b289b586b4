"""The utterance ids of a simulated corpus: drawn, or read from a list.

Drawn ones have the shape of SMIIP-TV's lists: five slots a day, each used with the speaker's own
probability; three utterances a session in the first half of the days and four in the second; the
first take free speech, the fourth a fixed phrase.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from workflow_src.common.seeds import generator
from workflow_src.corpus.ids import (
    format_utterance_id,
    parse_utterance_ids,
    read_id_lines,
    sort_in_corpus_order,
)
from workflow_src.settings.corpus import SimulatedListing
from workflow_src.synthetic.phonetics import PHRASES
from workflow_src.synthetic.voices import FIRST_DAY, SLOT_HOURS, SLOT_HOURS_LONG, speaker_ids

# How closely speakers keep to the mean attendance: the sum of both parameters of a beta law.
ATTENDANCE_WEIGHT = 14.2
# Probability that a take is free speech, by take; the others are fixed phrases.
FREE_SPEECH = np.array([1.0, 0.7, 0.41, 0.0])
# Takes of a session in the first half of the days, and in the second.
TAKES = (3, 4)


def make_listing(settings: SimulatedListing, seed: int) -> list[str]:
    """Draw the utterance ids of all speakers.

    Parameters
    ----------
    settings
        Sizes and laws; its file of utterances is not looked at.
    seed
        The config's seed. Each speaker has its own streams: more speakers leave the first ones
        as they are.

    Returns
    -------
    list of str
        Ids in corpus order; speakers are 0001, 0002, ..., and each has at least one session.
    """
    return [
        utterance
        for speaker in speaker_ids(settings.speakers)
        for utterance in list_speaker(speaker, settings, seed)
    ]


def list_speaker(speaker: str, settings: SimulatedListing, seed: int) -> list[str]:
    """Draw the utterance ids of one speaker, in corpus order."""

    def stream(name: str) -> np.random.Generator:
        return generator(seed, "simulated listing", speaker, name)

    days, slots, takes = settings.days, len(SLOT_HOURS), len(FREE_SPEECH)
    missed = stream("days").random(days) < settings.missed_days
    draws = stream("sessions").random((days, slots))
    used = draws < _draw_attendance(stream("attendance"), settings.attendance)
    used[missed] = False
    # The first day is never left out, so that every speaker has utterances.
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
    hours = np.array(list(SLOT_HOURS.values()))
    moments = (
        np.datetime64(FIRST_DAY, "m") + 60 * (24 * day + hours[slot]) + minutes[which]
    ).tolist()
    numbers = np.array(list(SLOT_HOURS))[slot].tolist()
    return [
        format_utterance_id(speaker, moment, number, take, "td" if phrase else "ti", phrase)
        for moment, number, take, phrase in zip(
            moments, numbers, (take + 1).tolist(), phrases[which].tolist(), strict=True
        )
    ]


def _draw_attendance(rng: np.random.Generator, mean: float) -> float:
    """Draw the probability with which a speaker uses a slot."""
    if mean == 1:
        return 1.0
    return rng.beta(ATTENDANCE_WEIGHT * mean, ATTENDANCE_WEIGHT * (1 - mean))


def read_utterance_list(path: str | Path) -> pd.DataFrame:
    """Read utterance ids from a text file, one a line.

    Returns
    -------
    DataFrame
        The columns that ids give, in corpus order.

    Raises
    ------
    InputError
        The file cannot be read, a line is no id, an id stands there twice, or there is none.
    """
    ids, numbers = zip(*read_id_lines(path, "utterance"), strict=True)
    return sort_in_corpus_order(parse_utterance_ids(list(ids), str(path), numbers))
