"""Slow: the same bytes whatever the number of cores, and after a killed run."""

import json
import os
import shutil
import signal
import subprocess
import time

import pytest

from tests.workflow.running import TINY, command_line, run_snakemake
from tests.workflow.test_provenance import provenance

pytestmark = pytest.mark.slow


def digests(folder):
    """Return the sha256 of every result."""
    return json.loads((folder / "results/provenance.json").read_text())["results"]


def files(folder):
    """Return the bytes of every result and of the settings beside them, as they lie there."""
    results = folder / "results"
    return {name: (results / name).read_bytes() for name in [*digests(folder), "config.yaml"]}


def test_one_core_and_eight_give_the_same_bytes_and_a_changed_setting_is_told(tmp_path):
    one, eight = tmp_path / "one core", tmp_path / "eight cores"
    for folder, cores in ((one, "1"), (eight, "8")):
        folder.mkdir()
        run_snakemake(folder, "--cores", cores)
    assert files(one) == files(eight)
    assert any(name.endswith(".ipynb") for name in digests(one))
    code, said = provenance("compare", one, eight)
    assert code == 0, said
    assert f"The results are the same: {len(digests(one))} files." in said

    changed = tmp_path / "changed"
    shutil.copytree(eight, changed, symlinks=True)
    run_snakemake(changed, overlay={"finetuning": {"ppo": {"learning_rate": 0.001}}})
    code, said = provenance("compare", one, changed)
    assert code == 1
    assert "The results differ, from the stage policies on." in said
    policies = said.partition("\npolicies: ")[2].partition("\ninference: ")[0]
    assert "  why: setting finetuning.ppo.learning_rate: 0.0003 in A, 0.001 in B\n" in policies
    assert "  how far: weights: largest difference " in policies
    assert policies.count("why:") == 1
    inference = said.partition("\ninference: ")[2].partition("\nanalysis: ")[0]
    assert "  why: it reads from what differs: policies\n" in inference
    assert "  how far: scores of " in inference
    assert "  how far: EER: " in inference


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
