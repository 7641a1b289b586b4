"""Tables that describe recordings: CSV, TSV, Parquet, and the lists of other toolkits.

Every reader gives the same columns: path and speaker (text), and whatever else the table has.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from workflow_src.common.errors import InputError, first_line, printable
from workflow_src.common.files import MAX_COLUMNS, read_parquet, read_text
from workflow_src.common.json_text import load_json

DELIMITERS = {",": "a comma", "\t": "a tab", ";": "a semicolon", "|": "a bar"}
# Names of columns in the lists of SpeechBrain and NeMo, and ours for them.
ALIASES = {
    "ID": "utterance", "wav": "path", "spk_id": "speaker", "duration": "seconds",
    "audio_filepath": "path", "label": "speaker", "offset": "start",
}  # fmt: skip
# SpeechBrain writes the root of its recordings so.
_ROOT = re.compile(r"^(\$data_root|\$\{data_root\}|\{data_root\})/")
NUMBERS = ("start", "end", "seconds")
SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".json", ".jsonl")


def read_table(path: Path, needed: list[str]) -> pd.DataFrame:
    """Read a table that names recordings or utterances.

    Parameters
    ----------
    path
        As in `read_rows`. The columns of SpeechBrain's and NeMo's lists get our names.
    needed
        Columns that must be there, and filled in every row.

    Returns
    -------
    DataFrame
        All columns, as text but for start, end and seconds (float64); an empty field is missing.
        Where a table tells the length of parts, as NeMo's do, end follows.

    Raises
    ------
    InputError
        As in `read_rows`; or a field is empty, or no number of seconds.
    """
    table = read_rows(path, needed, ALIASES)
    for name in needed:
        empty = table[name].isna()
        if empty.any():
            raise InputError(f"{path}: row {_row(empty)} has no {name}")
    for name in NUMBERS:
        if name in table:
            table[name] = _numbers(table[name], name, path)
    if "start" in table and "end" not in table and "seconds" in table:
        table["end"] = table["start"] + table["seconds"]
    if "path" in table:
        table["path"] = table["path"].str.replace(_ROOT, "", regex=True)
    return table


def read_rows(
    path: Path, needed: list[str], aliases: Mapping[str, str] = MappingProxyType({})
) -> pd.DataFrame:
    """Read a table as text, whatever its form; an empty field is missing.

    Parameters
    ----------
    path
        ``.csv``, ``.tsv`` or ``.txt`` (delimited text), ``.parquet``, ``.json`` or ``.jsonl`` (a
        JSON object a line).
    needed
        Columns that must be there.
    aliases
        Other names of columns, and the names that they get.

    Raises
    ------
    InputError
        The file cannot be read, has another form, lacks a column, or has no row.
    """
    table = read_columns(path)
    table = table.rename(columns={old: new for old, new in aliases.items() if new not in table})
    missing = [name for name in needed if name not in table.columns]
    if missing:
        there = ", ".join(map(printable, table.columns)) or "none"
        raise InputError(f"{path}: lacks the column {missing[0]!r}; its columns are: {there}")
    if table.empty:
        raise InputError(f"{path}: has no row")
    return table


def read_columns(path: Path) -> pd.DataFrame:
    """Read a table as it is, all columns but `NUMBERS` as text; otherwise as `read_table`."""
    readers: dict[str, Callable[[Path], pd.DataFrame]] = {
        ".parquet": _read_parquet, ".json": _read_lines, ".jsonl": _read_lines,
    }  # fmt: skip
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path}: is of no known form; allowed are: {', '.join(SUFFIXES)}")
    return readers.get(path.suffix.lower(), _read_text)(path)


def _numbers(column: pd.Series, name: str, path: Path) -> pd.Series:
    numbers = pd.to_numeric(column, errors="coerce")
    bad = (numbers.isna() & column.notna()) | (numbers < 0)
    if bad.any():
        value = column[bad].iloc[0]
        raise InputError(
            f"{path}: {name} of row {_row(bad)} is {printable(value)!r}; it needs seconds, 0 or "
            "more"
        )
    return numbers.astype("float64")


def _row(bad: pd.Series) -> int:
    """Return the number of the first such row; the row after the header is row 1."""
    return int(bad.to_numpy().argmax()) + 1


def _read_text(path: Path) -> pd.DataFrame:
    """Read delimited text; the header tells the delimiter."""
    text = read_text(path, "; in Excel, save it as 'CSV UTF-8 (comma delimited)'")
    header = text.split("\n", 1)[0].rstrip("\r")
    if header.startswith("sep="):  # Excel's line that tells the delimiter
        text = text.split("\n", 1)[-1]
        header = text.split("\n", 1)[0].rstrip("\r")
    delimiter = "\t" if path.suffix.lower() == ".tsv" else max(DELIMITERS, key=header.count)
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True
    )
    rows: list[list[str]] = []
    try:
        for row in reader:
            if any(row) and len(row) != len(rows[0] if rows else row):
                raise InputError(
                    f"{path}:{reader.line_num}: has {len(row)} fields, the header {len(rows[0])}; "
                    f"they are divided by {DELIMITERS[delimiter]}"
                )
            rows += [[field.strip() for field in row]] if any(row) else []
    except csv.Error as error:
        raise InputError(
            f"{path}:{reader.line_num}: cannot be read as text with {DELIMITERS[delimiter]} "
            f"between fields ({error})"
        ) from error
    columns = rows[0] if rows else []
    if len(columns) > MAX_COLUMNS:
        raise InputError(f"{path}: has more than {MAX_COLUMNS:,} columns")
    if twice := [name for name in columns if columns.count(name) > 1]:
        raise InputError(f"{path}: has the column {printable(twice[0])!r} twice")
    return pd.DataFrame(rows[1:], columns=columns, dtype="str").replace("", None).astype("str")


def _read_parquet(path: Path) -> pd.DataFrame:
    table = read_parquet(path)
    for name in table.columns:
        column = table[name]
        if pd.api.types.is_datetime64_any_dtype(column):
            table[name] = column.map(lambda moment: None if pd.isna(moment) else moment.isoformat())
        else:
            table[name] = column.map(lambda value: None if pd.isna(value) else str(value))
    return table.astype("str")


def _read_lines(path: Path) -> pd.DataFrame:
    """Read a JSON object a line, as NeMo writes its manifests."""
    rows = []
    columns: dict[str, None] = {}
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = load_json(line, f"{path}:{number}")
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}:{number}: is no JSON ({first_line(error)})") from error
        if not isinstance(row, dict) or any(isinstance(v, (dict, list)) for v in row.values()):
            raise InputError(f"{path}:{number}: is no JSON object of plain values")
        columns.update(dict.fromkeys(row))
        if len(columns) > MAX_COLUMNS:
            raise InputError(f"{path}:{number}: has more than {MAX_COLUMNS:,} columns")
        texts = {key: None if value is None else str(value) for key, value in row.items()}
        try:
            "".join([*texts, *filter(None, texts.values())]).encode()
        except UnicodeEncodeError as error:
            raise InputError(f"{path}:{number}: holds half of a character") from error
        rows.append(texts)
    return pd.DataFrame(rows, dtype="str")
