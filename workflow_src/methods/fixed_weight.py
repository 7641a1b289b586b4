"""`fixed-weight`, FixW-TU: update with one weight when the score exceeds a threshold."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from workflow_src.updating.interface import Decision, Memory, Trials, UpdateRule


class FixedWeight(UpdateRule):
    """Update with weight alpha when the score exceeds a threshold, strictly.

    Parameters
    ----------
    alphas
        S weights of the test embedding, or one.
    thresholds
        S thresholds, one for each weight, or one for all.

    Raises
    ------
    ValueError
        The two do not have one length.
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
        # Scores are float32: rounded like them, "score > threshold" says the same in every
        # precision in which somebody repeats the comparison on written scores.
        self.thresholds = torch.tensor(thresholds, dtype=torch.float32)[:, None]

    def decide(self, trials: Trials, memory: Memory) -> Decision:
        """Accept when score > threshold."""
        return Decision(updated=trials.scores > self.thresholds, weights=self.alphas)
