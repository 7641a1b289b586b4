"""Slow: the same bytes whatever the number of cores, and after a killed run."""

import json
import os
import signal
import subprocess
import time

import pytest

from tests.workflow.running import TINY, command_line, run_snakemake

pytestmark = pytest.mark.slow


def digests(folder):
    """Return the sha256 of every result."""
    return json.loads((folder / "results/provenance.json").read_text())["results"]


def test_two_cores_and_four_give_the_same_bytes(finished, tmp_path):
    run_snakemake(tmp_path, "--cores", "4")
    assert digests(tmp_path) == digests(finished)
    provenance = "results/provenance.json"
    assert (tmp_path / provenance).read_bytes() == (finished / provenance).read_bytes()


def test_a_run_killed_in_training_is_finished_by_the_next_with_the_same_bytes(finished, tmp_path):
    command = command_line(tmp_path, [TINY])
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                           start_new_session=True)  # fmt: skip
    log = tmp_path / "logs/finetune_policy/multi-head-seed0.log"
    end = time.monotonic() + 300
    while not log.exists() and run.poll() is None and time.monotonic() < end:
        time.sleep(0.2)
    time.sleep(4)
    os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    assert not (tmp_path / "results/provenance.json").exists()
    run_snakemake(tmp_path, "--unlock")
    run_snakemake(tmp_path)
    assert digests(tmp_path) == digests(finished)
