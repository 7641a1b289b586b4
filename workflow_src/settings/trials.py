"""Settings of the trial protocols."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from workflow_src.settings.base import Block, Clock, GivenPath, distinct

SCENARIOS = ["random", "1das", "3das", "5das", "10das", "1d1s", "3d1s", "5d1s", "10d1s"]
Scenario = Literal["random", "1das", "3das", "5das", "10das", "1d1s", "3d1s", "5d1s", "10d1s"]


class RandomScenario(Block):
    """The scenario ``random``."""

    trajectories: int = Field(30, ge=1, description="trajectories a speaker")
    max_skip_days: int = Field(9, ge=1, description="a test day is 1..max_skip_days after the last")
    max_targets: int = Field(4, ge=1, description="a test day has 1..max_targets targets")


class Generation(Block):
    """How trials are made from the manifest."""

    key: ClassVar[str] = "trials.generation"

    enrolment_utterances: int = Field(5, ge=1, description="utterances that make a template")
    enrolment_after: Clock = Field("10:00", description="enrolment is recorded strictly after this")
    enrolment_before: Clock = Field("20:00", description="and strictly before this")
    rounds: Annotated[int, Field(ge=1, le=32767)] = Field(
        15, description="rounds of the 1s scenarios"
    )
    random: RandomScenario = Field(
        default_factory=RandomScenario, description="the scenario random"
    )

    @model_validator(mode="after")
    def _check(self) -> "Generation":
        if self.enrolment_after >= self.enrolment_before:
            raise ValueError("enrolment_after must be earlier than enrolment_before")
        return self


class ImportedTrials(Block):
    """Trial lists in the layout in which the paper's authors published theirs."""

    root: GivenPath | None = Field(
        None,
        description="folder with <scenario>/trial.pkl and <scenario>/enroll_model (or enrol_model)",
    )


class Trials(Block):
    """The trial protocols."""

    source: Literal["generate", "import"] = Field(
        "generate",
        description="generate: trials are made from the manifest; import: they are read from "
        "files in the published layout",
    )
    scenarios: list[Scenario] = Field(
        SCENARIOS,
        min_length=1,
        description="which of the nine scenarios are made or imported, and scored",
    )
    nontarget_only: list[Annotated[str, Field(pattern=r"^[0-9]{4}$")]] = Field(
        [], description='pool members that never enrol and never train (published: "0124")'
    )
    generation: Generation = Field(
        default_factory=Generation, description="how trials are made from the manifest"
    )
    imported: ImportedTrials = Field(
        default_factory=ImportedTrials, description="trial lists in the published layout"
    )

    @model_validator(mode="after")
    def _check(self) -> "Trials":
        distinct(self.scenarios, "scenarios")
        distinct(self.nontarget_only, "nontarget_only")
        if self.source == "import" and self.imported.root is None:
            raise ValueError("imported.root must name a folder when source is import")
        return self
