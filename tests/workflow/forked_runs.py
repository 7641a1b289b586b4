"""Runs of Snakemake at the cost of one start, each in a fork of a process that has it.

A dry run spends most of its seconds on imports and on parsing the same rules. A server, ``python -m
tests.workflow.forked_runs``, does both once. It reads lists of commands from standard input, a line
of JSON each, and forks for each command; `run_all` is its caller's side. Steps that a run starts
are forked, too (`tests.workflow.forked_steps`).
"""

import atexit
import contextlib
import functools
import importlib
import json
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import yaml

from tests.workflow.forked_steps import Starter, start_steps
from tests.workflow.running import CLONE, TINY, arguments, count_jobs

AT_ONCE = 2
# With one of these options, a run starts no step.
WITHOUT_STEPS = {"--dry-run", "-n", "--dag", "--summary", "--touch", "--list-rules"}
# Files of rules that Snakemake has parsed: path and count of rules before -> what it made of them.
PARSED: dict = {}


@dataclass(frozen=True)
class Command:
    """A run of Snakemake.

    Attributes
    ----------
    arguments
        Of its command line.
    edits
        Files of ``workflow_src`` or ``notebooks``, relative to the clone, that are read with
        another text.
    forged
        Whether ``--touch`` leaves the same records of jobs as a run that made the files.
    """

    arguments: list[str]
    edits: dict[str, str] = field(default_factory=dict)
    forged: bool = False


@dataclass(frozen=True)
class Outcome:
    """How a command ended.

    Attributes
    ----------
    code
        Its exit status.
    printed
        What it wrote to standard output.
    said
        That, and what it wrote to standard error.
    """

    code: int
    printed: str
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
    """Run commands, some at a time, with this process's environment; outcomes in their order."""
    server = start_server()
    asked = {"environment": dict(os.environ), "commands": [asdict(each) for each in commands]}
    server.stdin.write(json.dumps(asked) + "\n")
    server.stdin.flush()
    answer = server.stdout.readline()
    assert answer, "the server of runs ended"
    return [Outcome(**outcome) for outcome in json.loads(answer)]


def run_snakemake(folder, *options, overlay=None, check=True):
    """Run snakemake on the tiny configuration in a folder; return what it printed.

    Where it may fail (`check` is false), return its exit status too, first.
    """
    configs = [TINY]
    if overlay is not None:
        configs.append(folder / "overlay.yaml")
        configs[-1].write_text(overlay if isinstance(overlay, str) else yaml.safe_dump(overlay))
    (done,) = run_all([Command(arguments(folder, configs, *options))])
    if check:
        assert done.code == 0, done.said
    return done.said if check else (done.code, done.said)


def rules_to_run(folder, overlay=None):
    """Return how many jobs of each rule a dry run would run, without the target rule."""
    return count_jobs(run_snakemake(folder, "--dry-run", overlay=overlay))


@functools.cache
def start_server() -> subprocess.Popen:
    """Start this process's server, which ends with it."""
    command = [sys.executable, "-m", "tests.workflow.forked_runs"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    server = subprocess.Popen(command, cwd=CLONE, **pipes)
    atexit.register(server.communicate)
    return server


def _fork(command: Command, folder: Path) -> int:
    """Start a command in a child; it leaves in a folder what it said, imported and parsed."""
    folder.mkdir()
    starter = None if WITHOUT_STEPS.intersection(command.arguments) else _start_steps()
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number, name in enumerate(("printed", "errors"), start=1):
            os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
        from snakemake.cli import main
        from snakemake.jobs import Job
        from snakemake.workflow import Workflow

        if starter:
            sys.modules["snakemake.shell"].sp = starter
        if command.forged:
            # Snakemake then writes records, and looks for all that a job makes.
            Workflow.touch = False
            Job.benchmark = property(lambda job: None)
        with _reading(command.edits), _parsing_once():
            code = main(command.arguments)
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
    finally:
        (folder / "parsed").write_bytes(pickle.dumps(PARSED))
        (folder / "modules").write_text("\n".join(sys.modules))
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(code or 0))


@functools.cache
def _start_steps() -> Starter:
    """Start this process's server of steps, which ends with it."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    return start_steps(f"{folder.name}/steps")


@contextlib.contextmanager
def _reading(edits: dict[str, str]) -> Iterator[None]:
    """Let whoever reads these files find another text, and digests of code forget them."""
    if not edits:
        yield
        return
    from workflow_src.common import digests

    edited = {CLONE / path: text for path, text in edits.items()}
    read, known = Path.read_text, digests._module

    def look_up(module, root):
        is_edited = digests._path(module, root) in edited
        return (known.__wrapped__ if is_edited else known)(module, root)

    Path.read_text = lambda path, *args, **more: edited.get(path) or read(path, *args, **more)
    digests._module = functools.cache(look_up)
    yield


@contextlib.contextmanager
def _parsing_once() -> Iterator[None]:
    """Let Snakemake parse only those files of rules that are not in `PARSED`."""
    from snakemake import workflow

    parse = workflow.parse

    def remember(path, its_workflow, linemap, rulecount=0):
        key = path.get_path_or_uri(secret_free=True), rulecount
        if key not in PARSED:
            code, count = parse(path, its_workflow, linemap, rulecount=rulecount)
            PARSED[key] = code, count, linemap
        code, count, lines = PARSED[key]
        linemap.update(lines)
        return code, count

    workflow.parse = remember
    yield


def _prepare(folder: Path) -> None:
    """Do what any child does first, so that no later child has to.

    The imports, Snakemake's search for plugins, the parsing of its rules, the digests of all code.
    """
    for name in (folder / "modules").read_text().split("\n"):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    digests = importlib.import_module("workflow_src.common.digests")
    signature = importlib.import_module("workflow_src.running.signature")
    for path in (CLONE / "workflow_src").rglob("*.py"):
        package, *names = path.relative_to(CLONE).with_suffix("").parts
        digests.digest_code(".".join([package, *names]))
        signature.is_step(".".join(names))
    importlib.import_module("snakemake.cli").get_argument_parser()
    PARSED.update(pickle.loads((folder / "parsed").read_bytes()))


def _outcome(folder: Path, status: int) -> dict:
    code = os.waitstatus_to_exitcode(status)
    printed, errors = (
        (folder / name).read_text(errors="replace") for name in ("printed", "errors")
    )
    return asdict(Outcome(code, printed, printed + errors))


def _answer(commands: list[Command]) -> list[dict]:
    outcomes: dict[int, dict] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folders = [Path(temporary) / str(i) for i in range(len(commands))]
        running: dict[int, int] = {}
        for i, command in enumerate([*commands, None]):
            # The server's first runs alone: it shows what to prepare.
            while len(running) >= (AT_ONCE if command and PARSED else 1) and running:
                child, status = os.wait()
                ended = running.pop(child)
                outcomes[ended] = _outcome(folders[ended], status)
                if not PARSED:
                    _prepare(folders[ended])
                shutil.rmtree(folders[ended])
            if command:
                running[_fork(command, folders[i])] = i
    return [outcomes[i] for i in range(len(commands))]


def main() -> None:
    """Run the commands of each line of standard input; write a line of their outcomes."""
    for line in sys.stdin:
        asked = json.loads(line)
        os.environ.clear()
        os.environ.update(asked["environment"])
        print(json.dumps(_answer([Command(**each) for each in asked["commands"]])), flush=True)


if __name__ == "__main__":
    main()
