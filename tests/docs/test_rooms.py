"""The pages that list the rooms of the package list all of them, in its order."""

import re
import tomllib

import pytest

from tests.workflow.running import CLONE


def rooms():
    """List the rooms as import-linter has them, from the bottom up; `|` leaves the order open."""
    settings = tomllib.loads((CLONE / "pyproject.toml").read_text())
    (contract,) = settings["tool"]["importlinter"]["contracts"]
    named = [layer.split(" | ") for layer in reversed(contract["layers"])]
    return [name.removeprefix("workflow_src.") for layer in named for name in layer]


@pytest.mark.parametrize(
    ("page", "entry"),
    [
        ("README.md", r"^  (\w+) {2,}\S"),
        ("CONTRIBUTING.md", r"^  (\w+) {2,}\S"),
        ("docs/architecture.md", r"^\| `(\w+)` \|"),
    ],
)
def test_each_room_is_listed(page, entry):
    found = re.findall(entry, (CLONE / page).read_text(encoding="utf-8"), re.M)
    folders = {path.parent.name for path in (CLONE / "workflow_src").glob("*/__init__.py")}
    assert folders == set(rooms())
    listed = [name for name in found if name in folders]
    assert sorted(listed) == sorted(folders)
    assert listed[0] == "common"
