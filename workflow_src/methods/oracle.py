"""`oracle`, a limit: update on targets only, with the best weight on development trials."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from workflow_src.common.errors import InputError
from workflow_src.methods.development import choose
from workflow_src.methods.study import FittedRule, Study
from workflow_src.updating.interface import Decision, Memory, Trials


class Oracle(FittedRule):
    """Update on every target and on no non-target, with S constant weights `alphas` or one."""

    def __init__(self, alphas: np.ndarray | float) -> None:
        self.alphas = torch.tensor(np.atleast_1d(alphas), dtype=torch.float32)[:, None]
        self.variants = len(self.alphas)

    @classmethod
    def fit(cls, study: Study) -> tuple[Oracle, pd.DataFrame]:
        """Choose the weight. Return the rule and a table of all candidates: alpha, cost."""
        grid = pd.DataFrame({"alpha": study.tuning.alphas})
        table, best = choose(
            study.partition.every, lambda rows: cls(rows["alpha"].to_numpy()), grid
        )
        return cls(best["alpha"]), table

    def decide(self, trials: Trials, memory: Memory) -> Decision:
        """Update where the label is target."""
        if trials.targets is None:
            raise InputError("oracle: the trials have no labels")
        return Decision(updated=trials.targets.expand_as(trials.scores), weights=self.alphas)

    def tensors(self) -> dict[str, Tensor]:
        """Return the weight."""
        return {"alpha": self.alphas[0]}

    def describe(self) -> dict[str, Any]:
        """Mark the rule as a limit."""
        return {"limit": "looks at the labels"}

    @classmethod
    def restore(cls, tensors: dict[str, Tensor], about: dict[str, Any]) -> Oracle:
        """Return the stored rule."""
        return cls(tensors["alpha"].numpy())
