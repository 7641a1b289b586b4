"""Settings of the comparison of methods on simulated populations."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from workflow_src.settings.base import Block, Distinct, Seed
from workflow_src.settings.catalogue import LISTED, METHODS, find_by_role, find_method, split_guards
from workflow_src.settings.generation import ScenarioId
from workflow_src.settings.inference import MethodId


class Sensitivity(Block):
    """The values that are changed one at a time, in ``random`` in independent order."""

    key: ClassVar[str] = "comparison.sensitivity"

    populations: Distinct[Seed] | None = Field(
        None,
        description="the populations on which sensitivity is measured, or [] for none. null: the "
        "first two of comparison.populations, or none if one of the methods is not compared",
    )
    methods: Distinct[MethodId] = Field(
        ["soft", "through-time", "multi-rate"],
        description="methods whose sensitivity is measured, in addition to baseline, "
        "fixed-weight-tuned and oracle; they must be fitted on development trials",
    )
    shifts: Distinct[float] = Field(
        [-0.1, -0.05, 0.0, 0.05, 0.1],
        min_length=1,
        description="shifts (cosine) of a method's threshold, or of the centre of its posterior; "
        "they stand for errors in the estimated scale of scores",
    )
    nontargets: Distinct[Annotated[float, Field(gt=0, le=100)]] = Field(
        [0.25, 1, 4, 9, 19],
        min_length=1,
        description="non-targets for each target, on average; 0.25, 1, 4, 9, 19 are shares of 0.2, "
        "0.5, 0.8, 0.9, 0.95",
    )
    enrolment_utterances: Distinct[Annotated[int, Field(ge=1)]] = Field(
        [1, 3, 5, 10], min_length=1, description="utterances from which a template is made"
    )

    @model_validator(mode="after")
    def _check(self) -> Sensitivity:
        for name in self.methods:
            if find_method(name).origin != "fitted":
                raise ValueError(f"methods has {name}, which is not fitted on development trials")
        return self


class Comparison(Block):
    """The comparison of methods on simulated populations (target benchmark_methods)."""

    key: ClassVar[str] = "comparison"

    populations: Distinct[Seed] = Field(
        [1, 2, 3, 4, 5], min_length=2, description="seeds; each makes one simulated population"
    )
    speakers: int = Field(300, ge=6, description="speakers of a population")
    test_speakers: Annotated[int, Field(ge=2)] | None = Field(
        None,
        description="test speakers of a population; null: 58, but at most a fifth of the speakers",
    )
    scenarios: Distinct[ScenarioId] = Field(
        ["random", "3das", "10das"], min_length=1, description="scenarios that are scored"
    )
    methods: Distinct[MethodId] = Field(
        [name for name in LISTED if find_method(name).reward == "published"],
        description="methods that are compared. The list must have baseline, fixed-weight-tuned "
        "and oracle, since the others are compared with these",
    )
    seeds: Distinct[Seed] = Field([0, 1, 2], min_length=1, description="seeds of training")
    sensitivity: Sensitivity = Field(
        default_factory=Sensitivity,
        description="how error rates respond when one value is changed at a time",
    )

    @model_validator(mode="after")
    def _check(self) -> Comparison:
        missing = {method.id for method in METHODS if method.role} - set(self.methods)
        if missing:
            raise ValueError(f"methods lacks {', '.join(sorted(missing))}, which is needed")
        if guarded := [name for name in self.methods if split_guards(name)[1]]:
            raise ValueError(f"methods has {guarded[0]}; methods are compared without guards")
        if self.tested_speakers > self.speakers - 2:
            raise ValueError("test_speakers must leave two speakers or more to train on")
        chosen = set(self.sensitivity.populations or [])
        if unknown := chosen - set(self.populations):
            raise ValueError(f"sensitivity.populations has {min(unknown)}, populations has not")
        if chosen and (missing := set(self.sensitivity.methods) - set(self.methods)):
            raise ValueError(
                f"methods lacks {', '.join(sorted(missing))}, whose sensitivity is measured; "
                "compare them, or set sensitivity.populations to []"
            )
        return self

    @property
    def tested_speakers(self) -> int:
        """The number of test speakers in a population."""
        return self.test_speakers or max(2, min(58, self.speakers // 5))

    @property
    def sensitive_populations(self) -> list[int]:
        """The populations on which sensitivity is measured."""
        if self.sensitivity.populations is not None:
            return self.sensitivity.populations
        return self.populations[:2] if set(self.methods) >= set(self.sensitivity.methods) else []

    @property
    def sensitive_methods(self) -> list[str]:
        """The methods whose sensitivity is measured: baseline and reference first, ceiling last."""
        before = [find_by_role("baseline").id, find_by_role("reference").id]
        listed = [*before, *self.sensitivity.methods, find_by_role("ceiling").id]
        return list(dict.fromkeys(listed))
