"""The base class of rules that update when a score exceeds a threshold, and need no fitting."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from workflow_src.updating.interface import UpdateRule


class Gated(UpdateRule):
    """A rule with S variants that differ in the threshold.

    Parameters
    ----------
    thresholds
        S thresholds, or one.
    """

    def __init__(self, thresholds: float | Sequence[float]) -> None:
        # In float32, as the scores are: then a comparison has the same result in every precision.
        self.thresholds = torch.tensor(np.atleast_1d(thresholds), dtype=torch.float32)[:, None]
        self.variants = len(self.thresholds)

    def accepts(self, scores: Tensor) -> Tensor:
        """Return where the scores [S, n] exceed the threshold, bool [S, n]."""
        return scores > self.thresholds
