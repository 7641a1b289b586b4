"""`multi-head-scalars`: multi-head that sees the scalars of a template's score history.

`multi-head-scalars-margin` has the same policy but another reward in training.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from math import isfinite
from typing import Any

import torch
from torch import Tensor, nn

from workflow_src.common.errors import InputError
from workflow_src.methods.multi_head import MultiHeadNetwork, join_heads
from workflow_src.methods.networks import load_state
from workflow_src.methods.policy_rule import PolicyRule
from workflow_src.updating.interface import Decision, Memory, Trials
from workflow_src.updating.score_history import FEATURES, ScoreHistory, ScoreScale


class ScalarMultiHeadNetwork(MultiHeadNetwork):
    """Multi-head on the scalars [..., 6], with a smaller trunk.

    `scale` is the scale of scores on the training speakers. The scalars are relative to it.
    """

    hidden = (64, 64)

    def __init__(self, scale: ScoreScale, weight_std: float = 0.2) -> None:
        nn.Module.__init__(self)
        self.scale = scale
        self._build(len(FEATURES), weight_std)

    def describe(self) -> dict[str, Any]:
        """Return the names of the scalars, the scale of scores and the hidden sizes."""
        return {
            "features": list(FEATURES),
            "score_scale": self.scale.state(),
            "hidden": list(self.hidden),
        }


class ScalarMultiHead(PolicyRule):
    """Multi-head on the scalars of the score history. An update needs cos > `threshold`."""

    def __init__(self, network: ScalarMultiHeadNetwork, threshold: float = 0.4) -> None:
        self.network = network
        self.threshold = threshold
        self.scale = network.scale
        self._trunk = network.trunk
        self._heads, self._head_bias = join_heads(network)

    @classmethod
    def make_network(
        cls, dimension: int | None = None, scale: ScoreScale | None = None
    ) -> ScalarMultiHeadNetwork:
        """Return an untrained network for a scale of scores."""
        assert scale is not None
        return ScalarMultiHeadNetwork(scale)

    @classmethod
    def restore_network(
        cls, tensors: dict[str, Tensor], about: dict[str, Any]
    ) -> ScalarMultiHeadNetwork:
        """Return the stored network, which fits embeddings of any dimension."""
        network = cls.make_network(scale=_read_scale(about))
        load_state(network, tensors)
        return network.eval()

    def begin(self, templates: int) -> Memory:
        """Remember the score history of each template."""
        return Memory(ScoreHistory.begin(1, templates).tensors())

    @torch.no_grad()
    def decide(self, trials: Trials, memory: Memory) -> Decision:
        """Ask the policy about all trials and remember their scores."""
        history = ScoreHistory(**memory.tensors)
        features = history.observe(self.scale, trials.scores, trials.days)
        heads = torch.addmm(self._head_bias, self._trunk(features[0]), self._heads)
        preferred, mean = heads.unbind(1)
        history.remember(self.scale, trials.scores, trials.days).store(memory)
        updated = (trials.scores > self.threshold) & (preferred > 0)
        return Decision(updated=updated, weights=mean[None])


def _read_scale(about: Mapping[str, Any]) -> ScoreScale:
    features, scale = about.get("features"), about.get("score_scale")
    if features != list(FEATURES):
        raise InputError(f"features is {features!r}; it must be {list(FEATURES)}")
    names = [field.name for field in fields(ScoreScale)]
    if not (
        isinstance(scale, dict)
        and sorted(scale) == sorted(names)
        and all(type(value) in (int, float) and isfinite(value) for value in scale.values())
        and min(scale["slope"], scale["spread"]) > 0
    ):
        raise InputError(
            f"score_scale is {scale!r}; it must give numbers {', '.join(names)}, of which "
            "slope and spread above 0"
        )
    return ScoreScale(**scale)
