"""The exception for mistakes that the user can mend, and the words of its message."""

from __future__ import annotations

import contextlib
import difflib
import re
import reprlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

# pydantic's names for the branches of a union and for the key of a dict; they are no keys.
_BRANCH = re.compile(r"\[key\]|constrained-\w+|(function-after|literal)\[.*\]")

# Error messages cut long values to fit into a line.
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 80
# The most characters of a line, and lines of a message: a file can make a name of megabytes.
MAX_LINE, MAX_LINES, MAX_NAME = 2000, 100, 300
# A long text that a message of pydantic's quotes.
_LONG_QUOTE = re.compile(r"(?<=')[^']{100,}(?=')|[0-9]{100,}")


class InputError(Exception):
    """Bad input: a file, key or value that the user gave.

    The message is one line. It names the culprit (file, key or row), what is wrong, and what is
    allowed. A step prints it without a traceback and exits with status 1. What it quotes of others
    is cleaned (`clean_line`) and cut where it is too long; only its line ends stay.
    """

    def __init__(self, message: str) -> None:
        lines = [clean_line(_cut(line, MAX_LINE)) for line in message.split("\n")]
        if (more := len(lines) - MAX_LINES) > 0:
            lines[MAX_LINES:] = [f"and {more:,} more errors"]
        super().__init__("\n".join(lines))


class AbsentError(InputError):
    """A corpus does not have what is needed, such as speakers or days."""


def clean_line(text: str) -> str:
    """Return a line in which escapes stand for control characters, on which a terminal acts."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def quoted(value: object) -> str:
    """Return the start of a value's `repr`, which may be long, deep or impossible."""
    try:
        return _SHORT.repr(value)
    except Exception:  # of any class; for example a number of more digits than Python writes
        return f"a value of the type {type(value).__name__}"


def _cut(text: str, most: int) -> str:
    """Cut a long text in its middle."""
    return text if len(text) <= most else f"{text[: most * 2 // 3]} ... {text[-most // 4 :]}"


def printable(name: object) -> str:
    """Return a name for a message: quoted where it would not be one plain line, cut if long."""
    try:
        text = _cut(str(name), MAX_NAME)
    except ValueError:  # a number of more digits than Python writes
        text = quoted(name)
    return text if text.isprintable() else repr(text)


def first_line(error: object) -> str:
    """Return the first line of an error's message, cleaned; the error's type where it has none."""
    if isinstance(error, MemoryError):
        return "it needs too much memory for its size"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    said = str(getattr(error, "strerror", None) or error).strip()
    return clean_line((said.splitlines() or [type(error).__name__])[0])


@contextlib.contextmanager
def blamed_on(source: object) -> Iterator[None]:
    """Put `source` before the message of any `InputError` raised within."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{source}: {error}") from error


def describe_os_error(error: OSError) -> str:
    """Return what an error of the system says, with its file, as one clean line."""
    where = f"{error.filename}: " if error.filename else ""
    return clean_line(f"{where}{error.strerror or error}")


@contextlib.contextmanager
def naming(path: object) -> Iterator[None]:
    """Make an `OSError` raised within name a file, where it names none: a full disk's does not."""
    try:
        yield
    except OSError as error:
        if error.filename is not None or error.errno is None:
            raise
        raise OSError(error.errno, first_line(error), str(path)) from error


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Return ``; did you mean X?`` where one of the known names is like this one, else nothing."""
    found = difflib.get_close_matches(str(name)[:MAX_NAME], list(known), n=1)
    return f"; did you mean {found[0]}?" if found else ""


def describe_validation_error(
    error: ValidationError, source: str, model: type[BaseModel] | None = None
) -> str:
    """Describe pydantic's error: one line ``source: key: what`` for each wrong key.

    With the `model` that was validated, the line of an unknown key names the key that is like it.
    """
    faults: dict[str, list[Any]] = {}
    for fault in error.errors():
        key = ".".join(printable(part) for part in fault["loc"] if not _is_branch(part))
        faults.setdefault(key, []).append(fault)
    return "\n".join(
        f"{source}: {key + ': ' if key else ''}{_describe_faults(of_key)}"
        + (_suggest_key(of_key[0], model) if model else "")
        for key, of_key in faults.items()
    )


def _suggest_key(fault: Any, model: type[BaseModel]) -> str:
    """Return the key that is like an unknown one, of the same block."""
    if fault["type"] != "extra_forbidden":
        return ""
    *blocks, name = fault["loc"]
    for block in blocks:
        fields = {field.alias or key: field for key, field in model.model_fields.items()}
        kind = fields[block].annotation if block in fields else None
        if not (isinstance(kind, type) and hasattr(kind, "model_fields")):
            return ""
        model = cast("type[BaseModel]", kind)
    keys = [field.alias or key for key, field in model.model_fields.items()]
    return did_you_mean(name, keys)


def _is_branch(part: str | int) -> bool:
    """Whether pydantic means the branch of a union, not a key."""
    return isinstance(part, str) and _BRANCH.fullmatch(part) is not None


def _describe_faults(faults: list[Any]) -> str:
    """Describe what is wrong with one value; a union gives a fault for each of its branches."""
    fault = faults[0]
    if fault["type"] == "extra_forbidden":
        return "unknown key; see config.yaml for the keys there are"
    if fault["type"] == "missing":
        return "is missing"
    if fault["type"] == "unexpected_keyword_argument":
        return "unknown key"
    if fault["type"] == "value_error":
        said = fault["msg"].removeprefix("Value error, ")
        return _LONG_QUOTE.sub(lambda found: _cut(found[0], 80), said)
    value = fault["input"]
    wanted = " or ".join(dict.fromkeys(f["msg"][0].lower() + f["msg"][1:] for f in faults))
    said = f"{quoted(value)} is not allowed: {wanted.replace(' or input should', ' or')}"
    if isinstance(value, str) and fault["type"] in {"float_type", "int_type"}:
        said += " (in YAML, 3e-4 is text; write 0.0003 or 3.0e-4)"
    if type(value) is int and fault["type"] == "string_type":
        said += " (quote ids and times: in YAML, 0124 without quotes is the number 84)"
    return said
