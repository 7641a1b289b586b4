import re
import shutil
import subprocess
from importlib import metadata

import pytest

from tests.workflow.running import CLONE
from workflow_src.provenance.machine import describe_cpu, find_commit, find_devices
from workflow_src.provenance.versions import find_version

X86 = """\
processor\t: 0
vendor_id\t: AuthenticAMD
cpu family\t: 25
model\t\t: 1
model name\t: AMD EPYC
flags\t\t: fpu sse sse2 avx avx2 fma nx avx512f sse4_2

processor\t: 1
model name\t: another core
"""
ARM = "processor\t: 0\nFeatures\t: fp asimd evtstrm sve\nCPU part\t: 0xd40\n"


def test_the_kind_of_cpu_is_named_with_its_vector_instructions(tmp_path):
    path = tmp_path / "cpuinfo"
    path.write_text(X86)
    cpu = describe_cpu(path)
    assert cpu == ("AMD EPYC (family 25, model 1)", ["avx", "avx2", "avx512f", "fma", "sse4_2"])
    path.write_text(ARM)
    assert describe_cpu(path)[1] == ["asimd", "sve"]


def test_a_system_without_cpuinfo_names_its_cpu_too(tmp_path):
    name, vectors = describe_cpu(tmp_path / "none")
    assert name
    assert vectors == []


@pytest.fixture
def clone(tmp_path):
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    folder = tmp_path / "a clone"
    folder.mkdir()
    (folder / "tracked").write_text("1")
    git = ["git", "-C", str(folder), "-c", "user.name=n", "-c", "user.email=e"]
    for arguments in (["init", "-q"], ["add", "tracked"], ["commit", "-qm", "m"]):
        subprocess.run([*git, *arguments], check=True)
    return folder


def test_the_commit_is_told_and_whether_tracked_files_were_changed(clone):
    (clone / "untracked").write_text("2")
    commit, dirty = find_commit(clone)
    assert len(commit) == 40
    assert dirty is False
    (clone / "tracked").write_text("2")
    assert find_commit(clone) == (commit, True)


def test_a_copy_in_a_repository_of_something_else_has_no_commit(clone):
    (clone / "copy").mkdir()
    assert find_commit(clone / "copy") == (None, None)


def test_without_git_there_is_no_commit(clone, tmp_path, monkeypatch):
    assert find_commit(tmp_path) == (None, None)
    monkeypatch.setenv("PATH", "")
    assert find_commit(clone) == (None, None)


def test_variables_of_a_git_hook_do_not_count(clone, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_DIR", str(clone / ".git"))
    assert find_commit(tmp_path) == (None, None)


def test_devices_are_read_from_logs(tmp_path):
    for name, text in {
        "extract_embeddings/0.log": "device: cuda\n",
        "extract_embeddings/1.log": "fell back\ndevice: cpu\n",
        "finetune_policy/run.log": "no word of it\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    heavy = ["extract_embeddings", "finetune_policy"]
    assert find_devices(tmp_path, heavy) == {"extract_embeddings": ["cpu", "cuda"]}
    assert find_devices(tmp_path, ["finetune_policy"]) == {}
    assert find_devices(tmp_path / "none", heavy) == {}


def test_a_package_for_gpus_counts_as_the_one_that_it_stands_in_for(monkeypatch):
    """No version of the lock is recorded that did not run."""
    there = {"onnxruntime-gpu": "1.31.1", "numpy": "2.0.0"}

    def version(name):
        if name not in there:
            raise metadata.PackageNotFoundError(name)
        return there[name]

    monkeypatch.setattr(metadata, "version", version)
    assert find_version("onnxruntime") == "1.31.1"
    assert find_version("numpy") == "2.0.0"
    pins = re.findall(r"^soxr==(\S+)", (CLONE / "requirements.lock").read_text(), re.M)
    assert [find_version("soxr")] == pins
