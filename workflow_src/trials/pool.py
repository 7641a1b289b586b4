"""The pool of a corpus: the speakers in its trials, and draws from their utterances.

This module reads and writes no files.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workflow_src.common.errors import AbsentError, InputError, printable
from workflow_src.common.tables import require_dates
from workflow_src.settings.generation import Generation, Unit

MANIFEST_COLUMNS = ["utterance", "speaker", "date", "time"]
# Either tells sessions; the first that a manifest has does.
SESSION_COLUMNS = ["session", "slot"]


@dataclass(frozen=True)
class Pool:
    """The usable utterances of all speakers in a trial, in corpus order.

    Utterances are numbered 0..U-1 by speaker, then in corpus order. A unit is a day, week, month or
    session in which a speaker recorded. Units are numbered 0..V-1 in the same way: unit k of a
    speaker has the number ``first_unit[speaker] + k``.

    Attributes
    ----------
    unit
        What the units are.
    utterances
        U utterance ids.
    dates
        U dates (ISO).
    speakers
        P speaker ids, sorted.
    enrols
        bool [P]: the speaker enrols; any other is only a non-target.
    first_unit
        int64 [P + 1]: number of each speaker's first unit; V at the end.
    first_utterance
        int64 [V + 1]: number of each unit's first utterance; U at the end.
    for_enrolment
        bool [U]: recorded within the hours of enrolment.
    """

    unit: Unit
    utterances: pd.Series
    dates: pd.Series
    speakers: list[str]
    enrols: np.ndarray
    first_unit: np.ndarray
    first_utterance: np.ndarray
    for_enrolment: np.ndarray

    def utterance_bounds(self) -> np.ndarray:
        """Return int64 [P + 1]: number of each speaker's first utterance; U at the end."""
        return self.first_utterance[self.first_unit]


def build_pool(
    manifest: pd.DataFrame,
    split: pd.DataFrame,
    rejected: Iterable[str],
    settings: Generation,
    unit: Unit = "day",
) -> Pool:
    """Collect the usable utterances of all speakers who are tested or serve as non-targets.

    Parameters
    ----------
    manifest
        One row per utterance with the columns `MANIFEST_COLUMNS`, in corpus order. For sessions
        also session, or slot.
    split
        Columns speaker and part; the parts ``test`` and ``nontarget-only`` make the pool.
    rejected
        Utterances without an embedding. They are in no trial; a unit that has only such utterances
        does not count among the speaker's units.
    settings
        The block ``trials.generation``: the hours of enrolment.
    unit
        What the pool counts: the unit of the scenario.

    Raises
    ------
    AbsentError
        No test speaker has a usable utterance, there is no other speaker for non-targets, or the
        manifest does not tell the days.
    InputError
        The split names no test speaker, or the manifest does not tell the sessions.
    """
    parts = split.set_index("speaker")["part"]
    members = parts.index[parts.isin(["test", "nontarget-only"])]
    if not (parts == "test").any():
        raise InputError("trials: the split names no test speaker, so nobody can enrol")
    table = manifest.loc[
        manifest["speaker"].isin(members) & ~manifest["utterance"].isin(set(rejected)),
        MANIFEST_COLUMNS + [name for name in SESSION_COLUMNS if name in manifest],
    ]
    table = table.reset_index(drop=True)
    require_dates(table["date"], "trials: generating trials")
    table["unit"] = _units(table, unit)
    if unit == "session":
        table = _order_by_session(table)
    speakers, speaker_of_utterance = np.unique(
        table["speaker"].to_numpy(dtype=object), return_inverse=True
    )
    enrols = (parts.reindex(speakers) == "test").to_numpy()
    if not enrols.any():
        raise AbsentError("trials: none of the test speakers of the split has a usable utterance")
    if len(speakers) < 2:
        raise AbsentError(
            f"trials: {speakers[0]} is the only speaker of the pool with usable utterances; a "
            "non-target needs a second one, tested or listed in trials.nontarget_only"
        )
    units = table["unit"].to_numpy(dtype=object)
    new_unit = np.r_[
        True, (speaker_of_utterance[1:] != speaker_of_utterance[:-1]) | (units[1:] != units[:-1])
    ]
    first_utterance = np.flatnonzero(new_unit)
    first_unit = np.searchsorted(
        speaker_of_utterance[first_utterance], np.arange(len(speakers) + 1)
    )
    return Pool(
        unit=unit,
        utterances=table["utterance"],
        dates=table["date"],
        speakers=list(speakers),
        enrols=enrols,
        first_unit=first_unit,
        first_utterance=np.r_[first_utterance, len(table)],
        for_enrolment=_within_hours(table["time"], settings),
    )


def _units(table: pd.DataFrame, unit: Unit) -> pd.Series:
    """Return the unit in which each utterance was recorded; within a speaker, names are distinct.

    Weeks begin on Monday. A session is named by the column session; without that column, it is a
    slot of a day.
    """
    match unit:
        case "day":
            return table["date"]
        case "week":
            week_of = {date: _week_of(date) for date in table["date"].unique()}
            return table["date"].map(week_of)
        case "month":
            return table["date"].str[:7]
        case "session":
            column = next((name for name in SESSION_COLUMNS if name in table), None)
            if column is None:
                raise InputError(
                    "trials: the corpus tells no sessions, which unit: session needs; its manifest "
                    "has neither a column session nor a column slot; name sessions, or take "
                    "another unit"
                )
            named = table[column].astype("str")
            unknown = int((table[column].isna() | (named == "")).sum())
            if unknown:
                raise InputError(
                    f"trials: {unknown:,} of {len(table):,} utterances have no {column}, which "
                    "unit: session needs; name the session of each, or take another unit"
                )
            return named if column == "session" else table["date"] + " " + named


def _week_of(date: str) -> str:
    """Return the Monday on or before a date; both are ISO dates."""
    day = datetime.date.fromisoformat(date)
    return (day - datetime.timedelta(days=day.weekday())).isoformat()


def _order_by_session(table: pd.DataFrame) -> pd.DataFrame:
    """Put the utterances of each session together, in corpus order; refuse sessions that overlap.

    Utterances of one day without times are in no order of time, so that sessions can mix there.
    """
    keys = ["speaker", "unit"]
    begins = table.groupby(keys, sort=False)["date"].transform("first")
    place = table.groupby(keys, sort=False).ngroup()
    table = table.iloc[np.lexsort((place, begins, pd.factorize(table["speaker"])[0]))]
    table = table.reset_index(drop=True)
    back = (table["date"] < table["date"].shift()) & (table["speaker"] == table["speaker"].shift())
    if back.any():
        row = int(back.to_numpy().argmax())
        before, after = table.iloc[row - 1], table.iloc[row]
        raise InputError(
            f"trials: two sessions of speaker {printable(after['speaker'])} overlap: "
            f"{printable(before['unit'])} has a recording of {before['date']}, and "
            f"{printable(after['unit'])} begins on {after['date']}; give each session a name that "
            "the speaker's other sessions do not have"
        )
    return table


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
