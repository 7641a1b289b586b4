"""`spherical-plda`: the template estimates a voice without drift; scores are likelihood ratios.

`workflow_src.methods.spherical_voice` has the model, here without drift. The log-likelihood ratio
of "the test is the template's voice" and "the test is another voice" replaces the cosine. It uses
the template's variance (Sholokhov, Kuzmin, Lee and Chng, *Probabilistic back-ends for online
speaker recognition and clustering*, ICASSP 2023). The embeddings there have unit length.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from workflow_src.methods.score_scale import LEAST_SHARE, estimate_scale
from workflow_src.methods.spherical_voice import CAUTION, SphericalVoice, estimate_variances
from workflow_src.methods.study import Study
from workflow_src.updating.interface import Decision, Memory, Trials
from workflow_src.updating.score_history import ScoreScale

# A scale that gives every trial the posterior 0, so templates are never updated.
NEVER = ScoreScale(centre=1e9, slope=1.0, mean=0.0, spread=1.0)


class SphericalPlda(SphericalVoice):
    """The rule with S variants."""

    @classmethod
    def fit(cls, study: Study) -> tuple[SphericalPlda, pd.DataFrame]:
        """Estimate the variances and choose the caution.

        Each caution has its own scores, so it also has its own posterior. Return the rule and a
        table of all candidates: caution, cost.
        """
        variances, norm = estimate_variances(study.read_training())
        known = (variances, study.enrolled, norm, study.dimension)
        costs, rules = [], []
        for caution in CAUTION:
            rule = cls(NEVER, *known, caution)
            for _ in ("as they are", "updated"):
                rule = cls(estimate_scale(study.partition.fitting, rule), *known, caution)
            rules.append(rule)
            costs.append(float(study.partition.every.cost(rule)[0]))
        return rules[int(np.argmin(costs))], pd.DataFrame({"caution": CAUTION, "cost": costs})

    def begin(self, templates: int) -> Memory:
        """Remember the variance of each template."""
        start = self.noise / self.enrolled
        return Memory({"variance": start.expand(self.variants, templates).clone()})

    def decide(self, trials: Trials, memory: Memory) -> Decision:
        """Weight the test by gain and posterior, and score it by the likelihood ratio."""
        variance = memory.tensors["variance"]
        gain = variance / (variance + self.noise)
        scores = self.log_likelihood_ratio(trials, variance)
        posterior = self.scale.posterior(scores)
        weights = posterior * gain
        variance *= 1 - weights
        return Decision(updated=posterior > LEAST_SHARE, weights=weights, scores=scores)

    def log_likelihood_ratio(self, trials: Trials, variance: Tensor) -> Tensor:
        """Return the scores of spherical PLDA [S, n] for unit-length tests, divided by D.

        A larger variance shrinks the template's mean more towards 0, the mean of all speakers.
        """
        between, noise = self.variances["between"], self.noise
        shrink = between / (between + variance)
        mean = shrink * trials.template_norms / self.norm
        own = shrink * variance + noise
        other = between + noise
        distance = 1 + mean.square() - 2 * mean * trials.scores
        # ln p / D, for variances own / D and other / D in each dimension.
        return 0.5 * (torch.log(other / own) + 1 / other - distance / own)
