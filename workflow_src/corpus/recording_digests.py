"""Digests of recordings by content, from which a run sees which recordings changed.

Snakemake compares times. A folder of recordings among a rule's inputs would rerun everything after
one new file, or after a mere ``touch``. Instead the rules have digests among their params: one of
all recordings, and one for each shard of speakers. The process that runs the workflow makes the
digests at its start; the processes of single jobs read them.

A recording is read only if its size or one of its times changed since it was last read. Every
change of a file sets its time of status change, which no program can set back. A few file systems
have no such time (FAT, some network shares). There, a change that keeps the size and sets the time
of modification back goes unnoticed.
"""

from __future__ import annotations

import collections
import functools
import hashlib
import itertools
import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from workflow_src.common.digests import digest_file
from workflow_src.common.errors import InputError
from workflow_src.common.files import read_json, read_npz, write_json, write_npz
from workflow_src.corpus.file_states import FIELDS, read_states
from workflow_src.corpus.naming import Part, open_naming
from workflow_src.corpus.scan import describe_others, walk_recordings
from workflow_src.corpus.shards import shard_of_speaker
from workflow_src.running.progress import show_progress
from workflow_src.settings.corpus import DirectoryCorpus

# Hashing releases the interpreter, and a disk or server answers several requests at once.
THREADS = 8
FILES_AT_ONCE = 64
PROGRESS_AFTER_SECONDS = 2.0
# How often the digests so far are saved, for a run that is killed.
SAVE_SECONDS = 30.0
# A file can change again within one tick of its file system's clock. FAT has the longest ticks.
TICK_NS = 2_000_000_000

SIZE, CHANGED = 0, 2
DIGEST_BYTES = 16
# The digest of a recording that was not or cannot be read.
UNKNOWN = bytes(DIGEST_BYTES)


class RecordingDigests(NamedTuple):
    """Digests of all recordings: of the whole list, and of each shard."""

    listing: str
    shards: list[str]


class _Recordings(NamedTuple):
    """What is known about N recordings."""

    paths: list[str]  # relative to the root
    states: np.ndarray  # int64 [N, 3]: bytes, time of modification, time of status change (ns)
    contents: np.ndarray  # uint8 [N, DIGEST_BYTES]


def digest_recordings(settings: DirectoryCorpus, shards: int, records: Path) -> RecordingDigests:
    """Digest the recordings under a folder; read only those that changed since the last time.

    Parameters
    ----------
    settings
        The folder, how its recordings are named, and the speakers to use. Recordings of others
        count by their paths alone, and are not read.
    shards
        The number of shards of speakers.
    records
        Folder for the digests: a cache for the next call, and the result for `read_digests`.

    Returns
    -------
    RecordingDigests
        A recording that is no plain file or cannot be read counts by its path alone; each call
        tries it again. A file whose name tells no speaker counts in `listing` only. A part of a
        recording counts by its place too.

    Raises
    ------
    InputError
        As in `walk_recordings` and `open_naming`; or a file in `records` cannot be written.
    """
    root = str(settings.root)
    naming = open_naming(settings, root)
    cache = records / f"{_key(root)}.npz"
    known = _load(cache)
    began = time.time_ns()
    paths, states = _scan(root)
    found = _Recordings(paths, states, _recall(known, paths, states))
    parts = _parts_of_shards(naming.find_parts(paths), shards, settings.speakers)
    used = np.zeros(len(paths), bool)
    used[[part.row for shard in parts for part in shard]] = True
    unread = used & (states[:, SIZE] >= 0) & ~found.contents.any(axis=1)
    try:
        if known is None or known.paths != paths or unread.any():
            save = functools.partial(_save, found, began, cache)
            try:
                _read(found, np.flatnonzero(unread).tolist(), root, save)
            finally:
                save()
        found.contents[~used] = 0
        of_shards = [_digest(found, shard) for shard in parts]
        of_others = _digest(found, [Part(row, "") for row in np.flatnonzero(~used).tolist()])
        digests = RecordingDigests(_short("".join([*of_shards, of_others]).encode()), of_shards)
        write_json(digests._asdict(), _result(records, settings, shards))
    except OSError as error:
        raise InputError(
            f"{records}: what was read of {root} cannot be kept there ({error.strerror})"
        ) from error
    return digests


def read_digests(settings: DirectoryCorpus, shards: int, records: Path) -> RecordingDigests:
    """Return the last result of `digest_recordings` for the same arguments, or `no_digests`."""
    try:
        return RecordingDigests(**read_json(_result(records, settings, shards)))
    except (InputError, TypeError):
        return no_digests(shards)


def no_digests(shards: int) -> RecordingDigests:
    """Return the digests where there are no recordings."""
    return RecordingDigests("", [""] * shards)


def _short(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _key(*arguments: object) -> str:
    return _short(json.dumps(arguments).encode())


def _result(records: Path, settings: DirectoryCorpus, shards: int) -> Path:
    naming = settings.model_dump(include={"speakers", "names", "table", "kaldi"})
    return records / f"{_key(settings.root)}.{_key(shards, naming)}.json"


def _scan(root: str) -> tuple[list[str], np.ndarray]:
    """Return the paths of all recordings, in a fixed order, and their states."""
    others: collections.Counter[str] = collections.Counter()
    folders = sorted((within, sorted(names)) for within, names in walk_recordings(root, others))
    if others:  # on the screen, where a step's own words are in its log
        print(f"warning: {root}: {describe_others(others)}", file=sys.stderr)
    paths = [within + name for within, names in folders for name in names]
    states = np.frombuffer(read_states(root, folders), np.int64)
    return paths, states.reshape(-1, FIELDS)


def _recall(known: _Recordings | None, paths: list[str], states: np.ndarray) -> np.ndarray:
    """Return the known digests of files whose state is the same as when they were read."""
    contents = np.zeros((len(paths), DIGEST_BYTES), np.uint8)
    if known is not None:
        rows = np.arange(len(paths))
        if known.paths != paths:
            row_of = {path: row for row, path in enumerate(known.paths)}
            rows = np.array([row_of.get(path, -1) for path in paths])
        same = (rows >= 0) & (known.states[rows] == states).all(axis=1)
        contents[same] = known.contents[rows[same]]
    return contents


def _parts_of_shards(
    parts: list[Part], shards: int, speakers: list[str] | None
) -> list[list[Part]]:
    """Return the parts of each shard's speakers, without those of speakers who are not used."""
    of_shards: list[list[Part]] = [[] for _ in range(shards)]
    wanted = {part.speaker for part in parts}.intersection(speakers) if speakers else None
    shard_of = functools.cache(functools.partial(shard_of_speaker, shards=shards))
    for part in parts:
        if wanted is None or part.speaker in wanted:
            of_shards[shard_of(part.speaker)].append(part)
    return of_shards


def _read(found: _Recordings, rows: list[int], root: str, save: Callable[[], None]) -> None:
    """Digest the contents of some recordings, and save now and then."""
    files = [f"{root}/{found.paths[row]}" for row in rows]
    parts = [files[i : i + FILES_AT_ONCE] for i in range(0, len(files), FILES_AT_ONCE)]
    pool = ThreadPoolExecutor(THREADS)
    contents = itertools.chain.from_iterable(pool.map(_digest_contents, parts))
    what = "reading new and changed recordings"
    saved = time.monotonic()
    try:
        for row, content in zip(
            rows, show_progress(contents, what, len(rows), PROGRESS_AFTER_SECONDS), strict=True
        ):
            found.contents[row] = np.frombuffer(content, np.uint8)
            if time.monotonic() - saved > SAVE_SECONDS:
                save()
                saved = time.monotonic()
    finally:
        # An interrupted run must not read the rest first.
        pool.shutdown(cancel_futures=True)


def _digest_contents(files: list[str]) -> list[bytes]:
    return [_digest_content(file) for file in files]


def _digest_content(file: str) -> bytes:
    try:
        return bytes.fromhex(digest_file(file))[:DIGEST_BYTES]
    except OSError:
        return UNKNOWN


def _digest(found: _Recordings, parts: list[Part]) -> str:
    """Digest the paths and contents of some recordings, and the places of parts in them."""
    rows = [part.row for part in parts]
    paths = _join([found.paths[row] for row in rows])
    details = _join([part.detail for part in parts]) if any(part.detail for part in parts) else b""
    contents = found.contents[np.array(rows, np.int64)].tobytes()
    return _short(b"".join([b"%d\n" % len(parts), paths, contents, details]))


def _join(paths: list[str]) -> bytes:
    """Join paths; no path holds a NUL."""
    return "\0".join([*paths, ""]).encode("utf-8", "surrogateescape")


def _save(found: _Recordings, began: int, cache: Path) -> None:
    """Save the digests, except of files that may have changed unseen since `began` (ns)."""
    settled = found.states[:, CHANGED] < began - TICK_NS
    contents = np.where(settled[:, None], found.contents, np.uint8(0))
    paths = np.frombuffer(_join(found.paths), np.uint8)
    write_npz(cache, paths=paths, states=found.states, contents=contents)


def _load(cache: Path) -> _Recordings | None:
    """Return the saved digests; None where there are none, or they are damaged."""
    try:
        joined, states, contents = read_npz(cache, list(_Recordings._fields))
        paths = joined.tobytes().decode("utf-8", "surrogateescape").split("\0")[:-1]
    # A damaged file can raise any exception. It only means reading all recordings again.
    except Exception:
        return None
    whole = states.shape == (len(paths), FIELDS) and contents.shape == (
        len(paths),
        DIGEST_BYTES,
    )
    return _Recordings(paths, states, contents) if whole else None
