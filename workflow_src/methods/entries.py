"""Loading the class of an update rule by its entry point, ``module:Class``.

Steps load rules by their entry points and do not import methods. So an edit of one method reruns
nothing of the others. `workflow_src.common.digests.digest_entry` digests the code that is loaded.
"""

from __future__ import annotations

import importlib
import sys
import traceback

from workflow_src.common.errors import InputError, first_line
from workflow_src.updating.interface import UpdateRule


def load_entry(entry: str, folder: str | None = None) -> type[UpdateRule]:
    """Import the class of an update rule from a folder, or from the installed packages.

    Raises
    ------
    InputError
        The module or class does not exist, its import fails, or it is no update rule.
    """
    module, _, name = entry.partition(":")
    if not module or not name:
        raise InputError(f"{entry!r} is no entry point; write it package.module:Class")
    if folder and folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        found = getattr(importlib.import_module(module), name, None)
    except ModuleNotFoundError as error:
        where = f", nor in {folder}" if folder else ""
        raise InputError(f"{entry}: no module {error.name!r} is installed{where}") from error
    # A module can raise any error while it is imported.
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        raise InputError(
            f"{entry}: importing it fails in {place.filename}, line {place.lineno} "
            f"({type(error).__name__}: {first_line(error)})"
        ) from error
    if not (isinstance(found, type) and issubclass(found, UpdateRule)):
        raise InputError(
            f"{entry}: {module} has no class {name} that is an update rule, made of "
            f"{UpdateRule.__module__}.{UpdateRule.__name__}"
        )
    return found
