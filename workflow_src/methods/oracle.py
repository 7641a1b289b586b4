"""Limits, never methods: rules that look at the labels.

`oracle` updates on targets only, with the one weight that is best on the development trials.
(The other limit, `speaker-mean`, is a template and no rule: see `workflow_src.inference`.)
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from workflow_src.common.errors import InputError
from workflow_src.methods.development import Partition, choose
from workflow_src.settings.tuning import Tuning
from workflow_src.updating.interface import Decision, Encoded, Memory, Trials
from workflow_src.updating.rules import encode_nothing


class Oracle:
    """Update on every target and on no non-target, with a constant weight.

    Parameters
    ----------
    alphas
        S weights, or one.
    """

    method = "oracle"
    normalises = False

    def __init__(self, alphas: np.ndarray | float) -> None:
        self.alphas = torch.tensor(np.atleast_1d(alphas), dtype=torch.float32)[:, None]
        self.settings = len(self.alphas)

    def encode(self, embeddings: Tensor) -> Encoded:
        """Return nothing."""
        return encode_nothing(embeddings)

    def begin(self, templates: int) -> Memory:
        """Remember nothing."""
        return Memory()

    def decide(self, trials: Trials, memory: Memory) -> Decision:
        """Do what the label says."""
        if trials.targets is None:
            raise InputError("oracle: the trials have no labels")
        return Decision(updated=trials.targets.expand_as(trials.scores), weights=self.alphas)

    def tensors(self) -> dict[str, Tensor]:
        """Return what is stored as weights."""
        return {"alpha": self.alphas[0]}

    def describe(self) -> dict[str, Any]:
        """Return what is stored as text."""
        return {"limit": "looks at the labels"}

    @classmethod
    def restore(cls, tensors: dict[str, Tensor], about: dict[str, Any]) -> Oracle:
        """Return the rule that `tensors` and `describe` came from."""
        return cls(tensors["alpha"].numpy())


def fit_oracle(partition: Partition, settings: Tuning) -> tuple[Oracle, pd.DataFrame]:
    """Choose the oracle's weight."""
    grid = pd.DataFrame({"alpha": settings.alphas})
    table, best = choose(partition.every, lambda rows: Oracle(rows["alpha"].to_numpy()), grid)
    return Oracle(best["alpha"]), table
