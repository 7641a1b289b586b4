"""Tests that share one run of the whole graph on the tiny configuration."""

from pathlib import Path

import pytest

from tests.workflow.finished_runs import FinishedRuns


def pytest_itemcollected(item):
    """Keep tests that share a fixture in one worker, which makes it once.

    Those of reruns share a finished run of each kind; the longest test has a worker of its own.
    """
    if Path(__file__).parent in item.path.parents:
        stem = item.path.stem
        group = "kills" if stem == "test_kills" else "reruns" if "reruns" in stem else "workflow"
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def finished_runs(finished, tmp_path_factory):
    """A finished run of each kind of `reruns.WORLDS`, by its name."""
    return FinishedRuns(finished, tmp_path_factory.mktemp("finished runs"))
