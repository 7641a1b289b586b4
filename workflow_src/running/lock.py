"""One run in a working directory, and no step that outlives its run.

Snakemake's own lock stays behind when Snakemake is killed, and its steps go on. Here the locks are
the kernel's (`flock`), which end with their process, and every step checks whether the Snakemake
that started it is still alive. So the next run can start after ``kill -9`` of any process.

On a cluster, each job has a Snakemake of its own, and jobs outlive a run that is killed. A job that
still works keeps the next run out. A job that waits in the queue finds, when it starts, that
another run holds the folder, and ends before it writes anything.
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

# The workflow sets these for its steps: the process with which to end, and the lock to share.
PARENT, LOCK = "WORKFLOW_PARENT", "WORKFLOW_STEPS_LOCK"
# A run sets this for the jobs that it submits: the run that held the folder then.
RUN = "WORKFLOW_RUN"
# Errors of network file systems that are mounted without locks.
NO_LOCKS = {errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK}
POLL_SECONDS = 0.5
# A step of a killed run ends within one poll; a step that does not end is on another machine.
PATIENCE_SECONDS = 20.0

_held: list[int] = []


def hold_folder(folder: str | Path, steps_lock: str | Path) -> None:
    """Be the only run in a working directory until this process ends.

    The steps of a killed run may need a second to end; this waits for them.

    Parameters
    ----------
    folder
        Folder for the lock file; made if it is missing.
    steps_lock
        The file that steps lock while they run.

    Raises
    ------
    InputError
        Another run holds the folder, or steps of an earlier run do not end.
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

    `steps_lock` is the file that steps lock while they run.

    Raises
    ------
    InputError
        The folder is held by another run than the one that submitted this job.
    """
    try:
        file = _lock(Path(steps_lock), fcntl.LOCK_SH)
    except OSError:
        return
    if file is None:
        # Another run is taking the folder over right now.
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
    """End this process when the run that started it ends; outside of a run, do nothing.

    The step holds the lock of steps from now on, so that no other run starts beside it.
    """
    parent = os.environ.get(PARENT)
    if parent is None:
        return
    if lock := os.environ.get(LOCK):
        try:
            file = _lock(Path(lock), fcntl.LOCK_SH)
        except OSError:
            # Here the folder is read-only or has no locks; only the poll is left.
            file = None
        if file is not None:
            _held.append(file)
    threading.Thread(target=_end_with, args=(int(parent), os.getppid()), daemon=True).start()


def _end_with(run: int, shell: int) -> None:
    """Wait until the shell or the run that started this process has ended; then end the process."""
    while os.getppid() == shell and (shell == run or _parent(shell) in {run, None}):
        time.sleep(POLL_SECONDS)
    # No exception, because nothing may be written from now on.
    os.kill(os.getpid(), signal.SIGKILL)


def _parent(process: int) -> int | None:
    """Return the parent of a process; None where it is unknown, or the process has ended."""
    try:
        # State and parent follow the name, which may hold any characters.
        return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def _lock(path: Path, kind: int) -> int | None:
    """Lock a file, which is made if it is missing; None where another process has locked it."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file


def _write(file: int, text: str) -> None:
    """Replace the content of an open file by a line, for readers on any machine."""
    os.ftruncate(file, 0)
    os.pwrite(file, f"{text}\n".encode(), 0)
    os.fsync(file)
