"""Which results a power cut damaged: they are empty, cut short, or end in zeros.

What this workflow writes is on the disk before it counts as made. This finds what an earlier
version wrote, and what a disk lost that says too early that it is done.
"""

from __future__ import annotations

import contextlib
import zipfile
from pathlib import Path

import numpy as np

# Endings of recordings. This room lies below that of the corpus, which has its own list.
RECORDINGS = {".flac", ".wav"}
# Ending of a name -> the last bytes of every such file.
LAST = {
    ".parquet": b"PAR1",
    ".pkl": b".",
    ".png": b"IEND\xaeB`\x82",
    **dict.fromkeys([".csv", ".ipynb", ".json", ".md", ".svg", ".yaml"], b"\n"),
}


def is_damaged(path: Path) -> bool:
    """Whether a result is damaged; of most files, their end alone is read.

    A folder is damaged if a recording in it is. Files of an unknown kind are damaged if they are
    empty.
    """
    if path.is_dir():
        return any(_is_empty(file) for file in path.rglob("*") if file.suffix in RECORDINGS)
    return _is_empty(path) or not _ends_well(path)


def _is_empty(path: Path) -> bool:
    return path.stat().st_size == 0


def _ends_well(path: Path) -> bool:
    if end := LAST.get(path.suffix):
        with path.open("rb") as file:
            file.seek(-min(len(end), path.stat().st_size), 2)
            return file.read() == end
    # A damaged file can raise any exception.
    with contextlib.suppress(Exception):
        if path.suffix == ".npy":
            np.load(path, mmap_mode="r", allow_pickle=False)
        elif path.suffix == ".npz":
            zipfile.ZipFile(path).close()
        elif path.suffix == ".safetensors":
            from safetensors import safe_open

            with safe_open(path, framework="np"):
                pass
        return True
    return False
