"""Checking the working directory before a run."""

from collections.abc import Iterable
from pathlib import Path

from workflow_src.common.errors import InputError

FOLDERS = ["results", "logs", ".snakemake"]


def check_workdir(folder: str | Path, names: Iterable[str] = FOLDERS) -> None:
    """Check that the folders to which a run writes exist or can be made; makes none.

    Raises
    ------
    InputError
        A file, or a link to no folder, has the name of one.
    """
    for name in names:
        path = Path(folder) / name
        if (path.exists() or path.is_symlink()) and not path.is_dir():
            raise InputError(
                f"{path}: is no folder, and the workflow writes to one of this name; move it away, "
                "or choose another working directory by --directory"
            )
