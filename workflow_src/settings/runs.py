"""A run: a method with its settings and seed, as one row of the run table.

The run's id names its files, and tables join on it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Final, Literal

import pandas as pd
from pydantic import ConfigDict, model_validator

from workflow_src.settings.catalogue import find_method

# Where a threshold comes from: chosen on the training speakers of the corpus; a number in the
# settings; the paper's number, with embeddings of the paper's scale, or with others.
TUNED: Final = "tuned"
GIVEN: Final = "given"
PAPER: Final = "paper"
MISFIT: Final = "paper (another model)"

COLUMNS = ["run", "method", "alpha", "threshold", "threshold_from", "seed", "checkpoint"]
"""The columns of the run table."""


@dataclass(frozen=True)
class Run:
    """One row of the run table.

    Attributes
    ----------
    run
        The id: lower-case letters, digits, dots and hyphens.
    method
        A method of the catalogue, or the entry point of a user's own rule.
    alpha
        The weight of ``fixed-weight``, else None.
    threshold
        An update needs cos > threshold (the floor of a multi-head policy). None if the method has
        no threshold, or if the threshold is tuned.
    seed
        The seed of a trained policy, else None.
    checkpoint
        The folder of the policy, else None.
    tuned
        The file of a tuned threshold, else None.
    entry
        ``module:Class`` of the update rule. The default is that of the method.
    folder
        The folder that holds the module of a user's own rule; None if it is installed.
    threshold_from
        Where the threshold comes from: `TUNED`, `GIVEN`, `PAPER` or `MISFIT`; None if there is
        none, or if the policy holds it.
    options
        Further settings of a method that is not trained, by the names of its class's arguments.
    """

    # The source that messages name.
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
    threshold_from: Literal["tuned", "given", "paper", "paper (another model)"] | None = None
    options: dict[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        method = find_method(self.method)  # refuses an unknown method
        if not self.entry:
            object.__setattr__(self, "entry", method.entry)

    @model_validator(mode="after")
    def _check(self) -> Run:
        """Refuse a run from JSON that lacks a field its method needs."""
        method = find_method(self.method)
        needs = {
            "alpha": method.alphas,
            "checkpoint": method.origin != "nothing",
            "threshold": method.threshold is not None
            and method.origin == "nothing"
            and self.tuned is None,
        }
        for name, needed in needs.items():
            if needed and getattr(self, name) is None:
                raise ValueError(f"{name} is missing, which {self.method} needs")
        return self


def tabulate(runs: list[Run]) -> pd.DataFrame:
    """Return the run table: one row per run, with empty cells where a column does not apply."""
    table = pd.DataFrame([asdict(run) for run in runs])[COLUMNS]
    return table.astype({"alpha": "Float64", "threshold": "Float64", "seed": "Int64"})


def threshold_key(run: Run) -> str:
    """Return the setting of a run's threshold."""
    method = find_method(run.method)
    return f"methods.{method.settings}.{method.threshold}"
