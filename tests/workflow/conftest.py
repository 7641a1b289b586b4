"""Tests that share one run of the whole graph on the tiny configuration."""

from pathlib import Path

import pytest

from tests.workflow.finished_runs import finish_runs


def pytest_itemcollected(item):
    """Keep the tests of this folder in one worker, which makes the finished run once.

    The longest test has a worker of its own.
    """
    if Path(__file__).parent in item.path.parents:
        group = "kills" if item.path.stem == "test_kills" else "workflow"
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def finished_runs(finished, tmp_path_factory):
    """A finished run of each kind of `reruns.WORLDS`, by its name."""
    return finish_runs(finished, tmp_path_factory.mktemp("finished runs"))
