"""Digests of the files that a user gave: a run compares them, where Snakemake compares times.

A file that takes the place of another may be older than it (``cp -p``, ``mv``, ``tar x``).
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from pathlib import Path

from workflow_src.common.digests import digest_file
from workflow_src.common.errors import InputError
from workflow_src.common.files import read_json, write_json

# A file could change once more within one tick of its clock. FAT's ticks are the longest.
TICK_NS = 2_000_000_000


def check_given(path: str, key: str, *, folder: bool = False) -> str:
    """Return the path that a setting names.

    Raises
    ------
    InputError
        There is no such file, or no such folder.
    """
    there = Path(path).is_dir() if folder else Path(path).is_file()
    if not there:
        raise InputError(
            f"{path}: there is no such {'folder' if folder else 'file'}; {key} names it"
        )
    return path


class GivenFiles:
    """Digests of given files; a file is read again only if its size or one of its times changed.

    Parameters
    ----------
    cache
        JSON file of what was read before, which a read-only folder may lack.
    """

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._found: dict[str, str] = {}
        try:
            known = read_json(cache)
        except InputError:
            known = {}
        self._known = known if isinstance(known, dict) else {}

    def digest(self, paths: Sequence[str]) -> list[str]:
        """Return the digests of files as they were at the first call; "" where there is no file."""
        known = dict(self._known)
        for path in paths:
            if path not in self._found:
                self._found[path] = self._look(path)
        if self._known != known:
            with contextlib.suppress(InputError, OSError):
                write_json(self._known, self._cache)
        return [self._found[path] for path in paths]

    def _look(self, path: str) -> str:
        try:
            status = Path(path).stat()
            state = [status.st_size, status.st_mtime_ns, status.st_ctime_ns]
            known = self._known.get(path)
            if isinstance(known, dict) and known.get("state") == state:
                return str(known.get("digest"))
            digest = digest_file(path)
        except OSError:
            return ""
        if time.time_ns() - max(state[1:]) > TICK_NS:
            self._known[path] = {"state": state, "digest": digest}
        return digest
