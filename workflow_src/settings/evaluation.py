"""Settings of the evaluation."""

from typing import ClassVar

from pydantic import Field

from workflow_src.settings.base import Block
from workflow_src.settings.intervals import Intervals


class Evaluation(Block):
    """The measures of all runs."""

    key: ClassVar[str] = "evaluation"

    intervals: Intervals = Field(
        default_factory=Intervals,
        description="how sure a number is: confidence intervals of error rates and of differences",
    )
