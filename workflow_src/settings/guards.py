"""Settings of guards, the limits on updates."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from workflow_src.settings.base import Block, Probability, TunableThreshold

TUNED = "tuned, which is chosen on training speakers under attack"
Length = Annotated[float, Field(ge=0)] | Literal["tuned"]


class Guards(Block):
    """Limits on the updates of a method; a guarded method is <method>+<guard>."""

    key: ClassVar[str] = "guards"

    cost: Probability = Field(
        0.1,
        description="the share of a method's gain over no updates, in EER without attackers, that "
        "a tuned limit may cost on development trials",
    )
    far_test: TunableThreshold = Field(
        "tuned",
        alias="far-test",
        description="no update if the cosine of enrolment and test is below this: "
        f"{TUNED}; or a number",
    )
    far_template: TunableThreshold = Field(
        "tuned",
        alias="far-template",
        description="no update if the cosine of enrolment and new template would be below this: "
        "tuned, or a number",
    )
    way: Length = Field(
        "tuned",
        description="no update if the moves of the template, scaled to length 1, would add up to "
        "more than this: tuned, or a number",
    )
    direction: TunableThreshold = Field(
        "tuned",
        description="no update if the cosine of the template's move and its last move would be "
        "above this: tuned, or a number",
    )
    daily: Annotated[int, Field(ge=1)] | Literal["tuned"] = Field(
        "tuned", description="the most updates of a template on a day: tuned, or a number"
    )
    low_norm: Length = Field(
        "tuned",
        alias="low-norm",
        description="no update with a test whose embedding, as the extractor gives it, is shorter "
        "than this: tuned, or a number",
    )

    def limit(self, guard: str) -> float | str:
        """Return the limit of a guard, by its id."""
        return getattr(self, guard.replace("-", "_"))
