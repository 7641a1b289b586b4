"""`running-mean`: the template is the mean of the enrolment and of all accepted tests.

    w = 1 / (n + 1),   n = min(enrolment + accepted, cap)

n is the number of recordings in the template, which the enrolment begins with. This is the mean
computed one value at a time (Welford, Technometrics 4, 1962). With the enrolment as the prior it is
also the MAP estimate of a mean, whose relevance factor is the number of enrolment recordings
(Reynolds, Quatieri and Dunn, Digital Signal Processing 10, 2000). Without a cap the template hardly
moves after many updates. With one, the weight falls to 1 / (cap + 1) and stays there.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from workflow_src.methods.gated import Gated
from workflow_src.updating.interface import Decision, Memory, Trials


class RunningMean(Gated):
    """The rule with S variants.

    Parameters
    ----------
    thresholds
        S thresholds, or one.
    enrolment
        The number of recordings for which the enrolment counts.
    cap
        The largest n; None for no limit.
    """

    def __init__(
        self, thresholds: float | Sequence[float], enrolment: int, cap: int | None
    ) -> None:
        super().__init__(thresholds)
        self.enrolment, self.cap = enrolment, cap

    def begin(self, templates: int) -> Memory:
        """Remember the number of recordings in each template."""
        start = min(self.enrolment, self.cap or self.enrolment)
        return Memory({"count": torch.full((self.variants, templates), float(start))})

    def decide(self, trials: Trials, memory: Memory) -> Decision:
        """Weight the test as one recording of n + 1."""
        updated = self.accepts(trials.scores)
        count = memory.tensors["count"]
        weights = 1 / (count + 1)
        count += updated
        if self.cap is not None:
            count.clamp_(max=self.cap)
        return Decision(updated, weights)
