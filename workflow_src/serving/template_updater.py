"""Template updating in a service: enrol, score and update one test at a time, save and load.

It runs a method that `workflow_src.serving.export_method` wrote, and needs numpy and
onnxruntime alone.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
from numpy.typing import ArrayLike

from workflow_src.common.errors import InputError
from workflow_src.common.whole_files import written_whole

MODEL, DESCRIPTION = "method.onnx", "method.json"
FORMAT = 1
LEAST, MOST = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)
DTYPES = ("float32", "float64", "int64", "int32", "bool")


class Outcome(NamedTuple):
    """What came of a trial.

    Attributes
    ----------
    score
        Of template and test, before any update.
    updated
        Whether the template was updated with this test.
    weight
        Weight of the test in the update, 0 where there was none.
    """

    score: float
    updated: bool
    weight: float


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
        How many tests it has met.
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
        """Return the template as ``.npz``, without pickles; the same template, the same bytes."""
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
            Digest of the method that it must belong to (`TemplateUpdater.digest`); where None,
            that is found out when it is used.
        source
            What errors call it.

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
        # Damaged bytes raise whatever numpy, its tokenizer, zipfile and json come upon.
        except Exception as error:
            raise InputError(f"{source}: damaged, or no template ({_first_line(error)})") from error
        if version != FORMAT:
            raise InputError(f"{source}: is of format {version!r}; this version reads {FORMAT}")
        if not (type(template.tests) is int and template.tests >= 0):
            raise InputError(f"{source}: damaged, or no template (tests is {template.tests!r})")
        if method is not None and template.method != method:
            raise _other_method(source, template.method, method)
        if vector.ndim != 1 or vector.dtype != np.float32 or not _has_direction(vector):
            raise InputError(f"{source}: damaged, or no template (its vector has no direction)")
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
        return cls.from_bytes(_read(Path(path)), method, str(path))


class TemplateUpdater:
    """An exported method, ready to score and update templates.

    It holds no state but the method: a template goes in, a new one comes out, and the service
    stores it. Threads may share it.

    Parameters
    ----------
    path
        Folder with ``method.onnx`` and ``method.json``, or one of the two files.

    Attributes
    ----------
    description
        The content of ``method.json``.
    digest
        sha256 of ``method.onnx``; templates carry it.
    dimension
        D, of the embeddings.

    Raises
    ------
    InputError
        A file is missing, damaged or of another version, or the two do not belong together.
    """

    def __init__(self, path: str | Path) -> None:
        path = Path(path)
        folder = path.parent if path.name in (MODEL, DESCRIPTION) else path
        self.description = _read_description(folder / DESCRIPTION)
        content = _read(folder / MODEL)
        self.digest = hashlib.sha256(content).hexdigest()
        if self.digest != self.description["sha256"]:
            raise InputError(
                f"{folder / MODEL}: is not the file that {DESCRIPTION} describes (its sha256 "
                "is another); export the method again"
            )
        self.dimension: int = self.description["dimension"]
        self._uses_days: bool = self.description["uses_days"]
        self._session = open_session(content, str(folder / MODEL))
        self._initial = {
            memory["name"]: np.array(memory["initial"], dtype=memory["dtype"])
            for memory in self.description["memory"]
        }
        outputs = ["score", "updated", "weight", "new_template"]
        self._outputs = outputs + [f"new_memory_{name}" for name in self._initial]
        vector = [self.dimension]
        inputs = {"template": vector, "test": vector, "days": []} | {
            f"memory_{name}": list(value.shape) for name, value in self._initial.items()
        }
        given = {value.name: value.shape for value in self._session.get_inputs()}
        if given != inputs or self._outputs != [v.name for v in self._session.get_outputs()]:
            raise InputError(f"{folder / MODEL}: its inputs or outputs are not those of a method")

    def enrol(self, embeddings: ArrayLike, day: datetime.date | None = None) -> Template:
        """Make a template: the plain mean of raw embeddings.

        Parameters
        ----------
        embeddings
            [n, D], as the extractor gave them (not normalised).
        day
            The day of enrolment: of the last, where there are several.

        Raises
        ------
        InputError
            An embedding has another D, is not finite or is zero, or so is their mean; or the day
            is no date.
        """
        chosen = _as_float32(embeddings, "enrolment")
        if chosen.ndim != 2 or not len(chosen) or chosen.shape[1] != self.dimension:
            raise InputError(
                f"enrolment: the embeddings have the shape {list(chosen.shape)}; allowed: "
                f"[n, {self.dimension}] with n of at least 1"
            )
        for number, row in enumerate(chosen):
            if not _has_direction(row):
                raise InputError(
                    f"enrolment: embedding {number} is zero, not finite, or too long for float32"
                )
        vector = chosen.mean(axis=0, dtype=np.float64).astype(np.float32)
        if not _has_direction(vector):
            raise InputError("enrolment: the mean of the embeddings is zero")
        return Template(vector, self._initial, _check_day(day), 0, self.digest)

    def score(self, template: Template, test: ArrayLike, day: datetime.date | None = None) -> float:
        """Score a test, float [D], and change nothing; raises as `score_and_update` does."""
        return float(self._try(template, test, day)[0])

    def score_and_update(
        self, template: Template, test: ArrayLike, day: datetime.date | None = None
    ) -> tuple[Outcome, Template]:
        """Score a test and decide on an update.

        Parameters
        ----------
        template
            Of this method; not changed.
        test
            float [D], as the extractor gave it (not normalised).
        day
            The day of the test. A method that looks at the days since enrolment needs it where
            the template was enrolled with a day.

        Returns
        -------
        Outcome
            The score, before the update, and what was decided.
        Template
            The new template, to be stored: also where it was not updated, the method may
            remember the test.

        Raises
        ------
        InputError
            The template is of another method or form; the test has another D, is not finite or
            is zero; the day is missing, no date, or before the enrolment; or the template would
            be left without a direction.
        """
        score, updated, weight, vector, *memory = self._try(template, test, day)
        if not _has_direction(vector):
            raise InputError("template: the update would leave it zero or not finite")
        new = Template(
            vector,
            dict(zip(self._initial, memory, strict=True)),
            template.enrolled_on,
            template.tests + 1,
            self.digest,
        )
        return Outcome(float(score), bool(updated), float(weight)), new

    def _try(
        self, template: Template, test: ArrayLike, day: datetime.date | None
    ) -> list[np.ndarray]:
        """Make a trial; return the model's outputs."""
        self._check(template)
        test = _as_float32(test, "test")
        if test.shape != (self.dimension,):
            raise InputError(
                f"test: has the shape {list(test.shape)}; the method is for [{self.dimension}]"
            )
        if not _has_direction(test):
            raise InputError("test: is zero, not finite, or too long for float32")
        days = np.array(self._days_since_enrolment(template, day), dtype=np.float32)
        feeds = {"template": template.vector, "test": test, "days": days}
        for name, values in template.memory.items():
            feeds[f"memory_{name}"] = values
        outputs = self._session.run(self._outputs, feeds)
        if not np.isfinite(outputs[0]):
            raise InputError("template: its score is not finite; it has no direction")
        return outputs

    def _check(self, template: Template) -> None:
        if template.method != self.digest:
            raise _other_method("template", template.method, self.digest)
        form = [(template.vector, np.float32, (self.dimension,))]
        if template.memory.keys() != self._initial.keys():
            raise InputError("template: remembers other things than the method")
        for name, initial in self._initial.items():
            form.append((template.memory[name], initial.dtype, initial.shape))
        for values, dtype, shape in form:
            if values.dtype != dtype or values.shape != shape:
                raise InputError(
                    f"template: holds {values.dtype} {list(values.shape)} where the method has "
                    f"{np.dtype(dtype)} {list(shape)}"
                )

    def _days_since_enrolment(self, template: Template, day: datetime.date | None) -> int:
        if day is None:
            if self._uses_days and template.enrolled_on is not None:
                raise InputError(
                    "day: is missing; the method looks at the days since enrolment, and the "
                    "template was enrolled with a day"
                )
            return 0
        _check_day(day)
        if template.enrolled_on is None:
            if self._uses_days:
                raise InputError("day: is given, but the template was enrolled without a day")
            return 0
        days = (day - template.enrolled_on).days
        if days < 0:
            raise InputError(f"day: {day} is before the enrolment on {template.enrolled_on}")
        return days


def open_session(model: bytes, source: str) -> onnxruntime.InferenceSession:
    """Open an ONNX model for one thread; raises `InputError` naming `source` where it cannot."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions have no useful common base
        raise InputError(
            f"{source}: cannot be opened as an ONNX model ({_first_line(error)})"
        ) from error


def _read_description(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(_read(path))
        if content["format"] != FORMAT:
            raise InputError(
                f"{path}: is of format {content['format']!r}; this version reads {FORMAT}"
            )
        kinds = {"dimension": int, "uses_days": bool, "sha256": str, "memory": list}
        for key, kind in kinds.items():
            if type(content[key]) is not kind:
                raise ValueError(f"{key} is {content[key]!r}")
        for memory in content["memory"]:
            if memory["dtype"] not in DTYPES:
                raise ValueError(f"the dtype {memory['dtype']!r}")
            if list(np.array(memory["initial"], memory["dtype"]).shape) != memory["shape"]:
                raise ValueError(f"the shape of {memory['name']!r}")
    except (ValueError, TypeError, LookupError, OverflowError, RecursionError) as error:
        raise InputError(
            f"{path}: is not the description of an exported method ({_first_line(error)})"
        ) from error
    return content


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


def _other_method(source: str, theirs: Any, ours: str) -> InputError:
    return InputError(
        f"{source}: belongs to the method {str(theirs)[:12]}, not to {ours[:12]}; enrol anew, or "
        "use the method with which it was made"
    )


def _check_day(day: datetime.date | None) -> datetime.date | None:
    # A datetime is a date too, but no difference can be taken of the two.
    if day is None or (isinstance(day, datetime.date) and not isinstance(day, datetime.datetime)):
        return day
    raise InputError(f"day: {day!r} is a {type(day).__name__}; allowed: a datetime.date, or None")


def _as_float32(values: ArrayLike, what: str) -> np.ndarray:
    try:
        array = np.asarray(values)
        if array.dtype == np.float32:
            return array
        if array.dtype.kind not in "fiu":
            raise TypeError(f"values of the type {array.dtype}")
        with np.errstate(over="ignore"):
            return array.astype(np.float32)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what}: holds no real numbers ({_first_line(error)})") from error


def _has_direction(vector: np.ndarray) -> bool:
    """Whether float32 holds the square of a float32 vector's length, so that it has a cosine."""
    wide = vector.astype(np.float64)
    return LEAST <= np.dot(wide, wide) <= MOST


def _read_only(array: np.ndarray) -> np.ndarray:
    view = array.view()
    view.flags.writeable = False
    return view


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
