"""JSON in which no key stands twice: of two, a reader would drop the first."""

from __future__ import annotations

import json
import re
from typing import Any

from workflow_src.common.errors import InputError, printable

# Of a text that is JSON: its strings, brackets, colons and line ends.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:\n]')


class _TwiceError(ValueError):
    """A key stands twice in one object."""


def load_json(text: str, source: object) -> Any:
    """Read JSON.

    Raises
    ------
    ValueError
        The text is no JSON.
    InputError
        A key stands twice; the error names `source`, the key and both lines.
    """
    try:
        return json.loads(text, object_pairs_hook=_to_dict)
    except _TwiceError as error:
        raise InputError(describe_twice(source, *_find_twice(text))) from error


def describe_twice(source: object, key: str, first: int, second: int) -> str:
    """Describe a key that stands in two lines of a text."""
    lines = f"in line {first} and in line {second}" if first < second else f"in line {first}"
    return f"{source}: the key {printable(key)} stands there twice, {lines}; once is allowed"


def _to_dict(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _TwiceError
    return found


def _find_twice(text: str) -> tuple[str, int, int]:
    """Return the first key that stands twice in an object, and its two lines."""
    line = at = 1
    word = ""
    objects: list[dict[str, int]] = []
    for token in _TOKEN.findall(text):
        if token == "\n":
            line += 1
        elif token in "{[":
            objects.append({})
        elif token in "}]":
            objects.pop()
        elif token != ":":
            word, at = token, line
        elif (key := json.loads(word)) in objects[-1]:
            return key, objects[-1][key], at
        else:
            objects[-1][key] = at
    raise AssertionError("no key stands twice")
