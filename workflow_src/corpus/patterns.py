"""Patterns over the names of recordings, such as ``{speaker}/{time:%Y-%m-%dT%H%M}_{take}.wav``."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass

import numpy as np
import pandas as pd

from workflow_src.common.errors import InputError, printable

# What a directive of a time matches. Each has a fixed width, so a time ends where it should.
DIRECTIVES = {
    "Y": "[0-9]{4}", "m": "[0-9]{2}", "d": "[0-9]{2}", "j": "[0-9]{3}", "H": "[0-9]{2}",
    "M": "[0-9]{2}", "S": "[0-9]{2}", "y": "[0-9]{2}",
}  # fmt: skip
ISO = r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}(?:[T ][0-9:.]+(?:Z|[+-][0-9:]+)?)?"
NEEDED = ("speaker",)
# Names of columns that a pattern cannot give.
TAKEN = {"utterance", "path", "date", "seconds"}


@dataclass(frozen=True)
class Pattern:
    """A compiled pattern.

    Attributes
    ----------
    text
        The pattern as it was written.
    expression
        Matches a whole name; a group for each field.
    time_format
        The format of the time, with the directives of ``strftime``; None for ISO 8601.
    clock
        Whether the time has an hour. Without a time, neither has a meaning.
    """

    text: str
    expression: re.Pattern[str]
    time_format: str | None
    clock: bool

    @property
    def has_suffix(self) -> bool:
        """Whether the pattern names the suffix of files."""
        return self.text.lower().endswith((".wav", ".flac"))


def compile_pattern(text: str) -> Pattern:
    """Compile a pattern.

    A field ``{name}`` matches one or more characters without ``/``, as many as possible, from left
    to right. ``{time:%Y%m%d}`` matches a time of this format, ``{time}`` one in ISO 8601. ``{}``
    matches like a field, and its text is not kept.

    Raises
    ------
    InputError
        The pattern is no format string, lacks a needed field, or has a field twice.
    """
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError as error:
        raise InputError(f"{text!r} is no pattern ({error})") from error
    expression, time_format, clock, seen = "", None, True, set()
    for literal, name, form, conversion in parts:
        expression += re.escape(literal)
        if name is None:
            continue
        if conversion or (form and name != "time"):
            raise InputError(f"{text!r}: only {{time:...}} has a format, not {{{name}}}")
        if name in seen:
            raise InputError(f"{text!r} has the field {{{name}}} twice")
        if name and (not name.isidentifier() or name in TAKEN):
            raise InputError(f"{text!r}: {{{name}}} is no field; the name of another column is")
        seen.update([name] if name else [])
        if name == "time":
            time_format = form or None
            clock = "%H" in form if form else True
            expression += f"(?P<time>{_match_time(form, text) if form else ISO})"
        else:
            expression += f"(?P<{name}>[^/]+)" if name else "[^/]+"
    missing = [name for name in NEEDED if name not in seen]
    if missing:
        raise InputError(f"{text!r} lacks the field {{{missing[0]}}}; it needs the speaker")
    return Pattern(text, re.compile(expression), time_format, clock)


def match_names(pattern: Pattern, names: list[str]) -> tuple[pd.DataFrame, np.ndarray]:
    """Match names against a pattern.

    Returns
    -------
    DataFrame
        A text column for each field, a row for each name; missing where the name does not match.
    ndarray
        bool [N]: the names that match.
    """
    found = [pattern.expression.fullmatch(name) for name in names]
    columns = list(pattern.expression.groupindex)
    rows = [match.groups() if match else (None,) * len(columns) for match in found]
    table = pd.DataFrame(rows, columns=columns, dtype="str")
    return table, np.array([match is not None for match in found], bool)


def speakers_of(pattern: Pattern, names: list[str]) -> list[str | None]:
    """Return the speaker in each name; None where the name does not match."""
    return [
        match["speaker"] if (match := pattern.expression.fullmatch(name)) else None
        for name in names
    ]


def _match_time(form: str, text: str) -> str:
    expression = ""
    for literal, directive in re.findall(r"([^%]*)(?:%(.?))?", form):
        expression += re.escape(literal)
        if directive and directive not in DIRECTIVES:
            allowed = ", ".join(f"%{name}" for name in DIRECTIVES)
            raise InputError(f"{text!r}: the time has %{directive}; allowed are {allowed}")
        expression += DIRECTIVES.get(directive, "")
    day = ("%m" in form and "%d" in form) or "%j" in form
    if not (("%Y" in form or "%y" in form) and day):
        raise InputError(f"{text!r}: the time needs a year, a month and a day")
    return expression


def describe_mismatch(pattern: Pattern, name: str, others: int) -> str:
    """Say that a name does not match, and how many more do not."""
    more = f" (nor do {others:,} more)" if others else ""
    return f"{printable(name)} does not match the pattern {pattern.text!r}{more}"
