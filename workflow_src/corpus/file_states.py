"""Sizes and times of many files, read by two processes at once.

The second process runs this file as a program. So this file imports only what loads fast.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from array import array
from itertools import accumulate

# Bytes, time of modification, time of status change (ns).
FIELDS = 3
NO_FILE = (-1,) * FIELDS
# For fewer files a second process would not save its own start.
FILES_FOR_TWO = 20_000


def read_states(root: str, folders: list[tuple[str, list[str]]]) -> array[int]:
    """Return the states of the files of some folders.

    Parameters
    ----------
    root
        The folder that all lie in.
    folders
        Paths relative to `root`, each with the names of the files in it; N files in all.

    Returns
    -------
    array of int64
        N x 3, in the given order: bytes, time of modification, time of status change (ns);
        `NO_FILE` for what is no plain file or cannot be read.
    """
    ends = list(accumulate(len(names) for _, names in folders))
    if not ends or ends[-1] < FILES_FOR_TWO:
        return _ask(root, folders)
    middle = sum(end <= ends[-1] // 2 for end in ends)
    first, second = folders[:middle], folders[middle:]
    files = sum(len(names) for _, names in second)
    try:
        states, answer = _ask_both(root, first, second)
    except OSError:
        # No second process could start, or it ended early.
        return _ask(root, folders)
    if len(answer) != files * FIELDS * states.itemsize:
        return states + _ask(root, second)
    states.frombytes(answer)
    return states


def _ask_both(
    root: str, first: list[tuple[str, list[str]]], second: list[tuple[str, list[str]]]
) -> tuple[array[int], bytes]:
    """Return the states of the first folders, and what another process returns for the second."""
    command = [sys.executable, "-I", "-S", __file__, root]
    pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=nowhere) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(_pack(second))
        process.stdin.close()
        return _ask(root, first), process.stdout.read()


def _ask(root: str, folders: list[tuple[str, list[str]]]) -> array[int]:
    # One array needs less memory than a tuple for each file.
    states = array("q")
    for folder, names in folders:
        try:
            # With a descriptor, the system looks up a name in this folder, not from the root.
            descriptor = os.open(os.path.join(root, folder), os.O_RDONLY | os.O_DIRECTORY)  # noqa: PTH118
        except OSError:
            states.extend(NO_FILE * len(names))
            continue
        for name in names:
            states.extend(_state(name, descriptor))
        os.close(descriptor)
    return states


def _state(name: str, descriptor: int) -> tuple[int, ...]:
    try:
        status = os.stat(name, dir_fd=descriptor)
    except OSError:
        return NO_FILE
    if not stat.S_ISREG(status.st_mode):
        return NO_FILE
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _pack(folders: list[tuple[str, list[str]]]) -> bytes:
    """Join folders and names; no path holds a NUL, and no name is empty."""
    return os.fsencode("".join("\0".join([folder, *names, "", ""]) for folder, names in folders))


def _unpack(packed: bytes) -> list[tuple[str, list[str]]]:
    parts = os.fsdecode(packed).split("\0\0")[:-1]
    return [(folder, names) for folder, *names in (part.split("\0") for part in parts)]


if __name__ == "__main__":
    sys.stdout.buffer.write(_ask(sys.argv[1], _unpack(sys.stdin.buffer.read())).tobytes())
