"""Reading a pickled dict of numpy arrays without running anything that the file asks for.

A pickle is a program: it names functions and calls them. Here the few names that numpy's arrays
need stand for classes of this module. Not even numpy's own ``__setstate__`` sees the file's
content: given a forged dtype, it would take bytes for pointers. Every other name, and every
persistent id, is refused.

Neither memory nor depth is limited here. `workflow_src.common.limits.read_apart` does both.
"""

from __future__ import annotations

import copyreg
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np

from workflow_src.common.errors import InputError, first_line, quoted
from workflow_src.embeddings.stacking import blame, stack_vectors

FLOATS = ("f2", "f4", "f8", "f16")


class _Refused(pickle.UnpicklingError):
    """Something that a pickle asks for and does not get."""


class _Name:
    """A name without a meaning of its own: ``numpy.ndarray`` as an argument.

    Its ``__slots__`` are empty, so that a pickle can set no attribute.
    """

    __slots__ = ()


class PickledType:
    """A dtype in a pickle: kind and size (``f4``), byte order."""

    __slots__ = ("code", "order")

    def __init__(self, code: str) -> None:
        self.code, self.order = code, "="

    def __setstate__(self, state: tuple) -> None:
        _version, order, *rest = state
        # The rest is None for numbers and text; sub-arrays and fields fill it.
        if order not in {"<", ">", "=", "|"} or any(part is not None for part in rest[:3]):
            raise ValueError(f"a dtype of the form {quoted(self.code)} with fields")
        self.order = order


class PickledArray:
    """An array in a pickle: type, shape, and bytes (a list for objects)."""

    __slots__ = ("data", "shape", "type")

    def __setstate__(self, state: tuple) -> None:
        _version, self.shape, self.type, _fortran, data = state
        # Python 2 pickled bytes as text.
        self.data = data.encode("latin1") if isinstance(data, str) else data

    def as_vector(self) -> np.ndarray:
        """Return the numbers, float [D], of an array of the shape (D,) or (1, D).

        Raises
        ------
        ValueError
            The array is something else; the message tells what.
        """
        kind, shape = self.type, self.shape
        if not isinstance(kind, PickledType) or kind.code not in FLOATS:
            code = getattr(kind, "code", "?")
            named = "objects" if code.startswith("O") else f"type {quoted(code)}"
            raise ValueError(f"is an array of {named}, not of floats")
        if not (
            isinstance(shape, tuple)
            and all(type(size) is int for size in shape)
            and (len(shape) == 1 or (len(shape) == 2 and shape[0] == 1))
        ):
            raise ValueError(f"has the shape {quoted(shape)}, not (D,) or (1, D)")
        values = np.frombuffer(self.data, kind.order.replace("|", "=") + kind.code)
        if len(values) != shape[-1]:
            raise ValueError(f"has {len(values)} numbers for the shape {quoted(shape)}")
        return values


class _Reconstruct(_Name):
    """``multiarray._reconstruct(ndarray, (0,), b"b")``: an array, filled later by its state."""

    __slots__ = ()

    def __call__(self, *_: Any) -> PickledArray:
        return PickledArray()


class _MakeType(_Name):
    """``numpy.dtype("f4", False, True)``."""

    __slots__ = ()

    def __call__(self, code: str, *_: Any) -> PickledType:
        if not isinstance(code, str):
            raise _Refused("a dtype that is not named by text")
        return PickledType(code)


class _MakeScalar(_Name):
    """``multiarray.scalar(dtype, bytes)``: an utterance id as numpy's text."""

    __slots__ = ()

    def __call__(self, kind: PickledType, data: bytes = b"") -> str:
        if not isinstance(kind, PickledType) or not kind.code.startswith("U"):
            raise _Refused("a numpy scalar that is not text")
        return data.decode("utf-32-be" if kind.order == ">" else "utf-32-le").rstrip("\0")


class _Encode(_Name):
    """``_codecs.encode(text, "latin1")``: how protocol 2 writes bytes."""

    __slots__ = ()

    def __call__(self, text: str, encoding: str = "latin1") -> bytes:
        if encoding != "latin1":
            raise _Refused("an encoding other than latin1")
        return text.encode("latin1")


_NAMES = {
    ("numpy", "dtype"): _MakeType(),
    ("numpy", "ndarray"): _Name(),
    ("numpy._core.multiarray", "_reconstruct"): _Reconstruct(),
    ("numpy._core.multiarray", "scalar"): _MakeScalar(),
    ("numpy.core.multiarray", "_reconstruct"): _Reconstruct(),
    ("numpy.core.multiarray", "scalar"): _MakeScalar(),
    ("_codecs", "encode"): _Encode(),
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> _Name:
        try:
            return _NAMES[module, name]
        except KeyError:
            full = f"{module}.{name}"
            raise _Refused(full if full.isprintable() else repr(full)) from None

    def persistent_load(self, _: Any) -> NoReturn:
        raise _Refused("an object by a persistent id")


def read_pickled_vectors(path: Path) -> tuple[list[str], list[np.ndarray]]:
    """Read the vectors of a ``.npy`` file that holds a dict of utterance -> vector.

    Returns
    -------
    utterances
        N ids.
    arrays
        The embeddings alone, float32 [N, D].

    Raises
    ------
    InputError
        The file is no such file, or an array is no vector of floats; the error names it.
    """
    content = read_pickled_dict(path)
    utterances, embeddings = stack_vectors(path, len(content), _vectors(path, content))
    return utterances, [embeddings]


def _vectors(path: Path, content: dict) -> Iterator[tuple[str, np.ndarray]]:
    for utterance, value in content.items():
        if not isinstance(utterance, str):
            raise InputError(f"{path}: a key of its dict is no text but {type(utterance).__name__}")
        if not isinstance(value, PickledArray):
            said = f"is no numpy array but {type(value).__name__}"
            raise InputError(blame(path, utterance, said))
        try:
            yield utterance, value.as_vector()
        except (ValueError, TypeError, AttributeError) as error:
            raise InputError(blame(path, utterance, first_line(error))) from error


def read_pickled_dict(path: Path) -> dict[Any, Any]:
    """Read a ``.npy`` file that holds a dict (``numpy.save(path, {...})``).

    The file holds a pickled 0-dimensional array of objects, whose one object is the dict. Its numpy
    arrays are returned as `PickledArray`.

    Raises
    ------
    InputError
        The file is no such file, or its pickle asks for more than arrays, dicts, lists and text.
    """
    with path.open("rb") as file:
        _read_header(file, path)
        # An extension code in the cache would bypass `find_class`.
        copyreg.clear_extension_cache()
        try:
            content = _Unpickler(file, encoding="latin1").load()
        except _Refused as error:
            raise InputError(
                f"{path}: refused, and nothing of it was run: its pickle asks for {error}, where "
                "only a dict of numpy arrays is allowed"
            ) from error
        except Exception as error:  # a damaged pickle can raise any exception
            raise InputError(
                f"{path}: cannot be read as a pickle ({type(error).__name__}: {first_line(error)})"
            ) from error
        if file.read(1):
            raise InputError(f"{path}: cannot be read as a pickle (bytes follow its end)")
    if isinstance(content, PickledArray) and isinstance(getattr(content, "data", None), list):
        content = content.data[0] if len(content.data) == 1 else None
    if not isinstance(content, dict):
        raise InputError(f"{path}: holds no dict of utterance -> vector")
    return content


def _read_header(file: BinaryIO, path: Path) -> None:
    """Read the header before the pickle; refuse a file without one."""
    try:
        version = np.lib.format.read_magic(file)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, _, dtype = read(file)
    except Exception as error:  # numpy's tokenizer has errors of its own
        raise InputError(f"{path}: is not a .npy file") from error
    if dtype != np.dtype(object) or shape != ():
        raise InputError(
            f"{path}: holds an array of {dtype} {list(shape)}, not a dict of utterance -> vector; "
            "arrays come as .npz with utterance [N] and embedding [N, D]"
        )
