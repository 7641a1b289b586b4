"""Versions of the workflow and of its packages."""

import tomllib
from importlib import metadata
from typing import Any

from workflow_src.common.digests import ROOT


def find_version(package: str) -> str:
    """Return a package's installed version, or its pinned version if it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        lock = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
        pins = dict(line.split("==") for line in lock if "==" in line and not line.startswith("#"))
        return pins[package]


def read_project() -> dict[str, Any]:
    """Return the table ``project`` of the workflow's pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
