"""Files that appear whole or not at all; apart from the table formats, so that it needs nothing."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from workflow_src.common.errors import InputError


@contextlib.contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Give a path beside `path` to write to; rename it onto `path` when the block ends well.

    The parent folder is made. When the block raises, nothing is left behind.

    Raises
    ------
    InputError
        Where the folder belongs stands something else.
    OSError
        The file cannot be written; it is named, whatever the block's own error names.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise InputError(
            f"{path}: cannot be written, because {path.parent} is no folder"
        ) from error
    part = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_native_id()}.part")
    try:
        yield part
        part.replace(path)
    except OSError as error:
        if error.filename not in (None, str(part)):
            raise
        # numpy's own error of a full disk has neither number nor name.
        reason = error.strerror or (str(error).splitlines() or ["cannot be written"])[0]
        raise OSError(error.errno or errno.EIO, reason, str(path)) from error
    finally:
        part.unlink(missing_ok=True)
