"""`kalman`: the template is an estimate of a drifting voice and has a variance.

`workflow_src.methods.spherical_voice` has the model. Each day adds drift to the variance of a
template.
"""

from __future__ import annotations

import pandas as pd
import torch

from workflow_src.methods.development import choose
from workflow_src.methods.score_scale import LEAST_SHARE, estimate_scale
from workflow_src.methods.spherical_voice import CAUTION, SphericalVoice, estimate_variances
from workflow_src.methods.study import Study
from workflow_src.updating.interface import Decision, Memory, Trials


class Kalman(SphericalVoice):
    """The rule with S variants."""

    @classmethod
    def fit(cls, study: Study) -> tuple[Kalman, pd.DataFrame]:
        """Estimate the variances and choose the caution.

        The posterior of a target is estimated on the scores of the rule that fitting starts from.
        Return the rule and a table of all candidates: caution, cost.
        """
        variances, norm = estimate_variances(study.read_training())
        scale = estimate_scale(study.partition.fitting, study.start)
        known = (scale, variances, study.enrolled, norm, study.dimension)
        table, best = choose(
            study.partition.every,
            lambda rows: cls(*known, rows["caution"].to_numpy()),
            pd.DataFrame({"caution": CAUTION}),
        )
        return cls(*known, best["caution"]), table

    def begin(self, templates: int) -> Memory:
        """Remember the variance and the last trial's day of each template."""
        shape = (self.variants, templates)
        # Enrolment uses one day, so the day's deviation is not averaged out.
        start = self.variances["day"] + self.variances["within"] / self.enrolled
        return Memory({"variance": torch.full(shape, start), "day": torch.zeros(shape)})

    def decide(self, trials: Trials, memory: Memory) -> Decision:
        """Weight the test by gain and posterior."""
        variance, day = memory.tensors["variance"], memory.tensors["day"]
        variance += self.variances["drift"] * (trials.days - day).clamp(min=0)
        torch.maximum(day, trials.days.expand_as(day), out=day)
        gain = variance / (variance + self.noise)
        posterior = self.scale.posterior(trials.scores)
        weights = posterior * gain
        variance *= 1 - weights
        return Decision(updated=posterior > LEAST_SHARE, weights=weights)
