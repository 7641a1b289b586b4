"""The critic of PPO."""

from __future__ import annotations

from torch import Tensor, nn

from workflow_src.methods.networks import HIDDEN, initialise, make_trunk


class Critic(nn.Module):
    """The network for the value of a state. It has its own trunk."""

    def __init__(self, inputs: int, hidden: tuple[int, int] = HIDDEN) -> None:
        super().__init__()
        self.trunk = make_trunk(inputs, hidden)
        self.value = nn.Linear(hidden[1], 1)
        initialise(self.trunk, self.value)

    def forward(self, states: Tensor) -> Tensor:
        """Return the values [...] of states [..., inputs]."""
        return self.value(self.trunk(states)).squeeze(-1)
