"""Loading the class of an update rule by its entry point, ``module:Class``.

Steps load rules by their entry points and do not import methods. So an edit of one method reruns
nothing of the others.
"""

from __future__ import annotations

from workflow_src.common.entries import import_class
from workflow_src.updating.interface import UpdateRule


def load_entry(entry: str, folder: str | None = None) -> type[UpdateRule]:
    """Import the class of an update rule from a folder, or from the installed packages.

    Raises
    ------
    InputError
        The module or class does not exist, its import fails, or it is no update rule.
    """
    return import_class(entry, folder, UpdateRule, "an update rule")
