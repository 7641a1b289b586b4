"""Text that a command is given as a file, because Linux limits how long a command may be."""

from __future__ import annotations

import hashlib
import shlex
from pathlib import Path

from workflow_src.common.errors import InputError, first_line
from workflow_src.common.files import write_text

MARK = "@"


class AsFile(str):
    """Stands for a file with the text that is its format: ``{params.as_file:{input.files:q}}``.

    The process that starts a command formats it, so on a cluster the node itself writes the file.
    It is the text of the folder's path, since Snakemake may write params as JSON.

    Parameters
    ----------
    folder
        Where the files are. A file's name is the digest of its text.
    writes
        Whether to write them; a dry run only names them.
    """

    writes: bool

    def __new__(cls, folder: str, writes: bool) -> AsFile:  # noqa: D102
        made = super().__new__(cls, folder)
        made.writes = writes
        return made

    def __format__(self, text: str) -> str:
        path = Path(self, hashlib.sha256(text.encode()).hexdigest()[:32])
        if self.writes and not path.exists():
            write_text(text, path)
        return str(path)


def read_arguments(words: list[str]) -> list[str]:
    """Return the options of a step: those of the file, if the one word is ``@FILE``.

    The file holds options as a shell takes them, with its quotes.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    if len(words) != 1 or not words[0].startswith(MARK):
        return words
    path = words[0].removeprefix(MARK)
    try:
        return shlex.split(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as options ({first_line(error)})") from error
