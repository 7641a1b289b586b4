"""Starting a step: its command line, its numerical threads, its exit status.

``python -m workflow_src.run <room>.<step> --option value ...`` imports
``workflow_src.<room>.<step>``, reads its ``Arguments`` and calls its ``run``. ``@FILE`` in place
of the options reads them from a file. No step imports this module, so an edit of it changes no
digest of code.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import re
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from workflow_src.common.digests import PACKAGE, ROOT
from workflow_src.common.errors import InputError, describe_os_error
from workflow_src.running.arguments import parse_arguments
from workflow_src.running.as_file import read_arguments
from workflow_src.running.lock import live_with_run
from workflow_src.running.signature import is_step
from workflow_src.running.threads import use_one_thread

USAGE = """\
usage: python -m workflow_src.run <room>.<step> [--option value ... | @FILE]

Runs one step. --help after a step lists its options, which FILE may hold. The steps:
"""


def list_steps() -> list[str]:
    """List all steps, ``<room>.<step>``."""
    names = (
        ".".join(path.relative_to(ROOT / PACKAGE).with_suffix("").parts)
        for path in sorted((ROOT / PACKAGE).glob("*/*.py"))
    )
    return [name for name in names if is_step(name)]


def call(step: str, given: list[str]) -> None:
    """Read a step's arguments and run it in this process.

    Raises
    ------
    InputError
        There is no such step, or its input is bad.
    SystemExit
        An option is wrong, or help was asked for.
    """
    if not is_step(step):
        raise InputError(f"{step!r} is no step; allowed: {', '.join(list_steps())}")
    module = importlib.import_module(f"{PACKAGE}.{step}")
    args = parse_arguments(module.Arguments, step, read_arguments(given), module.__doc__)
    use_one_thread()
    module.run(args)


def main(given: list[str] | None = None) -> NoReturn:
    """Run a step as a program.

    The process ends when the run that started it ends, however that ends.

    Exit status: 0 done, 1 bad input or a file that cannot be read or written, 2 wrong arguments,
    130 interrupted. Bad input gives a one-line error. A bug keeps its traceback.
    """
    words = sys.argv[1:] if given is None else given
    if not words or words[0] in {"-h", "--help"}:
        print(USAGE + "".join(f"    {name}\n" for name in list_steps()), end="")
        sys.exit(0 if words else 2)
    status = end_well(lambda: call(words[0], words[1:]))
    if status == 0:
        sys.stdout.flush()
        print(tell_costs(), file=sys.stderr)
    sys.exit(status)


def tell_costs() -> str:
    """Return the processor time of this process and those it waited for, and the largest's memory.

    Snakemake's benchmark files look at a job every half minute, and so miss the peaks of long jobs.
    """
    own, of_children = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    seconds = sum(one.ru_utime + one.ru_stime for one in (own, of_children))
    kilobytes = max(_own_peak() or own.ru_maxrss, of_children.ru_maxrss)
    return f"took {seconds:.1f} s of processor time, {kilobytes / 1024:.0f} MiB of memory"


def _own_peak() -> int | None:
    """Return this program's peak in KiB, where Linux tells it.

    In `resource`, it counts what the process that started this one had.
    """
    with contextlib.suppress(OSError):
        found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
        return int(found[1]) if found else None
    return None


def end_well(work: Callable[[], None]) -> int:
    """Do the work of a step and return its exit status; bad input gives a one-line error."""
    live_with_run()
    # A file's name may be no text; printing it must not end the step.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        work()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {describe_os_error(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0
