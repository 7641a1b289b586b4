"""The common parts of policy networks.

A published network sees template and test in one vector, [..., 2 D], for embeddings of any
dimension D (published: 128). Other networks see a few scalars of the score history, [..., 6].
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from workflow_src.common.errors import InputError

HIDDEN = (256, 128)

# Our names of the trunk's tensors -> the published names.
PUBLISHED_TRUNK = {
    "trunk.0.weight": "linear1.weight",
    "trunk.0.bias": "linear1.bias",
    "trunk.2.weight": "linear2.weight",
    "trunk.2.bias": "linear2.bias",
}


class PolicyNetwork(nn.Module):
    """A policy for PPO: a trunk, heads, and the log-sd of the weights that it draws.

    `inputs` is the size of a state. `hidden` has the sizes of the trunk's two hidden layers.
    """

    inputs: int
    hidden: tuple[int, int]
    trunk: nn.Sequential
    log_std: nn.Parameter

    @abstractmethod
    def sample(self, states: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw actions: update, bool [n], and the weight before `applied_weight`, float32 [n]."""

    @abstractmethod
    def evaluate(self, states: Tensor, effective: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
        """Return log-probability [n] and entropy [n] of actions.

        Parameters
        ----------
        states
            float32 [n, inputs].
        effective
            bool [n]: whether the template was updated.
        raw
            float32 [n]: the drawn weights.
        """

    @abstractmethod
    def applied_weight(self, raw: Tensor) -> Tensor:
        """Return the weights of updates for the drawn weights."""

    @abstractmethod
    def start_exploring(self, weight: float, std: float) -> None:
        """Let the untrained network draw weights of about this mean and sd."""

    def describe(self) -> dict[str, Any]:
        """Return the entries for ``policy.json``: by default D and the hidden sizes."""
        return {"dimension": self.inputs // 2, "hidden": list(self.hidden)}


def make_trunk(inputs: int, hidden: tuple[int, int]) -> nn.Sequential:
    """Return Linear(inputs, H1) ReLU Linear(H1, H2) ReLU for the sizes `hidden`, H1 and H2."""
    return nn.Sequential(
        nn.Linear(inputs, hidden[0]),
        nn.ReLU(),
        nn.Linear(hidden[0], hidden[1]),
        nn.ReLU(),
    )


def initialise(trunk: nn.Sequential, *heads: nn.Linear) -> None:
    """Set orthogonal weights, gain sqrt(2) in the trunk and 0.01 in the heads; zero biases."""
    for layer in trunk:
        if isinstance(layer, nn.Linear):
            nn.init.orthogonal_(layer.weight, math.sqrt(2))
            nn.init.zeros_(layer.bias)
    for head in heads:
        nn.init.orthogonal_(head.weight, 0.01)
        nn.init.zeros_(head.bias)


def gaussian_log_density(x: Tensor, mean: Tensor, log_std: Tensor) -> Tensor:
    """Return ln N(x; mean, exp(log_std)^2)."""
    return -0.5 * ((x - mean) / log_std.exp()).square() - log_std - 0.5 * math.log(2 * math.pi)


def gaussian_entropy(log_std: Tensor) -> Tensor:
    """Return the entropy of a Gaussian, in nats."""
    return log_std + 0.5 * math.log(2 * math.pi * math.e)


def network_dimension(state: Mapping[str, Tensor]) -> int:
    """Return D of a policy's state dict."""
    return state["trunk.0.weight"].shape[1] // 2


def load_state(
    network: nn.Module,
    state: Mapping[str, Tensor],
    names: Mapping[str, str] | None = None,
) -> None:
    """Load a state dict; raises `InputError` when a tensor does not fit.

    `names` has the names of tensors for error messages.
    """
    expected = network.state_dict()
    for name, tensor in expected.items():
        if name not in state:
            raise InputError(f"lacks the tensor {name!r}")
        given, shown = state[name], (names or {}).get(name, name)
        if given.shape != tensor.shape:
            raise InputError(f"{shown} has the shape {list(given.shape)}, not {list(tensor.shape)}")
        if not torch.isfinite(given).all():
            raise InputError(f"{shown} has a value that is not finite")
    for name in state:
        if name not in expected:
            raise InputError(f"unknown tensor {name!r}")
    network.load_state_dict(dict(state))
