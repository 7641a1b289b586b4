"""Reading pickles of others without running anything that stands in them.

A pickle is a program: it may name any function of any module and call it. Two gates stand before
it here. First its opcodes are walked through without being executed, and a file with an opcode
outside a short list is refused: persistent ids, extension codes, classes to instantiate, states
to set. Then it is loaded by an unpickler that looks up names in a table it is given, and imports
nothing. What the table holds is all that the pickle can call.

Neither gate keeps a file from being large: a list that is named a thousand times is read once,
and grows where it is written out. Who reads such a file says how much is too much.
"""

from __future__ import annotations

import collections
import io
import pickle
import pickletools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from workflow_src.common.errors import InputError

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

_OPCODES = {ord(opcode.code): opcode for opcode in pickletools.opcodes}
# Bytes of the length that precedes an argument of any length.
_LENGTH_BYTES = {
    pickletools.TAKEN_FROM_ARGUMENT1: 1,
    pickletools.TAKEN_FROM_ARGUMENT4: 4,
    pickletools.TAKEN_FROM_ARGUMENT4U: 4,
    pickletools.TAKEN_FROM_ARGUMENT8U: 8,
}
_MEMO_PUTS = {"PUT", "BINPUT", "LONG_BINPUT"}
_MEMO_GETS = {"GET", "BINGET", "LONG_BINGET"}
_TUPLES = {"EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"}
_CHECKED = _MEMO_PUTS | {"STOP"}


class RestrictedUnpickler(pickle.Unpickler):
    """An unpickler that admits a table of globals and a list of opcodes.

    Parameters
    ----------
    data
        The whole pickle, without anything before or after it.
    source
        Where it comes from; named in errors.
    admitted
        What each admitted (module, name), as it is written in the pickle, stands for.
    opcodes
        Names of the admitted opcodes, those of `pickletools`.
    """

    def __init__(
        self,
        data: bytes,
        source: str | Path,
        admitted: Mapping[tuple[str, str], Any] = PLAIN_GLOBALS,
        opcodes: frozenset[str] = PLAIN_OPCODES,
    ) -> None:
        # BytesIO shares the bytes; BufferedReader spares a call for every opcode.
        super().__init__(io.BufferedReader(io.BytesIO(data)))
        self._data = data
        self._source = source
        self._admitted = dict(admitted)
        self._opcodes = opcodes

    def load(self) -> Any:
        """Load the content.

        Raises
        ------
        InputError
            The pickle holds a global or an opcode that is not admitted, or is damaged. Nothing of
            it was run then but calls of admitted names.
        """
        self.check()
        try:
            return super().load()
        except InputError:
            raise
        # A damaged pickle can raise whatever its opcodes meet on the stack.
        except Exception as error:
            reason = (str(error).splitlines() or [""])[0] or type(error).__name__
            raise InputError(f"{self._source}: cannot be read as a pickle ({reason})") from error

    def check(self) -> None:
        """Check the opcodes; executes none."""
        check_opcodes(self._data, self._source, self._opcodes)

    def find_class(self, module: str, name: str) -> Any:
        """Look up a global in the table; imports nothing."""
        try:
            return self._admitted[module, name]
        except KeyError:
            admitted = ", ".join(f"{m}.{n}" for m, n in self._admitted)
            raise InputError(
                f"{self._source}: refused, because the pickle names {module}.{name}, which could "
                f"run code; admitted are: {admitted}"
            ) from None

    def persistent_load(self, pid: Any) -> NoReturn:
        """Refuse references to objects outside of the pickle."""
        raise InputError(f"{self._source}: refused, because it holds the persistent id {pid!r}")


class PlainUnpickler(RestrictedUnpickler):
    """Unpickler of dicts, lists, text and numbers: `PLAIN_GLOBALS` and `PLAIN_OPCODES`."""

    def check(self) -> None:
        """Check the opcodes, and that tuples are arguments of calls and nothing else.

        The key of a dict is hashed, and the hash of a tuple in a tuple in a tuple, a million
        deep, ends the process.
        """
        super().check()
        memo: set[int] = set()
        arguments: set[int] = set()
        is_tuple = False
        for opcode, argument, _ in _walk(self._data, self._source):
            name = opcode.name
            if name == "MEMOIZE" or name in _MEMO_PUTS:
                index = len(memo) if name == "MEMOIZE" else argument
                memo.add(index)
                if is_tuple:
                    arguments.add(index)
                continue
            if (is_tuple and name != "REDUCE") or (name in _MEMO_GETS and argument in arguments):
                raise InputError(
                    f"{self._source}: refused, because it holds a tuple; such files hold lists, "
                    "dicts, text and numbers alone"
                )
            is_tuple = name in _TUPLES


def check_opcodes(data: bytes, source: str | Path, admitted: frozenset[str]) -> None:
    """Walk through a pickle without executing it.

    Parameters
    ----------
    data
        The pickle.
    source
        Where it comes from; named in errors.
    admitted
        Names of the admitted opcodes.

    Raises
    ------
    InputError
        An opcode is not admitted or unknown; an argument reaches beyond the end of the file, or
        would make the unpickler set aside memory for more than the file holds; the pickle has no
        end, or more follows it.
    """
    # The two kinds that files are full of are told apart by their codes alone: those whose argument
    # has a fixed size, and those in which a length precedes it.
    plain = [o for c, o in _OPCODES.items() if o.name in admitted and o.name not in _CHECKED]
    fixed = {ord(o.code): o.arg.n if o.arg else 0 for o in plain if not o.arg or o.arg.n >= 0}
    prefixed = {
        ord(o.code): _LENGTH_BYTES[o.arg.n] for o in plain if o.arg and o.arg.n in _LENGTH_BYTES
    }
    position = count = 0
    end = len(data)
    while position < end:
        code = data[position]
        position += 1
        count += 1
        if code in fixed:
            position += fixed[code]
            continue
        if code in prefixed:
            begin = position + prefixed[code]
            position = begin + int.from_bytes(data[position:begin], "little")
            continue
        opcode = _OPCODES.get(code)
        if opcode is None:
            raise InputError(
                f"{source}: cannot be read as a pickle (byte {position - 1} is no opcode)"
            )
        argument, position = _read_argument(data, position, opcode, source)
        if opcode.name not in admitted:
            said = f" {_describe(argument)}" if argument else ""
            raise InputError(
                f"{source}: refused, because the pickle holds the opcode {opcode.name}{said} at "
                f"byte {position - len(argument) - 1}; such files hold lists, dicts, text and "
                "numbers alone"
            )
        # The memo is an array up to its largest index: a small file could claim gigabytes.
        if opcode.name in _MEMO_PUTS and _memo_index(argument, opcode, source) > count:
            raise InputError(
                f"{source}: cannot be read as a pickle (memo index beyond what came before)"
            )
        if opcode.name == "STOP":
            if position != end:
                raise InputError(
                    f"{source}: cannot be read as a pickle ({end - position} bytes follow its end)"
                )
            return
    raise InputError(f"{source}: cannot be read as a pickle (it is empty or cut short)")


def read_plain_pickle(path: str | Path) -> Any:
    """Read a pickle of dicts, lists, text, numbers and ``collections.defaultdict``.

    Raises
    ------
    InputError
        The file cannot be read, is damaged, or holds anything else.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    return PlainUnpickler(data, path).load()


def _walk(
    data: bytes, source: str | Path
) -> Iterator[tuple[pickletools.OpcodeInfo, Any, int | None]]:
    """Iterate over opcodes with their arguments decoded."""
    try:
        yield from pickletools.genops(data)
    except ValueError as error:
        raise InputError(f"{source}: cannot be read as a pickle ({error})") from error


def _read_argument(
    data: bytes, position: int, opcode: pickletools.OpcodeInfo, source: str | Path
) -> tuple[bytes, int]:
    """Return the bytes of an opcode's argument and where the next opcode begins."""
    if opcode.arg is None:
        return b"", position
    size = opcode.arg.n
    if size == pickletools.UP_TO_NEWLINE:
        end = position
        for _ in range(2 if opcode.name in {"GLOBAL", "INST"} else 1):
            end = data.find(b"\n", end) + 1
            if not end:
                break
    else:
        begin = position
        if size < 0:
            begin += _LENGTH_BYTES[size]
            size = int.from_bytes(data[position:begin], "little")
        end = begin + size
    if not end or end > len(data):
        raise InputError(f"{source}: cannot be read as a pickle (it is cut short)")
    return data[position:end], end


def _memo_index(argument: bytes, opcode: pickletools.OpcodeInfo, source: str | Path) -> int:
    if opcode.name != "PUT":
        return int.from_bytes(argument, "little")
    try:
        return int(argument)
    except ValueError:
        raise InputError(f"{source}: cannot be read as a pickle (memo index no number)") from None


def _describe(argument: bytes) -> str:
    """Write an argument for an error: a number if it is short, else text."""
    if len(argument) <= 4 and not argument.endswith(b"\n"):
        return str(int.from_bytes(argument, "little"))
    return ascii(" ".join(argument[:80].decode("latin-1").split()))
