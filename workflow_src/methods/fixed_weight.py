"""`fixed-weight`, FixW-TU: update with one weight when the score exceeds a threshold."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from workflow_src.updating.interface import Decision, Memory, Trials, UpdateRule


class FixedWeight(UpdateRule):
    """Update with weight alpha when score > threshold.

    Parameters
    ----------
    alphas
        S weights of the test embedding, or one weight.
    thresholds
        S thresholds, one for each weight, or one threshold for all.

    Raises
    ------
    ValueError
        The two have different lengths.
    """

    def __init__(
        self, alphas: float | Sequence[float], thresholds: float | Sequence[float]
    ) -> None:
        alphas = [alphas] if isinstance(alphas, int | float) else alphas
        if isinstance(thresholds, int | float):
            thresholds = [thresholds] * len(alphas)
        if len(alphas) != len(thresholds) or not len(alphas):
            raise ValueError(
                f"{len(alphas)} alphas and {len(thresholds)} thresholds; one of each for a variant"
            )
        self.variants = len(alphas)
        self.alphas = torch.tensor(alphas, dtype=torch.float32)[:, None]
        # Scores are float32, so thresholds are rounded to float32. Then "score > threshold" has
        # the same result on written scores in every precision.
        self.thresholds = torch.tensor(thresholds, dtype=torch.float32)[:, None]

    def decide(self, trials: Trials, memory: Memory) -> Decision:
        """Update when score > threshold."""
        return Decision(updated=trials.scores > self.thresholds, weights=self.alphas)
