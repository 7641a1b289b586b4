"""The pool of a corpus: the speakers in its trials, and draws from their utterances.

This module reads and writes no files.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workflow_src.common.errors import InputError
from workflow_src.settings.generation import Generation

MANIFEST_COLUMNS = ["utterance", "speaker", "date", "time"]


@dataclass(frozen=True)
class Pool:
    """The usable utterances of all speakers in a trial, in corpus order.

    Utterances are numbered 0..U-1 by speaker, then in corpus order. Days are numbered 0..V-1 in the
    same way: day k of a speaker has the number ``first_day[speaker] + k``.

    Attributes
    ----------
    utterances
        U utterance ids.
    days
        V dates (ISO).
    speakers
        P speaker ids, sorted.
    enrols
        bool [P]: the speaker enrols; any other is only a non-target.
    first_day
        int64 [P + 1]: number of each speaker's first day; V at the end.
    first_utterance
        int64 [V + 1]: number of each day's first utterance; U at the end.
    for_enrolment
        bool [U]: recorded within the hours of enrolment.
    """

    utterances: pd.Series
    days: pd.Series
    speakers: list[str]
    enrols: np.ndarray
    first_day: np.ndarray
    first_utterance: np.ndarray
    for_enrolment: np.ndarray

    def utterance_bounds(self) -> np.ndarray:
        """Return int64 [P + 1]: number of each speaker's first utterance; U at the end."""
        return self.first_utterance[self.first_day]


def build_pool(
    manifest: pd.DataFrame, split: pd.DataFrame, rejected: Iterable[str], settings: Generation
) -> Pool:
    """Collect the usable utterances of all speakers who are tested or serve as non-targets.

    Parameters
    ----------
    manifest
        One row per utterance with the columns `MANIFEST_COLUMNS`, in corpus order.
    split
        Columns speaker and part; the parts ``test`` and ``nontarget-only`` make the pool.
    rejected
        Utterances without an embedding. They are in no trial; a day that has only such utterances
        does not count among the speaker's days.
    settings
        The block ``trials.generation``: the hours of enrolment.

    Raises
    ------
    InputError
        No test speaker has a usable utterance, or there is no other speaker for non-targets.
    """
    parts = split.set_index("speaker")["part"]
    members = parts.index[parts.isin(["test", "nontarget-only"])]
    if not (parts == "test").any():
        raise InputError("trials: the split names no test speaker, so nobody can enrol")
    table = manifest.loc[
        manifest["speaker"].isin(members) & ~manifest["utterance"].isin(set(rejected)),
        MANIFEST_COLUMNS,
    ]
    table = table.reset_index(drop=True)
    speakers, speaker_of_utterance = np.unique(
        table["speaker"].to_numpy(dtype=object), return_inverse=True
    )
    enrols = (parts.reindex(speakers) == "test").to_numpy()
    if not enrols.any():
        raise InputError("trials: none of the test speakers of the split has a usable utterance")
    if len(speakers) < 2:
        raise InputError(
            f"trials: {speakers[0]} is the only speaker of the pool with usable utterances; a "
            "non-target needs a second one, tested or listed in trials.nontarget_only"
        )
    date = table["date"].to_numpy(dtype=object)
    new_day = np.r_[
        True, (speaker_of_utterance[1:] != speaker_of_utterance[:-1]) | (date[1:] != date[:-1])
    ]
    first_utterance = np.flatnonzero(new_day)
    first_day = np.searchsorted(speaker_of_utterance[first_utterance], np.arange(len(speakers) + 1))
    return Pool(
        utterances=table["utterance"],
        days=table["date"].iloc[first_utterance].reset_index(drop=True),
        speakers=list(speakers),
        enrols=enrols,
        first_day=first_day,
        first_utterance=np.r_[first_utterance, len(table)],
        for_enrolment=_within_hours(table["time"], settings),
    )


def _within_hours(time: pd.Series, settings: Generation) -> np.ndarray:
    """Return bool [U]: the utterances that were recorded within the hours of enrolment."""
    after, before = settings.enrolment_after, settings.enrolment_before
    within = np.ones(len(time), bool)
    if after is None and before is None:
        return within
    unknown = int((time.isna() | (time == "")).sum())
    if unknown:
        raise InputError(
            f"trials: {unknown:,} of {len(time):,} utterances have no time of day, which "
            "trials.generation.enrolment_after and enrolment_before need; set both to null"
        )
    if after is not None:
        within &= (time > after).to_numpy(bool)
    if before is not None:
        within &= (time < before).to_numpy(bool)
    return within


def draw_nontargets(pool: Pool, speaker: int, draws: np.ndarray) -> np.ndarray:
    """Turn uniform draws into non-targets: a uniform other speaker, then one of its utterances.

    `speaker` is the number of the speaker to exclude.

    Parameters
    ----------
    draws
        float64 [..., 2] in [0, 1).

    Returns
    -------
    ndarray
        int64 [...]: numbers of utterances.
    """
    other = scale_draws(draws[..., 0], len(pool.speakers) - 1)
    other += other >= speaker
    bounds = pool.utterance_bounds()
    return bounds[other] + scale_draws(draws[..., 1], bounds[other + 1] - bounds[other])


def scale_draws(draws: np.ndarray, sizes: np.ndarray | int) -> np.ndarray:
    """Turn uniform draws into whole numbers below `sizes`.

    Every number takes one draw whatever its range, so a longer list of draws extends a shorter one.

    Parameters
    ----------
    draws
        float64 in [0, 1).
    sizes
        int64, 1 or more, one for each draw or one for all.

    Returns
    -------
    ndarray
        int64 of the shape of `draws`.
    """
    return np.minimum((draws * sizes).astype(np.int64), np.asarray(sizes) - 1)
