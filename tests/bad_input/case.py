"""One case of bad input, and what is true of every one."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.bad_input.spoiling import Spoil, remove
from tests.bad_input.world import COMMANDS, start
from workflow_src.running.launcher import end_well

PROGRESS = re.compile(r".+: [0-9]+/[0-9?]+ in [0-9:]+, .*")


@dataclass(frozen=True)
class Case:
    """A row of the catalogue.

    Attributes
    ----------
    command
        Which of `COMMANDS` is run.
    name
        What is wrong, in words.
    says
        What the error must contain: the culprit (file, key or row) and what is wrong with it.
    spoil
        Makes the input bad, in the working directory; None where an option does.
    options
        Options that are changed, as in `Command.arguments`.
    slow
        Whether it takes seconds: a notebook's kernel has to start.
    """

    command: str
    name: str
    says: str
    spoil: Spoil | None = None
    options: dict[str, Any] = field(default_factory=dict)
    slow: bool = False


def bad(command: str, name: str, says: str, spoil: Spoil | None = None, **options: Any) -> Case:
    """Write a row."""
    return Case(command, name, says, spoil, options)


def spoiled(case: Case) -> Callable[[], None]:
    """Prepare the working directory for a case; return what runs it as a program does."""
    command = COMMANDS[case.command]
    for output in command.outputs():
        remove(str(output))()
    if case.spoil:
        case.spoil()
    arguments = command.arguments(**case.options)
    return lambda: sys.exit(end_well(lambda: start(case.command, arguments)))


def run_to_the_end(run: Callable[[], None], capsys: pytest.CaptureFixture) -> tuple[int, list[str]]:
    """Run something that exits; return its status and what it said on standard error."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        run()
    sys.stderr.flush()
    said = capsys.readouterr().err.splitlines()
    return end.value.code, [line for line in said if not PROGRESS.fullmatch(line)]


def files_below(folder: Path, *but: str) -> dict[str, bytes | str]:
    """Return the content of every file below a folder, and where links lead."""
    return {
        name: str(path.readlink()) if path.is_symlink() else _content(path)
        for path in sorted(folder.rglob("*"))
        if (path.is_symlink() or path.is_file())
        and (name := str(path.relative_to(folder))) not in but
    }


def _content(path: Path) -> bytes | str:
    size = path.stat().st_size
    return path.read_bytes() if size < 1 << 24 else f"{size} bytes"
