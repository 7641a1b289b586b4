"""The one exception that means: the user can mend this; and how its message stays one line."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


class InputError(Exception):
    """Bad input: a file, key or value that the user gave.

    The message is one line that names the culprit (file, key or row), says what is wrong and
    what is allowed. Steps print it as it is and exit with status 1; no traceback is shown.
    """


def printable(name: object) -> str:
    """Return a name as it may stand in a message: quoted where it would not be one plain line."""
    text = str(name)
    return text if text.isprintable() else repr(text)


@contextlib.contextmanager
def blamed_on(source: object) -> Iterator[None]:
    """Put the name of a file before the message of an `InputError` that its content leads to."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{source}: {error}") from error
