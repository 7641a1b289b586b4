"""Reading pickles from others without running anything that they hold.

A pickle is a program: it may name any function of any module and call it. Two gates stand before
it. The first walks through the opcodes without executing them. It refuses every opcode outside a
short list: persistent ids, extension codes, classes to instantiate, states to set. The second is
an unpickler that looks up names in a table and imports nothing.

A pickle can name one list a thousand times. `workflow_src.common.limits` bounds the memory that its
content takes; the caller decides how many names of one thing are too many.
"""

from __future__ import annotations

import collections
import io
import pickle
import pickletools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from workflow_src.common.errors import InputError, first_line, quoted
from workflow_src.common.limits import within_budget

# Numbers, text, None and booleans; lists, dicts, and tuples as arguments; calls of admitted names.
PLAIN_OPCODES = frozenset(
    """
    PROTO FRAME STOP MARK POP POP_MARK DUP PUT BINPUT LONG_BINPUT MEMOIZE GET BINGET LONG_BINGET
    NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT
    STRING BINSTRING SHORT_BINSTRING UNICODE SHORT_BINUNICODE BINUNICODE BINUNICODE8
    EMPTY_LIST APPEND APPENDS LIST EMPTY_DICT DICT SETITEM SETITEMS
    EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 GLOBAL STACK_GLOBAL REDUCE
    """.split()  # noqa: SIM905
)
PLAIN_GLOBALS: dict[tuple[str, str], Any] = {
    ("collections", "defaultdict"): collections.defaultdict,
    ("builtins", "list"): list,
    ("builtins", "dict"): dict,
}

_MEMO_PUTS = {"PUT", "BINPUT", "LONG_BINPUT"}
_MEMO_GETS = {"GET", "BINGET", "LONG_BINGET"}
_NUMBERS = {"INT", "LONG", "LONG1", "LONG4"}
_TUPLES = {"EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"}


class PlainUnpickler(pickle.Unpickler):
    """An unpickler that knows the names of `PLAIN_GLOBALS` alone; it imports nothing.

    Parameters
    ----------
    data
        The whole pickle.
    source
        Its file, for error messages.
    """

    def __init__(self, data: bytes, source: str | Path) -> None:
        # BytesIO shares the bytes; BufferedReader spares a call for every opcode.
        super().__init__(io.BufferedReader(io.BytesIO(data)))
        self._source = source

    def load(self) -> Any:
        """Load the content; raises `InputError` for a name outside the table, or damage."""
        try:
            return super().load()
        except InputError:
            raise
        # A damaged pickle can raise any exception.
        except Exception as error:
            raise InputError(
                f"{self._source}: cannot be read as a pickle ({first_line(error)})"
            ) from error

    def find_class(self, module: str, name: str) -> Any:
        """Look up a name in the table."""
        try:
            return PLAIN_GLOBALS[module, name]
        except KeyError:
            admitted = ", ".join(f"{m}.{n}" for m, n in PLAIN_GLOBALS)
            raise InputError(
                f"{self._source}: refused, because the pickle names {module}.{name}, which could "
                f"run code; admitted are: {admitted}"
            ) from None

    def persistent_load(self, pid: Any) -> NoReturn:
        """Refuse references to objects outside of the pickle."""
        raise InputError(
            f"{self._source}: refused, because it holds the persistent id {quoted(pid)}"
        )


def walk_opcodes(
    data: bytes, source: str | Path, admitted: frozenset[str]
) -> Iterator[tuple[str, Any]]:
    """Walk through a pickle without executing it; yields the name and argument of each opcode.

    Parameters
    ----------
    data
        The pickle.
    source
        Its file, for error messages.
    admitted
        Names of the admitted opcodes, as in `pickletools`.

    Raises
    ------
    InputError
        An opcode is not admitted or unknown; an argument reaches beyond the end of the file or
        claims more memory than the file holds; the pickle has no end, or bytes follow its end.
    """
    position = 0
    try:
        for count, (opcode, argument, place) in enumerate(pickletools.genops(data)):
            position = place or 0
            if opcode.name not in admitted:
                said = "" if argument is None else f" {ascii(quoted(argument))[1:-1]}"
                raise InputError(
                    f"{source}: refused, because the pickle holds the opcode {opcode.name}{said} "
                    f"at byte {position}; such files hold lists, dicts, text and numbers alone"
                )
            # The memo is an array up to its largest index: a small file could claim gigabytes.
            if opcode.name in _MEMO_PUTS and (argument or 0) > count:
                raise ValueError("memo index beyond what came before")
            yield opcode.name, argument
        if rest := len(data) - position - 1:
            raise ValueError(f"{rest} bytes follow its end")
    except ValueError as error:
        raise InputError(f"{source}: cannot be read as a pickle ({first_line(error)})") from error


def read_plain_pickle(path: str | Path) -> Any:
    """Read a pickle of dicts, lists, text, numbers and ``collections.defaultdict``.

    Raises
    ------
    InputError
        The file cannot be read, is damaged, or holds anything else.
    """
    with within_budget(path):
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({first_line(error)})") from error
        _check(data, path)
        return PlainUnpickler(data, path).load()


def _check(data: bytes, source: str | Path) -> None:
    """Check the opcodes, that numbers have 64 bits, and that every tuple is the argument of a call.

    A dict hashes its keys. The hash of a million nested tuples ends the process, and large numbers
    can be chosen to have one hash.
    """
    memo: set[int] = set()
    arguments: set[int] = set()
    is_tuple = False
    for name, argument in walk_opcodes(data, source, PLAIN_OPCODES):
        if name in _NUMBERS and not -(1 << 63) <= argument < 1 << 63:
            raise InputError(f"{source}: refused, because it holds a number of more than 64 bits")
        if name == "MEMOIZE" or name in _MEMO_PUTS:
            index = len(memo) if name == "MEMOIZE" else argument
            memo.add(index)
            if is_tuple:
                arguments.add(index)
            continue
        if (is_tuple and name != "REDUCE") or (name in _MEMO_GETS and argument in arguments):
            raise InputError(
                f"{source}: refused, because it holds a tuple; such files hold lists, dicts, text "
                "and numbers alone"
            )
        is_tuple = name in _TUPLES
