"""The world, made once; each test has a copy of it as its working directory."""

import shutil
from pathlib import Path

import pytest

from tests.bad_input.world import build_world


def pytest_itemcollected(item):
    """Keep the tests of this folder in one worker, which makes the world once."""
    if Path(__file__).parent in item.path.parents:
        item.add_marker(pytest.mark.xdist_group("bad input"))


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        build_world()
    return folder


@pytest.fixture
def world(built, tmp_path, monkeypatch):
    """A copy of the world, in which the test works."""
    folder = tmp_path / "world"
    shutil.copytree(built, folder, symlinks=True)
    monkeypatch.chdir(folder)
    return folder
