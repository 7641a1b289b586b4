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


class Pairs(NamedTuple):
    """Targets, each with its non-target, in the order of scoring.

    Attributes
    ----------
    template
        int64 [n]: place in the list of templates.
    round
        int64 [n]: from 1; 0 in scenarios without rounds.
    target, nontarget
        int64 [n]: numbers in the pool.
    """

    template: np.ndarray
    round: np.ndarray
    target: np.ndarray
    nontarget: np.ndarray


def tabulate_pairs(pool: Pool, templates: list[Template], pairs: Pairs) -> pd.DataFrame:
    """Make a table of trials: two rows per pair, target first; steps are within (model, round).

    The day of both is the date of the target.
    """
    model, number = np.repeat(pairs.template, 2), np.repeat(pairs.round, 2)
    utterance = np.column_stack([pairs.target, pairs.nontarget]).ravel()
    speakers = [pool.speakers[template.speaker] for template in templates]
    return pd.DataFrame(
        {
            "model": take_texts([template.name for template in templates], model),
            "speaker": take_texts(speakers, model),
            "round": number.astype(np.int16),
            "step": count_within_runs(model, number).astype(np.int32),
            "day": take_texts(pool.dates, np.repeat(pairs.target, 2)),
            "utterance": take_texts(pool.utterances, utterance),
            "target": np.tile([True, False], len(pairs.target)),
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
