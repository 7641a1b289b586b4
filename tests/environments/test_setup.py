"""``make setup`` after one that was interrupted, in a folder with almost nothing to install."""

import re
import shutil
import subprocess
import sys

import pytest

from tests.workflow.running import CLONE

pytestmark = pytest.mark.slow
# As Debian's Python without python3-venv: a folder with a Python but without pip, and an error.
WITHOUT_ENSUREPIP = f"""\
#!/bin/sh
if [ "$1" = -m ] && [ "$2" = venv ]; then
    {sys.executable} -m venv --without-pip .venv
    exit 1
fi
exec {sys.executable} "$@"
"""


@pytest.fixture
def project(tmp_path):
    shutil.copy(CLONE / "Makefile", tmp_path)
    lock = (CLONE / "requirements.lock").read_text()
    (setuptools,) = re.findall(r"^setuptools==(?:.*\\\n)*.*\n", lock, re.M)
    (tmp_path / "requirements.lock").write_text(setuptools)
    (tmp_path / "requirements.torch.lock").write_text("")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "empty"\nversion = "1"\n')
    return tmp_path


def set_up(project, python=sys.executable):
    command = ["make", "setup", f"PYTHON={python}"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_a_venv_without_pip_is_made_anew(project):
    broken = project / "python"
    broken.write_text(WITHOUT_ENSUREPIP)
    broken.chmod(0o755)
    assert set_up(project, broken)[0] != 0
    code, said = set_up(project)
    assert code == 0, said


def test_an_interrupted_install_and_a_python_that_is_gone(project):
    code, said = set_up(project)
    assert code == 0, said
    assert "Nothing to be done" in set_up(project)[1] or set_up(project)[1] == ""
    # An interrupted install leaves packages in part, and no file `complete`.
    (project / ".venv/complete").unlink()
    (project / ".venv/rest").touch()
    assert set_up(project)[0] == 0
    assert not (project / ".venv/rest").exists()
    # The operating system has another Python now.
    (project / ".venv/bin/python").unlink()
    (project / ".venv/bin/python").symlink_to("/nowhere/python")
    (project / "requirements.lock").touch()
    assert set_up(project)[0] == 0
    assert (project / ".venv/complete").exists()


def test_a_package_with_another_digest_is_refused(project):
    lock = project / "requirements.lock"
    lock.write_text(re.sub(r"sha256:\w+", f"sha256:{'0' * 64}", lock.read_text()))
    code, said = set_up(project)
    assert code != 0
    assert "DO NOT MATCH THE HASHES" in said
    assert not (project / ".venv/complete").exists()
