"""Settings of the update methods that are scored."""

from typing import Literal, get_args

from pydantic import Field, model_validator

from workflow_src.settings.base import Block, TunableThreshold, Weight, distinct
from workflow_src.settings.policy_paths import PolicyPaths

Method = Literal[
    "baseline",
    "fixed-weight",
    "fixed-weight-tuned",
    "adaptive-weight",
    "multi-head",
    "multi-head-margin",
    "multi-head-scalars",
    "multi-head-scalars-margin",
    "soft",
    "kalman",
    "spherical-plda",
    "through-time",
    "oracle",
    "speaker-mean",
]
METHODS: list[Method] = ["baseline", "fixed-weight", "adaptive-weight", "multi-head"]
# What no method can do: they look at the labels.
LIMITS = ["oracle", "speaker-mean"]
TUNED = "a number, or tuned: chosen on the training speakers, see the block tuning"


class FixedWeight(Block):
    """FixW-TU."""

    alphas: list[Weight] = Field(
        [0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5], min_length=1, description="weights, one run each"
    )
    threshold: TunableThreshold = Field(
        0.51, description="a template is updated when cos > threshold; " + TUNED
    )

    @model_validator(mode="after")
    def _check(self) -> "FixedWeight":
        distinct(self.alphas, "alphas")
        return self


class AdaptiveWeight(Block):
    """DRL-TU-AdW."""

    threshold: TunableThreshold = Field(
        0.51, description="a template is updated when cos > threshold; " + TUNED
    )


class MultiHead(Block):
    """DRL-TU-MH."""

    floor: TunableThreshold = Field(
        0.4, description="no update, whatever the policy says, unless cos > floor; " + TUNED
    )


class Inference(Block):
    """Which update methods are scored."""

    methods: list[Method] = Field(
        METHODS,
        description="methods that are scored, of: "
        + ", ".join(get_args(Method))
        + "; the last two look at the labels and mark limits; may be empty where released "
        "policies are given",
    )
    fixed_weight: FixedWeight = Field(default_factory=FixedWeight, description="fixed weight")
    adaptive_weight: AdaptiveWeight = Field(
        default_factory=AdaptiveWeight, description="weight by a trained policy, gate by threshold"
    )
    multi_head: MultiHead = Field(
        default_factory=MultiHead, description="weight and gate by a trained policy"
    )
    released: PolicyPaths = Field(
        default_factory=PolicyPaths,
        description="policies that are not trained here, scored as the methods "
        "released-multi-head (with multi_head's floor) and released-adaptive-weight (with "
        "adaptive_weight's threshold)",
    )

    @model_validator(mode="after")
    def _check(self) -> "Inference":
        distinct(self.methods, "methods")
        if not self.methods and not self.released.given():
            raise ValueError("methods is empty; name one at least, or a policy under released")
        return self
