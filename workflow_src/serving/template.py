"""A speaker's template: its content, and how it is saved and loaded."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from workflow_src.common.directions import NO_DIRECTION, have_directions
from workflow_src.common.errors import InputError, first_line
from workflow_src.common.whole_files import written_whole
from workflow_src.serving.exported_form import as_path, read_file

# Templates of format 1 have no digest.
FORMAT = 2
# The end of a zip file is 22 bytes and a comment, whose length is in the last two. The comment of a
# template is the sha256 of all bytes before it.
_END, _END_SIZE = b"PK\x05\x06", 22
_DIGITS = 64
_COMMENT = _DIGITS.to_bytes(2, "little")


@dataclasses.dataclass(frozen=True, eq=False)
class Template:
    """A speaker's template at one moment: all that a service stores. Its arrays are read-only.

    Attributes
    ----------
    vector
        float32 [D].
    memory
        What the method remembers of this template: arrays by name, for most methods none.
    enrolled_on
        The day of enrolment, or None.
    tests
        The number of tests so far.
    method
        sha256 of the exported model to which it belongs, in hexadecimal.
    extractor
        The speaker model whose embeddings it holds: its sha256 or name; None where it is unknown.
    """

    vector: np.ndarray
    memory: Mapping[str, np.ndarray]
    enrolled_on: datetime.date | None
    tests: int
    method: str
    extractor: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.memory, Mapping):
            raise InputError(f"template: its memory is {_kind(self.memory)}, not arrays by name")
        for name, values in {"vector": self.vector, **self.memory}.items():
            if not isinstance(name, str):
                raise InputError(f"template: a name in its memory is {_kind(name)}, not text")
            if not isinstance(values, np.ndarray) or values.dtype.kind not in "biuf":
                raise InputError(
                    f"template: its {name} is {_kind(values)}, not an array of numbers"
                )
        check_day(self.enrolled_on)
        if type(self.tests) is not int or not 0 <= self.tests < 2**63:
            raise InputError(f"template: tests is {_kind(self.tests)}, not a count of 64 bits")
        if not isinstance(self.method, str):
            raise InputError(f"template: its method is {_kind(self.method)}, not a sha256")
        check_extractor(self.extractor)
        object.__setattr__(self, "vector", _read_only(self.vector))
        memory = {name: _read_only(values) for name, values in self.memory.items()}
        object.__setattr__(self, "memory", MappingProxyType(memory))

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle the template by its content; the view of its memory cannot be."""
        memory = dict(self.memory)
        content = (self.vector, memory, self.enrolled_on, self.tests, self.method, self.extractor)
        return type(self), content

    def to_bytes(self) -> bytes:
        """Return the template as ``.npz`` without pickles; equal templates give equal bytes.

        The comment at the end of the zip file is the sha256 of the bytes before it.
        """
        about = {
            "format": FORMAT,
            "method": self.method,
            "enrolled_on": self.enrolled_on and self.enrolled_on.isoformat(),
            "tests": self.tests,
            "extractor": self.extractor,
        }
        arrays = {f"memory.{name}": values for name, values in self.memory.items()}
        text = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
        file = io.BytesIO()
        np.savez(file, allow_pickle=False, about=text, vector=self.vector, **arrays)
        content = file.getvalue()[: -len(_COMMENT)] + _COMMENT
        return content + _digest(content)

    @classmethod
    def from_bytes(
        cls, content: bytes, method: str | None = None, source: str = "template"
    ) -> Template:
        """Read a template from bytes of `to_bytes`.

        Parameters
        ----------
        content
            The bytes.
        method
            Digest of the method to which it must belong (`TemplateUpdater.digest`); None leaves
            this check to its use.
        source
            The template's name in errors.

        Raises
        ------
        InputError
            The bytes are damaged or no template, or it belongs to another method.
        """
        if not isinstance(content, bytes | bytearray | memoryview):
            raise InputError(f"{source}: is {_kind(content)}; a template is read from bytes")
        content = bytes(content)
        if method is not None:
            check_digest(method)
        try:
            known = _check_whole(content)
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                # What is compressed could be of any size; `to_bytes` compresses nothing.
                if any(member.compress_type for member in arrays.zip.infolist()):
                    raise ValueError("it is compressed")
                about = json.loads(arrays["about"].tobytes())
                vector = arrays["vector"]
                names = [name for name in arrays.files if name not in ("about", "vector")]
                if others := [name for name in names if not name.startswith("memory.")]:
                    raise ValueError(f"the array {others[0]!r}")
                memory = {name.removeprefix("memory."): arrays[name] for name in names}
            day = about["enrolled_on"]
            template = cls(
                vector=vector,
                memory=memory,
                enrolled_on=None if day is None else datetime.date.fromisoformat(day),
                tests=about["tests"],
                method=about["method"],
                # Templates of 0.1.0 say nothing of it.
                extractor=about.get("extractor"),
            )
            version = about["format"]
        # Damaged bytes can raise any exception.
        except Exception as error:
            raise InputError(f"{source}: damaged, or no template ({first_line(error)})") from error
        if version != known:
            raise InputError(
                f"{source}: is of format {version!r:.80}; this version reads {FORMAT}, and 1 "
                "without a digest"
            )
        if method is not None:
            template.check_method(method, source)
        if vector.ndim != 1 or vector.dtype != np.float32:
            raise InputError(f"{source}: damaged, or no template (its vector is {_kind(vector)})")
        if not have_directions(vector):
            raise InputError(f"{source}: damaged, or no template (its vector {NO_DIRECTION})")
        return template

    def save(self, path: str | Path) -> None:
        """Write the template to a file, whole or not at all.

        Raises
        ------
        InputError
            The path is none, or names a folder.
        OSError
            The file cannot be written.
        """
        path = as_path(path)
        if path.is_dir():
            raise InputError(f"{path}: is a folder; a template is written to a file")
        with written_whole(path) as part:
            part.write_bytes(self.to_bytes())

    @classmethod
    def load(cls, path: str | Path, method: str | None = None) -> Template:
        """Read a template from a file, as `from_bytes` does.

        Raises
        ------
        InputError
            The file is missing, damaged or no template, or belongs to another method.
        """
        path = as_path(path)
        return cls.from_bytes(read_file(path), method, str(path))

    def check_method(self, method: str, source: str = "template") -> None:
        """Check that the template belongs to a method, given by its digest.

        Raises
        ------
        InputError
            It belongs to another; `source` is the template's name in the error.
        """
        check_digest(method)
        if self.method != method:
            raise InputError(
                f"{source}: belongs to the method {self.method[:12]}, not to {method[:12]}; "
                "enrol anew, or use the method with which it was made"
            )


def check_day(day: datetime.date | None) -> datetime.date | None:
    """Return a day; raises `InputError` for anything but a date or None."""
    # A datetime is also a date, but Python cannot subtract one from the other.
    if day is None or (isinstance(day, datetime.date) and not isinstance(day, datetime.datetime)):
        return day
    raise InputError(f"day: is {_kind(day)}; allowed: a datetime.date, or None")


def check_extractor(extractor: str | None) -> None:
    """Check that a speaker model is named; raises `InputError` for anything but text or None."""
    if not isinstance(extractor, str | None):
        raise InputError(
            f"extractor: is {_kind(extractor)}; allowed: the sha256 of a speaker model or its "
            "name, or None"
        )


def check_digest(method: str) -> None:
    """Check that a method is given by its digest; raises `InputError` for anything but text."""
    if not isinstance(method, str):
        raise InputError(f"method: is {_kind(method)}; allowed: the digest of a TemplateUpdater")


def _check_whole(content: bytes) -> int:
    """Check the bytes of a template before any of them is read; return the format to expect.

    Raises `ValueError` where they are damaged.
    """
    end = len(content) - _DIGITS
    if content[:end].endswith(_COMMENT) and content[:end][-_END_SIZE:].startswith(_END):
        if content[end:] != _digest(content[:end]):
            raise ValueError("its sha256 is another")
        return FORMAT
    if content[-_END_SIZE:].startswith(_END):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if (wrong := archive.testzip()) or len(set(archive.namelist())) < len(archive.filelist):
                raise ValueError(f"the array {wrong!r}")
        return 1
    raise ValueError("it has no end")


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


def _kind(value: object) -> str:
    """Return what a value is, for a message; its own text could be anything."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {list(value.shape)}"
    return "None" if value is None else f"a {type(value).__name__}"


def _read_only(array: np.ndarray) -> np.ndarray:
    view = array.view()
    view.flags.writeable = False
    return view
