"""Finding the source of a module without importing anything."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from pathlib import Path


def find_in_folder(module: str, folder: str) -> Path | None:
    """Return the file of a dotted module within a folder, or None."""
    stem = Path(folder, *module.split("."))
    files = stem.with_suffix(".py"), stem / "__init__.py"
    return next((file for file in files if file.is_file()), None)


def find_installed(module: str) -> ModuleSpec | None:
    """Return the spec of a module that could be imported, or None.

    `importlib.util.find_spec` would import the module's parent packages.
    """
    spec, name, places = None, "", None
    for part in module.split("."):
        name = f"{name}.{part}".lstrip(".")
        specs = (finder.find_spec(name, places) for finder in sys.meta_path)
        spec = next((found for found in specs if found is not None), None)
        if spec is None:
            return None
        places = list(spec.submodule_search_locations or [])
    return spec
