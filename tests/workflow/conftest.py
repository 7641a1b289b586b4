"""One run of the whole graph on the tiny configuration, for all tests of this folder."""

from pathlib import Path

import pytest

from tests.workflow.finished_runs import finish_runs
from tests.workflow.running import run_snakemake


def pytest_itemcollected(item):
    """Keep the tests of this folder in one worker, which makes the finished run once."""
    if Path(__file__).parent in item.path.parents:
        item.add_marker(pytest.mark.xdist_group("workflow"))


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """The folder of a finished run of the tiny configuration."""
    folder = tmp_path_factory.mktemp("finished run")
    run_snakemake(folder)
    return folder


@pytest.fixture(scope="session")
def finished_runs(finished, tmp_path_factory):
    """A finished run of each kind of `reruns.WORLDS`, by its name."""
    return finish_runs(finished, tmp_path_factory.mktemp("finished runs"))
