"""Reading and writing tables and arrays.

Every file appears whole or not at all: a writer writes a file beside its target, then renames it.
The same content gives the same bytes: no times, no machine names, no library versions.
"""

from __future__ import annotations

import collections
import contextlib
import io
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from workflow_src.common.errors import InputError, first_line, printable
from workflow_src.common.json_text import load_json
from workflow_src.common.limits import plain_size, within_budget
from workflow_src.common.whole_files import written_whole

MAX_COLUMNS = 10_000
"""Of a CSV table."""

# Arrow's own pool reserves 1 GiB at its first use, which would count as memory that a file takes.
pa.set_memory_pool(pa.system_memory_pool())


def read_text(path: str | Path, hint: str = "") -> str:
    """Read UTF-8 text, without a byte order mark.

    `hint` is added to the error of a file that is no UTF-8 text.

    Raises
    ------
    InputError
        The file cannot be read, or is no UTF-8 text.
    """
    try:
        with within_budget(path):
            return Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise InputError(f"{path}: is not UTF-8 text{hint}") from error


def write_text(text: str, path: str | Path) -> None:
    """Write UTF-8 text; line ends stay as they are."""
    with written_whole(path) as part:
        part.write_text(text, encoding="utf-8", newline="")


def write_json(content: Any, path: str | Path) -> None:
    """Write JSON with keys in the given order, two spaces of indentation, and no NaN."""
    write_text(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n", path)


def read_json(path: str | Path) -> Any:
    """Read JSON; raises `InputError` where the file is missing, no JSON, or has a key twice."""
    try:
        plain_size(path)
        # JSON takes no more than some thirty times its size.
        content = load_json(Path(path).read_text(encoding="utf-8"), path)
        # What could not be written again: NaN, infinity, and halves of characters.
        json.dumps(content, ensure_ascii=False, allow_nan=False).encode()
        return content
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read as JSON ({first_line(error)})") from error


def write_parquet(
    table: pd.DataFrame, path: str | Path, metadata: Mapping[str, str] | None = None
) -> None:
    """Write a table as parquet (zstd), without its index; the only metadata are those given."""
    arrow = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(None)
    fields = [
        pa.field(f.name, pa.string() if pa.types.is_large_string(f.type) else f.type)
        for f in arrow.schema
    ]
    with written_whole(path) as part:
        schema = pa.schema(fields, metadata=dict(metadata) if metadata else None)
        pq.write_table(arrow.cast(schema), part, compression="zstd")


def read_parquet_metadata(path: str | Path) -> dict[str, str]:
    """Read the metadata of a parquet table; raises `InputError` where it cannot be read."""
    plain_size(path)
    try:
        found = pq.read_schema(path).metadata or {}
        return {key.decode(): value.decode() for key, value in found.items()}
    except (OSError, ValueError, pa.ArrowException) as error:
        raise InputError(f"{path}: cannot be read as parquet ({first_line(error)})") from error


def read_parquet(path: str | Path, columns: Sequence[str] = (), only: bool = False) -> pd.DataFrame:
    """Read a parquet table.

    `columns` must be there. With `only`, no other column is read.

    Raises
    ------
    InputError
        The file is missing, is no parquet, or lacks a column.
    """
    plain_size(path)
    try:
        some = [name for name in pq.read_schema(path).names if name in columns] if only else None
        # Of a folder named ``speaker=7``, Arrow would make a column.
        table = pq.read_table(path, columns=some, partitioning=None)
        # A text that is no UTF-8 would fail where it is first shown.
        table.validate(full=True)
        frame = table.to_pandas()
    except (OSError, ValueError, pa.ArrowException) as error:
        raise InputError(f"{path}: cannot be read as parquet ({first_line(error)})") from error
    return _with_columns(frame, columns, path)


def write_csv(table: pd.DataFrame, path: str | Path) -> None:
    """Write a table as CSV without its index, with the fewest digits that give back each float."""
    text = io.StringIO()
    table.to_csv(text, index=False, lineterminator="\n")
    write_text(text.getvalue(), path)


def read_csv(
    path: str | Path,
    columns: Sequence[str] = (),
    text: Sequence[str] = (),
    all_text: bool = False,
) -> pd.DataFrame:
    """Read a CSV table.

    Parameters
    ----------
    path
        The file.
    columns
        Columns that must be there.
    text
        Columns to keep as text: an id such as ``0007`` is no number.
    all_text
        Keep every column as text; then only an empty field is a missing value.

    Raises
    ------
    InputError
        The file is missing, is no CSV, lacks a column, or has one twice.
    """
    try:
        with within_budget(path):
            _check_width(path)
            if all_text:
                options = {"keep_default_na": False, "na_values": [""]}
                table = pd.read_csv(path, dtype="str", **options)
            else:
                table = pd.read_csv(path, dtype=dict.fromkeys(text, "str"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as CSV ({first_line(error)})") from error
    # pandas renames the second of two columns.
    first = {"header": None, "nrows": 1, "dtype": "str", "keep_default_na": False}
    names = pd.read_csv(path, **first).iloc[0]
    if (twice := names.duplicated() & (names != "")).any():
        raise InputError(f"{path}: the column {names[twice].iloc[0]!r} stands there twice")
    return _with_columns(table, columns, path)


def _check_width(path: str | Path) -> None:
    """Refuse a table with a column for every few bytes; each takes kilobytes and milliseconds."""
    with Path(path).open("rb") as file:
        header = file.readline(1 << 20)
    if header.count(b",") >= MAX_COLUMNS:
        raise ValueError(f"it has more than {MAX_COLUMNS:,} columns")


def write_npy(array: np.ndarray, path: str | Path) -> None:
    """Write one array as ``.npy``."""
    with written_whole(path) as part, part.open("wb") as file:
        np.save(file, array, allow_pickle=False)


def write_npy_in_parts(
    shape: tuple[int, ...],
    dtype: np.dtype | type,
    parts: Iterable[tuple[np.ndarray, np.ndarray]],
    path: str | Path,
) -> None:
    """Write a large array as ``.npy`` from parts in any order, with one part in memory at a time.

    Parameters
    ----------
    shape, dtype
        Of the whole array. Rows in no part are zero.
    parts
        Pairs of row numbers, int [n], and the rows themselves, [n, ...].
    path
        The file.
    """
    dtype = np.dtype(dtype)
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    row_bytes = dtype.itemsize * int(np.prod(shape[1:]))
    with written_whole(path) as part_path, part_path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        start = file.tell()
        # A full disk is an error for a plain file, but kills a process that writes to a memory map.
        file.truncate(start + shape[0] * row_bytes)
        for rows, values in parts:
            breaks = np.flatnonzero(np.diff(rows) != 1) + 1
            bounds = [0, *breaks.tolist(), len(rows)] if len(rows) else [0]
            for first, end in itertools.pairwise(bounds):
                file.seek(start + int(rows[first]) * row_bytes)
                file.write(np.ascontiguousarray(values[first:end], dtype=dtype).data)


def write_npz(path: str | Path, **arrays: np.ndarray) -> None:
    """Write named arrays as ``.npz``."""
    with written_whole(path) as part, part.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def read_npz(path: str | Path, names: Sequence[str]) -> list[np.ndarray]:
    """Read named arrays of an ``.npz`` file.

    Raises
    ------
    InputError
        The file is missing, damaged, lacks an array, or holds pickled objects.
    """
    with _open_npz(path) as arrays:
        if missing := [name for name in names if name not in arrays.files]:
            there = ", ".join(map(printable, arrays.files[:10])) or "none"
            more = f" and {len(arrays.files) - 10:,} more" if len(arrays.files) > 10 else ""
            raise InputError(f"{path}: lacks the array {missing[0]!r}; it has: {there}{more}")
        return [arrays[name] for name in names]


def read_all_npz(path: str | Path) -> dict[str, np.ndarray]:
    """Read all arrays of an ``.npz`` file, by their names.

    Raises
    ------
    InputError
        As in `read_npz`.
    """
    with _open_npz(path) as arrays:
        return {name: arrays[name] for name in arrays.files}


@contextlib.contextmanager
def _open_npz(path: str | Path) -> Iterator[Any]:
    """Open an ``.npz`` file in which no array stands twice."""
    try:
        with within_budget(path), np.load(path, allow_pickle=False) as arrays:
            counts = collections.Counter(arrays.files)
            if twice := [name for name, count in counts.items() if count > 1]:
                raise InputError(f"{path}: the array {twice[0]!r} stands there twice")
            yield arrays
    except InputError:
        raise
    # A damaged file can raise any exception, in numpy, its tokenizer or zipfile.
    except Exception as error:
        raise InputError(f"{path}: cannot be read as .npz arrays ({first_line(error)})") from error


def read_npy(path: str | Path, mmap: bool = False) -> np.ndarray:
    """Read the array of an ``.npy`` file, or map it into memory.

    Raises
    ------
    InputError
        The file is missing, cut short, or holds pickled objects.
    """
    try:
        with within_budget(path):
            array = np.load(path, mmap_mode="r" if mmap else None, allow_pickle=False)
    except InputError:
        raise
    # As in `read_npz`.
    except Exception as error:
        raise InputError(f"{path}: cannot be read as a .npy array ({first_line(error)})") from error
    if not isinstance(array, np.ndarray):
        raise InputError(f"{path}: cannot be read as a .npy array (it is an archive)")
    return array


def _with_columns(table: pd.DataFrame, columns: Sequence[str], path: str | Path) -> pd.DataFrame:
    missing = [name for name in columns if name not in table.columns]
    if missing:
        there = ", ".join(map(printable, table.columns)) or "none"
        raise InputError(f"{path}: lacks the column {missing[0]!r}; its columns are: {there}")
    return table
