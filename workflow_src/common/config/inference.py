"""Settings of the update methods that are scored."""

from typing import Literal

from pydantic import Field, model_validator

from workflow_src.common.config.base import Block, Threshold, Weight, distinct
from workflow_src.common.config.policy_paths import PolicyPaths

METHODS = ["baseline", "fixed-weight", "adaptive-weight", "multi-head"]
Method = Literal["baseline", "fixed-weight", "adaptive-weight", "multi-head"]


class FixedWeight(Block):
    """FixW-TU."""

    alphas: list[Weight] = Field(
        [0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5], min_length=1, description="weights, one run each"
    )
    threshold: Threshold = Field(0.51, description="a template is updated when cos > threshold")

    @model_validator(mode="after")
    def _check(self) -> "FixedWeight":
        distinct(self.alphas, "alphas")
        return self


class AdaptiveWeight(Block):
    """DRL-TU-AdW."""

    threshold: Threshold = Field(0.51, description="a template is updated when cos > threshold")


class MultiHead(Block):
    """DRL-TU-MH."""

    floor: Threshold = Field(
        0.4, description="no update, whatever the policy says, unless cos > floor"
    )


class Inference(Block):
    """Which update methods are scored."""

    methods: list[Method] = Field(
        METHODS, description="methods that are scored; may be empty where released ones are"
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
