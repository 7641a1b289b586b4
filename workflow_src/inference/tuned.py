"""Filling in the numbers that were chosen on the training speakers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from workflow_src.common.errors import InputError
from workflow_src.common.files import read_json
from workflow_src.settings.runs import MISFIT, PAPER, TUNED, Run, threshold_key


def resolve_tuned(run: Run) -> Run:
    """Fill in the numbers that were chosen on the training speakers.

    These are a tuned threshold, or the threshold (and fixed weight ``alpha``) in the
    ``policy.json`` of a policy that has none in the run table; and the tuned limits of guards.

    Raises
    ------
    InputError
        The file is missing or broken, or holds something that is no number.
    """
    limits: dict[str, float | str] = {
        guard: _check(_read(limit), "limit", limit) if isinstance(limit, str) else limit
        for guard, limit in run.guards.items()
    }
    run = replace(run, guards=limits)
    if run.tuned is not None:
        return replace(run, threshold=_check(_read(run.tuned), "threshold", run.tuned))
    if run.checkpoint is None or run.threshold is not None:
        return run
    path = f"{run.checkpoint}/policy.json"
    content = _read(path)
    held = {name: _check(content, name, path) for name in ("alpha", "threshold") if name in content}
    if "threshold" in held:
        run = replace(run, threshold=held["threshold"], threshold_from=TUNED)
    return replace(run, alpha=held.get("alpha", run.alpha))


def describe_threshold(run: Run) -> str:
    """Say where a run's update threshold comes from, and whether it fits the speaker model."""
    if run.threshold is None:
        return "The method has no update threshold."
    said = f"The update threshold is {run.threshold:g}"
    if run.threshold_from == TUNED:
        return f"{said}. It was chosen on training speakers."
    if run.threshold_from == PAPER:
        return f"{said}, as in the paper. The cosines have the scale of the paper's."
    if run.threshold_from == MISFIT:
        return (
            f"{said}, as in the paper. It belongs to the speaker model of the paper's authors, and "
            "this is another one, whose cosines have another scale. "
            f"{threshold_key(run)}: tuned chooses a threshold on training speakers."
        )
    return f"{said}, the number of the setting {threshold_key(run)}."


def _read(path: str) -> dict[str, Any]:
    content = read_json(path)
    return content if isinstance(content, dict) else {}


def _check(content: dict[str, Any], name: str, path: str) -> float:
    number = content.get(name)
    if not isinstance(number, int | float):
        raise InputError(f"{path}: {name} is {number!r}; it must be a number")
    return float(number)
