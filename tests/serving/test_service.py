"""The service of docs/production.md, as written: here, and where nothing but it is installed."""

import json
import re
import shutil
import subprocess
import sys
import tomllib

import pytest

from tests.environments.stand_in import create
from tests.exporting.exported import export
from tests.workflow.running import CLONE

SERVICE = """\
accepted: True
error: day: 2020-04-01 is before the enrolment on 2020-05-01
"""


@pytest.fixture(scope="module")
def make_service(tmp_path_factory):
    """Make a folder with the page's program and an exported method in the place that it names."""
    method = tmp_path_factory.mktemp("method")
    with pytest.MonkeyPatch.context() as patch:
        export(patch, method, "multi-head", 8, "history")
    page = (CLONE / "docs/production.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", page, re.S)

    def make(name):
        folder = tmp_path_factory.mktemp(name)
        (folder / "service.py").write_text(program)
        shutil.copytree(method, folder / "results/export/multi-head-seed0")
        return folder

    return make


@pytest.fixture(scope="module")
def here(make_service):
    """The folder of a service in the environment of the workflow, and what it printed."""
    folder = make_service("here")
    return folder, run_service(folder, sys.executable, PYTHONPATH=str(CLONE))


def run_service(folder, python, **environment):
    done = subprocess.run(
        [python, "service.py"], capture_output=True, text=True, cwd=folder,
        env={"PATH": "/usr/bin:/bin", **environment}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def templates(folder):
    return {path.name: path.read_bytes() for path in (folder / "templates").iterdir()}


def test_the_program_of_the_page_runs(here):
    folder, said = here
    assert said == SERVICE
    assert set(templates(folder)) == {"0073.enrolled", "0073.now"}


@pytest.mark.slow
def test_it_does_the_same_where_the_package_alone_is_installed(here, make_service, tmp_path):
    source, environment = tmp_path / "source", tmp_path / "environment"
    # A copy, since a build writes beside what it builds.
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(CLONE / "workflow_src", source / "workflow_src", ignore=ignored)
    shutil.copy(CLONE / "pyproject.toml", source)
    versions = ["--constraint", str(CLONE / "requirements.lock")]
    create([*versions, str(source)], environment, tmp_path / "cache")
    command = [sys.executable, "-m", "uv", "pip", "list", "--quiet", "--format", "json"]
    listed = subprocess.check_output([*command, "--python", environment / "bin/python"])
    installed = {package["name"] for package in json.loads(listed)}
    project = tomllib.loads((CLONE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert installed >= {project["name"], "numpy", "onnxruntime"}
    others = {re.match(r"[\w-]+", name)[0] for name in project["optional-dependencies"]["workflow"]}
    assert "torch" in others
    assert installed.isdisjoint(others)
    folder = make_service("installed")
    assert run_service(folder, environment / "bin/python") == SERVICE
    assert templates(folder) == templates(here[0])
