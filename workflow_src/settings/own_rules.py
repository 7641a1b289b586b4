"""The search for a user's own class, an update rule or a speaker model, by its entry point.

An entry point is written ``package.module:Class``.
"""

from __future__ import annotations

import re
from pathlib import Path

from workflow_src.common.errors import InputError
from workflow_src.common.sources import find_in_folder, find_installed


def name_run(entry: str) -> str:
    """Return the run id of a user's own rule: letters, digits, dots and hyphens."""
    return re.sub(r"[^a-z0-9.]", "-", entry.lower())


def find_folder(
    entry: str,
    folders: list[str],
    key: str = "inference.methods",
    folders_key: str = "inference.folders",
) -> str | None:
    """Return the first folder that holds the module of an entry point; None if it is installed.

    The search imports nothing. Errors name the settings `key` and `folders_key`.

    Raises
    ------
    InputError
        No folder holds the module, and it is not installed.
    """
    module = entry.partition(":")[0]
    file = Path(*module.split("."))
    for folder in folders:
        if find_in_folder(module, folder):
            return folder
    if find_installed(module):
        return None
    searched = ", ".join(["the installed packages", *(f"{folder}/{file}.py" for folder in folders)])
    raise InputError(
        f"{key}: {entry}: there is no module {module}; searched: {searched}; name the folder that "
        f"holds it in {folders_key}"
    )
