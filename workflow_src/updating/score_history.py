"""A template's history of scores as a few scalars, for methods that do not see embeddings.

A trial counts as accepted by its posterior of being a target, from the score alone: ``p =
sigmoid(slope (score - centre))``. So the history needs no decision and no label, is the same for
every rule, and is differentiable.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import torch
from torch import Tensor

from workflow_src.updating.interface import Memory

FEATURES = (
    "score",
    "accepted_mean",
    "accepted_spread",
    "accepted_count",
    "since_enrolment",
    "since_update",
)
# The training speakers' mean and spread count as this many accepted scores of a template.
PRIOR_COUNT = 2.0


@dataclass(frozen=True)
class ScoreScale:
    """The scale of scores, estimated on training speakers.

    Attributes
    ----------
    centre, slope
        The posterior of a target, for equally many targets and non-targets, is ``sigmoid(slope
        (score - centre))``.
    mean, spread
        Mean and standard deviation of target scores.
    """

    centre: float
    slope: float
    mean: float
    spread: float

    @classmethod
    def estimate(cls, scores: np.ndarray, targets: np.ndarray) -> ScoreScale:
        """Estimate the scale by logistic regression of label on score; both classes weigh the same.

        `scores` are float [T]; `targets`, bool [T], has both kinds.
        """
        # Every step that scores imports this module, and scipy takes most of a second to import.
        from scipy.optimize import minimize

        scores = np.asarray(scores, dtype=np.float64)
        mean, sd = scores.mean(), max(scores.std(), 1e-6)
        z, sign = (scores - mean) / sd, np.where(targets, 1.0, -1.0)
        share = np.where(targets, 0.5 / targets.sum(), 0.5 / (~targets).sum())

        def loss(x: np.ndarray) -> tuple[float, np.ndarray]:
            margin = sign * (x[0] + x[1] * z)
            pull = -share * sign / (1 + np.exp(np.clip(margin, -500, 500)))
            # A small ridge penalty: separable scores would have an infinite slope.
            value = (share * np.logaddexp(0, -margin)).sum() + 1e-4 * x[1] ** 2
            return value, np.array([pull.sum(), (pull * z).sum() + 2e-4 * x[1]])

        offset, slope = minimize(loss, np.array([0.0, 1.0]), jac=True, method="BFGS").x
        slope = max(slope, 1e-3)
        own = scores[targets]
        return cls(
            centre=float(mean - sd * offset / slope),
            slope=float(slope / sd),
            mean=float(own.mean()),
            spread=float(max(own.std(), 1e-3)),
        )

    def posterior(self, scores: Tensor) -> Tensor:
        """Return the posterior of a target, for equally many targets and non-targets."""
        return torch.sigmoid(self.slope * (scores - self.centre))

    def state(self) -> dict[str, float]:
        """Return the four numbers by name."""
        return asdict(self)


class ScoreHistory:
    """Sums over a template's accepted scores, tensors of one shape [...].

    Parameters
    ----------
    count, total, squares
        Sums of p, p d and p d^2, where d is a score's distance from the scale's mean.
    updated_on
        Days since enrolment at the last trial with p > 1/2; 0 at enrolment.
    """

    def __init__(self, count: Tensor, total: Tensor, squares: Tensor, updated_on: Tensor) -> None:
        self.count, self.total, self.squares = count, total, squares
        self.updated_on = updated_on

    @classmethod
    def begin(cls, *shape: int, device: torch.device | str = "cpu") -> ScoreHistory:
        """Return the history at enrolment: empty."""
        return cls(*(torch.zeros(shape, device=device) for _ in range(4)))

    def tensors(self) -> dict[str, Tensor]:
        """Return the tensors by name, as in a rule's `Memory`."""
        return dict(vars(self))

    def observe(self, scale: ScoreScale, scores: Tensor, days: Tensor) -> Tensor:
        """Return the features of a trial before it is remembered, float32 [..., 6].

        All are centred near 0 and of about unit size: the score as log-odds over 4, mean and
        log-spread of accepted scores relative to those of the training speakers, and log(1 + x) of
        the number accepted and of the days since enrolment and since the last accepted trial.
        """
        count = self.count + PRIOR_COUNT
        mean = self.total / count
        variance = (self.squares + PRIOR_COUNT * scale.spread**2) / count - mean.square()
        spread = variance.clamp(min=1e-3 * scale.spread**2).sqrt()
        columns = [
            scale.slope * (scores - scale.centre) / 4,
            mean / scale.spread,
            torch.log(spread / scale.spread),
            torch.log1p(self.count) - 2,
            torch.log1p(days.clamp(min=0)) - 2,
            torch.log1p((days - self.updated_on).clamp(min=0)),
        ]
        return torch.stack([column.expand_as(scores) for column in columns], dim=-1)

    def remember(self, scale: ScoreScale, scores: Tensor, days: Tensor) -> ScoreHistory:
        """Return the history after a trial; this one stays as it is."""
        p = scale.posterior(scores)
        distance = scores - scale.mean
        return ScoreHistory(
            count=self.count + p,
            total=self.total + p * distance,
            squares=self.squares + p * distance.square(),
            updated_on=torch.where(p > 0.5, days, self.updated_on),
        )

    def store(self, memory: Memory) -> None:
        """Write the sums to a rule's memory, in place."""
        for name, tensor in self.tensors().items():
            memory.tensors[name].copy_(tensor)
