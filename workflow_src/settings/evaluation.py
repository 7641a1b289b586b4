"""Settings of the evaluation: operating points set in advance, calibration, intervals, controls."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from workflow_src.settings.base import Block, Distinct
from workflow_src.settings.controls import Controls
from workflow_src.settings.intervals import Intervals

BackEndKind = Literal["quality", "history", "affine"]
"""A back-end that turns scores into log-likelihood ratios."""


class Cost(Block):
    """The cost of errors, for the operating point ``cost``."""

    key: ClassVar[str] = "evaluation.operating_points.cost"

    p_target: float = Field(0.01, gt=0, lt=1, description="prior probability of a target")
    miss: float = Field(1.0, gt=0, description="cost of a rejected target")
    false_alarm: float = Field(1.0, gt=0, description="cost of an accepted non-target")

    @property
    def effective_prior(self) -> float:
        """The prior of a target that, with unit costs, leads to the same decisions."""
        target = self.p_target * self.miss
        return target / (target + (1 - self.p_target) * self.false_alarm)


class OperatingPoints(Block):
    """Thresholds of acceptance that are chosen on development trials."""

    key: ClassVar[str] = "evaluation.operating_points"

    far: Distinct[Annotated[float, Field(gt=0, lt=1)]] = Field(
        [0.01, 0.001],
        description="false acceptance rates (shares, 0..1); for each of them, the lowest threshold "
        "that keeps it on development trials",
    )
    cost: Cost = Field(
        default_factory=Cost,
        description="the cost of errors; the threshold with the least cost on development trials. "
        "For log-likelihood ratios, the threshold follows from the cost alone",
    )


class Calibration(Block):
    """The back-end that turns scores into log-likelihood ratios."""

    key: ClassVar[str] = "evaluation.calibration"

    back_end: BackEndKind | Literal["none"] = Field(
        "history",
        description="history: slope and offset depend on the template's history, that is, on the "
        "number, mean and spread of the scores accepted so far and on the days since enrolment; "
        "quality: also on the norm of the test's embedding and on its seconds, where known; "
        "affine: one slope and one offset; none: no ratios",
    )
    p_target: float = Field(
        0.5,
        gt=0,
        lt=1,
        description="prior of a target at which the fit weighs errors. The ratios do not contain "
        "it; a small one cares more for thresholds with few false acceptances",
    )


class Evaluation(Block):
    """The measures of all runs."""

    key: ClassVar[str] = "evaluation"

    operating_points: OperatingPoints = Field(
        default_factory=OperatingPoints,
        description="thresholds of acceptance that are chosen on development trials, before any "
        "test trial is scored",
    )
    calibration: Calibration = Field(
        default_factory=Calibration,
        description="the back-end that turns scores into log-likelihood ratios; fitted on "
        "development trials",
    )
    intervals: Intervals = Field(
        default_factory=Intervals,
        description="how sure a number is: confidence intervals of error rates and of differences",
    )
    controls: Controls = Field(
        default_factory=Controls,
        description="other trials under which all runs are measured, on demand",
    )
