"""What a step passes over, such as recordings, rows or days: told and counted in one way."""

from __future__ import annotations

import contextlib
import csv
import io
import re
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import NamedTuple

from workflow_src.common.errors import InputError, first_line, printable
from workflow_src.common.files import write_text

REJECTED_COLUMNS = ["utterance", "path", "reason"]


class PassedOver(NamedTuple):
    """One kind of things that a step passed over: which, how many, and the first of them."""

    stage: str
    what: str
    number: int
    first: str = ""

    def __str__(self) -> str:
        first = f" (first: {printable(self.first)})" if self.first else ""
        return f"{self.stage}: {self.number:,} {self.what}{first}"


# Where things are passed over: the end of `PassedOver.what`.
_PLACE = re.compile(r" \([^()]+\)$")

_noted: ContextVar[list[tuple[str, int, str]] | None] = ContextVar("noted", default=None)


def note(what: str, number: int, first: str = "") -> None:
    """Print that things are passed over, and count them for the file of `noted_in`.

    Parameters
    ----------
    what
        The things and the reason, in the plural.
    number
        How many; none are not told.
    first
        One of them, if they have names.
    """
    if number:
        print(f"passed over: {number:,} {what}")
        rows = _noted.get()
        if rows is not None:
            rows.append((what, number, first))


@contextlib.contextmanager
def noted_in(path: Path | None, stage: str) -> Iterator[None]:
    """Write what is passed over within to a table, if there is a path; a fault writes none."""
    rows: list[tuple[str, int, str]] = []
    token = _noted.set(rows)
    try:
        yield
    finally:
        _noted.reset(token)
    if path is not None:
        write_passed_over([PassedOver(stage, *row) for row in rows], path)


def write_passed_over(rows: Sequence[PassedOver], path: str | Path) -> None:
    """Write the table, CSV: stage, what, number, first."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([PassedOver._fields, *rows])
    write_text(text.getvalue(), path)


def gather_passed_over(paths: Sequence[str | Path]) -> list[PassedOver]:
    """Read the tables of the steps; rejected recordings are counted by reason.

    What several steps say alike, such as the policies of several seeds, is there once.

    Raises
    ------
    InputError
        A table is missing or has another form.
    """
    return list(dict.fromkeys(row for path in paths for row in _read(path)))


def shorten(rows: Sequence[PassedOver]) -> list[str]:
    """Return a line for each kind of things, whatever the trial lists in which they are."""
    kinds: dict[tuple[str, str], list[PassedOver]] = {}
    for row in rows:
        kinds.setdefault((row.stage, _PLACE.sub("", row.what)), []).append(row)
    return [
        f"{stage}: {sum(row.number for row in alike):,} {what}, in {len(alike)} lists"
        if len(alike) > 1
        else str(alike[0])
        for (stage, what), alike in kinds.items()
    ]


def _read(path: str | Path) -> list[PassedOver]:
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        if header == REJECTED_COLUMNS:
            return _count_rejected(rows)
        if header != [*PassedOver._fields]:
            raise ValueError(f"its columns are {', '.join(header)}")
        return [PassedOver(stage, what, int(number), first) for stage, what, number, first in rows]
    except (OSError, ValueError, csv.Error) as error:
        said = first_line(error)
        raise InputError(
            f"{path}: cannot be read as a table of what is passed over ({said})"
        ) from error


def _count_rejected(rows: list[list[str]]) -> list[PassedOver]:
    paths: dict[str, list[str]] = {}
    for _, path, reason in rows:
        paths.setdefault(reason, []).append(path)
    return [
        PassedOver("embeddings", f"recordings rejected: {reason}", len(of_reason), of_reason[0])
        for reason, of_reason in sorted(paths.items(), key=lambda entry: (-len(entry[1]), entry[0]))
    ]
