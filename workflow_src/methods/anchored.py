"""`anchored`: a fixed share of the enrolment stays in the template.

    template = share * enrolment + (1 - share) * adaptive
    adaptive <- (1 - alpha) adaptive + alpha test

However many impostors are accepted, they make up at most 1 - share of the template. In terms of the
template alone, an update moves it by alpha towards ``share * enrolment + (1 - share) * test``.
Interpolating adapted and enrolled parameters with a fixed weight is an old way of adapting models
(for speaker verification: Barras, Meignier and Gauvain, Odyssey 2004, compare ways to do so).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from workflow_src.methods.gated import Gated
from workflow_src.updating.interface import HELD, Decision, Memory, Trials


class Anchored(Gated):
    """The rule with S variants. It holds the enrolment.

    Parameters
    ----------
    thresholds
        S thresholds, or one.
    alpha
        The weight of a test in the adaptive part.
    share
        The share of the enrolment.
    """

    held = 1

    def __init__(self, thresholds: float | Sequence[float], alpha: float, share: float) -> None:
        super().__init__(thresholds)
        self.alpha, self.share = alpha, share

    def decide(self, trials: Trials, memory: Memory) -> Decision:
        """Move the template by alpha towards the mix of enrolment and test."""
        enrolled = memory.tensors[HELD][:, :, 0]
        mix = torch.lerp(trials.tests, enrolled, self.share)
        return Decision(
            updated=self.accepts(trials.scores),
            weights=torch.full((), self.alpha * (1 - self.share)),
            templates=torch.lerp(trials.templates, mix, self.alpha),
        )
