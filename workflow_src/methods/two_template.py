"""`two-template`: the enrolment stays as it is, beside one template that adapts.

    score    = mean, or maximum, of the test's cosines with the two
    template <- (1 - alpha) template + alpha test

An update needs a score above the threshold, as a decision does. So the enrolment has its say in
both. A frozen template beside an adaptive one is common practice in products.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch

from workflow_src.methods.gated import Gated
from workflow_src.methods.held_vectors import multiply_held
from workflow_src.updating.interface import HELD, Decision, Memory, Trials


class TwoTemplate(Gated):
    """The rule with S variants. It holds the enrolment.

    Parameters
    ----------
    thresholds
        S thresholds, or one.
    alpha
        The weight of a test in the adaptive template.
    score
        How the two cosines make one score.
    """

    held = 1

    def __init__(
        self, thresholds: float | Sequence[float], alpha: float, score: Literal["mean", "max"]
    ) -> None:
        super().__init__(thresholds)
        self.alpha, self.score = alpha, score

    def decide(self, trials: Trials, memory: Memory) -> Decision:
        """Score by both templates."""
        held = memory.tensors[HELD]
        norms = torch.linalg.vector_norm(held, dim=-1)[..., 0] * trials.test_norms
        frozen = multiply_held(held, trials.tests)[..., 0] / norms
        scores = (
            torch.maximum(trials.scores, frozen)
            if self.score == "max"
            else (trials.scores + frozen) / 2
        )
        return Decision(self.accepts(scores), torch.full((), self.alpha), scores)
