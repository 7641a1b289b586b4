"""The machine of a run: the state of the clone, the CPU and the devices of steps."""

import os
import platform
import re
import subprocess
from pathlib import Path

from workflow_src.common.digests import ROOT

CPUINFO = Path("/proc/cpuinfo")
# Sets of vector instructions, which decide on the arithmetic of numerical libraries.
VECTORS = re.compile(r"(avx|amx|fma|f16c|sse4|sve|asimd|neon)\w*")
DEVICE = re.compile(r"^device: (\w+)$", re.MULTILINE)


def find_commit(root: Path = ROOT) -> tuple[str | None, bool | None]:
    """Return the git commit of a clone, and whether tracked files differ from it.

    Both are None if `root` is not the top of a clone, or if git is missing.
    """
    if (found := _git(root, "rev-parse", "--show-toplevel", "HEAD")) is None:
        return None, None
    top, commit = found.splitlines()
    if Path(top).resolve() != root.resolve():
        # The files are a copy inside another repository.
        return None, None
    changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    return commit, None if changed is None else bool(changed)


def _git(root: Path, *arguments: str) -> str | None:
    # A git hook sets variables that would override the folder.
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=own)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def describe_cpu(cpuinfo: Path = CPUINFO) -> tuple[str, list[str]]:
    """Return the kind of CPU, and its sets of vector instructions if the system lists them."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    facts: dict[str, str] = {}  # of the first core
    for line in lines:
        key, _, value = line.partition(":")
        facts.setdefault(key.strip(), value.strip())
    name = facts.get("model name") or platform.processor() or platform.machine()
    if "cpu family" in facts and "model" in facts:
        # The model name in a virtual machine is often only the maker's name.
        name += f" (family {facts['cpu family']}, model {facts['model']})"
    flags = (facts.get("flags") or facts.get("Features") or "").split()
    return name, sorted(flag for flag in set(flags) if VECTORS.fullmatch(flag))


def find_devices(logs: Path, heavy: list[str]) -> dict[str, list[str]]:
    """Return rule -> devices from the logs ``<rule>/<job>.log``.

    `heavy` lists the rules that can use a GPU. Their steps print their device. The result omits
    rules without logs.
    """
    found = {}
    for rule in heavy:
        texts = (path.read_text("utf-8", "replace") for path in (logs / rule).glob("*.log"))
        if devices := {device for text in texts for device in DEVICE.findall(text)}:
            found[rule] = sorted(devices)
    return found
