"""The two tables of a scenario, made from numbers of utterances.

This module reads and writes no files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd

from workflow_src.trials.pool import Pool


@dataclass(frozen=True)
class Template:
    """A template: its name, speaker, enrolment utterances and the first unit free for tests.

    All but the name are numbers in the pool.
    """

    name: str
    speaker: int
    enrolment: np.ndarray
    earliest_unit: int


class Tests(NamedTuple):
    """Trials in the order of scoring.

    Attributes
    ----------
    template
        int64 [n]: place in the list of templates.
    round
        int64 [n]: from 1; 0 in scenarios without rounds.
    utterance
        int64 [n]: number in the pool.
    dated
        int64 [n]: number of an utterance of the date on which the trial takes place.
    target
        bool [n].
    """

    template: np.ndarray
    round: np.ndarray
    utterance: np.ndarray
    dated: np.ndarray
    target: np.ndarray


def take_turns(
    template: np.ndarray, round_: np.ndarray, target: np.ndarray, nontarget: np.ndarray
) -> Tests:
    """Let each of n targets be followed by its non-target, on the date of the target.

    All are int64 [n]; `target` and `nontarget` are numbers in the pool.
    """
    return Tests(
        template=np.repeat(template, 2),
        round=np.repeat(round_, 2),
        utterance=np.column_stack([target, nontarget]).ravel(),
        dated=np.repeat(target, 2),
        target=np.tile([True, False], len(target)),
    )


def tabulate_tests(pool: Pool, templates: list[Template], tests: Tests) -> pd.DataFrame:
    """Make a table of trials; steps are within (model, round)."""
    speakers = [pool.speakers[template.speaker] for template in templates]
    return pd.DataFrame(
        {
            "model": take_texts([template.name for template in templates], tests.template),
            "speaker": take_texts(speakers, tests.template),
            "round": tests.round.astype(np.int16),
            "step": count_within_runs(tests.template, tests.round).astype(np.int32),
            "day": take_texts(pool.dates, tests.dated),
            "utterance": take_texts(pool.utterances, tests.utterance),
            "target": tests.target,
        }
    )


def tabulate_templates(pool: Pool, templates: list[Template]) -> pd.DataFrame:
    """Make a table of enrolments: one row per enrolment utterance of each template."""
    size = len(templates[0].enrolment)
    template = np.repeat(np.arange(len(templates)), size)
    return pd.DataFrame(
        {
            "model": take_texts([template.name for template in templates], template),
            "speaker": take_texts([pool.speakers[t.speaker] for t in templates], template),
            "order": np.tile(np.arange(size), len(templates)).astype(np.int8),
            "utterance": take_texts(
                pool.utterances, np.concatenate([template.enrolment for template in templates])
            ),
        }
    )


def count_within_runs(*keys: np.ndarray) -> np.ndarray:
    """Return int64 0, 1, ... along each run of rows with the same keys."""
    changes = np.any([np.diff(key) != 0 for key in keys], axis=0)
    begin = np.flatnonzero(np.r_[True, changes])
    count = len(keys[0])
    return np.arange(count) - np.repeat(begin, np.diff(np.r_[begin, count]))


def take_texts(values: Sequence[str] | np.ndarray | pd.Series, which: np.ndarray) -> pd.Series:
    """Return ``values[which]`` as a text column, taken from Arrow memory, which is fast."""
    return pd.Series(pd.array(values, dtype="str").take(which))
