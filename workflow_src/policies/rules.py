"""The learned update rules, as the sequence scorer applies them (method.md, "Four methods").

The first layer is linear in the template, and an update is a weighted mean, so the layer's product
with the template follows the template's own recursion: it is computed once for every embedding
(`encode`), carried along by the scorer, and never again.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from workflow_src.common.errors import InputError
from workflow_src.policies.checkpoints import read_policy
from workflow_src.policies.networks import AdaptiveWeightNetwork, MultiHeadNetwork, PolicyNetwork
from workflow_src.updating.interface import Decision, Encoded, Memory, Trials

TINY = 1e-12


class MultiHead:
    """DRL-TU-MH: update when the update head prefers it and cos > floor.

    The weight is the weight head's mean given an update, never clipped.

    Parameters
    ----------
    network
        For raw states.
    floor
        No update, whatever the policy says, unless the score exceeds it.
    """

    settings = 1
    normalises = False

    def __init__(self, network: MultiHeadNetwork, floor: float = 0.4) -> None:
        self.dimension, self._template, self._test, self._bias, self._second = _split(network)
        self.floor = floor
        heads = nn.utils.skip_init(nn.Linear, self._second.out_features, 2)
        update, weight = network.update_head, network.weight_head
        with torch.no_grad():
            # Row 0: by how much the logit of an update exceeds the other. Row 1: the weight's
            # mean given an update, whose input 1 is a constant.
            heads.weight.copy_(
                torch.stack([update.weight[1] - update.weight[0], weight.weight[0, :-1]])
            )
            heads.bias.copy_(
                torch.stack(
                    [update.bias[1] - update.bias[0], weight.bias[0] + weight.weight[0, -1]]
                )
            )
        self._heads = heads.to(self._bias.device)

    def encode(self, embeddings: Tensor) -> Encoded:
        """Return the first layer's products with each embedding, as template and as test."""
        _check_dimension(embeddings, self.dimension)
        with torch.no_grad():
            return Encoded(
                carried=embeddings @ self._template.T,
                offered=torch.addmm(self._bias, embeddings, self._test.T),
            )

    def begin(self, templates: int) -> Memory:
        """Remember nothing."""
        return Memory()

    @torch.no_grad()
    def decide(self, trials: Trials, memory: Memory) -> Decision:
        """Ask the policy about the trials above the floor; the others are no updates."""
        above = trials.scores > self.floor
        setting, row = above.nonzero(as_tuple=True)
        hidden = trials.template_carried[setting, row] + trials.test_offered[row]
        preferred, mean = self._heads(self._second(hidden.relu_()).relu_()).unbind(-1)
        updated = torch.zeros_like(above)
        updated[setting, row] = preferred > 0
        weights = torch.zeros_like(trials.scores)
        weights[setting, row] = mean
        return Decision(updated=updated, weights=weights)


class AdaptiveWeight:
    """DRL-TU-AdW: update when cos > threshold, with the weight that the policy gives.

    The policy sees template and test at unit length, and the update takes them so.

    Parameters
    ----------
    network
        For unit-length states.
    threshold
        A template is updated when the score exceeds it.
    """

    settings = 1
    normalises = True

    def __init__(self, network: AdaptiveWeightNetwork, threshold: float = 0.51) -> None:
        self.dimension, self._template, self._test, self._bias, self._second = _split(network)
        self.threshold = threshold
        self._mu = network.mu

    def encode(self, embeddings: Tensor) -> Encoded:
        """Return the first layer's products with each embedding; as a test, at unit length."""
        _check_dimension(embeddings, self.dimension)
        norms = torch.linalg.vector_norm(embeddings, dim=1, keepdim=True).clamp(min=TINY)
        with torch.no_grad():
            return Encoded(
                carried=embeddings @ self._template.T,
                offered=torch.addmm(self._bias, embeddings / norms, self._test.T),
            )

    def begin(self, templates: int) -> Memory:
        """Remember nothing."""
        return Memory()

    @torch.no_grad()
    def decide(self, trials: Trials, memory: Memory) -> Decision:
        """Ask the policy about the trials above the threshold."""
        updated = trials.scores > self.threshold
        setting, row = updated.nonzero(as_tuple=True)
        norms = trials.template_norms[setting, row].clamp(min=TINY)
        hidden = trials.template_carried[setting, row] / norms[:, None] + trials.test_offered[row]
        mean = self._mu(self._second(hidden.relu_()).relu_()).squeeze(-1)
        weights = torch.zeros_like(trials.scores)
        weights[setting, row] = AdaptiveWeightNetwork.applied_weight(mean)
        return Decision(updated=updated, weights=weights)


LearnedRule = MultiHead | AdaptiveWeight


def make_rule(network: PolicyNetwork, threshold: float | None = None) -> LearnedRule:
    """Return the update rule of a network; without a threshold, with the published one."""
    network = network.eval().requires_grad_(False)
    rule = MultiHead if isinstance(network, MultiHeadNetwork) else AdaptiveWeight
    return rule(network) if threshold is None else rule(network, threshold)


def load_policy(folder: str | Path, threshold: float | None = None) -> LearnedRule:
    """Return the update rule of a stored policy.

    Parameters
    ----------
    folder
        With ``policy.safetensors`` and ``policy.json``.
    threshold
        Floor of a multi-head policy (published: 0.4) or threshold of an adaptive-weight one
        (0.51); None takes the published value.

    Raises
    ------
    InputError
        A file is missing or broken, or the tensors are not those of the method.
    """
    return make_rule(read_policy(Path(folder)), threshold)


def _split(network: PolicyNetwork) -> tuple[int, Tensor, Tensor, Tensor, nn.Linear]:
    """Return D, the first layer's halves for template and test, its bias, the second layer."""
    first, second = network.trunk[0], network.trunk[2]
    dimension = first.in_features // 2
    weight = first.weight.detach()
    template, test = weight[:, :dimension].contiguous(), weight[:, dimension:].contiguous()
    return dimension, template, test, first.bias.detach(), second


def _check_dimension(embeddings: Tensor, dimension: int) -> None:
    if embeddings.shape[1] != dimension:
        raise InputError(
            f"the policy is for embeddings of {dimension} dimensions; these have "
            f"{embeddings.shape[1]}"
        )
