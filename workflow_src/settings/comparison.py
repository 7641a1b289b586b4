"""Settings of the comparison of methods on simulated populations."""

from typing import Annotated, ClassVar, get_args

from pydantic import Field, model_validator

from workflow_src.settings.base import Block, Probability, Seed, distinct
from workflow_src.settings.inference import Method
from workflow_src.settings.trials import Scenario


class Sensitivity(Block):
    """What is changed, one thing at a time, in the scenario ``random``."""

    key: ClassVar[str] = "comparison.sensitivity"

    populations: list[Seed] = Field(
        [1, 2],
        description="populations on which it is measured, of soft and through-time beside "
        "those that are always compared; none: not at all",
    )
    shifts: list[float] = Field(
        [-0.1, -0.05, 0.0, 0.05, 0.1],
        min_length=1,
        description="errors of what a method knows of the scores' scale: its threshold, or the "
        "centre of its posterior, lies off by this (cosine)",
    )
    nontargets: list[Annotated[int, Field(ge=1)]] = Field(
        [1, 2, 4, 9],
        min_length=1,
        description="non-targets for each target: shares of 0.5, 0.67, 0.8, 0.9",
    )
    enrolment_utterances: list[Annotated[int, Field(ge=1)]] = Field(
        [1, 3, 5, 10], min_length=1, description="utterances that make a template"
    )


class Comparison(Block):
    """The comparison of methods on simulated populations: the target benchmark_methods."""

    key: ClassVar[str] = "comparison"

    populations: list[Seed] = Field(
        [1, 2, 3, 4, 5], min_length=2, description="seeds, one simulated population each"
    )
    speakers: int = Field(300, ge=6, description="speakers of a population")
    test_speakers: int = Field(58, ge=2, description="how many of them are tested")
    scenarios: list[Scenario] = Field(
        ["random", "3das", "10das"], min_length=1, description="scored scenarios"
    )
    methods: list[Method] = Field(
        list(get_args(Method)),
        description="methods that are compared; baseline, fixed-weight-tuned and oracle are "
        "needed, since others are taken relative to them",
    )
    seeds: list[Seed] = Field([0, 1, 2], min_length=1, description="training seeds")
    resamples: int = Field(1000, ge=20, description="bootstrap samples of speakers")
    confidence: Probability = Field(0.95, description="of the intervals")
    sensitivity: Sensitivity = Field(
        default_factory=Sensitivity, description="one thing changed at a time"
    )

    @model_validator(mode="after")
    def _check(self) -> "Comparison":
        for key in ("populations", "scenarios", "methods", "seeds"):
            distinct(getattr(self, key), key)
        missing = {"baseline", "fixed-weight-tuned", "oracle"} - set(self.methods)
        if missing:
            raise ValueError(f"methods lacks {', '.join(sorted(missing))}, which is needed")
        if self.test_speakers > self.speakers - 2:
            raise ValueError("test_speakers must leave two speakers or more to train on")
        unknown = set(self.sensitivity.populations) - set(self.populations)
        if unknown:
            raise ValueError(f"sensitivity.populations has {min(unknown)}, populations has not")
        missing = {"soft", "through-time"} - set(self.methods)
        if missing and self.sensitivity.populations:
            raise ValueError(
                f"methods lacks {', '.join(sorted(missing))}, whose sensitivity is measured; "
                "where it is not to be, sensitivity.populations is []"
            )
        return self
