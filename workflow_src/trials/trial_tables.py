"""Tables of trials and enrolments as results have them, from elsewhere: CSV or Parquet.

Of the columns of `workflow_src.common.tables`, only model and utterance are needed. What is left
out follows from the order of the rows and from the corpus.
"""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pandas as pd
from pandas.api import types

from workflow_src.common.errors import InputError, printable
from workflow_src.common.files import read_parquet
from workflow_src.common.tables import ENROLMENT_COLUMNS, TRIAL_COLUMNS
from workflow_src.corpus.tables import read_columns
from workflow_src.trials.listing import Listing
from workflow_src.trials.pair_lists import LABELS

NEEDED = ["model", "utterance"]
# Of rounds, steps and orders.
LARGEST = 2**31 - 1
TRUTHS = {**LABELS, "True": True, "False": False, "true": True, "false": False}


def read_trials(path: Path) -> Listing:
    """Read a table of trials.

    Raises
    ------
    InputError
        The file cannot be read, lacks a column or has no row; or a field has another form.
    """
    return _read(path, TRIAL_COLUMNS)


def read_enrolments(path: Path) -> Listing:
    """Read a table of enrolments; otherwise as `read_trials`."""
    return _read(path, ENROLMENT_COLUMNS)


def _read(path: Path, columns: list[str]) -> Listing:
    is_parquet = path.suffix.lower() == ".parquet"
    table = read_parquet(path) if is_parquet else read_columns(path)
    if missing := [name for name in NEEDED if name not in table]:
        there = ", ".join(map(printable, table.columns)) or "none"
        raise InputError(f"{path}: lacks the column {missing[0]!r}; its columns are: {there}")
    if table.empty:
        raise InputError(f"{path}: has no row")
    if unknown := [printable(name) for name in table.columns if name not in columns]:
        print(f"{path}: not used are the columns {', '.join(unknown)}")
    # The row after the header is row 1.
    place = pd.Series(np.arange(1, len(table) + 1), name="place")
    listing = Listing(
        path, pd.concat([place, table.reset_index(drop=True)], axis=1), "row {}".format
    )
    readers = {
        "model": _texts, "utterance": _texts, "speaker": _texts, "round": _numbers,
        "step": _numbers, "order": _numbers, "day": _days, "target": _truths,
    }  # fmt: skip
    read = {name: readers[name](listing, name) for name in columns if name in table}
    return Listing(path, pd.DataFrame({"place": place, **read}), listing.where)


def _as_texts(listing: Listing, column: pd.Series, wanted: str) -> pd.Series:
    """Return a column of texts; missing ones are empty."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    if column.isna().all():
        return pd.Series("", index=column.index, dtype="str")
    if not types.is_string_dtype(column):
        raise InputError(
            f"{listing.path}: the column {column.name} is {column.dtype}; {wanted} are needed"
        )
    return column.astype("str").fillna("")


def _texts(listing: Listing, name: str) -> pd.Series:
    column = _as_texts(listing, listing[name], "texts")
    # A speaker may have any name; models and utterances stand in lists, divided by blanks.
    form = r"[^\x00-\x1f\x7f]+" if name == "speaker" else r"[^\s\x00-\x1f\x7f]+"
    listing.refuse(
        ~column.str.fullmatch(form).to_numpy(bool),
        lambda row: (
            f"{column.iloc[row]!r} is no {name}" if column.iloc[row] else f"the {name} is missing"
        ),
    )
    return column


def _numbers(listing: Listing, name: str) -> np.ndarray:
    column = listing[name]
    if types.is_integer_dtype(column) and not column.isna().any():
        wrong = (column < 0) | (column > LARGEST)
    else:
        column = _as_texts(listing, column, "whole numbers")
        wrong = ~column.str.fullmatch(r"[0-9]{1,9}")
    listing.refuse(
        wrong.to_numpy(bool),
        lambda row: f"the {name} is {column.iloc[row]!r}; a whole number from 0 is needed",
    )
    return column.to_numpy(dtype=np.int64)


def _truths(listing: Listing, name: str) -> np.ndarray:
    column = listing[name]
    if not column.isna().any() and (types.is_bool_dtype(column) or types.is_integer_dtype(column)):
        column = column.astype("str")
    texts = _as_texts(listing, column, "true and false")
    listing.refuse(
        ~texts.isin(TRUTHS).to_numpy(),
        lambda row: f"{name} is {texts.iloc[row]!r}; allowed are {', '.join(TRUTHS)}",
    )
    return texts.map(TRUTHS).to_numpy(dtype=bool)


def _days(listing: Listing, name: str) -> pd.Series:
    column = listing[name]
    if types.is_datetime64_any_dtype(column):
        return column.dt.strftime("%Y-%m-%d").astype("str").fillna("")
    days = _as_texts(listing, column, "texts as 2020-12-31")
    known = {day: _is_day(day) for day in days.unique()}
    listing.refuse(
        ~days.map(known).to_numpy(bool),
        lambda row: f"the day is {days.iloc[row]!r}; a date as 2020-12-31 is needed, or nothing",
    )
    return days


def _is_day(text: str) -> bool:
    try:
        return not text or datetime.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
