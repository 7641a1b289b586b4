"""What the names of recordings say: by the corpus's ids, by a pattern, or by a table.

This is the only place that turns names into speakers and times. All later rooms read the manifest.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
import pandas as pd

from workflow_src.common.errors import InputError, printable
from workflow_src.common.passed_over import note
from workflow_src.corpus.ids import (
    PATTERN_NAME,
    check_distinct,
    parse_utterance_ids,
    read_id_lines,
)
from workflow_src.corpus.kaldi_data import read_data_directory
from workflow_src.corpus.moments import split_moments
from workflow_src.corpus.patterns import (
    Pattern,
    compile_pattern,
    describe_mismatch,
    match_names,
    speakers_of,
)
from workflow_src.corpus.shards import SMIIP_SPEAKER
from workflow_src.corpus.tables import SUFFIXES, read_table
from workflow_src.settings.corpus import DirectoryCorpus, ImportedCorpus

# Columns that every manifest begins with. Where the time is unknown, date and time are empty.
KNOWN = ["utterance", "speaker", "date", "time"]
Keep = Callable[[str], bool]


class Part(NamedTuple):
    """A recording, or a part of it, of one speaker.

    Attributes
    ----------
    row
        The place of the recording in a list of paths.
    speaker
        The speaker.
    detail
        What else its embedding depends on: its id and its place in the recording, if it has one.
    """

    row: int
    speaker: str
    detail: str = ""


class Naming(ABC):
    """How the recordings of a folder are named."""

    @abstractmethod
    def describe(
        self, paths: list[str], root: str | Path, keep: Keep | None = None
    ) -> pd.DataFrame:
        """Describe the recordings of the speakers that `keep` accepts, or of all.

        Parameters
        ----------
        paths
            N paths relative to `root`.
        root
            The folder, for errors.
        keep
            Tells by a speaker's id whether its recordings are wanted.

        Returns
        -------
        DataFrame
            `KNOWN`, what else the names say, and path, in any order. A recording can have several
            rows: its parts.

        Raises
        ------
        InputError
            A name does not say what is needed, or two recordings have the same id.
        """

    @abstractmethod
    def find_parts(self, paths: list[str]) -> list[Part]:
        """Return whose the recordings are; a recording that is nobody's has no part."""


class ByName(Naming):
    """The name of each file tells what is needed."""

    def describe(
        self, paths: list[str], root: str | Path, keep: Keep | None = None
    ) -> pd.DataFrame:
        """As in `Naming`."""
        if keep is not None:
            paths = [paths[part.row] for part in self.find_parts(paths) if keep(part.speaker)]
        _check_text(paths, root)
        table = _ordered(self._read(paths, root))
        table["path"] = pd.Series(paths, dtype="str")
        check_distinct(table, f"{root}: ")
        return table

    @abstractmethod
    def _read(self, paths: list[str], root: str | Path) -> pd.DataFrame:
        """Read what the names say, a row for each path."""


class ById(ByName):
    """Each file's name is an utterance id of the SMIIP-TV form."""

    def _read(self, paths: list[str], root: str | Path) -> pd.DataFrame:
        stems = [path.rpartition("/")[2].rpartition(".")[0] for path in paths]
        try:
            return parse_utterance_ids(stems, str(root))
        except InputError:
            bad = _find_bad(stems)
            parse_utterance_ids([stems[bad]], _place(root, paths[bad]))
            raise

    def find_parts(self, paths: list[str]) -> list[Part]:
        """As in `Naming`; the first four digits of a name are its speaker."""
        heads = [path[path.rfind("/") + 1 :][:SMIIP_SPEAKER] for path in paths]
        digits = {
            head: len(head) == SMIIP_SPEAKER and head.isascii() and head.isdecimal()
            for head in set(heads)
        }
        return [Part(row, head) for row, head in enumerate(heads) if digits[head]]


class ByPattern(ByName):
    """Each path matches a pattern."""

    def __init__(self, pattern: Pattern) -> None:
        self.pattern = pattern

    def _read(self, paths: list[str], root: str | Path) -> pd.DataFrame:
        table = _match(self.pattern, self._names(paths), str(root))
        table.insert(0, "utterance", _check_ids([_stem(path) for path in paths], str(root)))
        return table

    def find_parts(self, paths: list[str]) -> list[Part]:
        """As in `Naming`."""
        found = speakers_of(self.pattern, self._names(paths))
        return [Part(row, name) for row, name in enumerate(found) if name is not None]

    def _names(self, paths: list[str]) -> list[str]:
        return paths if self.pattern.has_suffix else [_stem(path) for path in paths]


class ByTable(Naming):
    """A table, or a Kaldi data directory, has a row for each recording or each part of one."""

    def __init__(
        self, rows: pd.DataFrame, source: Path, root: str | Path, times: Path | None = None
    ) -> None:
        self.source = source
        rows["path"] = [_relative(path, root) for path in rows["path"]]
        if "utterance" not in rows:
            rows.insert(0, "utterance", [_stem(path) for path in rows["path"]])
        rows["utterance"] = _check_ids(rows["utterance"], str(self.source))
        names = None if times is None else rows["utterance"]
        self.rows = _ordered(_with_moments(rows, str(times or source), names))
        check_distinct(self.rows, f"{self.source}: ")
        for first, second in (("start", "end"), ("end", "start")):
            if first in self.rows and second not in self.rows:
                raise InputError(f"{self.source}: has a column {first} but no column {second}")
        if "start" in self.rows:
            wrong = ~(self.rows["start"].fillna(0) < self.rows["end"].fillna(np.inf))
            if wrong.any():
                name = self.rows["utterance"][wrong].iloc[0]
                raise InputError(f"{self.source}: {printable(name)} ends before it starts")

    def describe(
        self, paths: list[str], root: str | Path, keep: Keep | None = None
    ) -> pd.DataFrame:
        """As in `Naming`; a row without a recording is left out and counted."""
        there = self.rows["path"].isin(paths)
        if not there.any():
            row = self.rows.iloc[0]
            raise InputError(
                f"{self.source}: none of its {len(self.rows):,} paths is a recording under {root}, "
                f"the first is {printable(row['path'])}; paths are relative to "
                "corpus.directory.root"
            )
        if keep is None:
            unnamed = len(set(paths) - set(self.rows["path"]))
            note("recordings that no row of corpus.directory names", unnamed)
            first = self.rows["path"][~there].head(1).tolist()
            lost = "rows of corpus.directory without a .wav or .flac file below the root"
            note(lost, int((~there).sum()), *first)
        else:
            there &= self.rows["speaker"].map({n: keep(n) for n in self.rows["speaker"].unique()})
        return self.rows[there].reset_index(drop=True)

    def find_parts(self, paths: list[str]) -> list[Part]:
        """As in `Naming`."""
        row_of = {path: row for row, path in enumerate(paths)}
        bounds = [""] * len(self.rows)
        if "start" in self.rows:
            pairs = zip(self.rows["start"], self.rows["end"], strict=True)
            bounds = [f" {start!r} {end!r}" for start, end in pairs]
        return [
            Part(row_of[path], speaker, f"{utterance}{bound}")
            for utterance, speaker, path, bound in zip(
                self.rows["utterance"], self.rows["speaker"], self.rows["path"], bounds, strict=True
            )
            if path in row_of
        ]


def open_naming(settings: DirectoryCorpus, root: str | Path) -> Naming:
    """Return how the recordings of ``corpus.directory`` are named.

    Raises
    ------
    InputError
        The pattern, the table or the data directory is invalid.
    """
    if settings.table is not None:
        table = Path(settings.table)
        return ByTable(read_table(table, ["path", "speaker"]), table, root)
    if settings.kaldi is not None:
        folder = Path(settings.kaldi)
        return ByTable(read_data_directory(folder), folder, root, folder / "utt2time")
    if settings.names == PATTERN_NAME:
        return ById()
    return ByPattern(_compile(settings.names, "corpus.directory.names"))


def describe_utterances(
    parts: list[tuple[list[str], str]], settings: ImportedCorpus
) -> pd.DataFrame:
    """Describe embeddings from elsewhere by their utterance ids.

    Parameters
    ----------
    parts
        For each file its ids and its name, for errors; N ids in all.
    settings
        How they are named.

    Returns
    -------
    DataFrame
        `KNOWN` and what else is known, N rows in the given order.

    Raises
    ------
    InputError
        An id does not say what is needed, or has no row in the table.
    """
    if settings.table is not None:
        return _look_up(parts, Path(settings.table))
    if settings.names == PATTERN_NAME:
        tables = [parse_utterance_ids(utterances, source) for utterances, source in parts]
        return pd.concat(tables, ignore_index=True)
    pattern = _compile(settings.names, "corpus.imported.names")
    tables = [_match_ids(pattern, utterances, source) for utterances, source in parts]
    return pd.concat(tables, ignore_index=True)


def read_utterances(path: Path, names: str, key: str) -> pd.DataFrame:
    """Read a list of utterances: a text with an id a line, or a table that names them.

    Parameters
    ----------
    path
        A text of any suffix, in which empty lines and the text after a # do not count; or a table
        ``.csv``, ``.tsv``, ``.parquet``, ``.json`` or ``.jsonl`` with the columns utterance,
        speaker and time.
    names
        How the ids of a text are named.
    key
        The setting of `names`, for errors.

    Returns
    -------
    DataFrame
        `KNOWN` and what else is known, in any order.

    Raises
    ------
    InputError
        The file cannot be read, an id occurs twice, or does not say what is needed.
    """
    if path.suffix.lower() in SUFFIXES and path.suffix.lower() != ".txt":
        return _split_times(_read_named(path, ["utterance", "speaker", "time"]), path)
    ids, lines = zip(*read_id_lines(path, "utterance"), strict=True)
    if names == PATTERN_NAME:
        return parse_utterance_ids(list(ids), str(path), lines)
    return _match_ids(_compile(names, key), list(ids), str(path))


def _match_ids(pattern: Pattern, utterances: list[str], source: str) -> pd.DataFrame:
    table = _match(pattern, utterances, source)
    table.insert(0, "utterance", _check_ids(utterances, source))
    return _ordered(table)


def check_pattern(names: str, key: str) -> None:
    """Raise an `InputError` if a setting is neither the name of a pattern nor a pattern."""
    if names != PATTERN_NAME:
        _compile(names, key)


def _read_named(path: Path, needed: list[str]) -> pd.DataFrame:
    """Read a table with a row for each utterance."""
    rows = read_table(path, needed)
    if "utterance" not in rows:
        if "path" not in rows:
            raise InputError(f"{path}: lacks the column 'utterance'")
        rows["utterance"] = [_stem(name) for name in rows["path"]]
    twice = rows["utterance"].duplicated()
    if twice.any():
        name = rows["utterance"][twice].iloc[0]
        raise InputError(f"{path}: the utterance {printable(name)} stands there twice")
    return rows


def _split_times(rows: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Give the rows of a table the columns date and time, and leave out where recordings are."""
    rows["utterance"] = _check_ids(rows["utterance"], str(path))
    rows = _with_moments(rows, str(path))
    return _ordered(rows.drop(columns=["path", "start", "end"], errors="ignore"))


def _look_up(parts: list[tuple[list[str], str]], path: Path) -> pd.DataFrame:
    rows = _read_named(path, ["speaker"])
    known = pd.Index(rows["utterance"])
    places = []
    for utterances, source in parts:
        place = known.get_indexer(pd.Index(utterances))
        if (place < 0).any():
            missing = [name for name, row in zip(utterances, place, strict=True) if row < 0]
            more = f" (nor of {len(missing) - 1:,} more)" if len(missing) > 1 else ""
            raise InputError(
                f"{path}: has no row of {printable(missing[0])}{more}, which {source} has; the "
                "column utterance must hold the ids of the embeddings"
            )
        places.append(place)
    used = np.concatenate(places)
    unused = np.setdiff1d(np.arange(len(rows)), used)
    if len(unused):
        first = rows["utterance"].iloc[unused[0]]
        note("rows of corpus.imported.table without an embedding", len(unused), first)
    return _split_times(rows.iloc[used].reset_index(drop=True), path)


def _with_moments(rows: pd.DataFrame, source: str, names: pd.Series | None = None) -> pd.DataFrame:
    """Put date and time in the place of a table's column time, if it has one."""
    if "time" not in rows:
        if "date" in rows:
            raise InputError(f"{source}: has a column date but no column time; name it time")
        return rows.assign(date="", time="").astype({"date": "str", "time": "str"})
    moments = split_moments(rows["time"], None, False, source, names)
    return pd.concat([rows.drop(columns=["date", "time"], errors="ignore"), moments], axis=1)


def _compile(text: str, key: str) -> Pattern:
    try:
        return compile_pattern(text)
    except InputError as error:
        raise InputError(f"{key}: {error}") from error


def _match(pattern: Pattern, names: list[str], source: str) -> pd.DataFrame:
    table, matches = match_names(pattern, names)
    if not matches.all():
        first = names[int((~matches).argmax())]
        others = int((~matches).sum()) - 1
        raise InputError(f"{source}: {describe_mismatch(pattern, first, others)}")
    if "time" not in table:
        return _with_moments(table, source)
    moments = split_moments(table.pop("time"), pattern.time_format, pattern.clock, source)
    return pd.concat([table, moments], axis=1)


def _check_ids(utterances: list[str] | pd.Series, source: str) -> pd.Series:
    """Refuse ids with white space or control characters, which lists and archives cannot hold."""
    ids = pd.Series(utterances, dtype="str").reset_index(drop=True)
    bad = ~ids.str.fullmatch(r"[^\s\x00-\x1f\x7f]+").fillna(False).to_numpy(bool)
    if bad.any():
        raise InputError(
            f"{source}: {ids[bad].iloc[0]!r} is no utterance id, because it is empty or has white "
            "space; rename it, or give a table with a column utterance"
        )
    return ids


def _ordered(table: pd.DataFrame) -> pd.DataFrame:
    return table[[*KNOWN, *(name for name in table.columns if name not in KNOWN)]]


def _stem(path: str) -> str:
    """Return a path without the suffix of its file."""
    folder, slash, name = path.rpartition("/")
    return folder + slash + (name.rpartition(".")[0] or name)


def _relative(path: str, root: str | Path) -> str:
    """Return the path of a table relative to the root."""
    pure = PurePosixPath(path)
    if pure.is_absolute() and pure.is_relative_to(Path(root).absolute()):
        pure = pure.relative_to(Path(root).absolute())
    return str(pure)


def _check_text(paths: list[str], root: str | Path) -> None:
    for path in paths:
        try:
            path.encode()
        except UnicodeEncodeError as error:
            raise InputError(f"{root}: the name of {path!r} is not UTF-8; rename it") from error


def _place(root: str | Path, path: str) -> str:
    """Return a path for an error, which is one line; a name may hold line ends."""
    full = f"{root}/{path}"
    return full if full.isprintable() else repr(full)


def _find_bad(stems: list[str]) -> int:
    """Find one name that is no utterance id, by halving the list; return its place."""
    first, end = 0, len(stems)
    while end - first > 1:
        middle = (first + end) // 2
        try:
            parse_utterance_ids(stems[first:middle], "")
        except InputError:
            end = middle
        else:
            first = middle
    return first
