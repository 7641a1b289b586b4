"""A run: a method with its settings and seed; a row of the run table.

Files are keyed by the run's id, and tables join on it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import ClassVar

import pandas as pd
from pydantic import ConfigDict, model_validator

from workflow_src.settings.catalogue import find_method


@dataclass(frozen=True)
class Run:
    """One row of the run table.

    Attributes
    ----------
    run
        The id, made of lower-case letters, digits, dots and hyphens.
    method
        A method of the catalogue, or the entry point of a user's own rule.
    alpha
        The weight of ``fixed-weight``, else None.
    threshold
        An update needs cos > threshold (the floor of a multi-head policy). None where the method
        has no threshold, and where one is still to be chosen on the training speakers.
    seed
        The seed of a trained policy, else None.
    checkpoint
        The folder of the policy, else None.
    tuned
        The file of a threshold that was chosen on the training speakers, else None.
    entry
        ``module:Class`` of the update rule; where it is left out, that of the method.
    folder
        The folder in which the module of a user's own rule is found, or None where it is
        installed.
    """

    # Where a run comes from that is given to a step, in messages.
    key: ClassVar[str] = "--run"
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False
    )

    run: str
    method: str
    alpha: float | None = None
    threshold: float | None = None
    seed: int | None = None
    checkpoint: str | None = None
    tuned: str | None = None
    entry: str = ""
    folder: str | None = None

    def __post_init__(self) -> None:
        method = find_method(self.method)
        if not self.entry:
            object.__setattr__(self, "entry", method.entry)

    @model_validator(mode="after")
    def _check(self) -> Run:
        """Refuse a run, read from JSON, that lacks what its method needs."""
        method = find_method(self.method)
        needs = {
            "alpha": method.alphas,
            "checkpoint": method.origin != "nothing",
            "threshold": method.alphas and self.tuned is None,
        }
        for name, needed in needs.items():
            if needed and getattr(self, name) is None:
                raise ValueError(f"{name} is missing, which {self.method} needs")
        return self


def tabulate(runs: list[Run]) -> pd.DataFrame:
    """Return the run table: a row a run, empty cells where a column does not apply."""
    table = pd.DataFrame([asdict(run) for run in runs])
    table = table.drop(columns=["tuned", "entry", "folder"])
    return table.astype({"alpha": "Float64", "threshold": "Float64", "seed": "Int64"})
