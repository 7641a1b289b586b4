"""Finding recordings in a folder."""

import heapq
import os
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from workflow_src.common.errors import InputError
from workflow_src.corpus.ids import parse_utterance_ids

SUFFIXES = (".wav", ".flac")


def walk_recordings(root: str | Path) -> Iterator[tuple[str, list[str]]]:
    """Go through all WAV and FLAC files under a folder, nested in any way.

    Symbolic links are followed, but each folder is read once, so that loops end; a folder's
    own place goes before a link to it. Hidden files and folders (``.name``) are left out.

    Parameters
    ----------
    root
        The folder.

    Yields
    ------
    within : str
        What the paths of one folder's files begin with, relative to `root`: ``""``, ``"a/b/"``.
    names : list of str
        Of the folder's recordings, none or more, in any order.

    Raises
    ------
    InputError
        The folder is missing, it or one below cannot be read, or there is no recording.
    """
    if not os.path.isdir(root):  # noqa: PTH112 (strings throughout: a Path a file is slow)
        raise InputError(f"{root}: there is no such folder; corpus.directory.root names it")
    folders: list[str] = [""]
    links: list[str] = []
    seen: set[tuple[int, int]] = set()
    none_yet = True
    while folders or links:
        folder = folders.pop() if folders else heapq.heappop(links)
        full = os.path.join(root, folder)  # noqa: PTH118
        within = f"{folder}/" if folder else ""
        found: list[str] = []
        try:
            status = os.stat(full)  # noqa: PTH116
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(full) as entries:
                for entry in entries:
                    name = entry.name
                    if name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(within + name)
                    elif entry.is_symlink() and os.path.isdir(entry.path):  # noqa: PTH112
                        heapq.heappush(links, within + name)
                    elif name.lower().endswith(SUFFIXES):
                        found.append(name)
        except OSError as error:
            raise InputError(
                f"{full}: cannot be read ({error.strerror}), but may hold recordings of "
                "corpus.directory.root"
            ) from error
        none_yet = none_yet and not found
        yield within, found
    if none_yet:
        raise InputError(f"{root}: no .wav or .flac file lies in this folder or below")


def find_recordings(root: str | Path) -> list[str]:
    """List all recordings under a folder.

    Returns
    -------
    list of str
        Paths relative to `root`, with ``/``, sorted.

    Raises
    ------
    InputError
        As `walk_recordings`.
    """
    return sorted(within + name for within, names in walk_recordings(root) for name in names)


def identify_recordings(paths: list[str], root: str | Path) -> pd.DataFrame:
    """Parse the utterance ids that recordings are named by.

    Parameters
    ----------
    paths
        N paths relative to `root`.
    root
        The folder, for errors.

    Returns
    -------
    DataFrame
        N rows in the given order: `common.ids.ID_COLUMNS` and path (str).

    Raises
    ------
    InputError
        A path is no UTF-8, a name is not an utterance id, or two files have the same id.
    """
    for path in paths:
        if not path.isascii():
            _check_utf8(path, root)
    stems = [path.rpartition("/")[2].rpartition(".")[0] for path in paths]
    try:
        table = parse_utterance_ids(stems, str(root))
    except InputError:
        bad = _find_bad(stems)
        path = os.path.join(root, paths[bad])  # noqa: PTH118
        # A name may hold line ends; an error is one line.
        parse_utterance_ids([stems[bad]], path if path.isprintable() else repr(path))
        raise
    table["path"] = pd.Series(paths, dtype="str")
    twice = table["utterance"].duplicated(keep=False)
    if twice.any():
        same = table[table["utterance"] == table["utterance"][twice].iloc[0]]
        raise InputError(
            f"{root}: two recordings have the utterance id {same['utterance'].iloc[0]}: "
            f"{same['path'].iloc[0]} and {same['path'].iloc[1]}"
        )
    return table


def _find_bad(stems: list[str]) -> int:
    """Return the place of one name that is no utterance id, by halving the list."""
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


def _check_utf8(path: str, root: str | Path) -> None:
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{root}: the name of {path!r} is not UTF-8; rename it") from error
