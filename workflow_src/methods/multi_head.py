"""`multi-head`, DRL-TU-MH: a policy decides whether to update, and with which weight.

`multi-head-margin` has the same policy but another reward in training.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from workflow_src.methods.networks import (
    HIDDEN,
    PUBLISHED_TRUNK,
    PolicyNetwork,
    gaussian_entropy,
    gaussian_log_density,
    initialise,
    make_trunk,
)
from workflow_src.methods.policy_rule import PolicyRule, SplitTrunk
from workflow_src.updating.interface import Decision, Encoded, Memory, Trials
from workflow_src.updating.score_history import ScoreScale


class MultiHeadNetwork(PolicyNetwork):
    """A network with one head for the update and one head for the weight.

    The update head gives two logits. The weight head sees the trunk's features and the update
    action (0 or 1). It gives the mean of a Gaussian. The log-sd of the Gaussian is one learned
    number, which starts at log `weight_std`.
    """

    hidden = HIDDEN

    def __init__(self, dimension: int, weight_std: float = 0.2) -> None:
        super().__init__()
        self._build(2 * dimension, weight_std)

    def _build(self, inputs: int, weight_std: float) -> None:
        self.inputs = inputs
        self.trunk = make_trunk(inputs, self.hidden)
        self.update_head = nn.Linear(self.hidden[1], 2)
        self.weight_head = nn.Linear(self.hidden[1] + 1, 1)
        self.log_std = nn.Parameter(torch.tensor([math.log(weight_std)]))

    def forward(self, states: Tensor, update: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the logits [..., 2] and the weight's mean [...].

        The mean is conditional on `update`, bool [...]. The default is the likelier action.
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

        The density of an action is that of its update, times that of its weight if it updated.
        Without an update, the weight changes neither state nor reward. Then it is no part of the
        action, and its density would only add noise to the gradient. So the entropy is H(update)
        + P(update) H(weight).
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

    def applied_weight(self, raw: Tensor) -> Tensor:
        """Return the drawn weight."""
        return raw

    def start_exploring(self, weight: float, std: float) -> None:
        """Let the untrained network update half the time, with about this mean weight and sd."""
        initialise(self.trunk, self.update_head, self.weight_head)
        with torch.no_grad():
            self.weight_head.bias.fill_(weight)
            self.log_std.fill_(math.log(std))


class MultiHead(PolicyRule):
    """DRL-TU-MH: update when the update head prefers it and cos > `threshold`, the floor.

    The weight is the weight head's mean given an update. It is never clipped.
    """

    published = {  # noqa: RUF012 - as in the base class
        "model": {
            **PUBLISHED_TRUNK,
            "update_head.weight": "linear3.weight",
            "update_head.bias": "linear3.bias",
            "weight_head.weight": "linear4.weight",
            "weight_head.bias": "linear4.bias",
        },
        "pi": {
            **PUBLISHED_TRUNK,
            "update_head.weight": "action_heads.0.distribution.linear.weight",
            "update_head.bias": "action_heads.0.distribution.linear.bias",
            "weight_head.weight": "action_heads.1.distribution.fc_mean.weight",
            "weight_head.bias": "action_heads.1.distribution.fc_mean.bias",
            "log_std": "action_heads.1.distribution.logstd._bias",
        },
    }

    def __init__(self, network: MultiHeadNetwork, threshold: float = 0.4) -> None:
        self.network = network
        self._layers = SplitTrunk(network)
        self.threshold = threshold
        self._heads, self._head_bias = join_heads(network)

    @classmethod
    def make_network(
        cls, dimension: int | None = None, scale: ScoreScale | None = None
    ) -> MultiHeadNetwork:
        """Return an untrained network for embeddings of dimension D."""
        assert dimension is not None
        return MultiHeadNetwork(dimension)

    def encode(self, embeddings: Tensor) -> Encoded:
        """Return the first layer's products with each embedding, as template and as test."""
        return self._layers.encode(embeddings, embeddings)

    @torch.no_grad()
    def decide(self, trials: Trials, memory: Memory) -> Decision:
        """Ask the policy about the trials above the floor. Other trials make no update."""
        above = trials.scores[0] > self.threshold
        row = above.nonzero().squeeze(1)
        hidden = trials.template_carried[0].index_select(0, row)
        hidden += trials.test_offered.index_select(0, row)
        heads = torch.addmm(self._head_bias, self._layers.finish(hidden), self._heads)
        preferred, mean = heads.unbind(1)
        updated = torch.zeros_like(above).index_copy_(0, row, preferred > 0)
        weights = torch.zeros_like(trials.scores[0]).index_copy_(0, row, mean)
        return Decision(updated=updated[None], weights=weights[None])


def join_heads(network: MultiHeadNetwork) -> tuple[Tensor, Tensor]:
    """Return the weights [features, 2] and biases [2] of one layer that joins both heads.

    Column 0 is the difference of the logits, update minus no update. Column 1 is the weight's mean
    given an update, so the input for the action is the constant 1.
    """
    update, weight = network.update_head, network.weight_head
    heads = torch.stack([update.weight[1] - update.weight[0], weight.weight[0, :-1]])
    biases = [update.bias[1] - update.bias[0], weight.bias[0] + weight.weight[0, -1]]
    return heads.detach().T.contiguous(), torch.stack(biases).detach()
