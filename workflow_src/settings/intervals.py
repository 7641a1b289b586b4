"""Settings of confidence intervals."""

from typing import ClassVar

from pydantic import Field

from workflow_src.settings.base import Block


class Intervals(Block):
    """Confidence intervals of error rates and of differences."""

    key: ClassVar[str] = "evaluation.intervals"

    resamples: int = Field(
        1000, ge=100, le=100_000, description="how often the test speakers are drawn again"
    )
    confidence: float = Field(
        0.95,
        ge=0.5,
        lt=1,
        description="confidence of the intervals; also that no difference of a measure in a trial "
        "list is wrongly called resolved",
    )
