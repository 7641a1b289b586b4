"""Where a run computed: the state of the clone, the kind of CPU, the devices of the heavy steps."""

import os
import platform
import re
import subprocess
from pathlib import Path

from workflow_src.common.digests import ROOT

CPUINFO = Path("/proc/cpuinfo")
# Sets of vector instructions, by which numerical libraries choose their arithmetic.
VECTORS = re.compile(r"(avx|amx|fma|f16c|sse4|sve|asimd|neon)\w*")
DEVICE = re.compile(r"^device: (\w+)$", re.MULTILINE)


def find_commit(root: Path = ROOT) -> tuple[str | None, bool | None]:
    """Return the git commit of a clone, and whether tracked files differ from it.

    Both None where `root` is not the top of a clone, and where git is missing.
    """
    if (found := _git(root, "rev-parse", "--show-toplevel", "HEAD")) is None:
        return None, None
    top, commit = found.splitlines()
    if Path(top).resolve() != root.resolve():
        # A copy of the files that lies in somebody's repository of something else.
        return None, None
    changed = _git(root, "status", "--porcelain", "--untracked-files=no")
    return commit, None if changed is None else bool(changed)


def _git(root: Path, *arguments: str) -> str | None:
    # Run by a hook, git would take its variables for more than the folder.
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=own)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def describe_cpu(cpuinfo: Path = CPUINFO) -> tuple[str, list[str]]:
    """Return the kind of CPU, and its sets of vector instructions where the system lists them."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    # Of the first of its cores.
    facts = {}
    for line in lines:
        key, _, value = line.partition(":")
        facts.setdefault(key.strip(), value.strip())
    name = facts.get("model name") or platform.processor() or platform.machine()
    if "cpu family" in facts and "model" in facts:
        # Virtual machines often give no better name than the maker's.
        name += f" (family {facts['cpu family']}, model {facts['model']})"
    flags = (facts.get("flags") or facts.get("Features") or "").split()
    return name, sorted(flag for flag in set(flags) if VECTORS.fullmatch(flag))


def find_devices(logs: Path, heavy: list[str]) -> dict[str, list[str]]:
    """Return the devices that steps computed on, as their logs say.

    Parameters
    ----------
    logs
        The folder of ``<rule>/<job>.log``.
    heavy
        The rules that can use a GPU. Their steps print their device. One without logs is left out.
    """
    found = {
        rule: sorted(
            {
                device
                for path in (logs / rule).glob("*.log")
                for device in DEVICE.findall(path.read_text(encoding="utf-8", errors="replace"))
            }
        )
        for rule in heavy
    }
    return {rule: devices for rule, devices in found.items() if devices}
