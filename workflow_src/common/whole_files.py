"""Files and folders that appear whole or not at all; this module imports no table formats.

A part is written beside its target and renamed. The part is on the disk before the renaming, and
the renaming before the writer goes on: after a power cut too, a file is the old one or the new one,
and what is written later never stays where what was written before is lost.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from workflow_src.common.errors import InputError, first_line

PART = re.compile(r"\.[0-9a-f]{16}\.part")
"""The names of parts. A random name is the writer's own, on whatever host or in what container."""
DAY = 24 * 60 * 60
# Errors of file systems that cannot sync, or of a folder that this user may not read.
NO_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EACCES, errno.EPERM}
# File systems write what is synced at the same time in one go.
SYNCS_AT_ONCE = 16

# When each folder may be searched for left parts again, by the clock of this process.
_search_again: dict[Path, float] = {}


@contextlib.contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Give a path beside `path` to write to, and rename it to `path` when the block ends well.

    The parent folder is made. A block that raises leaves nothing behind. What a killed process left
    behind is removed a day later, when a file of the same folder is written.

    Raises
    ------
    InputError
        The parent is no folder.
    OSError
        The file cannot be written. The error names `path`, whatever the block's own error names.
    """
    path = Path(path)
    part = _make_part(path, lambda part: part.touch(exist_ok=False))
    try:
        with _named(path, part):
            yield part
            move_whole(part, path)
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def folder_written_whole(path: str | Path) -> Iterator[Path]:
    """Give a folder beside `path` to write to, and move it to `path` when the block ends well.

    A block that raises leaves `path` as it was.
    """
    path = Path(path)
    part = _make_part(path, Path.mkdir)
    old = _make_part(path, Path.mkdir)
    try:
        with _named(path, part):
            yield part
            sync_folder(part)
            if path.exists():
                path.rename(old)
            part.rename(path)
            sync(path.parent)
    finally:
        for folder in (part, old):
            shutil.rmtree(folder, ignore_errors=True)


def move_whole(part: Path, path: Path) -> None:
    """Rename a file or folder whose content is complete; after a power cut too, it is complete."""
    sync_folder(part) if part.is_dir() else sync(part)
    part.replace(path)
    sync(path.parent)


def sync(path: str | Path) -> None:
    """Wait until a file's content, or the list of a folder's entries, is on the disk."""
    try:
        file = os.open(path, os.O_RDONLY)
        try:
            os.fsync(file)
        finally:
            os.close(file)
    except OSError as error:
        if error.errno not in NO_SYNC:
            raise OSError(error.errno, os.strerror(error.errno or 0), str(path)) from error


def sync_folder(folder: str | Path) -> None:
    """Wait until a folder, with all that is in it, is on the disk."""
    with ThreadPoolExecutor(SYNCS_AT_ONCE) as pool:
        for inner, _, names in os.walk(folder):
            list(pool.map(sync, [*(Path(inner, name) for name in names), inner]))


def remove_parts(folder: str | Path) -> None:
    """Remove all parts in a folder, at any depth, in which nobody writes."""
    for inner, folders, names in os.walk(folder):
        for name in filter(PART.fullmatch, [*folders, *names]):
            _remove(Path(inner, name))


def _make_part(path: Path, make: Callable[[Path], None]) -> Path:
    """Make what is to be renamed to `path`, and its folder; no other writer has its name."""
    try:
        _make_folder(path.parent)
    except (FileExistsError, NotADirectoryError) as error:
        raise InputError(f"{path}: cannot be written, {path.parent} is no folder") from error
    while True:
        part = path.with_name(f".{secrets.token_hex(8)}.part")
        with contextlib.suppress(FileExistsError), _named(path, part):
            make(part)
            _remove_left(part)
            return part


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it, and sync the entries of those that are new."""
    if not folder.exists():
        _make_folder(folder.parent)
    if not folder.is_dir():
        folder.mkdir(exist_ok=True)
        sync(folder.parent)


@contextlib.contextmanager
def _named(path: Path, part: Path) -> Iterator[None]:
    """Make an error of writing name the file that the user knows."""
    try:
        yield
    except OSError as error:
        if error.filename is not None and not str(error.filename).startswith(str(part)):
            raise
        # numpy's own error for a full disk has neither number nor name.
        raise OSError(error.errno or errno.EIO, first_line(error), str(path)) from error


def _remove_left(part: Path) -> None:
    """Remove the parts in a part's folder that are a day older, by the clock of their disk.

    Once a day is enough: a folder with a million templates takes a second to list.
    """
    folder = part.parent.absolute()
    if time.monotonic() < _search_again.get(folder, 0):
        return
    _search_again[folder] = time.monotonic() + DAY
    now = part.stat().st_mtime
    for left in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if PART.fullmatch(left.name) and now - left.stat().st_mtime > DAY:
                _remove(left)


def _remove(part: Path) -> None:
    if part.is_dir():
        shutil.rmtree(part, ignore_errors=True)
    else:
        part.unlink(missing_ok=True)
