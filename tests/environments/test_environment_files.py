"""The environments of envs/ against the lock and the rules."""

import re

import pytest
import yaml
from rattler import MatchSpec

from tests.workflow.running import CLONE, rule_texts
from workflow_src.provenance.versions import LOCKS

ENVIRONMENTS = sorted((CLONE / "envs").glob("*.yaml"))
HASHED, TORCH = ((CLONE / name).read_text() for name in LOCKS)
GPU = (CLONE / "requirements.gpu.lock").read_text()
LOCK = dict(re.findall(r"^([\w.-]+)==(\S+)", HASHED + TORCH, re.M))
RULES = rule_texts()


def test_every_locked_package_has_digests_except_torch_and_no_file_names_a_registry():
    entries = [e for e in re.split(r"\n(?=\S)", HASHED + GPU) if not e.startswith("#")]
    assert len(entries) > 100
    for entry in entries:
        name, *digests = entry.split(" \\\n    --hash=sha256:")
        assert digests, name
        assert all(re.fullmatch(r"[0-9a-f]{64}", digest.strip()) for digest in digests), name
    pinned = re.findall(r"^[^#\s].*", TORCH, re.M)
    assert pinned == [f"torch=={LOCK['torch']}"]
    assert pinned[0] in (CLONE / "pyproject.toml").read_text()
    assert not re.search(r"https?:|--(index|extra-index|find-links|trusted)", HASHED + TORCH + GPU)


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.stem)
def test_conda_parses_it_and_pins_equal_the_locks(path):
    content = yaml.safe_load(path.read_text())
    assert set(content) == {"channels", "dependencies"}
    *conda, pip = content["dependencies"]
    python, installer = map(MatchSpec, conda)
    assert (python.name.normalized, str(python.version)) == ("python", "3.11.*")
    assert (installer.name.normalized, installer.version) == ("pip", None)
    assert content["channels"] == ["conda-forge"]
    pins = dict(package.split("==") for package in pip["pip"])
    assert pins == {name: LOCK[name] for name in pins}


def test_every_rule_that_runs_something_has_an_environment_and_each_is_used():
    used = {}
    for name, body in RULES.items():
        found = re.findall(r'conda:\n\s+"\.\./envs/(\w+)\.yaml"', body)
        assert bool(found) == ("shell:" in body), name
        used[name] = found
    assert {name for found in used.values() for name in found} == {p.stem for p in ENVIRONMENTS}


@pytest.mark.parametrize("name", [name for name, body in RULES.items() if "shell:" in body])
def test_every_rule_says_what_it_takes_and_leaves(name):
    order = [
        "input",
        "output",
        "log",
        "benchmark",
        "group",
        "conda",
        "threads",
        "resources",
        "params",
    ]
    order += ["message", "shell"]
    directives = re.findall(r"^ {4,8}(\w+):", RULES[name], re.M)
    known = [directive for directive in directives if directive in order]
    assert known == sorted(known, key=order.index)
    lacking = {"report": {"benchmark"}, "plan": {"output", "benchmark"}}
    needed = set(order) - {"input", "group", "threads"} - lacking.get(name, set())
    if "step(" in RULES[name]:
        # Log and benchmark are those of `finish_rules`; not every step has settings.
        needed -= {"log", "benchmark", "params"}
    assert needed <= set(known)
    assert "**needs(" in RULES[name] or {"mem_mb", "runtime"} <= set(
        re.findall(r"(mem_mb|runtime)=", RULES[name])
    )


def test_the_lock_for_a_gpu_has_what_the_other_lacks():
    """They are installed together, but without onnxruntime: onnxruntime-gpu has the same files."""
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)", GPU, re.M))
    assert {"torch", "onnxruntime-gpu", "nvidia-cudnn-cu13", "nvidia-cublas"} <= set(pins)
    assert pins["torch"] == LOCK["torch"]
    assert not set(pins) & (set(LOCK) - {"torch"})


def test_torch_is_pinned_without_its_build():
    assert LOCK["torch"] == "2.13.0"
