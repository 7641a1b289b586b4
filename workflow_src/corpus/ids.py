"""Utterance ids of the SMIIP-TV form, ``<speaker>_<MMDDhhmm>_<slot>_<take>_<kind>_<phrase>``.

Example: ``0073_05011209_3_1_ti_0`` is speaker 0073 on 1 May 2020 at 12:09, slot 3, take 1,
text-independent. Ids carry no year; the corpus was recorded in 2020.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow.compute as pc
from pandas.api.types import is_integer_dtype

from workflow_src.common.arrow import arrow_texts
from workflow_src.common.errors import InputError
from workflow_src.common.files import read_text

# The name of this form among the patterns of names.
PATTERN_NAME = "smiip-tv"
YEAR = 2020
FORM = "<speaker, 4 digits>_<MMDDhhmm>_<slot 1-9>_<take 1-9>_<ti|td>_<phrase 0-9>"
# RE2 syntax. A $ at the end would also match before a line end.
_PATTERN = (
    r"^(?P<speaker>[0-9]{4})_(?P<date>[0-9]{4})(?P<time>[0-9]{4})"
    r"_(?P<slot>[1-9])_(?P<take>[1-9])_(?P<kind>t[id])_(?P<phrase>[0-9])\z"
)
ID_COLUMNS = ["utterance", "speaker", "date", "time", "slot", "take", "kind", "phrase"]


def format_utterance_id(
    speaker: str, moment: datetime.datetime, slot: int, take: int, kind: str, phrase: int
) -> str:
    """Write one utterance id; the inverse of `parse_utterance_ids`."""
    return f"{speaker}_{moment:%m%d%H%M}_{slot}_{take}_{kind}_{phrase}"


def parse_utterance_ids(
    utterances: list[str] | pd.Series, source: str, lines: Sequence[int] | None = None
) -> pd.DataFrame:
    """Parse utterance ids.

    Parameters
    ----------
    utterances
        N ids.
    source
        The source of the ids, for errors.
    lines
        N line numbers of the ids in `source`, for errors.

    Returns
    -------
    DataFrame
        N rows in the given order with the columns `ID_COLUMNS`: utterance, speaker (str),
        date (ISO, str), time ("HH:MM", str), slot (int8), take (int8), kind ("ti" or "td"),
        phrase (int8).

    Raises
    ------
    InputError
        An id does not have the form, or names no moment of the calendar.
    """
    try:
        ids = pd.Series(utterances, dtype="str").reset_index(drop=True)
    except UnicodeEncodeError as error:  # a file name that is no UTF-8
        raise InputError(
            f"{source}: {error.object!r} is not an utterance id; the form is {FORM}"
        ) from error
    # Arrow's matching takes a tenth of the time of pandas' matching.
    parts = pc.extract_regex(arrow_texts(ids), _PATTERN)
    bad = pd.Series(parts.is_null().to_numpy(zero_copy_only=False))
    if bad.any():
        raise InputError(
            f"{_place(source, lines, bad)}: {ids[bad].iloc[0]!r} is not an utterance id; "
            f"the form is {FORM}"
        )
    fields = {
        name: pd.Series(pd.array(values, dtype="str"))
        for name, values in zip(parts.type.names, parts.flatten(), strict=True)
    }
    day, clock = fields["date"], fields["time"]
    dates = day.map({d: _iso_date(d) for d in day.unique()})
    times = clock.map({t: _clock_time(t) for t in clock.unique()})
    bad = dates.isna() | times.isna()
    if bad.any():
        raise InputError(
            f"{_place(source, lines, bad)}: {ids[bad].iloc[0]!r} names no moment of {YEAR}; "
            "MMDDhhmm is month, day, hour (00-23) and minute (00-59)"
        )
    return pd.DataFrame(
        {
            "utterance": ids,
            "speaker": fields["speaker"],
            "date": dates.astype("str"),
            "time": times.astype("str"),
            "slot": fields["slot"].astype("int8"),
            "take": fields["take"].astype("int8"),
            "kind": fields["kind"],
            "phrase": fields["phrase"].astype("int8"),
        }
    )


def read_id_lines(path: str | Path, what: str) -> list[tuple[str, int]]:
    """Read a list of ids, one a line; empty lines and comments after a # are left out.

    Parameters
    ----------
    path
        The text file.
    what
        The kind of ids, for example ``utterance``, for errors.

    Returns
    -------
    list
        (id, number of its line), at least one; the form of the ids is not checked.

    Raises
    ------
    InputError
        The file cannot be read, lists an id twice, or has none.
    """
    found: dict[str, int] = {}
    for number, line in enumerate(read_text(path).splitlines(), 1):
        text = line.partition("#")[0].strip()
        if text in found:
            raise InputError(f"{path}:{number}: {text} stands in line {found[text]} already")
        if text:
            found[text] = number
    if not found:
        raise InputError(f"{path}: has no {what} id; one a line is needed")
    return list(found.items())


def sort_in_corpus_order(table: pd.DataFrame) -> pd.DataFrame:
    """Sort rows of a manifest by speaker, then in corpus order.

    The order of SMIIP-TV's utterances (`ID_COLUMNS`) within a speaker is by (date, slot, take),
    then time; it is not chronological. Other utterances are in the order of time, then of their
    place in a recording. The id breaks remaining ties.
    """
    numbered = all(is_integer_dtype(table[name]) for name in ("slot", "take") if name in table)
    if numbered and {"slot", "take"} <= set(table.columns):
        keys = ["speaker", "date", "slot", "take", "time", "utterance"]
    else:
        keys = ["speaker", "date", "time", *(["start"] if "start" in table else []), "utterance"]
    return table.sort_values(keys, kind="stable", ignore_index=True)


def check_distinct(table: pd.DataFrame, where: str = "") -> None:
    """Refuse recordings (columns utterance, path) that share an utterance id.

    `where` comes before the message.
    """
    twice = table["utterance"].duplicated()
    if twice.any():
        same = table[table["utterance"] == table["utterance"][twice].iloc[0]]
        raise InputError(
            f"{where}two recordings have the utterance id {same['utterance'].iloc[0]}: "
            f"{same['path'].iloc[0]} and {same['path'].iloc[1]}"
        )


def _place(source: str, lines: Sequence[int] | None, bad: pd.Series) -> str:
    """Return the source of the first bad id, with its line where that is known."""
    return source if lines is None else f"{source}:{lines[int(bad.to_numpy().argmax())]}"


def _iso_date(mmdd: str) -> str | None:
    try:
        return datetime.date(YEAR, int(mmdd[:2]), int(mmdd[2:])).isoformat()
    except ValueError:
        return None


def _clock_time(hhmm: str) -> str | None:
    valid = int(hhmm[:2]) < 24 and int(hhmm[2:]) < 60
    return f"{hhmm[:2]}:{hhmm[2:]}" if valid else None
