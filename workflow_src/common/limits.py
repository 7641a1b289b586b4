"""One guard for all readers: what is opened, and how much memory and time a file may take.

A file from elsewhere can claim any size, and a small one can grow: compressed zeros, one list named
a thousand times. So a reader may take memory in proportion to its file (`within_budget`). Formats
that can end a process, because they nest as deeply as the file likes, are read in a fork
(`read_apart`). A model that runs is stopped after a time (`stopped_after`).
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import math
import os
import signal
import stat
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from workflow_src.common.errors import InputError

# A service may run where there are no limits; the readers of a service need none.
with contextlib.suppress(ImportError):
    import resource

# Memory that reading a file may take: this much for any file, and a multiple of its size. What is
# merely reserved counts too.
LEAST_MEMORY = 2 << 30
MEMORY_PER_BYTE = 16
# Seconds that a fork may compute: for any file, and for each MB.
LEAST_SECONDS, SECONDS_PER_MB = 5.0, 1.0

_budget_lock = threading.RLock()


def plain_size(path: str | Path) -> int:
    """Return the size of a file in bytes; 0 where there is none, of which its reader tells.

    Raises
    ------
    InputError
        A pipe, a device or a socket: reading it could wait for ever.
    """
    try:
        status = os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):
        return 0
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        raise InputError(f"{path}: is no plain file (a pipe, a device or a socket)")
    return status.st_size


def memory_for(size: int) -> int:
    """Return how much memory, in bytes, the reading of a file of `size` bytes may take."""
    return LEAST_MEMORY + MEMORY_PER_BYTE * size


@contextlib.contextmanager
def within_budget(path: str | Path, more: int = 0) -> Iterator[None]:
    """Let the block that reads a file take memory in proportion to the file.

    Beyond it, allocations fail: Python and numpy raise MemoryError, other libraries errors of their
    own.

    Parameters
    ----------
    path
        The file. Only a plain file is admitted.
    more
        Bytes of other files that the block reads.

    Raises
    ------
    InputError
        The file is no plain file; or the block raised MemoryError or RecursionError.
    """
    memory = memory_for(plain_size(path) + more)
    try:
        with _limited(memory):
            yield
    except MemoryError as error:
        raise InputError(
            f"{path}: needs more than {memory / 1e9:,.1f} GB of memory, too much for its size"
        ) from error
    except RecursionError as error:
        raise InputError(f"{path}: is nested too deeply") from error


@contextlib.contextmanager
def _limited(memory: int) -> Iterator[None]:
    """Limit what this process allocates within the block."""
    used = _data_bytes()
    if used is None:
        yield
        return
    with _budget_lock:
        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        limits = [used + memory, *(n for n in (soft, hard) if n != resource.RLIM_INFINITY)]
        resource.setrlimit(resource.RLIMIT_DATA, (min(limits), hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _data_bytes() -> int | None:
    """Return the memory that counts against RLIMIT_DATA, in bytes; None where it is unknown."""
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    found = [line for line in status.splitlines() if line.startswith("VmData:")]
    return int(found[0].split()[1]) * 1024 if found else None


# --- time ---------------------------------------------------------------------------------------


class _Watch:
    """A thread that stops what runs too long; it looks every tenth of a second."""

    def __init__(self) -> None:
        self.running: dict[object, tuple[float, Callable[[], None]]] = {}
        self._process = 0

    def start(self) -> None:
        if self._process != os.getpid():  # a fork has no threads
            self._process = os.getpid()
            threading.Thread(target=self._look, daemon=True).start()

    def _look(self) -> None:
        while True:
            time.sleep(0.1)
            for until, stop in list(self.running.values()):
                if time.monotonic() > until:
                    stop()


_watch = _Watch()


@contextlib.contextmanager
def stopped_after(seconds: float, stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop`, from another thread, if the block takes longer than some seconds."""
    _watch.start()
    key = object()
    _watch.running[key] = time.monotonic() + seconds, stop
    try:
        yield
    finally:
        del _watch.running[key]


# --- a fork -------------------------------------------------------------------------------------


def read_apart(
    function: Callable[[Path], tuple[Any, list[np.ndarray]]], path: Path
) -> tuple[Any, list[np.ndarray]]:
    """Read a file in a fork of this process, with limits of memory and time; it alone may crash.

    A fork has one thread. So `function` must not need others, and must import nothing anew.

    Parameters
    ----------
    function
        Reads the file, and returns JSON content and arrays of numbers.
    path
        The file.

    Returns
    -------
    tuple
        What `function` returned.

    Raises
    ------
    InputError
        `function` raised it; or the file is no plain file, or its reading crashed or took too much.
    OSError
        `function` raised it.
    """
    size = plain_size(path)
    result, end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(result)
        _serve(function, path, end)
    os.close(end)
    status: int | None = None
    answer, arrays, whole = None, [], True
    try:
        with os.fdopen(result, "rb") as answers:
            answer = json.loads(answers.readline() or "null")
            for dtype, shape in (answer or {}).get("arrays", []):
                arrays.append(np.empty(shape, dtype))
                read = answers.readinto(_bytes_of(arrays[-1]))
                whole = whole and read == arrays[-1].nbytes
        status = os.waitpid(child, 0)[1]
    finally:
        if status is None:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    if answer and "error" in answer:
        raise InputError(answer["error"])
    if answer and "system" in answer:
        raise OSError(*answer["system"])
    if not answer or not whole:
        raise InputError(
            f"{path}: refused, because reading it {_ending(status, size)}; it is damaged, or made "
            "to do harm"
        )
    return answer["content"], arrays


def _serve(
    function: Callable[[Path], tuple[Any, list[np.ndarray]]], path: Path, end: int
) -> NoReturn:
    """Call a function in a fork; write what it returns to a pipe, and end the process."""
    status = 1
    try:
        faulthandler.disable()
        size = plain_size(path)
        seconds = math.ceil(_seconds_for(size))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        arrays: list[np.ndarray] = []
        try:
            with within_budget(path):
                content, arrays = function(path)
                if sum(array.nbytes for array in arrays) > memory_for(size):
                    raise MemoryError
                head = [(array.dtype.str, array.shape) for array in arrays]
                answer = json.dumps({"content": content, "arrays": head})
        except InputError as error:
            answer, arrays = json.dumps({"error": str(error)}), []
        except OSError as error:
            said = error.errno, error.strerror or str(error), error.filename and str(error.filename)
            answer, arrays = json.dumps({"system": said}), []
        with os.fdopen(end, "wb") as output:
            output.write(answer.encode() + b"\n")
            for array in arrays:
                output.write(_bytes_of(np.ascontiguousarray(array)))
        status = 0
    except BaseException:  # a bug; nothing of the other process may run on here
        traceback.print_exc()
    finally:
        os._exit(status)


def _seconds_for(size: int) -> float:
    return LEAST_SECONDS + SECONDS_PER_MB * size / 1e6


def _ending(status: int, size: int) -> str:
    """Say how the other process ended, for an error."""
    end = os.waitstatus_to_exitcode(status)
    if end in {-signal.SIGXCPU, -signal.SIGKILL}:
        return f"was stopped (more than {_seconds_for(size):.0f} s, or the machine's memory)"
    return f"crashed ({signal.strsignal(-end)})" if end < 0 else "failed"


def _bytes_of(array: np.ndarray) -> memoryview:
    """Give an array as bytes, without a copy."""
    return array.reshape(-1).view(np.uint8).data
