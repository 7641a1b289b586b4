"""Settings of development trials, and of the choices made on them."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from workflow_src.settings.base import Block, Distinct, Probability, Threshold, Weight
from workflow_src.settings.generation import ScenarioId
from workflow_src.settings.orders import Order

CANDIDATES = 15
"""The number of thresholds to choose from where the settings name none."""


class Development(Block):
    """Development trials: the scenarios with trials of training speakers."""

    key: ClassVar[str] = "tuning.development"

    scenarios: Distinct[ScenarioId] = Field(
        ["random", "3das"],
        min_length=1,
        description="scenarios. The EER of each is divided by the EER of the baseline; the choice "
        "with the least mean ratio wins",
    )
    speakers: int = Field(
        100, ge=2, description="the largest number of training speakers, who are drawn by the seed"
    )
    trajectories: int = Field(
        6, ge=1, description="trajectories of each speaker in the scenario random"
    )
    order: Order = Field(
        "independent",
        description="order of the trials, as in trials.orders. In published order, a method that "
        "sees counts or days can learn the order in place of the voice",
    )


class Tuning(Block):
    """The fits and choices on training speakers."""

    key: ClassVar[str] = "tuning"

    development: Development = Field(
        default_factory=Development,
        description="development trials: the scenarios with trials of training speakers",
    )
    validation_share: Probability = Field(
        0.25,
        description="share of the training speakers who are for validation: methods are fitted on "
        "the others, and the best fit is chosen on these",
    )
    alphas: Distinct[Weight] = Field(
        [0.02, 0.035, 0.05, 0.075, 0.1, 0.125, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5],
        min_length=1,
        description="weights to choose from",
    )
    thresholds: Annotated[Distinct[Threshold], Field(min_length=1)] | None = Field(
        None,
        description="update thresholds (cosine) to choose from if a threshold is tuned. null: "
        f"{CANDIDATES} values, evenly spaced from the median of the non-targets' scores to the "
        "upper quartile of the targets', both of the baseline on development trials",
    )

    @property
    def candidates(self) -> int:
        """The number of thresholds to choose from."""
        return CANDIDATES if self.thresholds is None else len(self.thresholds)

    def read_by_thresholds(self) -> dict[str, Any]:
        """Return the settings that the choice of a threshold reads."""
        return self.model_dump(include={"development": {"scenarios"}, "thresholds": True})
