"""What a service that embeds this room has to install and import."""

import subprocess
import sys

import pytest

from tests.exporting.exported import export
from tests.workflow.running import CLONE

# Prints the top-level modules beside the standard library's, and the modules of this package.
SCRIPT = """
import sys

started = set(sys.modules)
from workflow_src.serving import Template, TemplateUpdater

updater = TemplateUpdater("history")
template = updater.enrol([[1.0] * 8])
outcome, template = updater.score_and_update(template, [2.0] * 8)
template.save("template")
assert Template.load("template", updater.digest).tests == 1
imported = set(sys.modules) - started
print(*sorted({name.partition(".")[0] for name in imported} - sys.stdlib_module_names))
print(*sorted(name for name in imported if name.startswith("workflow_src.")))
"""


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    """What is imported by a service that does all that there is to do, two lists."""
    folder = tmp_path_factory.mktemp("service")
    with pytest.MonkeyPatch.context() as patch:
        export(patch, folder / "history", "history", 8)
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=folder,
        env={"PYTHONPATH": str(CLONE)},
    )  # fmt: skip
    return [line.split() for line in done.stdout.splitlines()]


def test_a_service_imports_numpy_and_onnxruntime_alone(imported):
    assert imported[0] == ["numpy", "onnxruntime", "workflow_src"]


def test_the_room_imports_what_is_light_of_common_and_nothing_else(imported):
    rooms = {name for name in imported[1] if not name.startswith("workflow_src.serving")}
    light = "", ".directions", ".errors", ".json_text", ".limits", ".whole_files"
    assert rooms == {f"workflow_src.common{module}" for module in light}
