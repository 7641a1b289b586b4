"""The one exception that means: the user can mend this; and the words of its message."""

from __future__ import annotations

import contextlib
import re
import reprlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import ValidationError

# pydantic's names for the branches of a union and for the key of a dict, which are no keys.
_BRANCH = re.compile(r"\[key\]|constrained-\w+|(function-after|literal)\[.*\]")

# Of a value only so much is shown as fits into a line.
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 80


class InputError(Exception):
    """Bad input: a file, key or value that the user gave.

    The message is one line that names the culprit (file, key or row), says what is wrong and
    what is allowed. Steps print it as it is and exit with status 1; no traceback is shown.
    """


def printable(name: object) -> str:
    """Return a name as it may stand in a message: quoted where it would not be one plain line."""
    text = str(name)
    return text if text.isprintable() else repr(text)


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message; the error's type where it has none."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def one_line(error: BaseException | str) -> str:
    """Return what an error says, as one line."""
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(said).split())


@contextlib.contextmanager
def blamed_on(source: object) -> Iterator[None]:
    """Put the name of a file before the message of an `InputError` that its content leads to."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{source}: {error}") from error


def describe_validation_error(error: ValidationError, source: str) -> str:
    """Say what pydantic found: a line for each key that is wrong, ``source: key: what``."""
    faults: dict[str, list[Any]] = {}
    for fault in error.errors():
        key = ".".join(printable(part) for part in fault["loc"] if not _is_branch(part))
        faults.setdefault(key, []).append(fault)
    return "\n".join(
        f"{source}: {key + ': ' if key else ''}{_describe_faults(of_key)}"
        for key, of_key in faults.items()
    )


def _is_branch(part: str | int) -> bool:
    """Whether a part of a place is pydantic's name for the branch of a union, not a key."""
    return isinstance(part, str) and _BRANCH.fullmatch(part) is not None


def _describe_faults(faults: list[Any]) -> str:
    """Say what is wrong with one value, which has a fault for each kind that it may be of."""
    fault = faults[0]
    if fault["type"] == "extra_forbidden":
        return "unknown key; see config.yaml for the keys there are"
    if fault["type"] == "missing":
        return "is missing"
    if fault["type"] == "unexpected_keyword_argument":
        return "unknown key"
    if fault["type"] == "value_error":
        return fault["msg"].removeprefix("Value error, ")
    value = fault["input"]
    wanted = " or ".join(dict.fromkeys(f["msg"][0].lower() + f["msg"][1:] for f in faults))
    said = f"{_SHORT.repr(value)} is not allowed: {wanted.replace(' or input should', ' or')}"
    if isinstance(value, str) and fault["type"] in {"float_type", "int_type"}:
        said += " (in YAML, 3e-4 is text; write 0.0003 or 3.0e-4)"
    return said
