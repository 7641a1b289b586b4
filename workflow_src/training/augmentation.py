"""Orthogonal maps of the embedding space: few training speakers become many.

No cosine and no update changes when all embeddings are mapped orthogonally, so a policy should
decide the same; shown many maps, a network cannot learn by heart who the training speakers are.
Not part of the published method, whose training speakers were many.
"""

from __future__ import annotations

import torch
from torch import Tensor

from workflow_src.methods.networks import PolicyNetwork
from workflow_src.training.population import Population


class NoInputMap:
    """The `InputMap` of policies that see scalars: none."""

    def signs(self, rows: int, dimension: int, generator: torch.Generator) -> None:
        """Draw nothing."""

    def __call__(self, states: Tensor) -> Tensor:
        """Return the states float32 [n, 6] as they are."""
        return states

    @staticmethod
    def reflect(inputs: Tensor, signs: None) -> Tensor:
        """Return the inputs as they are."""
        return inputs

    def load(self, network: PolicyNetwork) -> None:
        """Change nothing."""

    def store(self, network: PolicyNetwork) -> None:
        """Change nothing."""


class InputMap:
    """What stands between states and the networks while training.

    Embeddings are scaled to components of about unit size and, for reflections, expressed in
    the principal axes of the training embeddings, where a reflection is a flip of signs: each
    keeps the second moments, so a reflected speaker is one that might have been. Scale and axes
    go into the first layer when the policy is stored (`store`); signs are drawn anew all the time.

    Parameters
    ----------
    kind
        ``none`` or ``reflections``.
    population
        Training embeddings.
    unit
        Whether states are of unit length (adaptive weight), not as the extractor gave them.
    """

    def __init__(self, kind: str, population: Population, unit: bool) -> None:
        self.reflects = kind == "reflections"
        self.scale = population.dimension**0.5 if unit else population.scale
        self.axes: Tensor | None = None
        if self.reflects:
            x = population.embeddings.double()
            x = x / torch.linalg.vector_norm(x, dim=1, keepdim=True).clamp(min=1e-12)
            self.axes = torch.linalg.eigh(x.T @ x)[1].float()

    def signs(self, rows: int, dimension: int, generator: torch.Generator) -> Tensor | None:
        """Draw a reflection a row: float32 [rows, D] of -1 and 1, or None."""
        if not self.reflects:
            return None
        shape, device = (rows, dimension), generator.device
        return torch.randint(0, 2, shape, generator=generator, device=device).float() * 2 - 1

    def __call__(self, states: Tensor) -> Tensor:
        """Map states float32 [n, 2 D] to what the networks see, [n, 2 D], not yet reflected."""
        if self.axes is None:
            return states * self.scale
        halves = states.view(len(states), 2, len(self.axes)) @ (self.axes * self.scale)
        return halves.view(states.shape)

    @staticmethod
    def reflect(inputs: Tensor, signs: Tensor | None) -> Tensor:
        """Reflect mapped inputs float32 [n, 2 D] by `signs` (of `signs`, [n, D])."""
        if signs is None:
            return inputs
        return (inputs.view(len(inputs), 2, signs.shape[1]) * signs[:, None]).view(inputs.shape)

    def load(self, network: PolicyNetwork) -> None:
        """Turn a stored policy (raw states) into one for mapped inputs, in place."""
        scale_inputs(network, 1 / self.scale, None if self.axes is None else self.axes.T)

    def store(self, network: PolicyNetwork) -> None:
        """Turn a policy for mapped inputs into one for raw states, in place."""
        scale_inputs(network, self.scale, self.axes)


def scale_inputs(network: PolicyNetwork, factor: float, basis: Tensor | None = None) -> None:
    """Let a network that took inputs `factor` * x @ `basis` take x itself, exactly.

    Template and test alike are multiplied by the matrix `basis` [D, D] and the number; both go
    into the first layer's weights, in place.
    """
    first = network.trunk[0]
    with torch.no_grad():
        halves = first.weight.view(len(first.weight), 2, -1)
        if basis is not None:
            halves = halves @ basis.T
        first.weight.copy_((halves * factor).reshape(first.weight.shape))
