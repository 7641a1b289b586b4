"""Settings of tables and figures."""

from typing import Annotated, ClassVar

from pydantic import Field

from workflow_src.settings.base import Block, Distinct, Threshold, Weight
from workflow_src.settings.generation import ScenarioId

# Update thresholds of the map where none are set.
SPREAD_THRESHOLDS = 9


class Sweep(Block):
    """The map of the fixed weight's EER."""

    key: ClassVar[str] = "analysis.sweep"

    alphas: Distinct[Weight] = Field(
        [0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5], min_length=1, description="weights of the map"
    )
    thresholds: Annotated[Distinct[Threshold], Field(min_length=1)] | None = Field(
        None,
        description="update thresholds (cosine) of the map; null: nine, spread over the scores "
        "of trials without updates, whose scale is that of the speaker model",
    )

    @property
    def most_thresholds(self) -> int:
        """The number of thresholds; with null, the most that there may be."""
        return SPREAD_THRESHOLDS if self.thresholds is None else len(self.thresholds)


class Analysis(Block):
    """Tables and figures."""

    scenario: ScenarioId | None = Field(
        None,
        description="the scenario for figures that show only one scenario: one of "
        "trials.scenarios, or null for the first of them",
    )
    alpha: Weight = Field(
        0.1,
        description="figures that cannot show all weights of fixed-weight show the run whose "
        "weight is nearest to this one",
    )
    compare_published: bool = Field(
        False,
        description="add the paper's EER and minDCF to summary.csv; use it with SMIIP-TV only",
    )
    sweep: Sweep = Field(
        default_factory=Sweep,
        description="the fixed weight's EER over update thresholds and weights",
    )
