"""Settings of the steps that make trials: a scenario, and the generation of all scenarios."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from workflow_src.settings.base import Block, Clock, Distinct

ScenarioId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Rounds = Annotated[int, Field(ge=1, le=32767)]
Unit = Literal["day", "week", "month", "session"]
UnitIndex = Annotated[int, Field(ge=0, le=100_000)]


class ScenarioSettings(Block):
    """A scenario: the enrolment days, the test days and the targets of a test day.

    Each speaker's days are counted from 0. A day without a recording does not count. With another
    unit, weeks, months or sessions take the place of days.
    """

    key: ClassVar[str] = "trials.own"

    every: Annotated[int, Field(ge=1, le=100_000)] | Literal["random"] = Field(
        description="days from one test day to the next; random: a walk over days at random "
        "distances, which trials.generation.random sets",
    )
    targets: Literal["all", "one"] | None = Field(
        None,
        description="targets of a test day. all: all utterances; one: one utterance, drawn anew "
        "in each round; null: those of a random walk",
    )
    rounds: Rounds | None = Field(
        None, description="rounds if targets is one; null: trials.generation.rounds"
    )
    enrolment: Distinct[UnitIndex] = Field(
        [0],
        min_length=1,
        description="day indices in rising order, one template for each; a random walk has one",
    )
    unit: Unit = Field(
        "day",
        description="what takes the place of days in the other keys: day; week (from Monday); "
        "month (of the calendar); session (the corpus's column session, else a slot of a day)",
    )

    @model_validator(mode="after")
    def _check(self) -> "ScenarioSettings":
        if self.enrolment != sorted(self.enrolment):
            raise ValueError(f"enrolment is {self.enrolment}; day indices rise")
        if self.every == "random":
            if self.targets is not None:
                raise ValueError(
                    "targets is given, but with every: random a day has "
                    "1..trials.generation.random.max_targets targets; leave targets out"
                )
            if len(self.enrolment) > 1:
                raise ValueError(
                    f"enrolment is {self.enrolment}; with every: random it is one day index"
                )
        elif self.targets is None:
            raise ValueError("targets is missing; allowed: all, one")
        if self.rounds is not None and self.targets != "one":
            raise ValueError("rounds is given, but only a scenario with targets: one has rounds")
        return self

    @property
    def family(self) -> Literal["random", "as", "1s"]:
        """The family of scenarios that share random draws and the form of published lists."""
        if self.every == "random":
            return "random"
        return "as" if self.targets == "all" else "1s"

    @property
    def summary(self) -> str:
        """The tests in words."""
        if self.every == "random":
            return f"a few utterances of {self.unit}s at random distances"
        units = f"every {self.unit}" if self.every == 1 else f"every {self.every} {self.unit}s"
        utterances = "utterances" if self.targets == "all" else "utterance"
        return f"{self.targets} {utterances} of a {self.unit}, {units}"


class Scenario(ScenarioSettings):
    """A scenario with its id, which names its files and its rows in tables and figures."""

    key: ClassVar[str] = "scenario"

    id: ScenarioId = Field(description="letters a-z, digits and hyphens")


class RandomWalk(Block):
    """Scenarios that walk over days at random distances."""

    trajectories: int = Field(30, ge=1, description="trajectories per speaker")
    max_skip_days: int = Field(
        9, ge=1, description="a test day comes 1..max_skip_days after the one before"
    )
    max_targets: int = Field(4, ge=1, description="a test day has 1..max_targets targets")


class Generation(Block):
    """The generation of trials from the manifest."""

    key: ClassVar[str] = "trials.generation"

    enrolment_utterances: int = Field(5, ge=1, description="enrolment utterances per template")
    enrolment_after: Clock | None = Field(
        "10:00",
        description="enrolment utterances are recorded after this time of day; null: at any time",
    )
    enrolment_before: Clock | None = Field(
        "20:00",
        description="enrolment utterances are recorded before this time of day; null: at any time",
    )
    rounds: Rounds = Field(
        15, description="rounds of scenarios that test one utterance per day (1s)"
    )
    random: RandomWalk = Field(
        default_factory=RandomWalk,
        description="scenarios that walk over days at random distances (random)",
    )
    nontargets_per_target: float = Field(
        1.0,
        ge=0.01,
        le=100,
        description="non-targets for each target in independent order, on average; the other "
        "orders have one for each",
    )

    @model_validator(mode="after")
    def _check(self) -> "Generation":
        after, before = self.enrolment_after, self.enrolment_before
        if after is not None and before is not None and after >= before:
            raise ValueError("enrolment_after must be earlier than enrolment_before")
        return self
