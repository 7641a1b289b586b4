"""`window`: the template is the mean of the last K accepted tests.

At first the enrolment takes all K places. Each accepted test takes the place of what is oldest, so
after K updates the enrolment is forgotten. First in, first out is one of the ways of replacing
templates that Freni, Marcialis and Roli compare (ICIAR 2008).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from workflow_src.methods.gated import Gated
from workflow_src.methods.held_vectors import put_at
from workflow_src.updating.interface import HELD, Decision, Memory, Trials


class Window(Gated):
    """The rule with S variants.

    Parameters
    ----------
    thresholds
        S thresholds, or one.
    size
        K.
    """

    def __init__(self, thresholds: float | Sequence[float], size: int) -> None:
        super().__init__(thresholds)
        self.held = size

    def begin(self, templates: int) -> Memory:
        """Remember the place of the oldest vector."""
        return Memory({"oldest": torch.zeros(self.variants, templates, dtype=torch.int64)})

    def decide(self, trials: Trials, memory: Memory) -> Decision:
        """Hold the accepted test, and take the mean anew.

        A sum that is carried along would gather the rounding of thousands of updates.
        """
        held, oldest = memory.tensors[HELD], memory.tensors["oldest"]
        updated = self.accepts(trials.scores)
        put_at(held, oldest, trials.tests.expand_as(trials.templates), updated)
        oldest.copy_((oldest + updated) % self.held)
        return Decision(updated, torch.full((), 1 / self.held), templates=held.mean(2))
