"""Importing a class by its entry point, ``module:Class``.

`workflow_src.common.digests.digest_entry` digests the code that is loaded.
"""

from __future__ import annotations

import importlib
import sys
import traceback
from pathlib import Path

from workflow_src.common.errors import InputError, first_line


def import_class(entry: str, folder: str | None, base: type, what: str) -> type:
    """Import a class from a folder, or from the installed packages.

    Parameters
    ----------
    entry
        ``module:Class``.
    folder
        The folder that holds the module; None or empty where it is installed.
    base
        The class must be derived from this one.
    what
        What the class is, in errors.

    Raises
    ------
    InputError
        The module or class does not exist, its import fails, or it has another base.
    """
    module, _, name = entry.partition(":")
    if not module or not name:
        raise InputError(f"{entry!r} is no entry point; write it package.module:Class")
    # Python remembers what a relative folder was when it first looked.
    place = str(Path(folder).absolute()) if folder else None
    if place and place not in sys.path:
        sys.path.insert(0, place)
    try:
        found = getattr(importlib.import_module(module), name, None)
    except ModuleNotFoundError as error:
        where = f", nor in {folder}" if folder else ""
        raise InputError(f"{entry}: no module {error.name!r} is installed{where}") from error
    # A module can raise any error while it is imported.
    except Exception as error:
        raise InputError(f"{entry}: importing it fails {describe_failure(error)}") from error
    if not (isinstance(found, type) and issubclass(found, base)):
        raise InputError(
            f"{entry}: {module} has no class {name} that is {what}, made of "
            f"{base.__module__}.{base.__name__}"
        )
    return found


def describe_failure(error: Exception, file: str | None = None) -> str:
    """Say in a line where a user's code failed, and how; the place is in `file` if it can be."""
    places = traceback.extract_tb(error.__traceback__)
    place = next((found for found in reversed(places) if found.filename == file), places[-1])
    said = f"{type(error).__name__}: {first_line(error)}"
    return f"in {place.filename}, line {place.lineno} ({said})"
