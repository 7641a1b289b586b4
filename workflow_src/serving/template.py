"""A speaker's template: its content, and how it is saved and loaded."""

from __future__ import annotations

import dataclasses
import datetime
import io
import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from workflow_src.common.directions import NO_DIRECTION, have_directions
from workflow_src.common.errors import InputError, first_line
from workflow_src.common.whole_files import written_whole
from workflow_src.serving.exported_form import FORMAT, read_file


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
    """

    vector: np.ndarray
    memory: Mapping[str, np.ndarray]
    enrolled_on: datetime.date | None
    tests: int
    method: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "vector", _read_only(self.vector))
        memory = {name: _read_only(values) for name, values in self.memory.items()}
        object.__setattr__(self, "memory", MappingProxyType(memory))

    def to_bytes(self) -> bytes:
        """Return the template as ``.npz`` without pickles; equal templates give equal bytes."""
        about = {
            "format": FORMAT,
            "method": self.method,
            "enrolled_on": self.enrolled_on and self.enrolled_on.isoformat(),
            "tests": self.tests,
        }
        arrays = {f"memory.{name}": values for name, values in self.memory.items()}
        text = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
        file = io.BytesIO()
        np.savez(file, allow_pickle=False, about=text, vector=self.vector, **arrays)
        return file.getvalue()

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
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
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
            )
            version = about["format"]
        # Damaged bytes can raise any exception.
        except Exception as error:
            raise InputError(f"{source}: damaged, or no template ({first_line(error)})") from error
        if version != FORMAT:
            raise InputError(f"{source}: is of format {version!r}; this version reads {FORMAT}")
        if not (type(template.tests) is int and template.tests >= 0):
            raise InputError(f"{source}: damaged, or no template (tests is {template.tests!r})")
        if method is not None:
            template.check_method(method, source)
        if vector.ndim != 1 or vector.dtype != np.float32 or not have_directions(vector):
            raise InputError(f"{source}: damaged, or no template (its vector {NO_DIRECTION})")
        return template

    def save(self, path: str | Path) -> None:
        """Write the template to a file, whole or not at all."""
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
        return cls.from_bytes(read_file(path), method, str(path))

    def check_method(self, method: str, source: str = "template") -> None:
        """Check that the template belongs to a method, given by its digest.

        Raises
        ------
        InputError
            It belongs to another; `source` is the template's name in the error.
        """
        if self.method != method:
            raise InputError(
                f"{source}: belongs to the method {str(self.method)[:12]}, not to {method[:12]}; "
                "enrol anew, or use the method with which it was made"
            )


def _read_only(array: np.ndarray) -> np.ndarray:
    view = array.view()
    view.flags.writeable = False
    return view
