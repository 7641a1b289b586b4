"""The networks of the trained policies and of the critic.

The published ones take the concatenation of template and test, [..., 2 D], for embeddings of any
dimension D (published: 128); others a few scalars of a template's history of scores, [..., 6].
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from workflow_src.common.errors import InputError
from workflow_src.settings.policies import SCALAR_METHODS
from workflow_src.updating.score_history import FEATURES, ScoreScale

HIDDEN = (256, 128)
SCALAR_HIDDEN = (64, 64)


def make_trunk(inputs: int, hidden: tuple[int, int] = HIDDEN) -> nn.Sequential:
    """Return Linear(inputs, 256) ReLU Linear(256, 128) ReLU, or of other hidden sizes."""
    return nn.Sequential(
        nn.Linear(inputs, hidden[0]),
        nn.ReLU(),
        nn.Linear(hidden[0], hidden[1]),
        nn.ReLU(),
    )


class MultiHeadNetwork(nn.Module):
    """DRL-TU-MH: one head decides whether to update, the other with which weight.

    The update head gives two logits. The weight head sees the trunk and the chosen update action
    (0 or 1) and gives the mean of a Gaussian whose log-sd is one learned number.

    Parameters
    ----------
    dimension
        D, of the embeddings.
    weight_std
        Sd of the Gaussian at the start.
    method
        The method that it is a policy of: this one, or ``multi-head-margin``.
    """

    hidden = HIDDEN

    def __init__(self, dimension: int, weight_std: float = 0.2, method: str = "multi-head") -> None:
        super().__init__()
        self.method = method
        self._build(2 * dimension, weight_std)

    def _build(self, inputs: int, weight_std: float) -> None:
        self.inputs = inputs
        self.trunk = make_trunk(inputs, self.hidden)
        self.update_head = nn.Linear(self.hidden[1], 2)
        self.weight_head = nn.Linear(self.hidden[1] + 1, 1)
        self.log_std = nn.Parameter(torch.tensor([math.log(weight_std)]))

    def forward(self, states: Tensor, update: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the logits [..., 2] and the weight's mean [...].

        The mean is that given `update` (bool [...]); without it, given the likelier action.
        """
        features = self.trunk(states)
        logits = self.update_head(features)
        if update is None:
            update = logits[..., 1] > logits[..., 0]
        return logits, self.weight_mean(features, update)

    def weight_mean(self, features: Tensor, update: Tensor) -> Tensor:
        """Return the mean weight [...] for trunk features [..., 128] and actions bool [...]."""
        seen = torch.cat([features, update.to(features.dtype)[..., None]], dim=-1)
        return self.weight_head(seen).squeeze(-1)

    @torch.no_grad()
    def sample(self, states: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw actions: update, bool [n], and the weight, float32 [n]."""
        features = self.trunk(states)
        probability = self.update_head(features).softmax(dim=-1)[:, 1]
        update = torch.rand(probability.shape, generator=generator, device=states.device)
        update = update < probability
        mean = self.weight_mean(features, update)
        noise = torch.randn(mean.shape, generator=generator, device=states.device)
        return update, mean + self.log_std.exp() * noise

    def evaluate(self, states: Tensor, effective: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
        """Return log-probability [n] and entropy [n] of hybrid actions.

        Parameters
        ----------
        states
            float32 [n, inputs].
        effective
            bool [n]: the update actions taken.
        raw
            float32 [n]: the weights taken.

        Notes
        -----
        The joint density is that of the categorical times, where the update was taken, that of
        the Gaussian. Where it was not, the weight changes nothing, neither state nor reward: it
        is no part of the action, and its density would only add noise to the gradient. The
        entropy is accordingly H(update) + P(update) H(weight).
        """
        features = self.trunk(states)
        log_probability = self.update_head(features).log_softmax(dim=-1)
        taken = log_probability.gather(-1, effective.long()[:, None]).squeeze(-1)
        mean = self.weight_mean(features, torch.ones_like(effective))
        weight = gaussian_log_density(raw, mean, self.log_std)
        probability = log_probability.exp()
        entropy = -(probability * log_probability).sum(dim=-1)
        entropy = entropy + probability[:, 1] * gaussian_entropy(self.log_std)
        return taken + effective * weight, entropy

    @staticmethod
    def applied_weight(raw: Tensor) -> Tensor:
        """Return the weight of the template's update: the one drawn."""
        return raw

    def start_exploring(self, weight: float, std: float) -> None:
        """Let the untrained network draw weights of about this mean and sd, half the time."""
        _initialise(self.trunk, self.update_head, self.weight_head)
        with torch.no_grad():
            self.weight_head.bias.fill_(weight)
            self.log_std.fill_(math.log(std))


class ScalarMultiHeadNetwork(MultiHeadNetwork):
    """Multi-head on the scalars of a template's history of scores, [..., 6], and a smaller trunk.

    Parameters
    ----------
    scale
        What scores look like on the training speakers: the scalars are relative to it.
    weight_std
        Sd of the Gaussian at the start.
    method
        ``multi-head-scalars`` or ``multi-head-scalars-margin``.
    """

    hidden = SCALAR_HIDDEN

    def __init__(
        self, scale: ScoreScale, weight_std: float = 0.2, method: str = SCALAR_METHODS[0]
    ) -> None:
        nn.Module.__init__(self)
        self.method = method
        self.scale = scale
        self._build(len(FEATURES), weight_std)


class AdaptiveWeightNetwork(nn.Module):
    """DRL-TU-AdW: the weight of an update that a threshold has decided on.

    The weight is (tanh(mu) + 1) / 2. In training mu is the mean of a Gaussian and what is drawn
    is squashed the same way, so that explored weights stay in (0, 1) and inference, which takes
    the mean, applies the median of what was explored. Log-probabilities are taken before the
    squashing; its Jacobian is the same for the old and the new policy and cancels in the ratio.
    """

    method = "adaptive-weight"
    hidden = HIDDEN

    def __init__(self, dimension: int, weight_std: float = 0.2) -> None:
        super().__init__()
        self.inputs = 2 * dimension
        self.trunk = make_trunk(self.inputs)
        self.mu = nn.Linear(HIDDEN[1], 1)
        self.log_std = nn.Parameter(torch.tensor([math.log(weight_std)]))

    def forward(self, states: Tensor) -> Tensor:
        """Return the weight [...] for states of unit-length template and test [..., 2 D]."""
        return self.applied_weight(self.mu(self.trunk(states)).squeeze(-1))

    @torch.no_grad()
    def sample(self, states: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw actions: update (always; the environment's gate decides) and raw mu, [n] each."""
        mean = self.mu(self.trunk(states)).squeeze(-1)
        noise = torch.randn(mean.shape, generator=generator, device=states.device)
        return torch.ones_like(mean, dtype=torch.bool), mean + self.log_std.exp() * noise

    def evaluate(self, states: Tensor, effective: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
        """Return log-probability [n] and entropy [n]; both 0 where the gate was shut.

        There the action has no effect: the ratio is 1 and no gradient flows.
        """
        mean = self.mu(self.trunk(states)).squeeze(-1)
        log_probability = effective * gaussian_log_density(raw, mean, self.log_std)
        return log_probability, effective * gaussian_entropy(self.log_std)

    @staticmethod
    def applied_weight(raw: Tensor) -> Tensor:
        """Return the weight (tanh(mu) + 1) / 2."""
        return (torch.tanh(raw) + 1) / 2

    def start_exploring(self, weight: float, std: float) -> None:
        """Let the untrained network draw weights of about this mean and sd."""
        _initialise(self.trunk, self.mu)
        with torch.no_grad():
            self.mu.bias.fill_(math.atanh(2 * weight - 1))
            # By the slope of the squashing there, dw / dmu = 2 w (1 - w).
            self.log_std.fill_(math.log(std / (2 * weight * (1 - weight))))


class Critic(nn.Module):
    """The value of a state: a trunk of its own on the state alone, then one number."""

    def __init__(self, inputs: int, hidden: tuple[int, int] = HIDDEN) -> None:
        super().__init__()
        self.trunk = make_trunk(inputs, hidden)
        self.value = nn.Linear(hidden[1], 1)
        _initialise(self.trunk, self.value)

    def forward(self, states: Tensor) -> Tensor:
        """Return the values [...] of states [..., inputs]."""
        return self.value(self.trunk(states)).squeeze(-1)


PolicyNetwork = MultiHeadNetwork | AdaptiveWeightNetwork


def make_network(
    method: str, dimension: int | None = None, scale: ScoreScale | None = None
) -> PolicyNetwork:
    """Return an untrained policy of a method: of dimension D, or of the scale of scores."""
    if method in SCALAR_METHODS:
        return ScalarMultiHeadNetwork(scale, method=method)
    if method == AdaptiveWeightNetwork.method:
        return AdaptiveWeightNetwork(dimension)
    return MultiHeadNetwork(dimension, method=method)


def gaussian_log_density(x: Tensor, mean: Tensor, log_std: Tensor) -> Tensor:
    """Return ln N(x; mean, exp(log_std)^2)."""
    return -0.5 * ((x - mean) / log_std.exp()).square() - log_std - 0.5 * math.log(2 * math.pi)


def gaussian_entropy(log_std: Tensor) -> Tensor:
    """Return the entropy of a Gaussian, in nats."""
    return log_std + 0.5 * math.log(2 * math.pi * math.e)


def scale_inputs(network: nn.Module, factor: float, basis: Tensor | None = None) -> None:
    """Let a network that took inputs `factor` * x @ `basis` take x itself, exactly.

    Template and test alike are multiplied by the matrix `basis` [D, D] and the number; both go
    into the first layer's weights, in place.
    """
    first = network.trunk[0]
    with torch.no_grad():
        halves = first.weight.view(HIDDEN[0], 2, -1)
        if basis is not None:
            halves = halves @ basis.T
        first.weight.copy_((halves * factor).reshape(first.weight.shape))


def network_dimension(state: Mapping[str, Tensor]) -> int:
    """Return D of the policy whose state dict this is."""
    return state["trunk.0.weight"].shape[1] // 2


_TRUNK = {
    "trunk.0.weight": "linear1.weight",
    "trunk.0.bias": "linear1.bias",
    "trunk.2.weight": "linear2.weight",
    "trunk.2.bias": "linear2.bias",
}
_PUBLISHED = {
    "adaptive-weight": {**_TRUNK, "mu.weight": "mu.weight", "mu.bias": "mu.bias"},
    "multi-head": {
        **_TRUNK,
        "update_head.weight": "action_heads.0.distribution.linear.weight",
        "update_head.bias": "action_heads.0.distribution.linear.bias",
        "weight_head.weight": "action_heads.1.distribution.fc_mean.weight",
        "weight_head.bias": "action_heads.1.distribution.fc_mean.bias",
        "log_std": "action_heads.1.distribution.logstd._bias",
    },
    "pretrained": {
        **_TRUNK,
        "update_head.weight": "linear3.weight",
        "update_head.bias": "linear3.bias",
        "weight_head.weight": "linear4.weight",
        "weight_head.bias": "linear4.bias",
    },
}


def from_published(
    state: Mapping[str, Mapping[str, Tensor]], method: str, source: str = "the state dict"
) -> PolicyNetwork:
    """Build a network from a state dict that the paper's authors released.

    Parameters
    ----------
    state
        ``{'pi': ..., 'v': ...}`` of a finetuned policy or ``{'model': ...}`` of a pretrained
        multi-head one, read with ``torch.load(..., weights_only=True)``. The critic ``v`` takes
        the action as well and is not used; of ``pi`` of the adaptive weight, ``linear_determine``
        and ``sigma`` play no part.
    method
        ``multi-head`` or ``adaptive-weight``.
    source
        The file to name in errors.

    Raises
    ------
    InputError
        A part or a tensor is missing, or a tensor has another shape or kind of numbers.
    """
    if not isinstance(state, Mapping):
        raise InputError(f"{source}: holds a {type(state).__name__}, not the parts of a policy")
    kind = "pretrained" if method == "multi-head" and "model" in state else method
    name = "model" if kind == "pretrained" else "pi"
    part = state.get(name)
    if not isinstance(part, Mapping):
        there = ", ".join(map(repr, list(state)[:6])) or "nothing"
        raise InputError(f"{source}: lacks the part {name!r} of a {method} policy; has {there}")
    released_names = _PUBLISHED[kind]
    for released in released_names.values():
        if released not in part:
            raise InputError(f"{source}: {name} lacks {released!r} of a {method} policy")
        tensor = part[released]
        # A dense tensor of real numbers; strides of 0 would let a small file claim any size.
        if not (
            isinstance(tensor, Tensor)
            and tensor.layout == torch.strided
            and tensor.is_floating_point()
            and tensor.is_contiguous()
        ):
            raise InputError(f"{source}: {released} is no plain tensor of floating-point numbers")
    first = part[released_names["trunk.0.weight"]]
    if first.ndim != 2 or first.shape[1] < 2 or first.shape[1] % 2:
        raise InputError(
            f"{source}: linear1.weight has the shape {list(first.shape)}, not [{HIDDEN[0]}, 2 D]"
        )
    tensors = {ours: part[released].float() for ours, released in released_names.items()}
    network = make_network(method, network_dimension(tensors))
    tensors.setdefault("log_std", network.log_std.detach())
    if tensors["log_std"].numel() == 1:
        tensors["log_std"] = tensors["log_std"].reshape(1)
    load_state(network, tensors, source, released_names)
    return network


def load_state(
    network: nn.Module,
    state: Mapping[str, Tensor],
    source: str,
    names: Mapping[str, str] | None = None,
) -> None:
    """Load a state dict; raises `InputError` naming `source` when a tensor does not fit.

    Errors call a tensor by its name in `names`, where it has one there.
    """
    names = names or {}
    expected = network.state_dict()
    for name, tensor in expected.items():
        if name not in state:
            raise InputError(f"{source}: lacks the tensor {name!r}")
        if state[name].shape != tensor.shape:
            raise InputError(
                f"{source}: {names.get(name, name)} has the shape {list(state[name].shape)}, not "
                f"{list(tensor.shape)}"
            )
        if not torch.isfinite(state[name]).all():
            shown = names.get(name, name)
            raise InputError(f"{source}: {shown} has a value that is not finite")
    for name in state:
        if name not in expected:
            raise InputError(f"{source}: unknown tensor {name!r}")
    network.load_state_dict(dict(state))


def _initialise(trunk: nn.Sequential, *heads: nn.Linear) -> None:
    """Orthogonal weights, gain sqrt(2) in the trunk and 0.01 in the heads; zero biases."""
    for layer in trunk:
        if isinstance(layer, nn.Linear):
            nn.init.orthogonal_(layer.weight, math.sqrt(2))
            nn.init.zeros_(layer.bias)
    for head in heads:
        nn.init.orthogonal_(head.weight, 0.01)
        nn.init.zeros_(head.bias)
