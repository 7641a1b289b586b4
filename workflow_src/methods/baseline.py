"""`baseline`: never update."""

from __future__ import annotations

import torch

from workflow_src.updating.interface import Decision, Memory, Trials, UpdateRule


class Baseline(UpdateRule):
    """The rule that scores every trial against the enrolment template."""

    updates = False

    def decide(self, trials: Trials, memory: Memory) -> Decision:
        """Decide on no update."""
        return Decision(
            updated=torch.zeros_like(trials.scores, dtype=torch.bool),
            weights=torch.zeros_like(trials.scores),
        )
