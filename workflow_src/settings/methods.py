"""Settings of single methods. The block of a method has the method's name."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from workflow_src.settings.base import Block, Distinct, Probability, Seed, TunableThreshold, Weight

TUNED_OR_A_NUMBER = (
    "tuned, which is chosen on training speakers with the block tuning; or a number (published, "
    "for the paper's speaker model:"
)
UPDATE_THRESHOLD = (
    f"the template is updated when the score (cosine) exceeds this: {TUNED_OR_A_NUMBER} 0.51)"
)


# Bounds the memory of what is held.
MOST_HELD = 1000
OWN_THRESHOLD = (
    "the template is updated when the score exceeds this: tuned, which is chosen on training "
    "speakers with the block tuning; or a number"
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


class RunningMean(Block):
    """The mean of the enrolment and of all accepted tests."""

    key: ClassVar[str] = "methods.running-mean"

    enrolment: int = Field(
        5, ge=1, description="the number of recordings for which the enrolment counts"
    )
    cap: int | None = Field(
        10,
        ge=1,
        description="the largest number n of recordings that count in the weight 1 / (n + 1) of a "
        "test; null: no limit",
    )
    threshold: TunableThreshold = Field("tuned", description=OWN_THRESHOLD)


class Anchored(Block):
    """A fixed share of the enrolment stays in the template."""

    key: ClassVar[str] = "methods.anchored"

    alpha: Weight = Field(0.3, description="weight of a test in the part that adapts")
    share: Probability = Field(0.2, description="share of the enrolment in the template")
    threshold: TunableThreshold = Field("tuned", description=OWN_THRESHOLD)


class Window(Block):
    """The mean of the last accepted tests."""

    key: ClassVar[str] = "methods.window"

    size: int = Field(5, ge=1, le=MOST_HELD, description="the number of accepted tests")
    threshold: TunableThreshold = Field("tuned", description=OWN_THRESHOLD)


class Gallery(Block):
    """The enrolment and some accepted tests, none of them averaged."""

    key: ClassVar[str] = "methods.gallery"

    size: int = Field(
        10, ge=1, le=MOST_HELD, description="accepted tests that are kept beside the enrolment"
    )
    best: int = Field(
        5,
        ge=1,
        description="the score is the mean of this number of highest cosines, at most size + 1; 1: "
        "the maximum",
    )
    replace: Literal["oldest", "redundant"] = Field(
        "oldest",
        description="what an accepted test replaces: the oldest, or the one that is most like "
        "another",
    )
    threshold: TunableThreshold = Field("tuned", description=OWN_THRESHOLD)

    @model_validator(mode="after")
    def _check(self) -> Gallery:
        if self.best > self.size + 1:
            raise ValueError(
                f"best is {self.best}; the gallery has {self.size + 1} vectors, size and enrolment"
            )
        return self


class TwoTemplate(Block):
    """The enrolment as it is, beside a template that adapts."""

    key: ClassVar[str] = "methods.two-template"

    alpha: Weight = Field(0.3, description="weight of a test in the template that adapts")
    score: Literal["mean", "max"] = Field(
        "max", description="how the cosines with the two make one score"
    )
    threshold: TunableThreshold = Field("tuned", description=OWN_THRESHOLD)


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


class GradientTraining(Block):
    """Training of a small network by gradient through the updates of templates."""

    key: ClassVar[str] = "methods"

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

    @property
    def trials(self) -> int:
        """The number of trials that training plays."""
        return self.updates * self.sequences * self.window


class ThroughTime(GradientTraining):
    """A small network gives the weight. It is trained by gradient through the updates."""

    key: ClassVar[str] = "methods.through-time"

    max_weight: Weight = Field(0.5, description="the network gives weights in 0..max_weight")
    validate_every: int = Field(
        50,
        ge=1,
        description="gradient steps between two tests on the validation speakers; training keeps "
        "the best network",
    )


class MultiRate(GradientTraining):
    """A network scores by the enrolment and by templates that follow at several rates."""

    key: ClassVar[str] = "methods.multi-rate"

    updates: int = Field(300, ge=1, description="gradient steps")
    learning_rate: float = Field(
        0.02, gt=0, le=10, description="learning rate of Adam; it falls to 0 along half a cosine"
    )
    templates: int = Field(
        3, ge=1, le=16, description="templates that follow the voice, beside the enrolment"
    )
    nontargets: Annotated[
        list[Annotated[float, Field(gt=0, le=100)]], Field(min_length=2, max_length=2)
    ] = Field(
        [0.25, 19.0],
        description="the least and the largest number of non-targets for each target in training, "
        "on average; each sequence has its own",
    )

    @field_validator("nontargets")
    @classmethod
    def _check_range(cls, value: list[float]) -> list[float]:
        if value[0] > value[1]:
            raise ValueError(f"{value[0]:g} is more than {value[1]:g}; the least comes first")
        return value


class Methods(Block):
    """Settings of single methods. Other methods have no settings."""

    key: ClassVar[str] = "methods"

    fixed_weight: FixedWeight = Field(
        default_factory=FixedWeight, alias="fixed-weight", description="one weight for every update"
    )
    running_mean: RunningMean = Field(
        default_factory=RunningMean,
        alias="running-mean",
        description="the mean of the enrolment and of all accepted tests",
    )
    anchored: Anchored = Field(
        default_factory=Anchored,
        description="a fixed share of the enrolment stays in the template",
    )
    window: Window = Field(
        default_factory=Window, description="the mean of the last accepted tests"
    )
    gallery: Gallery = Field(
        default_factory=Gallery,
        description="the enrolment and some accepted tests, none of them averaged",
    )
    two_template: TwoTemplate = Field(
        default_factory=TwoTemplate,
        alias="two-template",
        description="the enrolment as it is, beside a template that adapts",
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
    multi_rate: MultiRate = Field(
        default_factory=MultiRate,
        alias="multi-rate",
        description="a network scores by the enrolment and by templates of several rates, and "
        "gives their weights. It is trained by gradient through the updates",
    )

    def block(self, name: str) -> Block:
        """Return the block of a name, spelled as in the config."""
        return getattr(self, name.replace("-", "_"))
