"""Settings of single methods. The block of a method has the method's name."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from workflow_src.settings.base import Block, Distinct, Seed, TunableThreshold, Weight

TUNED_OR_A_NUMBER = (
    "tuned, which is chosen on training speakers with the block tuning; or a number (published, "
    "for the paper's speaker model:"
)
UPDATE_THRESHOLD = (
    f"the template is updated when the score (cosine) exceeds this: {TUNED_OR_A_NUMBER} 0.51)"
)


class FixedWeight(Block):
    """One weight for every update."""

    key: ClassVar[str] = "methods.fixed-weight"

    alphas: Distinct[Weight] = Field(
        [0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5],
        min_length=1,
        description="weights; each makes a run",
    )
    threshold: TunableThreshold = Field("tuned", description=UPDATE_THRESHOLD)


class AdaptiveWeight(Block):
    """A trained policy gives the weight; the threshold alone decides whether to update."""

    key: ClassVar[str] = "methods.adaptive-weight"

    threshold: TunableThreshold = Field("tuned", description=UPDATE_THRESHOLD)


class MultiHead(Block):
    """A trained policy decides whether to update, and with which weight."""

    key: ClassVar[str] = "methods.multi-head"

    floor: TunableThreshold = Field(
        "tuned",
        description="the policy can update only when the score (cosine) exceeds this: "
        f"{TUNED_OR_A_NUMBER} 0.4)",
    )


class ThroughTime(Block):
    """A small network gives the weight. It is trained by gradient through the updates."""

    key: ClassVar[str] = "methods.through-time"

    seeds: Distinct[Seed] = Field(
        [0, 1, 2], min_length=1, description="seeds; one policy is trained for each"
    )
    hidden: int = Field(32, ge=1, description="units of each of the two hidden layers")
    updates: int = Field(150, ge=1, description="gradient steps")
    sequences: int = Field(128, ge=1, description="sequences in a batch")
    window: int = Field(
        64, ge=2, description="trials through which the gradient flows back (truncation)"
    )
    learning_rate: float = Field(
        0.01, gt=0, le=10, description="learning rate of Adam; it falls to 0 along half a cosine"
    )
    max_weight: Weight = Field(0.5, description="the network gives weights in 0..max_weight")
    validate_every: int = Field(
        50,
        ge=1,
        description="gradient steps between two tests on the validation speakers; training keeps "
        "the best network",
    )


class Methods(Block):
    """Settings of single methods. Other methods have no settings."""

    key: ClassVar[str] = "methods"

    fixed_weight: FixedWeight = Field(
        default_factory=FixedWeight, alias="fixed-weight", description="one weight for every update"
    )
    adaptive_weight: AdaptiveWeight = Field(
        default_factory=AdaptiveWeight,
        alias="adaptive-weight",
        description="a trained policy gives the weight; the threshold alone decides whether to "
        "update. released-adaptive-weight also reads this block",
    )
    multi_head: MultiHead = Field(
        default_factory=MultiHead,
        alias="multi-head",
        description="a trained policy decides whether to update, and with which weight. "
        "multi-head-margin, multi-head-scalars, multi-head-scalars-margin and released-multi-head "
        "also read this block",
    )
    through_time: ThroughTime = Field(
        default_factory=ThroughTime,
        alias="through-time",
        description="a small network gives the weight; it is trained by gradient through the "
        "updates",
    )

    def block(self, name: str) -> Block:
        """Return the block of a name, spelled as in the config."""
        return getattr(self, name.replace("-", "_"))
