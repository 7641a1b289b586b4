"""One run in a working directory, and no step that outlives its run.

Snakemake's own lock stays behind when Snakemake is killed, and its steps go on. Here both end with
their holder: the locks are the kernel's (`flock`), and every step looks whether the Snakemake that
started it still lives. So after ``kill -9`` of anything the next run just starts.

On a cluster the Snakemake that starts a step is its job's, and jobs outlive a run that is killed.
One that is at work keeps the next run out; one that waits in the queue finds, when it starts, that
another run has taken the folder over, and ends before it touches anything.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path

from workflow_src.common.errors import InputError

# Set by the workflow for its steps: the process to live as long as, and the lock to share.
PARENT, LOCK = "WORKFLOW_PARENT", "WORKFLOW_STEPS_LOCK"
# Set by a run for the jobs that it submits: the run that had the folder then.
RUN = "WORKFLOW_RUN"
# What network file systems say that are mounted without locks.
NO_LOCKS = {errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK}
POLL_SECONDS = 0.5
# A step of a killed run sees it within the poll; one that does not end is another machine's.
PATIENCE_SECONDS = 20.0

_held: list[int] = []


def hold_folder(folder: str | Path, steps_lock: str | Path) -> None:
    """Be the only run in a working directory, until this process ends, in whatever way.

    Waits for the steps of a killed run to end, which takes a second.

    Parameters
    ----------
    folder
        Where the file of the lock goes; made if it is not there.
    steps_lock
        The file that steps hold while they run.

    Raises
    ------
    InputError
        Another run holds the folder, or steps of an earlier one do not end.
    """
    path = Path(folder) / "run.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        file = _lock(path, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        print(
            f"warning: {path}: its file system has no locks ({error.strerror}); "
            "a second run in this folder would not be noticed",
            file=sys.stderr,
        )
        os.environ.pop(RUN, None)
        return
    if file is None:
        holder = path.read_text(encoding="utf-8").strip()
        raise InputError(
            f"{path}: another run works in this folder ({holder}); wait for it, or stop it"
        )
    started = time.strftime("%Y-%m-%d %H:%M:%S")
    run = f"process {os.getpid()} on {socket.gethostname()}, started {started}"
    _write(file, run)
    _held.append(file)
    end = time.monotonic() + PATIENCE_SECONDS
    while (steps := _lock(Path(steps_lock), fcntl.LOCK_EX)) is None:
        if time.monotonic() > end:
            raise InputError(
                f"{steps_lock}: a step of an earlier run is still at work in this folder; "
                "wait for it, or stop it (on Slurm, squeue --me lists jobs and scancel ends one)"
            )
        time.sleep(POLL_SECONDS / 2)
    _write(steps, run)
    os.close(steps)
    os.environ[RUN] = run


def join_run(steps_lock: str | Path) -> None:
    """Keep other runs out of a folder until this process, a job on a cluster, ends.

    Parameters
    ----------
    steps_lock
        The file that steps hold while they run.

    Raises
    ------
    InputError
        Another run than the one that submitted this job has the folder.
    """
    try:
        file = _lock(Path(steps_lock), fcntl.LOCK_SH)
    except OSError:
        return
    if file is None:
        # A run that is just taking the folder over.
        current = "one that has just started"
    else:
        current = Path(steps_lock).read_text(encoding="utf-8").strip()
        _held.append(file)
    if (mine := os.environ.get(RUN)) and current != mine:
        raise InputError(
            f"{steps_lock}: another run ({current}) has taken this folder over since this job was "
            f"submitted by an earlier one ({mine}); its own jobs do the work of this one"
        )


def live_with_run() -> None:
    """Let this process end when the run that started it does; nothing outside of a run.

    A step holds the lock of steps from here on, so that no other run starts beside it.
    """
    parent = os.environ.get(PARENT)
    if parent is None:
        return
    if lock := os.environ.get(LOCK):
        try:
            file = _lock(Path(lock), fcntl.LOCK_SH)
        except OSError:
            # Somewhere this folder is not writable or knows no locks: the poll alone must do.
            file = None
        if file is not None:
            _held.append(file)
    threading.Thread(target=_end_with, args=(int(parent), os.getppid()), daemon=True).start()


def _end_with(run: int, shell: int) -> None:
    """Wait until the shell that started this process, or the run that started it, has ended."""
    while os.getppid() == shell and (shell == run or _parent(shell) in {run, None}):
        time.sleep(POLL_SECONDS)
    # Not an exception: nothing may be finished or written any more.
    os.kill(os.getpid(), signal.SIGKILL)


def _parent(process: int) -> int | None:
    """Return the parent of a process; None where the system doesn't say, or it has just ended."""
    try:
        # Behind the name, which may hold anything: state, parent.
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def _lock(path: Path, kind: int) -> int | None:
    """Lock a file, which is made if it is not there; None where another process has it."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file


def _write(file: int, text: str) -> None:
    """Write a line as all that an open file holds, to be read on any machine."""
    os.ftruncate(file, 0)
    os.pwrite(file, f"{text}\n".encode(), 0)
    os.fsync(file)
