"""Settings of the controls."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from workflow_src.settings.base import Block, Distinct
from workflow_src.settings.generation import ScenarioId


class Controls(Block):
    """Controls: the runs under other trials (target controls)."""

    key: ClassVar[str] = "evaluation.controls"

    scenarios: Annotated[Distinct[ScenarioId], Field(min_length=1)] | None = Field(
        None, description="some of trials.scenarios; null: the one of analysis.scenario"
    )
    enrolment_utterances: Distinct[Annotated[int, Field(ge=1, le=1000)]] = Field(
        [10, 20],
        min_length=1,
        description="utterances from which a template is made that is never updated; "
        "trials.generation.enrolment_utterances is always measured, too",
    )
    nontargets_per_target: Distinct[Annotated[float, Field(ge=0.01, le=100)]] = Field(
        [0.25, 1.0, 4.0, 19.0],
        min_length=1,
        description="non-targets for each target, on average, in independent order; "
        "trials.generation.nontargets_per_target is always measured, too",
    )
