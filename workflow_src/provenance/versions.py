"""Versions of the workflow and of its packages."""

import contextlib
import re
import tomllib
from importlib import metadata
from typing import Any

from workflow_src.common.digests import ROOT

LOCKS = ("requirements.lock", "requirements.torch.lock")


def find_version(package: str) -> str:
    """Return a package's installed version, or its pinned version if it is not installed.

    A package for GPUs that stands in for it, such as onnxruntime-gpu, counts as the package.
    """
    for name in (package, f"{package}-gpu"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            return metadata.version(name)
    locked = "".join((ROOT / name).read_text(encoding="utf-8") for name in LOCKS)
    return dict(re.findall(r"^([\w.-]+)==(\S+)", locked, re.MULTILINE))[package]


def read_project() -> dict[str, Any]:
    """Return the table ``project`` of the workflow's pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
