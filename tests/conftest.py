"""What tests of all folders share."""

import os
import secrets
import shutil
import sys
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings

from tests.workflow.forked_runs import run_snakemake
from tests.workflow.running import FEW

# In the order in which worker processes take them.
LONGEST = ["cluster", "environments", "reruns", "workflow", "kills"]

# The same examples in every run, however slow the machine is.
settings.register_profile("workflow", deadline=None, derandomize=True)
settings.load_profile("workflow")


def pytest_configure():
    """Choose the seed of random moments once, for all worker processes."""
    os.environ.setdefault("KILL_SEED", str(secrets.randbelow(10**6)))


def pytest_collection_modifyitems(items):
    """Let the groups of tests that take longest begin first, so that they do not end last alone."""
    items.sort(key=lambda item: next(map(_place, item.iter_markers("xdist_group")), len(LONGEST)))


def _place(group):
    return LONGEST.index(group.args[0]) if group.args[0] in LONGEST else len(LONGEST)


def pytest_report_header():
    """Say the seed, with which a test can be repeated."""
    return f"KILL_SEED={os.environ['KILL_SEED']}"


@pytest.fixture(autouse=True)
def closed_figures():
    """Close the figures that a test drew: pyplot keeps all of a process."""
    yield
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")


@pytest.fixture(scope="session")
def make_once(tmp_path_factory, worker_id):
    """Make a folder once for all worker processes; each has a copy of its own."""
    shared = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        shared = shared.parent

    def make(name, run):
        original = shared / f"original {name}"
        with FileLock(shared / f"{name}.lock"):
            if not original.exists():
                part = shared / f"part of {name}"
                part.mkdir()
                run(part)
                part.rename(original)
        folder = tmp_path_factory.mktemp(name) / "run"
        return Path(shutil.copytree(original, folder, symlinks=True))

    return make


@pytest.fixture(scope="session")
def finished(make_once):
    """The folder of a finished run of the tiny configuration, on eight cores."""
    return make_once("finished run", lambda folder: run_snakemake(folder, "--cores", "8"))


@pytest.fixture(scope="session")
def finished_few(finished, make_once):
    """The folder of a finished run of `running.FEW`, for comparing with one that is made anew."""

    def run(folder):
        shutil.copytree(finished, folder, symlinks=True, dirs_exist_ok=True)
        run_snakemake(folder, "--cores", "8", overlay=FEW)

    return make_once("finished run of few", run)
