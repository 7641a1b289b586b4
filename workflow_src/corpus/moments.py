"""Times of recordings: from text to the columns date and time of the manifest."""

from __future__ import annotations

import contextlib
import datetime

import pandas as pd

from workflow_src.common.errors import InputError, printable


def split_moments(
    texts: pd.Series, form: str | None, clock: bool, where: str, names: pd.Series | None = None
) -> pd.DataFrame:
    """Split times into dates and times of day.

    Parameters
    ----------
    texts
        N texts; a missing or blank one is a time that nobody knows.
    form
        Their format with the directives of ``strftime``, or None for ISO 8601: a date, or a date
        and a time of day. The clock is taken as it is written; an offset from UTC changes nothing.
    clock
        Whether a format holds a time of day; not used for ISO 8601.
    where, names
        Their source, and what each text is the time of, for errors; by default its row.

    Returns
    -------
    DataFrame
        date (ISO, str; empty where it is unknown) and time (``HH:MM``, str; empty without a time of
        day), N rows.

    Raises
    ------
    InputError
        A text is no time.
    """
    known = {text: _split(text, form, clock) for text in texts.unique()}
    bad = texts.map(lambda text: known[text] is None)
    if bad.any():
        row = int(bad.to_numpy().argmax())
        text = texts.iloc[row]
        wanted = f"a time of the form {form}" if form else (
            "a date or a date and time in ISO 8601, as 2019-12-31 or 2019-12-31T09:30+01:00"
        )  # fmt: skip
        whose = f"row {row + 1}" if names is None else printable(names.iloc[row])
        raise InputError(f"{where}: the time of {whose} is {printable(text)!r}; it needs {wanted}")
    moments = texts.map(known)
    dates = pd.Series([moment[0] for moment in moments], dtype="str")
    times = pd.Series([moment[1] for moment in moments], dtype="str")
    return pd.DataFrame({"date": dates, "time": times})


def _split(text: object, form: str | None, clock: bool) -> tuple[str, str] | None:
    if pd.isna(text) or not str(text).strip():
        return "", ""
    if not isinstance(text, str):
        return None
    try:
        if form is not None:
            moment = datetime.datetime.strptime(text, form)
            return moment.date().isoformat(), f"{moment:%H:%M}" if clock else ""
        text = text.strip()
        with contextlib.suppress(ValueError):
            return datetime.date.fromisoformat(text).isoformat(), ""
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.date().isoformat(), f"{moment:%H:%M}"
