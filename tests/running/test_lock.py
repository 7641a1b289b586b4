"""One run a folder, and steps that end with their run."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from workflow_src.common.errors import InputError
from workflow_src.running import lock as one_run

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
HOLD = (
    "import sys, time; from workflow_src.running.lock import hold_folder\n"
    "hold_folder(sys.argv[1], sys.argv[1] + '/steps.lock'); print('held', flush=True)\n"
    "time.sleep(60)"
)
# As the workflow starts a step: a shell under the run, and the step under the shell.
STEP = (
    "import os, sys, time; from workflow_src.running.lock import live_with_run\n"
    "live_with_run(); print(os.getpid(), flush=True)\n"
    "time.sleep(60)"
)
RUN = (
    "import subprocess, sys; subprocess.run(['bash', '-c', "
    "'export WORKFLOW_PARENT=$PPID WORKFLOW_STEPS_LOCK=' + sys.argv[1] + '/steps.lock;'"
    f"'{sys.executable} -c \"$0\"; true', {STEP!r}])"
)


def start(code, folder):
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)],
        stdout=subprocess.PIPE, text=True, env=ENVIRONMENT,
    )  # fmt: skip
    return process, process.stdout.readline().strip()


def is_alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    # A zombie, until whoever adopted it looks.
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_second_run_is_told_who_works_there_and_a_killed_one_leaves_nothing(tmp_path):
    first, said = start(HOLD, tmp_path)
    assert said == "held"
    with pytest.raises(InputError, match=f"another run works in this folder .process {first.pid} "):
        one_run.hold_folder(tmp_path, tmp_path / "steps.lock")
    first.kill()
    first.wait()
    second, said = start(HOLD, tmp_path)
    second.kill()
    assert said == "held"


@pytest.mark.parametrize("wait", [True, False], ids=["reaped", "zombie"])
def test_a_step_ends_with_its_killed_run_and_the_next_run_waits_for_that(tmp_path, wait):
    run, step = start(RUN, tmp_path)
    assert is_alive(int(step))
    run.send_signal(signal.SIGKILL)
    if wait:
        run.wait()
    begin = time.monotonic()
    following, said = start(HOLD, tmp_path)
    following.kill()
    assert said == "held"
    assert not is_alive(int(step))
    assert time.monotonic() - begin < 10
    run.wait()


def test_a_step_that_does_not_end_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(one_run, "PATIENCE_SECONDS", 0.3)
    run, step = start(RUN, tmp_path)
    with pytest.raises(InputError, match="a step of an earlier run is still at work"):
        one_run.hold_folder(tmp_path, tmp_path / "steps.lock")
    run.kill()
    end = time.monotonic() + 10
    while is_alive(int(step)) and time.monotonic() < end:
        time.sleep(0.1)
    assert not is_alive(int(step))


@pytest.fixture
def let_go(monkeypatch):
    """Let go, after the test, of what this process has taken hold of in it."""
    monkeypatch.setattr(one_run, "_held", [])
    monkeypatch.setenv(one_run.RUN, "an earlier run")
    yield
    for file in one_run._held:
        os.close(file)


def test_a_job_that_waited_in_the_queue_ends_when_another_run_has_the_folder(tmp_path, let_go):
    lock = tmp_path / "steps.lock"
    following, said = start(HOLD, tmp_path)
    assert said == "held"
    with pytest.raises(InputError, match=f".process {following.pid} .* one .an earlier run."):
        one_run.join_run(lock)
    following.kill()
    following.wait()


def test_a_job_of_the_run_that_has_the_folder_keeps_others_out_after_it(
    tmp_path, let_go, monkeypatch
):
    monkeypatch.setattr(one_run, "PATIENCE_SECONDS", 0.3)
    lock = tmp_path / "steps.lock"
    one_run.hold_folder(tmp_path, lock)
    run = one_run._held.pop()
    one_run.join_run(lock)
    # The run ends; its job goes on.
    os.close(run)
    with pytest.raises(InputError, match="a step of an earlier run is still at work"):
        one_run.hold_folder(tmp_path, lock)


def test_without_locks_in_the_file_system_a_run_starts_and_says_so(tmp_path, monkeypatch, capsys):
    def flock(file, kind):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(one_run.fcntl, "flock", flock)
    one_run.hold_folder(tmp_path, tmp_path / "steps.lock")
    assert "run.lock: its file system has no locks" in capsys.readouterr().err


def test_outside_of_a_run_nothing_is_watched(monkeypatch):
    monkeypatch.delenv(one_run.PARENT, raising=False)
    before = set(one_run.threading.enumerate())
    one_run.live_with_run()
    assert set(one_run.threading.enumerate()) == before
