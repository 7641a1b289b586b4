"""The utterance ids of a simulated corpus, drawn or read from a list.

Drawn ids follow the lists of SMIIP-TV. A day has five slots, and a speaker uses each with the
speaker's own probability. A session has three utterances in the first half of the days, and four in
the second half. The first take is free speech, the fourth take is a fixed phrase.
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

# Sum of both parameters of the beta law of attendance: larger means closer to the mean.
ATTENDANCE_WEIGHT = 14.2
# Probability of free speech, by take. Other takes are fixed phrases.
FREE_SPEECH = np.array([1.0, 0.7, 0.41, 0.0])
# Takes of a session in the first and in the second half of the days.
TAKES = (3, 4)


def make_listing(settings: SimulatedListing, seed: int) -> list[str]:
    """Draw the utterance ids of all speakers, in corpus order.

    The speakers are 0001, 0002, ..., and each has at least one session. Each speaker has its own
    random streams, so additional speakers do not change the first ones. `settings.utterances` is
    not used.
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
    """Draw the probability that a speaker uses a slot."""
    if mean == 1:
        return 1.0
    return rng.beta(ATTENDANCE_WEIGHT * mean, ATTENDANCE_WEIGHT * (1 - mean))


def read_utterance_list(path: str | Path) -> pd.DataFrame:
    """Read a text file with one utterance id per line, as a table in corpus order.

    Raises
    ------
    InputError
        The file cannot be read, a line is no id, an id occurs twice, or there is no id.
    """
    ids, numbers = zip(*read_id_lines(path, "utterance"), strict=True)
    return sort_in_corpus_order(parse_utterance_ids(list(ids), str(path), numbers))
