"""The working directory: where a run finds folders, there nothing else may stand."""

from collections.abc import Iterable
from pathlib import Path

from workflow_src.common.errors import InputError

FOLDERS = ["results", "logs", ".snakemake"]


def check_workdir(folder: str | Path, names: Iterable[str] = FOLDERS) -> None:
    """Check that what a run writes to can be folders; makes none.

    Raises
    ------
    InputError
        A file, or a link that leads to no folder, stands in the place of one.
    """
    for name in names:
        path = Path(folder) / name
        if (path.exists() or path.is_symlink()) and not path.is_dir():
            raise InputError(
                f"{path}: is no folder, and the workflow writes to one of this name; move it away, "
                "or choose another working directory by --directory"
            )
