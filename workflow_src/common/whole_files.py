"""Files and folders that appear whole or not at all; this module imports no table formats."""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

from workflow_src.common.errors import InputError, first_line


@contextlib.contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Give a path beside `path` to write to, and rename it to `path` when the block ends well.

    The parent folder is made. A block that raises leaves nothing behind. What a killed process left
    behind is removed when the same file is written next.

    Raises
    ------
    InputError
        The parent is no folder.
    OSError
        The file cannot be written. The error names `path`, whatever the block's own error names.
    """
    path = Path(path)
    part = _part_of(path)
    try:
        with _named(path, part):
            yield part
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def folder_written_whole(path: str | Path) -> Iterator[Path]:
    """Give a folder beside `path` to write to, and move it to `path` when the block ends well.

    A block that raises leaves `path` as it was.
    """
    path = Path(path)
    part = _part_of(path)
    try:
        with _named(path, part):
            part.mkdir()
            yield part
            if path.exists():
                shutil.rmtree(path)
            part.rename(path)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _part_of(path: Path) -> Path:
    """Return the path to write to before the renaming to `path`, and make its folder."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise InputError(f"{path}: cannot be written, {path.parent} is no folder") from error
    _remove_left(path)
    return path.with_name(f".{path.name}.{os.getpid()}.{threading.get_native_id()}.part")


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


def _remove_left(path: Path) -> None:
    """Remove what killed writers of a file left behind."""
    for part in path.parent.glob(f".{glob.escape(path.name)}.*.*.part"):
        process = part.name.split(".")[-3]
        if not process.isdecimal() or _is_alive(int(process)):
            continue
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            part.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True
