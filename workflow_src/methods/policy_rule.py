"""The base class of rules with a trained policy.

The first layer of a network that sees embeddings is linear in the template. An update is a weighted
mean. So the layer's product with the template follows the template's own recursion. `encode`
computes the product once for every embedding, and the scorer updates it with the template.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from workflow_src.common.errors import InputError
from workflow_src.methods.networks import PolicyNetwork, load_state, network_dimension
from workflow_src.updating.interface import Encoded, UpdateRule
from workflow_src.updating.score_history import ScoreScale

TINY = 1e-12


class PolicyRule(UpdateRule):
    """An update rule that asks a trained network.

    Attributes
    ----------
    network
        The policy, for raw states or, if the rule normalises, unit-length states.
    threshold
        The score that a trial must exceed before an update.
    published
        Part of a released state dict -> our tensor names -> the released names. Empty if the
        paper's authors released no such policy.
    """

    network: PolicyNetwork
    threshold: float
    published: ClassVar[Mapping[str, Mapping[str, str]]] = {}

    @abstractmethod
    def __init__(self, network: PolicyNetwork) -> None:
        """Apply `network` with the published threshold."""

    @classmethod
    @abstractmethod
    def make_network(
        cls, dimension: int | None = None, scale: ScoreScale | None = None
    ) -> PolicyNetwork:
        """Return an untrained network for embeddings of dimension D, or for a scale of scores."""

    @classmethod
    def restore_network(cls, tensors: dict[str, Tensor], about: dict[str, Any]) -> PolicyNetwork:
        """Return the network of a state dict and of its `describe`.

        Raises
        ------
        InputError
            The two do not fit together, or belong to another method.
        """
        dimension = about.get("dimension")
        if not isinstance(dimension, int) or isinstance(dimension, bool) or dimension < 1:
            raise InputError(f"dimension is {dimension!r}; it must be a whole number above 0")
        # This check comes before the network is made, which could exceed the memory.
        first = tensors.get("trunk.0.weight")
        if first is not None and first.ndim == 2 and network_dimension(tensors) != dimension:
            raise InputError(
                f"dimension is {dimension}, but the tensors are for {network_dimension(tensors)}"
            )
        network = cls.make_network(dimension=dimension)
        load_state(network, tensors)
        return network.eval()

    @classmethod
    def restore(cls, tensors: dict[str, Tensor], about: dict[str, Any]) -> Self:
        """Return the rule of the stored network with the published threshold."""
        return cls(cls.restore_network(tensors, about).requires_grad_(False))

    def tensors(self) -> dict[str, Tensor]:
        """Return the network's state dict."""
        return dict(self.network.state_dict())

    def describe(self) -> dict[str, Any]:
        """Return the network's entries for ``policy.json``."""
        return self.network.describe()

    def take_threshold(self, threshold: float) -> None:
        """Take the threshold of a run."""
        self.threshold = threshold


class SplitTrunk:
    """The trunk of a network with its first layer split into template half and test half.

    Weights are stored as [in, out], which makes products of few rows a fifth faster.
    """

    def __init__(self, network: PolicyNetwork) -> None:
        first, second = network.trunk[0], network.trunk[2]
        assert isinstance(first, nn.Linear) and isinstance(second, nn.Linear)
        self._dimension = first.in_features // 2
        weight = first.weight.detach().T
        self._template = weight[: self._dimension].contiguous()
        self._test = weight[self._dimension :].contiguous()
        self._bias = first.bias.detach()
        self._second = second.weight.detach().T.contiguous()
        self._second_bias = second.bias.detach()

    @torch.no_grad()
    def encode(self, embeddings: Tensor, tests: Tensor) -> Encoded:
        """Return the products of both halves with embeddings and tests, [N, D] each.

        The bias is part of the test's product.
        """
        if embeddings.shape[1] != self._dimension:
            raise InputError(
                f"the policy is for embeddings of {self._dimension} dimensions; these have "
                f"{embeddings.shape[1]}"
            )
        return Encoded(
            carried=embeddings @ self._template,
            offered=torch.addmm(self._bias, tests, self._test),
        )

    def finish(self, first: Tensor) -> Tensor:
        """Return the trunk's features [n, 128] of the first layer's sums [n, 256], in place."""
        return torch.addmm(self._second_bias, first.relu_(), self._second).relu_()
