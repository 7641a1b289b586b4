"""Many short runs of Snakemake at the cost of one start, each in a fork of a process that has it.

A dry run spends most of its seconds on imports. ``python -m tests.workflow.dry_runs`` imports once,
reads commands from standard input as JSON and forks for each; `run_all` is its caller's side.
"""

import contextlib
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import traceback
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.workflow.running import CLONE, arguments, count_jobs

AT_ONCE = 2


@dataclass(frozen=True)
class Command:
    """A run of Snakemake.

    Attributes
    ----------
    arguments
        Of its command line.
    edits
        Files of ``workflow_src`` or ``notebooks``, relative to the clone, with another text. The
        digests of the workflow's code are then those of a copy with this text.
    """

    arguments: list[str]
    edits: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """How a command ended: its exit status, and what it printed."""

    code: int
    said: str

    @property
    def jobs(self) -> dict[str, int]:
        """How many jobs of each rule a dry run would run, without rules that run nothing."""
        assert self.code == 0, self.said
        return count_jobs(self.said)


def dry_run(folder, configs, *options, targets=(), edits=None) -> Command:
    """Return the command of a dry run in a folder, to its target or to those that are named."""
    return Command(arguments(folder, configs, *options, "--dry-run", "--", *targets), edits or {})


def run_all(commands: list[Command]) -> list[Outcome]:
    """Run commands, some at a time; outcomes come in their order."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.workflow.dry_runs"],
        input=json.dumps([asdict(command) for command in commands]),
        capture_output=True,
        text=True,
        check=False,
        cwd=CLONE,
    )
    assert done.returncode == 0, done.stderr
    return [Outcome(**outcome) for outcome in json.loads(done.stdout)]


def _fork(command: Command, folder: Path) -> int:
    """Start a command in a child; it leaves ``said`` and ``modules`` in a folder."""
    folder.mkdir()
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        said = os.open(folder / "said", os.O_WRONLY | os.O_CREAT)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(said, 1)
        os.dup2(said, 2)
        if command.edits:
            _import_package_from(_copy_with(command.edits, folder / "copy"))
        from snakemake.cli import main

        code = main(command.arguments)
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
    finally:
        (folder / "modules").write_text("\n".join(sys.modules))
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(code or 0))


def _copy_with(edits: dict[str, str], copy: Path) -> Path:
    for part in ("workflow_src", "notebooks"):
        shutil.copytree(CLONE / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
    for path, text in edits.items():
        (copy / path).write_text(text)
    return copy


def _import_package_from(root: Path) -> None:
    """Let the workflow find its package, and so what it digests, in another folder."""
    for name in [name for name in sys.modules if name.split(".")[0] == "workflow_src"]:
        del sys.modules[name]
    sys.path.insert(0, str(root))
    importlib.import_module("workflow_src")


def _import_what(folder: Path) -> None:
    """Import what a child had to, and digest all code, so that no later child has to."""
    for name in (folder / "modules").read_text().split("\n"):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    digests = importlib.import_module("workflow_src.common.digests")
    for path in (CLONE / "workflow_src").rglob("*.py"):
        digests.digest_code(".".join(path.relative_to(CLONE).with_suffix("").parts))


def _outcome(folder: Path, status: int) -> dict:
    code = os.waitstatus_to_exitcode(status)
    return asdict(Outcome(code, (folder / "said").read_text(errors="replace")))


def main() -> None:
    """Run the commands of standard input; write their outcomes to standard output."""
    commands = [Command(**command) for command in json.load(sys.stdin)]
    outcomes: dict[int, dict] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folders = [Path(temporary) / str(i) for i in range(len(commands))]
        running: dict[int, int] = {}
        for i, command in enumerate(commands):
            # The first runs alone: it shows what to import.
            while len(running) >= (AT_ONCE if i > 1 else 1):
                child, status = os.wait()
                ended = running.pop(child)
                outcomes[ended] = _outcome(folders[ended], status)
                if ended == 0 and len(commands) > 1:
                    _import_what(folders[0])
                shutil.rmtree(folders[ended])
            running[_fork(command, folders[i])] = i
        for child, i in running.items():
            outcomes[i] = _outcome(folders[i], os.waitpid(child, 0)[1])
    json.dump([outcomes[i] for i in range(len(commands))], sys.stdout)


if __name__ == "__main__":
    main()
