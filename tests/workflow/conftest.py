"""Tests that share one run of the whole graph on the tiny configuration."""

from pathlib import Path

import pytest


def pytest_itemcollected(item):
    """Keep the tests of this folder in one worker, which makes the finished run once."""
    if Path(__file__).parent in item.path.parents:
        item.add_marker(pytest.mark.xdist_group("workflow"))
