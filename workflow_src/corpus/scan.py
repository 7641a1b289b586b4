"""Finding recordings in a folder."""

import collections
import heapq
import os
from collections.abc import Iterator
from pathlib import Path

from workflow_src.common.errors import InputError

SUFFIXES = (".wav", ".flac")
# Of sound files that are not read, but told.
OTHER_SUFFIXES = (
    ".3gp", ".aac", ".ac3", ".aif", ".aifc", ".aiff", ".alac", ".amr", ".ape", ".au",
    ".caf", ".m4a", ".m4b", ".mka", ".mp2", ".mp3", ".mp4", ".mpga", ".oga", ".ogg",
    ".opus", ".rf64", ".shn", ".snd", ".sph", ".spx", ".tta", ".w64", ".webm", ".wma",
    ".wv",
)  # fmt: skip


def walk_recordings(
    root: str | Path, others: collections.Counter[str] | None = None
) -> Iterator[tuple[str, list[str]]]:
    """Walk through all WAV and FLAC files under a folder, at any depth.

    Symbolic links are followed. Each folder is read once, so that loops end; its own path comes
    before a link to it. Hidden files and folders (``.name``) are left out.

    Parameters
    ----------
    root
        The folder.
    others
        Takes the counts of sound files that are passed over, by suffix.

    Yields
    ------
    within : str
        The beginning of the paths of one folder's files, relative to `root`: ``""``, ``"a/b/"``.
    names : list of str
        The folder's recordings, possibly none, in any order.

    Raises
    ------
    InputError
        The folder is missing, a folder cannot be read, or there is no recording.
    """
    if not os.path.isdir(root):  # noqa: PTH112 (strings throughout: a Path a file is slow)
        raise InputError(f"{root}: there is no such folder; corpus.directory.root names it")
    folders: list[str] = [""]
    links: list[str] = []
    seen: set[tuple[int, int]] = set()
    none_yet = True
    passed_over = collections.Counter() if others is None else others
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
                    elif name.lower().endswith(OTHER_SUFFIXES):
                        passed_over[name[name.rfind(".") :].lower()] += 1
        except OSError as error:
            raise InputError(
                f"{full}: cannot be read ({error.strerror}), but may hold recordings of "
                "corpus.directory.root"
            ) from error
        none_yet = none_yet and not found
        yield within, found
    if none_yet:
        but = f", but {describe_others(passed_over)}" if passed_over else ""
        raise InputError(f"{root}: no .wav or .flac file lies in this folder or below{but}")


def describe_others(others: collections.Counter[str]) -> str:
    """Say how many sound files there are that are not read, by suffix."""
    counts = ", ".join(f"{count:,} {suffix}" for suffix, count in sorted(others.items()))
    return f"{counts} that are passed over (convert them to .wav or .flac)"


def find_recordings(root: str | Path, others: collections.Counter[str] | None = None) -> list[str]:
    """List all recordings under a folder: paths relative to `root`, with ``/``, sorted.

    `others` is as in `walk_recordings`.

    Raises
    ------
    InputError
        As in `walk_recordings`.
    """
    return sorted(
        within + name for within, names in walk_recordings(root, others) for name in names
    )
