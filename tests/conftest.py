"""What tests of all folders share."""

import os
import secrets
import shutil

import pytest
from hypothesis import settings

from tests.workflow.running import FEW, run_snakemake

# The same examples in every run, however slow the machine is.
settings.register_profile("workflow", deadline=None, derandomize=True)
settings.load_profile("workflow")


def pytest_configure():
    """Choose the seed of random moments once, for all worker processes."""
    os.environ.setdefault("KILL_SEED", str(secrets.randbelow(10**6)))


def pytest_report_header():
    """Say the seed, with which a test can be repeated."""
    return f"KILL_SEED={os.environ['KILL_SEED']}"


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """The folder of a finished run of the tiny configuration, on eight cores."""
    folder = tmp_path_factory.mktemp("finished run")
    run_snakemake(folder, "--cores", "8")
    return folder


@pytest.fixture(scope="session")
def finished_few(finished, tmp_path_factory):
    """The folder of a finished run of `running.FEW`, for comparing with one that is made anew."""
    folder = tmp_path_factory.mktemp("finished run of few") / "run"
    shutil.copytree(finished, folder, symlinks=True)
    run_snakemake(folder, "--cores", "8", overlay=FEW)
    return folder
