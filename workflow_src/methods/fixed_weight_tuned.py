"""`fixed-weight-tuned`: the fixed weight with two numbers chosen on the training speakers.

Extractors differ in the scale of their cosines. So the published threshold and weights can be wrong
for another extractor.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
from torch import Tensor

from workflow_src.methods.development import choose
from workflow_src.methods.fixed_weight import FixedWeight
from workflow_src.methods.study import FittedRule, Study


class TunedFixedWeight(FixedWeight, FittedRule):
    """The fixed weight with the chosen weight and threshold."""

    def __init__(self, alpha: float, threshold: float) -> None:
        super().__init__(float(alpha), float(threshold))
        self.alpha, self.threshold = float(alpha), float(threshold)

    @classmethod
    def fit(cls, study: Study) -> tuple[TunedFixedWeight, pd.DataFrame]:
        """Choose both numbers on all development speakers, since two numbers do not overfit.

        Return the rule and a table of all candidates: alpha, threshold, cost.
        """
        grid = pd.DataFrame(
            [(a, t) for a in study.tuning.alphas for t in study.thresholds],
            columns=["alpha", "threshold"],
        )
        table, best = choose(
            study.partition.every,
            lambda rows: FixedWeight(rows["alpha"].tolist(), rows["threshold"].tolist()),
            grid,
        )
        return cls(best["alpha"], best["threshold"]), table

    def shift_scale(self, shift: float) -> TunedFixedWeight:
        """Return the rule with a shifted threshold."""
        return TunedFixedWeight(self.alpha, self.threshold + shift)

    def tensors(self) -> dict[str, Tensor]:
        """Return weight and threshold in float32, as the scorer uses them."""
        return {"alpha": self.alphas[0], "threshold": self.thresholds[0]}

    def describe(self) -> dict[str, Any]:
        """Return weight and threshold in full precision."""
        return {"alpha": self.alpha, "threshold": self.threshold}

    @classmethod
    def restore(cls, tensors: dict[str, Tensor], about: dict[str, Any]) -> TunedFixedWeight:
        """Return the stored rule."""
        alpha, threshold = about["alpha"], about["threshold"]
        if not (0 < alpha <= 1 and -1 <= threshold <= 1):
            raise ValueError(f"alpha {alpha} and threshold {threshold} are no weight and cosine")
        return cls(alpha, threshold)
