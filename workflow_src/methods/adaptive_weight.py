"""`adaptive-weight`, DRL-TU-AdW: update above a threshold with the weight of a policy."""

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
from workflow_src.methods.policy_rule import TINY, PolicyRule, SplitTrunk
from workflow_src.updating.interface import Decision, Encoded, Memory, Trials
from workflow_src.updating.score_history import ScoreScale


class AdaptiveWeightNetwork(PolicyNetwork):
    """A network that gives the weight of an update. The threshold decides on the update.

    The weight is (tanh(mu) + 1) / 2. In training, mu is the mean of a Gaussian, and the drawn
    value is squashed in the same way. So explored weights stay in (0, 1). Inference squashes the
    mean, which gives the median of the explored weights. Log-probabilities are taken before the
    squashing. Its Jacobian is the same for the old and the new policy, so it cancels in the ratio.
    """

    hidden = HIDDEN

    def __init__(self, dimension: int, weight_std: float = 0.2) -> None:
        super().__init__()
        self.inputs = 2 * dimension
        self.trunk = make_trunk(self.inputs, self.hidden)
        self.mu = nn.Linear(self.hidden[1], 1)
        self.log_std = nn.Parameter(torch.tensor([math.log(weight_std)]))

    def forward(self, states: Tensor) -> Tensor:
        """Return weights [...] for states [..., 2 D] of a unit-length template and test."""
        return self.applied_weight(self.mu(self.trunk(states)).squeeze(-1))

    @torch.no_grad()
    def sample(self, states: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw actions [n]: update, which is always True, and the raw mu. The gate decides."""
        mean = self.mu(self.trunk(states)).squeeze(-1)
        noise = torch.randn(mean.shape, generator=generator, device=states.device)
        return torch.ones_like(mean, dtype=torch.bool), mean + self.log_std.exp() * noise

    def evaluate(self, states: Tensor, effective: Tensor, raw: Tensor) -> tuple[Tensor, Tensor]:
        """Return log-probability [n] and entropy [n]; both are 0 if the gate was closed.

        Such an action has no effect, so its ratio is 1 and no gradient flows.
        """
        mean = self.mu(self.trunk(states)).squeeze(-1)
        log_probability = effective * gaussian_log_density(raw, mean, self.log_std)
        return log_probability, effective * gaussian_entropy(self.log_std)

    def applied_weight(self, raw: Tensor) -> Tensor:
        """Return the weight (tanh(mu) + 1) / 2."""
        return _squash(raw)

    def start_exploring(self, weight: float, std: float) -> None:
        """Let the untrained network draw weights of about this mean and sd."""
        initialise(self.trunk, self.mu)
        with torch.no_grad():
            self.mu.bias.fill_(math.atanh(2 * weight - 1))
            # The squashing has the slope dw / dmu = 2 w (1 - w) there.
            self.log_std.fill_(math.log(std / (2 * weight * (1 - weight))))


class AdaptiveWeight(PolicyRule):
    """DRL-TU-AdW: update when cos > `threshold`, with the weight of the policy.

    The policy and the update use template and test at unit length.
    """

    normalises = True
    published = {  # noqa: RUF012 - as in the base class
        "pi": {**PUBLISHED_TRUNK, "mu.weight": "mu.weight", "mu.bias": "mu.bias"}
    }

    def __init__(self, network: AdaptiveWeightNetwork, threshold: float = 0.51) -> None:
        self.network = network
        self._layers = SplitTrunk(network)
        self.threshold = threshold
        self._mu = network.mu.weight.detach().T.contiguous()
        self._mu_bias = network.mu.bias.detach()

    @classmethod
    def make_network(
        cls, dimension: int | None = None, scale: ScoreScale | None = None
    ) -> AdaptiveWeightNetwork:
        """Return an untrained network for embeddings of dimension D."""
        assert dimension is not None
        return AdaptiveWeightNetwork(dimension)

    def encode(self, embeddings: Tensor) -> Encoded:
        """Return the first layer's products with each embedding, as template and as unit test."""
        norms = torch.linalg.vector_norm(embeddings, dim=1, keepdim=True).clamp(min=TINY)
        return self._layers.encode(embeddings, embeddings / norms)

    @torch.no_grad()
    def decide(self, trials: Trials, memory: Memory) -> Decision:
        """Ask the policy for the weights of trials above the threshold."""
        updated = trials.scores[0] > self.threshold
        row = updated.nonzero().squeeze(1)
        norms = trials.template_norms[0].index_select(0, row).clamp_(min=TINY)
        hidden = trials.template_carried[0].index_select(0, row) / norms[:, None]
        hidden += trials.test_offered.index_select(0, row)
        mean = torch.addmm(self._mu_bias, self._layers.finish(hidden), self._mu).squeeze(1)
        weight = _squash(mean)
        weights = torch.zeros_like(trials.scores[0]).index_copy_(0, row, weight)
        return Decision(updated=updated[None], weights=weights[None])


def _squash(mu: Tensor) -> Tensor:
    return (torch.tanh(mu) + 1) / 2
