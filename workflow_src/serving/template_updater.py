"""Enrolling, scoring and updating one test at a time with an exported method."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from workflow_src.common.directions import NO_DIRECTION, have_directions
from workflow_src.common.errors import InputError, first_line
from workflow_src.serving.exported_form import (
    DESCRIPTION,
    MODEL,
    as_path,
    initial_memory,
    read_description,
    read_model,
)
from workflow_src.serving.template import Template, check_day, check_extractor


class Outcome(NamedTuple):
    """The outcome of a trial.

    Attributes
    ----------
    score
        Score of template and test, before any update.
    updated
        Whether the template was updated with this test.
    weight
        Weight of the test in the update, 0 where there was none.
    llr
        The score as a natural log-likelihood ratio; None where the method has no back-end.
    """

    score: float
    updated: bool
    weight: float
    llr: float | None = None


class TemplateUpdater:
    """An exported method, ready to score and update templates.

    It holds no state but the method: it takes a template and returns a new one, which the service
    stores. Threads may share it.

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
        D of the embeddings.
    extractor
        The speaker model of the embeddings on which the method was trained: its sha256 or name;
        None where it is unknown. Templates carry it.

    Raises
    ------
    InputError
        A file is missing, damaged or of another version, or the two do not belong together.
    """

    def __init__(self, path: str | Path) -> None:
        path = as_path(path)
        folder = path.parent if path.name in (MODEL, DESCRIPTION) else path
        self.description: dict[str, Any] = read_description(folder / DESCRIPTION)
        self.digest: str = self.description["sha256"]
        self.dimension: int = self.description["dimension"]
        self.extractor: str | None = self.description["extractor"]
        self._uses_days: bool = self.description["uses_days"]
        self._session = read_model(folder / MODEL, self.description)
        # The form of a template's memory. Vectors that are held begin as the template's own.
        self._initial = initial_memory(self.description, np.zeros(self.dimension, np.float32))

    def enrol(
        self,
        embeddings: ArrayLike,
        day: datetime.date | None = None,
        extractor: str | None = None,
    ) -> Template:
        """Make a template: the plain mean of raw embeddings.

        Parameters
        ----------
        embeddings
            [n, D], as the extractor gave them (not normalised).
        day
            The day of enrolment; the last one where there are several.
        extractor
            The speaker model that made the embeddings, as the method names its own. None: it is the
            method's own.

        Raises
        ------
        InputError
            An embedding has another D, is not finite or is zero, or so is their mean; the day is no
            date; or the speaker model is another one.
        """
        _check_same(extractor, self.extractor, "enrolment: the embeddings are", "the method")
        chosen = _as_float32(embeddings, "enrolment")
        if chosen.ndim != 2 or not len(chosen) or chosen.shape[1] != self.dimension:
            raise InputError(
                f"enrolment: the embeddings have the shape {list(chosen.shape)}; allowed: "
                f"[n, {self.dimension}] with n of at least 1"
            )
        if not have_directions(chosen).all():
            number = np.argmin(have_directions(chosen))
            raise InputError(f"enrolment: embedding {number} {NO_DIRECTION}")
        vector = chosen.mean(axis=0, dtype=np.float64).astype(np.float32)
        if not have_directions(vector):
            raise InputError(f"enrolment: the mean of the embeddings {NO_DIRECTION}")
        known = extractor or self.extractor
        memory = initial_memory(self.description, vector)
        return Template(vector, memory, check_day(day), 0, self.digest, known)

    def score(
        self,
        template: Template,
        test: ArrayLike,
        day: datetime.date | None = None,
        extractor: str | None = None,
    ) -> float:
        """Score a test, float [D], without any update; raises as `score_and_update` does."""
        return float(self._try(template, test, day, extractor)[0])

    def score_and_update(
        self,
        template: Template,
        test: ArrayLike,
        day: datetime.date | None = None,
        extractor: str | None = None,
        seconds: float | None = None,
    ) -> tuple[Outcome, Template]:
        """Score a test and decide on an update.

        Parameters
        ----------
        template
            A template of this method; not changed.
        test
            float [D], as the extractor gave it (not normalised).
        day
            The day of the test. A method that reads the days since enrolment needs it where the
            template was enrolled with a day.
        extractor
            The speaker model that made the test, as in `enrol`.
        seconds
            The length of the test, where it is known. Only a back-end that looks at it needs it
            (``uses_seconds`` in the description).

        Returns
        -------
        Outcome
            The score before the update, and the decision.
        Template
            The new template, to be stored even without an update, because the method may remember
            the test.

        Raises
        ------
        InputError
            The template is of another method, speaker model or form; the test is of another speaker
            model, has another D, is not finite or is zero; the day is missing, no date, or before
            the enrolment; the seconds are no positive number; or the update would leave the
            template without a direction.
        """
        score, updated, weight, vector, *others = self._try(template, test, day, extractor, seconds)
        if not have_directions(vector):
            raise InputError(f"template: after the update it {NO_DIRECTION}")
        llr = float(others.pop(0)) if self.description["back_end"] else None
        new = Template(
            vector,
            dict(zip(self._initial, others, strict=True)),
            template.enrolled_on,
            template.tests + 1,
            self.digest,
            template.extractor or extractor or self.extractor,
        )
        return Outcome(float(score), bool(updated), float(weight), llr), new

    def _try(
        self,
        template: Template,
        test: ArrayLike,
        day: datetime.date | None,
        extractor: str | None,
        seconds: float | None = None,
    ) -> list[np.ndarray]:
        """Make a trial; return the model's outputs."""
        self._check(template)
        _check_same(extractor, template.extractor, "test: the embedding is", "the template")
        _check_same(extractor, self.extractor, "test: the embedding is", "the method")
        test = _as_float32(test, "test")
        if test.shape != (self.dimension,):
            raise InputError(
                f"test: has the shape {list(test.shape)}; the method is for [{self.dimension}]"
            )
        if not have_directions(test):
            raise InputError(f"test: {NO_DIRECTION}")
        days = np.array(self._days_since_enrolment(template, day), dtype=np.float32)
        feeds = {"template": template.vector, "test": test, "days": days}
        length = _check_seconds(seconds)
        if self.description["uses_seconds"]:
            feeds["seconds"] = np.array(length, dtype=np.float32)
        for name, values in template.memory.items():
            feeds[f"memory_{name}"] = values
        outputs = self._session.run(None, feeds)
        if not np.isfinite(outputs[0]):
            raise InputError("template: its score is not finite; it has no direction")
        return outputs

    def _check(self, template: Template) -> None:
        if not isinstance(template, Template):
            raise InputError(f"template: is a {type(template).__name__}; allowed: a Template")
        template.check_method(self.digest)
        _check_same(template.extractor, self.extractor, "template: is", "the method")
        form: list[tuple[np.ndarray, DTypeLike, tuple[int, ...]]]
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
        if not have_directions(template.vector):
            raise InputError(f"template: its vector {NO_DIRECTION}")

    def _days_since_enrolment(self, template: Template, day: datetime.date | None) -> int:
        if day is None:
            if self._uses_days and template.enrolled_on is not None:
                raise InputError(
                    "day: is missing; the method looks at the days since enrolment, and the "
                    "template was enrolled with a day"
                )
            return 0
        check_day(day)
        if template.enrolled_on is None:
            if self._uses_days:
                raise InputError("day: is given, but the template was enrolled without a day")
            return 0
        days = (day - template.enrolled_on).days
        if days < 0:
            raise InputError(f"day: {day} is before the enrolment on {template.enrolled_on}")
        return days


def _check_seconds(seconds: float | None) -> float:
    """Return the length of a test, NaN where unknown; raises `InputError` for another value."""
    if seconds is None:
        return float("nan")
    # numpy's numbers count, and a bool is none.
    numbers = int | float | np.integer | np.floating
    is_number = isinstance(seconds, numbers) and not isinstance(seconds, bool)
    if is_number and 0 < seconds < float(np.finfo(np.float32).max):
        return float(seconds)
    raise InputError("seconds: is no positive number; allowed: the length of the test, or None")


def _check_same(extractor: str | None, own: str | None, what: str, whose: str) -> None:
    """Check that two speaker models are the same, where both are known."""
    check_extractor(extractor)
    if extractor is not None and own is not None and extractor != own:
        raise InputError(
            f"{what} of the extractor {extractor[:64]!r}, but {whose} is of {own[:64]!r}; take "
            "that one, or enrol anew with a method that was exported for yours"
        )


def _as_float32(values: ArrayLike, what: str) -> np.ndarray:
    try:
        # A masked value counts as one that is not there.
        if isinstance(values, np.ma.MaskedArray):
            values = values.filled(np.nan)
        array = np.asarray(values)
        if array.dtype == np.float32:
            return array
        if array.dtype.kind not in "fiu":
            raise TypeError(f"values of the type {array.dtype}")
        with np.errstate(over="ignore", under="ignore"):
            return array.astype(np.float32)
    # A stranger's object, such as a tensor with a gradient, can raise any exception.
    except Exception as error:
        raise InputError(f"{what}: holds no real numbers ({first_line(error)})") from error
