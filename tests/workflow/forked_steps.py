"""Steps at no cost of a start, each in a fork of a process that has their imports.

Most seconds of a tiny run are starts of Python and imports of pandas and torch. A server, ``python
-m tests.workflow.forked_steps SOCKET``, starts once in the environment of steps and imports what
most of them import. For each step that Snakemake would start by a shell, it forks. It ends with
its standard input.
"""

import contextlib
import gc
import importlib
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

from tests.workflow import forked_kernels
from tests.workflow.forked_ends import end_with
from tests.workflow.running import CLONE
from workflow_src.running.launcher import main as launch
from workflow_src.running.lock import LOCK, PARENT
from workflow_src.running.surroundings import SET, choose_environment

QUOTED = r"('[^']+'|[\w./-]+)"
# What the shell is given for a step that has no environment and prints to its log; see
# ``rules/snakemake_inside.smk``.
COMMAND = re.compile(
    rf"set -euo pipefail; .* {LOCK}={QUOTED}; export PATH={QUOTED}:\$PATH; +"
    r"python -m workflow_src\.run ([\w.]+) (@[\w./]+) +> ([\w./-]+) 2>&1"
)
# Torch, and what notebooks and their kernels import.
HEAVY = ["workflow_src.methods.fit_method", *forked_kernels.HEAVY]


class ForkedStep:
    """A step that the server starts: what Snakemake uses of `subprocess.Popen`."""

    stdout = None

    def __init__(self, server: str, request: dict) -> None:
        self._asked = socket.socket(socket.AF_UNIX)
        self._asked.connect(server)
        self._asked.sendall(json.dumps(request).encode() + b"\n")
        self._answers = self._asked.makefile()
        self.pid = int(self._answers.readline())

    def wait(self) -> int:
        """Let it begin, and wait for its end; return the exit status, negative for a signal.

        It waits for this because Snakemake looks for its process first, to measure it.
        """
        self._asked.sendall(b"\n")
        return int(self._answers.readline())

    def kill(self) -> None:
        """Kill the step."""
        os.kill(self.pid, signal.SIGKILL)

    def terminate(self) -> None:
        """Ask the step to end."""
        os.kill(self.pid, signal.SIGTERM)


class Starter:
    """Stands for the module `subprocess` where Snakemake starts shells."""

    def __init__(self, path: str, server: subprocess.Popen) -> None:
        self._path, self._server = path, server

    def __getattr__(self, name: str):
        return getattr(subprocess, name)

    def Popen(self, command, *, env, **more):  # noqa: N802
        """Start a step by the server; anything else as `subprocess` does."""
        found = COMMAND.fullmatch(command.strip())
        if not found:
            return subprocess.Popen(command, env=env, **more)
        lock, programs, *words, log = (group.strip("'") for group in found.groups())
        environment = {**env, LOCK: lock, "PATH": f"{programs}{os.pathsep}{env['PATH']}"}
        folder = str(Path.cwd())
        request = {"words": words, "log": log, "folder": folder, "environment": environment}
        return ForkedStep(self._path, request)


def start_steps(path: str) -> Starter:
    """Start a server that listens at a path, and ends with this process."""
    command = [sys.executable, "-m", "tests.workflow.forked_steps", path]
    # Matplotlib writes a list of fonts into its home.
    environment = choose_environment(dict(os.environ), Path(path).parent)
    server = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment, cwd=CLONE)
    while not Path(path).exists():
        assert server.poll() is None, "the server of steps ended"
        time.sleep(0.05)
    return Starter(path, server)


def _become_step(words: list[str], log: str, folder: str, environment: dict) -> NoReturn:
    """Run a step in this process, as one that starts in this folder and environment."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(choose_environment(environment, Path(folder)))
    # It ends with the server, which ends it with its run.
    os.environ.update({SET: str(os.getpid()), PARENT: str(os.getppid())})
    time.tzset()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    printed = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    os.dup2(printed, 1)
    os.dup2(printed, 2)
    if words[0] in forked_kernels.STEPS:
        forked_kernels.fork_kernel()
    sys.argv[1:] = words
    end_with(lambda: launch(words))


def _has_gone(asker: socket.socket) -> bool:
    """Whether a run that waits for a step has ended."""
    with contextlib.suppress(BlockingIOError):
        return not asker.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    return False


def main() -> None:
    """Start the steps that are asked for, and tell how each ends."""
    for name in HEAVY:
        importlib.import_module(name)
    gc.freeze()
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(sys.argv[1])
    listening.listen(64)
    # The file that tells a step's end -> its process, and the run that waits for it.
    running: dict[int, tuple[int, socket.socket]] = {}
    while True:
        ready, _, _ = select.select([0, listening, *running], [], [], 0.5 if running else None)
        if 0 in ready:
            return
        if listening in ready:
            asker, _ = listening.accept()
            with asker.makefile() as lines:
                request = json.loads(lines.readline())
            if not (child := os.fork()):
                listening.close()
                asker.recv(1)
                asker.close()
                _become_step(**request)
            asker.sendall(f"{child}\n".encode())
            running[os.pidfd_open(child)] = child, asker
        for end, (child, asker) in list(running.items()):
            if end not in ready:
                if _has_gone(asker):
                    os.kill(child, signal.SIGKILL)
                continue
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            with contextlib.suppress(OSError):
                asker.sendall(f"{code}\n".encode())
            asker.close()
            os.close(end)
            del running[end]


if __name__ == "__main__":
    main()
