"""A run: a method with its settings and seed, as one row of the run table.

The run's id names its files, and tables join on it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Final, Literal

import pandas as pd
from pydantic import ConfigDict, model_validator

from workflow_src.settings.catalogue import GUARDED, WITH_GUARD, find_method, split_guards

# Where a threshold comes from: chosen on the training speakers of the corpus; a number in the
# settings; the paper's number, with embeddings of the paper's scale, or with others.
TUNED: Final = "tuned"
GIVEN: Final = "given"
PAPER: Final = "paper"
MISFIT: Final = "paper (another model)"

COLUMNS = ["run", "method", "alpha", "threshold", "threshold_from", "seed", "checkpoint", "guards"]
"""The columns of the run table."""


@dataclass(frozen=True)
class Run:
    """One row of the run table.

    Attributes
    ----------
    run
        The id: lower-case letters, digits, dots and hyphens; with guards, also ``+``.
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
    guards
        Id of each guard -> its limit, or the file of a tuned limit.
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
    guards: dict[str, float | str] = field(default_factory=dict, hash=False)

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
        if list(self.guards) != (guards := split_guards(self.method)[1]):
            raise ValueError(
                f"guards are {', '.join(self.guards) or 'none'}; those of {self.method} are "
                f"{', '.join(guards) or 'none'}"
            )
        return self

    @property
    def unguarded(self) -> str:
        """The id of the run without guards."""
        return self.run.partition(WITH_GUARD)[0]

    @property
    def tuned_limits(self) -> list[str]:
        """The files of tuned limits."""
        return [limit for limit in self.guards.values() if isinstance(limit, str)]

    @property
    def entries(self) -> list[tuple[str, str | None]]:
        """The entry point and the folder of each class that its rule is made of."""
        return [(self.entry, self.folder), *([(GUARDED, None)] if self.guards else [])]


def tabulate(runs: list[Run]) -> pd.DataFrame:
    """Return the run table: one row per run, with empty cells where a column does not apply."""
    table = pd.DataFrame([{**asdict(run), "guards": describe_limits(run)} for run in runs])[COLUMNS]
    return table.astype({"alpha": "Float64", "threshold": "Float64", "seed": "Int64"})


def describe_limits(run: Run) -> str:
    """Return the limits of a run's guards, ``far-test 0.4, daily 2``; empty without guards."""
    return ", ".join(
        f"{guard} {limit if isinstance(limit, str) else f'{limit:g}'}"
        for guard, limit in run.guards.items()
    )


def threshold_key(run: Run) -> str:
    """Return the setting of a run's threshold."""
    method = find_method(run.method)
    return f"methods.{method.settings}.{method.threshold}"
