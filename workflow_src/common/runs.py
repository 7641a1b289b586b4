"""The run table: a row a run.

A *run* is a method with its settings and seed. Files are keyed by the run's id, tables join on
it.
"""

from dataclasses import asdict, dataclass

import pandas as pd


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

    run: str
    method: str
    alpha: float | None = None
    threshold: float | None = None
    seed: int | None = None
    checkpoint: str | None = None
    tuned: str | None = None


def tabulate(runs: list[Run]) -> pd.DataFrame:
    """Return the run table: a row a run, empty cells where a column doesn't apply."""
    table = pd.DataFrame([asdict(run) for run in runs]).drop(columns="tuned")
    return table.astype({"alpha": "Float64", "threshold": "Float64", "seed": "Int64"})
