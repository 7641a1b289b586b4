"""Notebooks have the same bytes from forked steps and kernels as from those of their own."""

import shutil
import subprocess

from tests.workflow.running import TINY, command_line
from tests.workflow.test_reproducible import files

EXECUTED = "results/inference/multi-head-seed0.ipynb"


def test_a_step_and_a_kernel_of_their_own_write_the_same_bytes(finished, tmp_path):
    folder = tmp_path / "a run"
    shutil.copytree(finished, folder, symlinks=True)
    (folder / EXECUTED).unlink()
    command = command_line(folder, [TINY], "--", EXECUTED)
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "1 jobs are to be done" in done.stderr
    assert "Scoring all trials with multi-head-seed0" in done.stderr
    assert files(folder) == files(finished)
