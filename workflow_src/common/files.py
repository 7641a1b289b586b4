"""Reading and writing tables and arrays: outputs appear whole or not at all.

Every writer writes beside its target and renames, and writes the same bytes for the same
content: no times, no names of machines, no library metadata that depends on the moment.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from workflow_src.common.errors import InputError


@contextlib.contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Give a path beside `path` to write to; rename it onto `path` when the block ends well.

    The parent folder is made. When the block raises, nothing is left behind.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_text(text: str, path: str | Path) -> None:
    """Write UTF-8 text with the line ends given."""
    with written_whole(path) as part:
        part.write_text(text, encoding="utf-8", newline="")


def write_json(content: Any, path: str | Path) -> None:
    """Write JSON: keys in the order given, two spaces of indentation, no NaN."""
    write_text(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n", path)


def read_json(path: str | Path) -> Any:
    """Read JSON; raises `InputError` when the file is missing or no JSON."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as JSON ({_reason(error)})") from error


def write_parquet(table: pd.DataFrame, path: str | Path) -> None:
    """Write a table as parquet (zstd), without its index and without library metadata."""
    arrow = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(None)
    fields = [
        pa.field(f.name, pa.string() if pa.types.is_large_string(f.type) else f.type)
        for f in arrow.schema
    ]
    with written_whole(path) as part:
        pq.write_table(arrow.cast(pa.schema(fields)), part, compression="zstd")


def read_parquet(path: str | Path, columns: Sequence[str] = ()) -> pd.DataFrame:
    """Read a parquet table.

    Parameters
    ----------
    path
        The file.
    columns
        Columns that must be there. All columns of the file are returned.

    Raises
    ------
    InputError
        The file is missing, is no parquet, or lacks a column.
    """
    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise InputError(f"{path}: cannot be read as parquet ({_reason(error)})") from error
    return _with_columns(table, columns, path)


def write_csv(table: pd.DataFrame, path: str | Path) -> None:
    """Write a table as CSV without its index; floats with the fewest digits that read back."""
    text = io.StringIO()
    table.to_csv(text, index=False, lineterminator="\n")
    write_text(text.getvalue(), path)


def read_csv(
    path: str | Path, columns: Sequence[str] = (), text: Sequence[str] = ()
) -> pd.DataFrame:
    """Read a CSV table.

    Parameters
    ----------
    path
        The file.
    columns
        Columns that must be there.
    text
        Columns to keep as text (ids such as ``0007`` are no numbers).

    Raises
    ------
    InputError
        The file is missing, is no CSV, or lacks a column.
    """
    try:
        table = pd.read_csv(path, dtype=dict.fromkeys(text, "str"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as CSV ({_reason(error)})") from error
    return _with_columns(table, columns, path)


def write_npy(array: np.ndarray, path: str | Path) -> None:
    """Write one array as ``.npy``."""
    with written_whole(path) as part, part.open("wb") as file:
        np.save(file, array, allow_pickle=False)


def read_npy(path: str | Path, mmap: bool = False) -> np.ndarray:
    """Read one array of ``.npy``, or map it; pickled content is refused.

    Raises
    ------
    InputError
        The file is missing, cut short, or holds pickled objects.
    """
    try:
        return np.load(path, mmap_mode="r" if mmap else None, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path}: cannot be read as a .npy array ({_reason(error)})") from error


def _with_columns(table: pd.DataFrame, columns: Sequence[str], path: str | Path) -> pd.DataFrame:
    missing = [name for name in columns if name not in table.columns]
    if missing:
        there = ", ".join(map(str, table.columns)) or "none"
        raise InputError(f"{path}: lacks the column {missing[0]!r}; its columns are: {there}")
    return table


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return (str(error).splitlines() or [type(error).__name__])[0]
