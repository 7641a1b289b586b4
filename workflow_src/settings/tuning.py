"""Settings of the methods that are fitted on development trials, and of tuned thresholds."""

from typing import Any, ClassVar

from pydantic import Field, model_validator

from workflow_src.settings.base import Block, Probability, Seed, Threshold, Weight, distinct
from workflow_src.settings.trials import Scenario


class ThroughTime(Block):
    """A small network trained by gradient through the template's own recursion."""

    seeds: list[Seed] = Field([0, 1, 2], min_length=1, description="one trained policy a seed")
    hidden: int = Field(32, ge=1, description="units of each of the two hidden layers")
    updates: int = Field(150, ge=1, description="gradient steps")
    sequences: int = Field(128, ge=1, description="sequences in a batch")
    window: int = Field(
        64, ge=2, description="trials through which a gradient flows back (truncation)"
    )
    learning_rate: float = Field(0.01, gt=0, description="of Adam; it falls to 0 by a half cosine")
    max_weight: Weight = Field(0.5, description="the network's weights lie in 0..max_weight")
    validate_every: int = Field(
        50, ge=1, description="updates between looks at the validation speakers; the best is kept"
    )

    @model_validator(mode="after")
    def _check(self) -> "ThroughTime":
        distinct(self.seeds, "seeds")
        return self


class Development(Block):
    """Development trials: the protocols, played by training speakers."""

    key: ClassVar[str] = "tuning.development"

    scenarios: list[Scenario] = Field(
        ["random", "3das"],
        min_length=1,
        description="protocols; what is chosen has the least mean of the EERs, each taken relative "
        "to the baseline's",
    )
    speakers: int = Field(
        100, ge=2, description="at most so many training speakers, drawn by the seed"
    )
    trajectories: int = Field(6, ge=1, description="of the protocol random, for each speaker")

    @model_validator(mode="after")
    def _check(self) -> "Development":
        distinct(self.scenarios, "scenarios")
        return self


class Tuning(Block):
    """What is fitted and chosen on training speakers."""

    key: ClassVar[str] = "tuning"

    development: Development = Field(
        default_factory=Development,
        description="development trials: the protocols, played by training speakers",
    )
    validation_share: Probability = Field(
        0.25,
        description="share of the training speakers on which is chosen what was fitted on the rest",
    )
    alphas: list[Weight] = Field(
        [0.02, 0.035, 0.05, 0.075, 0.1, 0.125, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5],
        min_length=1,
        description="weights among which is chosen",
    )
    thresholds: list[Threshold] = Field(
        [0.2, 0.25, 0.3, 0.35, 0.4, 0.425, 0.45, 0.475, 0.5, 0.525, 0.55, 0.575, 0.6, 0.65, 0.7],
        min_length=1,
        description="update thresholds among which is chosen where a threshold is 'tuned'",
    )
    through_time: ThroughTime = Field(
        default_factory=ThroughTime, alias="through-time", description="the method through-time"
    )

    def read_by(self, method: str) -> dict[str, Any]:
        """Return the settings that the fitting of a method reads; of ``threshold``, its choice.

        The seed of a policy is told apart from the settings.
        """
        if method == "threshold":
            return self.model_dump(include={"development": {"scenarios"}, "thresholds": True})
        own = method == "through-time"
        return self.model_dump(exclude={"through_time": {"seeds"} if own else True})

    @model_validator(mode="after")
    def _check(self) -> "Tuning":
        for key in ("alphas", "thresholds"):
            distinct(getattr(self, key), key)
        return self
