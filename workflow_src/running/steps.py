"""What every step of the workflow shares: its command line and how it ends.

A step is a module with ``main(argv)`` that reads files, calls functions and writes files::

    def main(argv: list[str] | None = None) -> None:
        parser = step_parser(__doc__)
        parser.add_argument("--manifest", type=Path, required=True, help="...")
        args = parser.parse_args(argv)
        ...

    if __name__ == "__main__":
        run_step(main)
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Callable, Iterable
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from workflow_src.common.errors import InputError, describe_validation_error
from workflow_src.running.lock import live_with_run

Settings = TypeVar("Settings", bound=BaseModel)
Item = TypeVar("Item")


def step_parser(doc: str | None) -> argparse.ArgumentParser:
    """Return the parser of a step; its help is the module's docstring."""
    return argparse.ArgumentParser(
        description=doc,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def add_settings_argument(parser: argparse.ArgumentParser, model: type[BaseModel]) -> None:
    """Add ``--settings``: a block of the config as JSON; what is left out has its default."""
    parser.add_argument(
        "--settings",
        default="{}",
        metavar="JSON",
        help=f"settings, a JSON object with keys of: {', '.join(model.model_fields)}",
    )


def add_device_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--device`` and ``--deterministic``, of steps that can use a GPU."""
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    parser.add_argument(
        "--deterministic",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="on CUDA, use only algorithms that give the same bytes in every run",
    )


def parse_settings(text: str, model: type[Settings], block: str) -> Settings:
    """Check a block of settings given as JSON; `block` names it in errors."""
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise InputError(describe_validation_error(error, block)) from error


def parse_json(text: str, option: str) -> Any:
    """Read the JSON of an option, whose content is checked elsewhere."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{option}: is no JSON ({error})") from error


def run_step(main: Callable[[], None]) -> NoReturn:
    """Run a step as a program: one numerical thread, one line for a user's mistake.

    The step ends with the run that started it, whatever ends that.

    Exit status: 0 done, 1 bad input or a file that cannot be read or written, 2 wrong
    arguments, 130 interrupted. Faults of the program itself keep their traceback.
    """
    live_with_run()
    use_one_thread()
    # A file's name need not be text; what is said of it must not end the step.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        main()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"error: {where}{error.strerror or error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    sys.exit(0)


def use_one_thread() -> None:
    """Let numerical libraries use one thread, so that results don't depend on ``--cores``."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(limits=1)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


def show_progress(
    items: Iterable[Item], what: str, total: int | None = None, delay: float = 0
) -> Iterable[Item]:
    """Iterate with a progress bar on a terminal, with a plain line now and then in a log.

    Nothing is shown before `delay` seconds have passed, nor when all is done by then.
    """
    from tqdm import tqdm

    if sys.stderr.isatty():
        return tqdm(items, desc=what, total=total, delay=delay, dynamic_ncols=True)
    return tqdm(
        items,
        desc=what,
        total=total,
        delay=delay,
        mininterval=10,
        file=_LineFile(),
        bar_format="{desc}: {n_fmt}/{total_fmt} in {elapsed}, {rate_fmt}",
    )


class _LineFile:
    """Standard error with each refresh of a progress bar on a line of its own."""

    def write(self, text: str) -> None:
        text = text.strip("\r\n\x1b[A ")
        if text:
            sys.stderr.write(text + os.linesep)

    def flush(self) -> None:
        sys.stderr.flush()
