"""The update rules that learn nothing: never update, and update with a fixed weight."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from workflow_src.updating.interface import Decision, Encoded, Memory, Trials


def encode_nothing(embeddings: Tensor) -> Encoded:
    """Return empty encodings [N, 0]: for rules that look at scores and norms only."""
    empty = embeddings.new_zeros((len(embeddings), 0))
    return Encoded(carried=empty, offered=empty)


class Baseline:
    """Never update: every trial is scored against the enrolment template."""

    settings = 1
    normalises = False

    def encode(self, embeddings: Tensor) -> Encoded:
        """Return nothing."""
        return encode_nothing(embeddings)

    def begin(self, templates: int) -> Memory:
        """Remember nothing."""
        return Memory()

    def decide(self, trials: Trials, memory: Memory) -> Decision:
        """Decide against every update."""
        return Decision(
            updated=torch.zeros_like(trials.scores, dtype=torch.bool),
            weights=torch.zeros_like(trials.scores),
        )


class FixedWeight:
    """FixW-TU: update with weight alpha when the score exceeds a threshold, strictly.

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

    normalises = False

    def __init__(
        self, alphas: float | Sequence[float], thresholds: float | Sequence[float]
    ) -> None:
        alphas = [alphas] if isinstance(alphas, int | float) else alphas
        if isinstance(thresholds, int | float):
            thresholds = [thresholds] * len(alphas)
        if len(alphas) != len(thresholds) or not len(alphas):
            raise ValueError(
                f"{len(alphas)} alphas and {len(thresholds)} thresholds; one of each for a setting"
            )
        self.settings = len(alphas)
        self.alphas = torch.tensor(alphas, dtype=torch.float32)[:, None]
        # Scores are float32: rounded like them, "score > threshold" says the same in every
        # precision in which somebody repeats the comparison on written scores.
        self.thresholds = torch.tensor(thresholds, dtype=torch.float32)[:, None]

    def encode(self, embeddings: Tensor) -> Encoded:
        """Return nothing."""
        return encode_nothing(embeddings)

    def begin(self, templates: int) -> Memory:
        """Remember nothing."""
        return Memory()

    def decide(self, trials: Trials, memory: Memory) -> Decision:
        """Accept when score > threshold."""
        return Decision(updated=trials.scores > self.thresholds, weights=self.alphas)
