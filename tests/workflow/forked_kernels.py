"""Kernels of notebooks at no cost of a start, each in a fork of the server of steps.

A step has threads by the time it starts its notebook's kernel. A process with threads cannot be
forked soundly. So the kernel's process is forked as the step begins, and waits until the step says
how the kernel starts.
"""

import functools
import io
import json
import os
import socket
import sys
import time
from typing import NoReturn

from tests.workflow.forked_ends import end_with

# Steps that execute a notebook. Another such step starts its kernel by itself.
STEPS = {"inference.run_inference", "analysis.run_visual_analysis"}
# What the kernel's command line says before the options of IPython.
PROGRAM = ["-P", "-m", "workflow_src.running.kernel"]
# What most kernels import.
HEAVY = [
    "workflow_src.common.notebooks",
    "workflow_src.running.kernel",
    "workflow_src.analysis.figures",
]


class ForkedKernel:
    """A kernel that a waiting process becomes: what Jupyter uses of `subprocess.Popen`."""

    stdout = stderr = None

    def __init__(self, waiting: int, told: socket.socket, command: list[str], **more) -> None:
        assert command[1:4] == PROGRAM, command
        self.pid, self.returncode = waiting, None
        # Jupyter closes it at once. The kernel has that of the step, which is empty.
        self.stdin = io.BytesIO()
        request = {"words": command[4:], "folder": more["cwd"], "environment": more["env"]}
        with told, told.makefile() as answers:
            told.sendall(json.dumps(request).encode() + b"\n")
            assert answers.readline(), "the process for the kernel ended"

    def poll(self) -> int | None:
        """Return the exit status, negative for a signal; None while the kernel runs."""
        if self.returncode is None:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if ended else None
        return self.returncode

    def wait(self) -> int:
        """Wait for the end; return the exit status."""
        while self.poll() is None:
            time.sleep(0.01)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal to a kernel that runs."""
        if self.poll() is None:
            os.kill(self.pid, number)


def fork_kernel() -> None:
    """Let the kernel that this process will start be a fork of this process as it is now."""
    launcher = sys.modules["jupyter_client.launcher"]
    told, asked = socket.socketpair()
    waiting = os.fork()
    if not waiting:
        told.close()
        # As Jupyter starts a kernel.
        os.setsid()
        _become_kernel(asked)
    asked.close()
    launcher.Popen = functools.partial(ForkedKernel, waiting, told)


def _become_kernel(asked: socket.socket) -> NoReturn:
    """Run a kernel in this process as soon as the step says how; end if the step ends before."""
    with asked, asked.makefile() as requests:
        line = requests.readline()
        if not line:
            os._exit(0)
        request = json.loads(line)
        asked.sendall(b"\n")
    if request["folder"]:
        os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    # What Matplotlib and pandas would find out as a kernel imports them.
    sys.modules["matplotlib"].rcParams["backend"] = os.environ["MPLBACKEND"]
    sys.modules["pandas"].set_option("display.max_columns", 20)
    sys.argv[1:] = request["words"]
    end_with(sys.modules["workflow_src.running.kernel"].main)
