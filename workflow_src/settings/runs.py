"""The run table: a row a run.

A *run* is a method with its settings and seed. Files are keyed by the run's id, tables join on
it.
"""

from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

import pandas as pd
from pydantic import ConfigDict, TypeAdapter, ValidationError

from workflow_src.common.errors import InputError, describe_validation_error
from workflow_src.settings.inference import Method

# The method of one weight and one threshold, both chosen on the training speakers.
FIXED = "fixed-weight-tuned"


@dataclass(frozen=True)
class Run:
    """One row of the run table.

    Attributes
    ----------
    run
        The id, made of letters, digits, dots and hyphens.
    method
        One of ``inference.methods``; ``released-adaptive-weight`` or ``released-multi-head`` for a
        policy that was given, not trained here.
    alpha
        The weight of ``fixed-weight``, else None.
    threshold
        An update needs cos > threshold (the floor of a multi-head policy); None where the method
        has no threshold, and where one is still to be chosen on the training speakers.
    seed
        The seed of a trained policy, else None.
    checkpoint
        The folder of the policy, else None.
    tuned
        The file of a threshold that was chosen on the training speakers, else None.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False
    )

    run: str
    method: Method | Literal["released-adaptive-weight", "released-multi-head"]
    alpha: float | None = None
    threshold: float | None = None
    seed: int | None = None
    checkpoint: str | None = None
    tuned: str | None = None


def tabulate(runs: list[Run]) -> pd.DataFrame:
    """Return the run table: a row a run, empty cells where a column doesn't apply."""
    table = pd.DataFrame([asdict(run) for run in runs]).drop(columns="tuned")
    return table.astype({"alpha": "Float64", "threshold": "Float64", "seed": "Int64"})


def parse_run(text: str) -> Run:
    """Read a run, a JSON object, as the option ``--run`` gives it."""
    run = _parse(text, TypeAdapter(Run), "--run")
    _check(run, "--run")
    return run


def parse_runs(text: str) -> list[Run]:
    """Read a list of runs, as the option ``--runs`` gives it."""
    runs = _parse(text, TypeAdapter(list[Run]), "--runs")
    for number, run in enumerate(runs):
        _check(run, f"--runs: {number}")
    return runs


def _parse(text: str, kind: TypeAdapter, option: str) -> Any:
    try:
        return kind.validate_json(text)
    except ValidationError as error:
        raise InputError(describe_validation_error(error, option)) from error


def _check(run: Run, source: str) -> None:
    """Refuse a run that lacks what its method needs."""
    needed = {"baseline": [], "speaker-mean": [], "fixed-weight": ["alpha"]}
    for name in needed.get(run.method, ["checkpoint"]):
        if getattr(run, name) is None:
            raise InputError(f"{source}: {name} is missing, which {run.method} needs")
    if run.method == "fixed-weight" and run.threshold is None and run.tuned is None:
        raise InputError(f"{source}: threshold is missing, which {run.method} needs")
