"""Slow: whatever is killed at whatever moment, the next run finishes with the same bytes."""

import collections
import os
import random
import signal
import subprocess
import time

import psutil
import pytest
import yaml

from tests.workflow.forked_runs import run_snakemake
from tests.workflow.running import FEW, TINY, command_line
from tests.workflow.test_reproducible import digests

pytestmark = pytest.mark.slow

# Each run of the tests has other moments: KILL_SEED.
KILLS = 15
# What is killed: a step (or a notebook's kernel), Snakemake, everything; or Snakemake ends by
# itself on Ctrl-C or a scheduler's SIGTERM.
WAYS = ["step", "snakemake", "everything", "SIGINT", "SIGTERM"]


def start(folder):
    overlay = folder / "few.yaml"
    overlay.write_text(yaml.safe_dump(FEW))
    return psutil.Popen(
        command_line(folder, [TINY, overlay]),
        stdout=(folder / "said.txt").open("a"), stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip


def steps_of(run):
    """Return the processes of a run that compute: steps and kernels, not shells."""
    found = []
    for process in run.children(recursive=True):
        try:
            line = " ".join(process.cmdline())
            if "python" in process.name() and ("workflow_src" in line or "ipykernel" in line):
                found.append(process)
        except psutil.Error:
            pass
    return found


def kill(run, way, rng):
    """Kill in one way; return the name of the step that was at work, or None if nothing was."""
    at_work = steps_of(run)
    names = [name_of(process) for process in at_work]
    if way == "step":
        if not at_work:
            return None
        chosen = rng.randrange(len(at_work))
        at_work[chosen].kill()
        names = [names[chosen]]
    elif way == "snakemake":
        run.kill()
    elif way == "everything":
        os.killpg(run.pid, signal.SIGKILL)
    else:
        os.killpg(run.pid, getattr(signal, way))
    run.wait(timeout=120)
    return names[0] if names else "between steps"


def name_of(process):
    try:
        line = process.cmdline()
        module, *words = line[line.index("-m") + 1 :]
        return words[0] if module == "workflow_src.run" else module.removeprefix("workflow_src.")
    except (psutil.Error, ValueError, IndexError):
        return "ended"


def test_a_run_survives_kills_at_random_moments(finished_few, tmp_path):
    rng = random.Random(int(os.environ["KILL_SEED"]))
    killed = collections.Counter()
    struck = collections.Counter()
    finished_runs = 0
    while sum(killed.values()) < KILLS:
        run = start(tmp_path)
        # The first steps start after three to four seconds.
        wait_until = time.monotonic() + rng.uniform(3, 12)
        while run.poll() is None and time.monotonic() < wait_until:
            time.sleep(0.05)
        if run.poll() is not None:
            assert run.returncode == 0, (tmp_path / "said.txt").read_text()[-3000:]
            finished_runs += 1
            assert digests(tmp_path) == digests(finished_few)
            # From the beginning again, where Snakemake's records say that all is done.
            subprocess.run(["rm", "-rf", str(tmp_path / "results")], check=True)
            continue
        way = rng.choice(WAYS)
        name = kill(run, way, rng)
        if name is not None:
            killed[way] += 1
            struck[name] += 1
        else:
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
    print(f"killed: {dict(killed)}; at work: {dict(struck)}; ended well between: {finished_runs}")
    run_snakemake(tmp_path, overlay=FEW)
    assert digests(tmp_path) == digests(finished_few)
    left = [path for path in (tmp_path / "results").rglob("*") if path.suffix == ".checkpoint"
            or path.name.endswith(".part")]  # fmt: skip
    assert not left
    said = (tmp_path / "said.txt").read_text()
    assert "LockException" not in said
    assert "another run works in this folder" not in said
