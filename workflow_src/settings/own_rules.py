"""Where a user's own update rule is found, by its entry point ``package.module:Class``."""

from __future__ import annotations

import re
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

from workflow_src.common.errors import InputError


def name_run(entry: str) -> str:
    """Return the id of the run of a user's own rule, of letters, digits, dots and hyphens."""
    return re.sub(r"[^a-z0-9.]", "-", entry.lower())


def find_folder(entry: str, folders: list[str]) -> str | None:
    """Find the folder that holds the module of an entry point, without importing anything.

    Parameters
    ----------
    entry
        ``package.module:Class``.
    folders
        Folders to look into first.

    Returns
    -------
    str or None
        The first of the folders that holds the module; None where it is installed.

    Raises
    ------
    InputError
        The module is nowhere.
    """
    module = entry.partition(":")[0]
    file = Path(*module.split("."))
    for folder in folders:
        if any((Path(folder) / path).is_file() for path in (f"{file}.py", file / "__init__.py")):
            return folder
    if _is_installed(module):
        return None
    searched = ", ".join(["the installed packages", *(f"{folder}/{file}.py" for folder in folders)])
    raise InputError(
        f"inference.methods: {entry}: there is no module {module}; searched: {searched}; name the "
        "folder that holds it in inference.folders"
    )


def _is_installed(module: str) -> bool:
    """Whether a module could be imported. `importlib.util.find_spec` would import its parents."""
    name, places = "", None
    for part in module.split("."):
        name = f"{name}.{part}".lstrip(".")
        spec = _find_spec(name, places)
        if spec is None:
            return False
        places = spec.submodule_search_locations or []
    return True


def _find_spec(name: str, places: list[str] | None) -> ModuleSpec | None:
    specs = (finder.find_spec(name, places) for finder in sys.meta_path)
    return next((spec for spec in specs if spec is not None), None)
