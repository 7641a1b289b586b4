"""The learned update rules, as the sequence scorer applies them (docs/method.md, "Methods").

The first layer is linear in the template, and an update is a weighted mean, so the layer's product
with the template follows the template's own recursion: it is computed once for every embedding
(`encode`), carried along by the scorer, and never again.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from workflow_src.common.errors import InputError
from workflow_src.common.files import read_json
from workflow_src.methods.fitted import FITTED, FittedRule, restore_fitted
from workflow_src.methods.networks import (
    AdaptiveWeightNetwork,
    MultiHeadNetwork,
    PolicyNetwork,
    ScalarMultiHeadNetwork,
)
from workflow_src.methods.storage import DESCRIPTION, read_policy
from workflow_src.updating.interface import Decision, Encoded, Memory, Trials
from workflow_src.updating.rules import encode_nothing
from workflow_src.updating.score_history import ScoreHistory

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
        self._layers = _Layers(network)
        self.floor = floor
        self._heads, self._head_bias = _join_heads(network)

    def encode(self, embeddings: Tensor) -> Encoded:
        """Return the first layer's products with each embedding, as template and as test."""
        return self._layers.encode(embeddings, embeddings)

    def begin(self, templates: int) -> Memory:
        """Remember nothing."""
        return Memory()

    @torch.no_grad()
    def decide(self, trials: Trials, memory: Memory) -> Decision:
        """Ask the policy about the trials above the floor; the others are no updates."""
        above = trials.scores[0] > self.floor
        row = above.nonzero().squeeze(1)
        hidden = trials.template_carried[0].index_select(0, row)
        hidden += trials.test_offered.index_select(0, row)
        heads = torch.addmm(self._head_bias, self._layers.finish(hidden), self._heads)
        preferred, mean = heads.unbind(1)
        updated = torch.zeros_like(above).index_copy_(0, row, preferred > 0)
        weights = torch.zeros_like(trials.scores[0]).index_copy_(0, row, mean)
        return Decision(updated=updated[None], weights=weights[None])


class ScalarMultiHead:
    """Multi-head on the scalars of a template's history of scores, which it remembers.

    Parameters
    ----------
    network
        The policy.
    floor
        No update, whatever the policy says, unless the score exceeds it.
    """

    settings = 1
    normalises = False

    def __init__(self, network: ScalarMultiHeadNetwork, floor: float = 0.4) -> None:
        self.floor = floor
        self.scale = network.scale
        self._trunk = network.trunk
        self._heads, self._head_bias = _join_heads(network)

    def encode(self, embeddings: Tensor) -> Encoded:
        """Return nothing: the policy sees no embeddings."""
        return encode_nothing(embeddings)

    def begin(self, templates: int) -> Memory:
        """Remember the sums over each template's scores, none so far."""
        return Memory(ScoreHistory.begin(1, templates).tensors())

    @torch.no_grad()
    def decide(self, trials: Trials, memory: Memory) -> Decision:
        """Ask the policy about all trials, and remember their scores."""
        history = ScoreHistory(**memory.tensors)
        features = history.observe(self.scale, trials.scores, trials.days)
        heads = torch.addmm(self._head_bias, self._trunk(features[0]), self._heads)
        preferred, mean = heads.unbind(1)
        later = history.remember(self.scale, trials.scores, trials.days).tensors()
        for name, tensor in memory.tensors.items():
            tensor.copy_(later[name])
        updated = (trials.scores > self.floor) & (preferred > 0)
        return Decision(updated=updated, weights=mean[None])


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
        self._layers = _Layers(network)
        self.threshold = threshold
        self._mu = network.mu.weight.detach().T.contiguous()
        self._mu_bias = network.mu.bias.detach()

    def encode(self, embeddings: Tensor) -> Encoded:
        """Return the first layer's products with each embedding; as a test, at unit length."""
        norms = torch.linalg.vector_norm(embeddings, dim=1, keepdim=True).clamp(min=TINY)
        return self._layers.encode(embeddings, embeddings / norms)

    def begin(self, templates: int) -> Memory:
        """Remember nothing."""
        return Memory()

    @torch.no_grad()
    def decide(self, trials: Trials, memory: Memory) -> Decision:
        """Ask the policy about the trials above the threshold."""
        updated = trials.scores[0] > self.threshold
        row = updated.nonzero().squeeze(1)
        norms = trials.template_norms[0].index_select(0, row).clamp_(min=TINY)
        hidden = trials.template_carried[0].index_select(0, row) / norms[:, None]
        hidden += trials.test_offered.index_select(0, row)
        mean = torch.addmm(self._mu_bias, self._layers.finish(hidden), self._mu).squeeze(1)
        weight = AdaptiveWeightNetwork.applied_weight(mean)
        weights = torch.zeros_like(trials.scores[0]).index_copy_(0, row, weight)
        return Decision(updated=updated[None], weights=weights[None])


LearnedRule = MultiHead | ScalarMultiHead | AdaptiveWeight


def make_rule(network: PolicyNetwork, threshold: float | None = None) -> LearnedRule:
    """Return the update rule of a network; without a threshold, with the published one."""
    network = network.eval().requires_grad_(False)
    rule: type[LearnedRule] = AdaptiveWeight
    if isinstance(network, MultiHeadNetwork):
        scalars = isinstance(network, ScalarMultiHeadNetwork)
        rule = ScalarMultiHead if scalars else MultiHead
    return rule(network) if threshold is None else rule(network, threshold)


def load_policy(folder: str | Path, threshold: float | None = None) -> LearnedRule | FittedRule:
    """Return the update rule of a stored policy.

    Parameters
    ----------
    folder
        With ``policy.safetensors`` and ``policy.json``.
    threshold
        Floor of a multi-head policy (published: 0.4) or threshold of an adaptive-weight one
        (0.51); None takes the published value. Methods that were fitted hold their own.

    Raises
    ------
    InputError
        A file is missing or broken, or the tensors are not those of the method.
    """
    about = read_json(Path(folder) / DESCRIPTION)
    if isinstance(about, dict) and about.get("method") in FITTED:
        return restore_fitted(Path(folder), about)
    return make_rule(read_policy(Path(folder)), threshold)


def _join_heads(network: MultiHeadNetwork) -> tuple[Tensor, Tensor]:
    """Return weights [features, 2] and biases [2] of what a rule asks of both heads.

    Column 0: by how much the logit of an update exceeds the other. Column 1: the weight's mean
    given an update, whose input 1 is a constant.
    """
    update, weight = network.update_head, network.weight_head
    heads = torch.stack([update.weight[1] - update.weight[0], weight.weight[0, :-1]])
    biases = [update.bias[1] - update.bias[0], weight.bias[0] + weight.weight[0, -1]]
    return heads.detach().T.contiguous(), torch.stack(biases).detach()


class _Layers:
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
