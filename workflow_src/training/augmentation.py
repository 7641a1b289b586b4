"""Orthogonal maps of the embedding space, which turn few training speakers into many.

An orthogonal map of all embeddings keeps all cosines and all updates, so a policy should make the
same decisions. A network that sees many maps cannot memorise the training speakers. The published
method had many training speakers and no such maps.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from workflow_src.methods.networks import PolicyNetwork
from workflow_src.training.population import Population


class InputMap:
    """The map from states to the inputs of the networks in training.

    The map scales components to about unit size. For reflections, it also rotates embeddings to
    the principal axes of the training embeddings. There a reflection flips signs and keeps the
    second moments, so a reflected speaker is plausible. `store` moves scale and axes into the
    first layer. The signs of reflections are drawn anew during training.

    Parameters
    ----------
    kind
        ``none`` or ``reflections``.
    population
        Training embeddings.
    unit
        Whether states have unit length (adaptive weight) instead of raw length.
    scalars
        Whether states are scalars. The map then changes nothing.
    """

    def __init__(
        self, kind: str, population: Population, unit: bool = False, scalars: bool = False
    ) -> None:
        self.reflects = kind == "reflections" and not scalars
        self.scale = population.dimension**0.5 if unit else population.scale
        if scalars:
            self.scale = 1.0
        self.axes: Tensor | None = None
        if self.reflects:
            x = population.embeddings.double()
            x = x / torch.linalg.vector_norm(x, dim=1, keepdim=True).clamp(min=1e-12)
            self.axes = torch.linalg.eigh(x.T @ x)[1].float()

    def signs(self, rows: int, dimension: int, generator: torch.Generator) -> Tensor | None:
        """Draw one reflection per row: float32 [rows, D] of -1 and 1; None without reflections."""
        if not self.reflects:
            return None
        shape, device = (rows, dimension), generator.device
        return torch.randint(0, 2, shape, generator=generator, device=device).float() * 2 - 1

    def __call__(self, states: Tensor) -> Tensor:
        """Map states float32 [n, 2 D] to inputs of the same shape without reflections."""
        if self.axes is None:
            return states * self.scale
        halves = states.view(len(states), 2, len(self.axes)) @ (self.axes * self.scale)
        return halves.view(states.shape)

    @staticmethod
    def reflect(inputs: Tensor, signs: Tensor | None) -> Tensor:
        """Reflect mapped inputs float32 [n, 2 D] by drawn `signs` [n, D]."""
        if signs is None:
            return inputs
        return (inputs.view(len(inputs), 2, signs.shape[1]) * signs[:, None]).view(inputs.shape)

    def load(self, network: PolicyNetwork) -> None:
        """Change a stored policy for raw states into one for mapped inputs, in place."""
        scale_inputs(network, 1 / self.scale, None if self.axes is None else self.axes.T)

    def store(self, network: PolicyNetwork) -> None:
        """Change a policy for mapped inputs into one for raw states, in place."""
        scale_inputs(network, self.scale, self.axes)


def scale_inputs(network: PolicyNetwork, factor: float, basis: Tensor | None = None) -> None:
    """Change a network for inputs `factor` * x @ `basis` into one for x, exactly and in place.

    x is the template and the test. `factor` and `basis` [D, D] go into the first layer's weights.
    """
    first = network.trunk[0]
    assert isinstance(first, nn.Linear)
    with torch.no_grad():
        halves = first.weight.view(len(first.weight), 2, -1)
        if basis is not None:
            halves = halves @ basis.T
        first.weight.copy_((halves * factor).reshape(first.weight.shape))
