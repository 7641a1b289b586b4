"""Settings of single methods: a block for each method that has some, spelled as the method is."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, model_validator

from workflow_src.settings.base import Block, Seed, TunableThreshold, Weight, distinct

UPDATE_THRESHOLD = (
    "the template is updated when the score (cosine) exceeds this; a number, or tuned: chosen on "
    "training speakers as the block tuning says"
)


class FixedWeight(Block):
    """One weight for every update."""

    key: ClassVar[str] = "methods.fixed-weight"

    alphas: list[Weight] = Field(
        [0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5],
        min_length=1,
        description="weights; each is a run of its own",
    )
    threshold: TunableThreshold = Field(0.51, description=UPDATE_THRESHOLD)

    @model_validator(mode="after")
    def _check(self) -> FixedWeight:
        distinct(self.alphas, "alphas")
        return self


class AdaptiveWeight(Block):
    """A trained policy gives the weight; the threshold alone decides whether to update."""

    key: ClassVar[str] = "methods.adaptive-weight"

    threshold: TunableThreshold = Field(0.51, description=UPDATE_THRESHOLD)


class MultiHead(Block):
    """A trained policy decides whether to update, and with which weight."""

    key: ClassVar[str] = "methods.multi-head"

    floor: TunableThreshold = Field(
        0.4,
        description="the policy may update only when the score (cosine) exceeds this; a number, "
        "or tuned: chosen on training speakers as the block tuning says",
    )


class ThroughTime(Block):
    """A small network gives the weight. Its gradient flows back through the updates."""

    key: ClassVar[str] = "methods.through-time"

    seeds: list[Seed] = Field(
        [0, 1, 2], min_length=1, description="seeds; one policy is trained for each"
    )
    hidden: int = Field(32, ge=1, description="units of each of the two hidden layers")
    updates: int = Field(150, ge=1, description="gradient steps")
    sequences: int = Field(128, ge=1, description="sequences in a batch")
    window: int = Field(
        64, ge=2, description="trials through which a gradient flows back (truncation)"
    )
    learning_rate: float = Field(
        0.01, gt=0, description="learning rate of Adam; it falls to 0 along half a cosine"
    )
    max_weight: Weight = Field(0.5, description="the network's weights lie in 0..max_weight")
    validate_every: int = Field(
        50,
        ge=1,
        description="gradient steps between tests on the validation speakers; the best network "
        "is kept",
    )

    @model_validator(mode="after")
    def _check(self) -> ThroughTime:
        distinct(self.seeds, "seeds")
        return self


class Methods(Block):
    """Settings of single methods. The methods that are not listed here have none."""

    key: ClassVar[str] = "methods"

    fixed_weight: FixedWeight = Field(
        default_factory=FixedWeight, alias="fixed-weight", description="one weight for every update"
    )
    adaptive_weight: AdaptiveWeight = Field(
        default_factory=AdaptiveWeight,
        alias="adaptive-weight",
        description="a trained policy gives the weight; the threshold alone decides whether to "
        "update. Also read by released-adaptive-weight",
    )
    multi_head: MultiHead = Field(
        default_factory=MultiHead,
        alias="multi-head",
        description="a trained policy decides whether to update, and with which weight. Also read "
        "by multi-head-margin, multi-head-scalars, multi-head-scalars-margin and "
        "released-multi-head",
    )
    through_time: ThroughTime = Field(
        default_factory=ThroughTime,
        alias="through-time",
        description="a small network gives the weight; it is trained by gradient through the "
        "updates",
    )

    def block(self, name: str) -> Block:
        """Return the settings that stand under a name, as the config spells it."""
        return getattr(self, name.replace("-", "_"))
