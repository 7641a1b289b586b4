"""The base class of rules that PPO trains a policy of, as the sequence scorer applies them.

The first layer of a network that sees embeddings is linear in the template, and an update is a
weighted mean, so the layer's product with the template follows the template's own recursion: it is
computed once for every embedding (`encode`), carried along by the scorer, and never again.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

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
        For states as they are.
    threshold
        No update unless the score exceeds it.
    published
        The parts in which the paper's authors released such policies, and for each the names of
        our tensors and theirs. Empty where none were released.
    """

    network: PolicyNetwork
    threshold: float
    published: ClassVar[Mapping[str, Mapping[str, str]]] = {}

    @abstractmethod
    def __init__(self, network: PolicyNetwork) -> None:
        """Apply `network`, which takes states as they are, with the published threshold."""

    @classmethod
    @abstractmethod
    def make_network(
        cls, dimension: int | None = None, scale: ScoreScale | None = None
    ) -> PolicyNetwork:
        """Return an untrained network, for embeddings of dimension D or for a scale of scores."""

    @classmethod
    def restore_network(cls, tensors: dict[str, Tensor], about: dict[str, Any]) -> PolicyNetwork:
        """Return the network that was stored.

        Parameters
        ----------
        tensors
            The state dict.
        about
            What the network's `describe` returned.

        Raises
        ------
        InputError
            The two do not fit together, or are of another method.
        """
        dimension = _read_dimension(about)
        # Before a network of that size is made: it may be beyond all memory.
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
        """Return the rule of the network that was stored, with the published threshold."""
        return cls(cls.restore_network(tensors, about).requires_grad_(False))

    def tensors(self) -> dict[str, Tensor]:
        """Return the network's state dict."""
        return dict(self.network.state_dict())

    def describe(self) -> dict[str, Any]:
        """Return what the network sees, and its size."""
        return self.network.describe()

    def take_threshold(self, threshold: float) -> None:
        """Take the threshold of a run."""
        self.threshold = threshold


def _read_dimension(about: Mapping[str, Any]) -> int:
    dimension = about.get("dimension")
    if not isinstance(dimension, int) or isinstance(dimension, bool) or dimension < 1:
        raise InputError(f"dimension is {dimension!r}; it must be a whole number above 0")
    return dimension


class SplitTrunk:
    """The trunk of a network, its first layer taken apart.

    Weights are kept [in, out]: products of few rows are a fifth faster so.
    """

    def __init__(self, network: PolicyNetwork) -> None:
        first, second = network.trunk[0], network.trunk[2]
        self._dimension = first.in_features // 2
        weight = first.weight.detach().T
        self._template = weight[: self._dimension].contiguous()
        self._test = weight[self._dimension :].contiguous()
        self._bias = first.bias.detach()
        self._second = second.weight.detach().T.contiguous()
        self._second_bias = second.bias.detach()

    @torch.no_grad()
    def encode(self, embeddings: Tensor, tests: Tensor) -> Encoded:
        """Return the products of the first layer's halves with [N, D] each; the bias in one."""
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
        """Return the trunk's features [n, 128] for the first layer's sums [n, 256], overwritten."""
        return torch.addmm(self._second_bias, first.relu_(), self._second).relu_()
