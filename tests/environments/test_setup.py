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


def entry(package):
    """Return the entry of a package in the lock."""
    lock = (CLONE / "requirements.lock").read_text()
    (found,) = re.findall(rf"^{package}==(?:.*\\\n)*.*\n", lock, re.M)
    return found


@pytest.fixture
def project(tmp_path):
    shutil.copy(CLONE / "Makefile", tmp_path)
    # Neither needs another package.
    (tmp_path / "requirements.lock").write_text(entry("setuptools") + entry("threadpoolctl"))
    (tmp_path / "requirements.torch.lock").write_text("")
    (tmp_path / "requirements.gpu.lock").write_text(entry("typing-extensions"))
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "empty"\nversion = "1"\n')
    return tmp_path


def set_up(project, python=sys.executable, *more):
    command = ["make", "setup", f"PYTHON={python}", *more]
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


def installed(project):
    """Return which of the locks' packages are in .venv."""
    folders = project.glob(".venv/lib/python3*/site-packages/*.dist-info")
    names = {folder.name.partition("-")[0] for folder in folders}
    return names & {"onnxruntime", "threadpoolctl", "typing_extensions"}


def test_another_device_makes_the_venv_anew_and_stays(project):
    lock = project / "requirements.lock"
    # Of the lock, onnxruntime alone is left out for a GPU.
    lock.write_text(entry("onnxruntime") + lock.read_text())
    code, said = set_up(project, sys.executable, "GPU=1")
    assert code == 0, said
    assert installed(project) == {"threadpoolctl", "typing_extensions"}
    lock.write_text(entry("setuptools") + entry("threadpoolctl"))
    assert set_up(project)[0] == 0
    assert installed(project) == {"threadpoolctl", "typing_extensions"}
    code, said = set_up(project, sys.executable, "GPU=1")
    assert "Nothing to be done" in said or said == ""
    assert set_up(project, sys.executable, "GPU=0")[0] == 0
    assert installed(project) == {"threadpoolctl"}


def test_a_device_of_no_kind_is_refused(project):
    code, said = set_up(project, sys.executable, "GPU=2")
    assert code != 0
    assert "GPU is 2; allowed are 1, for NVIDIA GPUs, and 0" in said
    assert not (project / ".venv").exists()


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.14"])
@pytest.mark.parametrize("gpu", [False, True], ids=["CPU", "GPU"])
def test_the_locks_resolve_with_their_digests(tmp_path, gpu, python):
    """Resolved, not installed: for a GPU these are gigabytes, and none is here to run them on."""
    lock = (CLONE / "requirements.lock").read_text()
    if gpu:
        lock = lock.replace(entry("onnxruntime"), "")
        lock += (CLONE / "requirements.gpu.lock").read_text()
    (tmp_path / "lock").write_text(lock)
    command = [sys.executable, "-m", "uv", "pip", "install", "--dry-run", "--require-hashes"]
    command += ["--python-version", python, "--python-platform", "x86_64-manylinux_2_28"]
    command += ["--target", tmp_path / "packages", "--requirement", tmp_path / "lock"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = dict(re.findall(r"^ \+ (\S+)==(\S+)$", done.stderr, re.M))
    assert ("onnxruntime" in found, "onnxruntime-gpu" in found) == (not gpu, gpu)
    # The registry's build, which has CUDA.
    assert found.get("torch") == ("2.13.0" if gpu else None)
    assert ("nvidia-cudnn-cu13" in found) == gpu
