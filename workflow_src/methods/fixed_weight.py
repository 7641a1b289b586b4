"""`fixed-weight-tuned` and tuned thresholds: chosen on the training speakers.

Cosine scales differ between extractors, so neither the published threshold nor the published
weights need be right for another one.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
from torch import Tensor

from workflow_src.methods.development import Development, Partition, choose
from workflow_src.settings.tuning import Tuning
from workflow_src.updating.rules import FixedWeight


def choose_fixed_weight(
    development: Development, settings: Tuning, alphas: list[float] | None = None
) -> tuple[pd.Series, pd.DataFrame]:
    """Choose weight and threshold of the fixed-weight method.

    Parameters
    ----------
    development
        What to choose on.
    settings
        The config's block ``tuning``: the grid.
    alphas
        Weights to choose among, in place of the grid's.

    Returns
    -------
    Series
        alpha, threshold, cost of the best setting.
    DataFrame
        The same of every setting.
    """
    grid = pd.DataFrame(
        [(a, t) for a in (alphas or settings.alphas) for t in settings.thresholds],
        columns=["alpha", "threshold"],
    )
    table, best = choose(
        development,
        lambda rows: FixedWeight(rows["alpha"].tolist(), rows["threshold"].tolist()),
        grid,
    )
    return best, table


class TunedFixedWeight(FixedWeight):
    """The fixed weight with the chosen weight and threshold.

    Parameters
    ----------
    alpha, threshold
        One of each.
    """

    method = "fixed-weight-tuned"

    def __init__(self, alpha: float, threshold: float) -> None:
        super().__init__(float(alpha), float(threshold))
        self.alpha, self.threshold = float(alpha), float(threshold)

    def tensors(self) -> dict[str, Tensor]:
        """Return what is stored as weights."""
        return {"alpha": self.alphas[0], "threshold": self.thresholds[0]}

    def describe(self) -> dict[str, Any]:
        """Return what is stored as text."""
        return {"alpha": self.alpha, "threshold": self.threshold}

    @classmethod
    def restore(cls, tensors: dict[str, Tensor], about: dict[str, Any]) -> TunedFixedWeight:
        """Return the rule that `tensors` and `describe` came from."""
        alpha, threshold = about["alpha"], about["threshold"]
        if not (0 < alpha <= 1 and -1 <= threshold <= 1):
            raise ValueError(f"alpha {alpha} and threshold {threshold} are no weight and cosine")
        return cls(alpha, threshold)


def fit_fixed_weight(
    partition: Partition, settings: Tuning
) -> tuple[TunedFixedWeight, pd.DataFrame]:
    """Choose on all development speakers: two numbers are not learnt by heart."""
    best, table = choose_fixed_weight(partition.every, settings)
    return TunedFixedWeight(best["alpha"], best["threshold"]), table
