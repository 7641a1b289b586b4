"""`soft`: the weight follows the posterior of a target, given a template's score history.

    w = alpha sigmoid(sharpness (b . f + c + offset))

f are the scalars of `workflow_src.updating.score_history`. Logistic regression on development
trials gives b and c, so b . f + c is the log-odds of a target. The other three numbers are chosen
on these trials. There is no threshold: a doubtful test moves the template a little. The method
follows Barras, Meignier and Gauvain (Odyssey 2004), who weight by the posterior of the target.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from workflow_src.methods.development import Development, choose
from workflow_src.methods.score_scale import LEAST_SHARE, estimate_scale
from workflow_src.methods.study import FittedRule, Study
from workflow_src.updating.interface import Decision, Memory, Trials, UpdateRule
from workflow_src.updating.score_history import FEATURES, ScoreHistory, ScoreScale
from workflow_src.updating.scorer import Sequences

SHARPNESS = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
OFFSETS = (-2.0, -1.0, 0.0, 1.0)
# Weight of the squared coefficients in the mean loss.
RIDGE = 1e-4


class Soft(FittedRule):
    """The rule with S variants.

    Parameters
    ----------
    scale
        The scale of scores.
    coefficients
        float32 [7]: b of the features, then c.
    alphas, sharpness, offsets
        S numbers each, or one.
    """

    def __init__(
        self,
        scale: ScoreScale,
        coefficients: Tensor,
        alphas: np.ndarray | float,
        sharpness: np.ndarray | float,
        offsets: np.ndarray | float,
    ) -> None:
        self.scale = scale
        self.coefficients = coefficients
        self.alphas, self.sharpness, self.offsets = (
            torch.tensor(np.atleast_1d(numbers), dtype=torch.float32)[:, None]
            for numbers in (alphas, sharpness, offsets)
        )
        self.variants = len(self.alphas)

    @classmethod
    def fit(cls, study: Study) -> tuple[Soft, pd.DataFrame]:
        """Fit and choose on development trials in two rounds.

        The regression needs the scores of a rule that updates. Round 1 uses the tuned fixed weight
        and chooses alpha. Round 2 uses the rule of round 1 and chooses all three numbers. Return
        the rule and a table of all candidates: round, alpha, sharpness, offset, cost.
        """
        scale = estimate_scale(study.partition.fitting, study.start)

        def try_all(rule: UpdateRule, grid: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series, Soft]:
            coefficients = fit_log_odds(study.partition.fitting, rule, scale)

            def make(rows: pd.DataFrame) -> Soft:
                numbers = (rows[name].to_numpy(float) for name in grid.columns)
                return Soft(scale, coefficients, *numbers)

            table, best = choose(study.partition.every, make, grid)
            return table, best, make(best.to_frame().T)

        columns = ["alpha", "sharpness", "offset"]
        alphas = sorted(study.tuning.alphas)
        first, best, rule = try_all(
            study.start, pd.DataFrame([(a, 1.0, 0.0) for a in alphas], columns=columns)
        )
        place = alphas.index(best["alpha"])
        near = alphas[max(place - 1, 0) : place + 2]
        grid = pd.DataFrame(
            [(a, k, o) for a in near for k in SHARPNESS for o in OFFSETS], columns=columns
        )
        second, _, rule = try_all(rule, grid)
        tried = pd.concat([first.assign(round=1), second.assign(round=2)], ignore_index=True)
        return rule, tried[["round", *columns, "cost"]]

    def begin(self, templates: int) -> Memory:
        """Remember the score history of each template."""
        return Memory(ScoreHistory.begin(self.variants, templates).tensors())

    def decide(self, trials: Trials, memory: Memory) -> Decision:
        """Weight the test by its posterior."""
        history = ScoreHistory(**memory.tensors)
        features = history.observe(self.scale, trials.scores, trials.days)
        odds = (features * self.coefficients[:-1]).sum(-1) + self.coefficients[-1]
        share = torch.sigmoid(self.sharpness * (odds + self.offsets))
        history.remember(self.scale, trials.scores, trials.days).store(memory)
        return Decision(updated=share > LEAST_SHARE, weights=self.alphas * share)

    def tensors(self) -> dict[str, Tensor]:
        """Return the coefficients and the three chosen numbers."""
        return {
            "coefficients": self.coefficients,
            "alpha": self.alphas[0],
            "sharpness": self.sharpness[0],
            "offset": self.offsets[0],
        }

    def describe(self) -> dict[str, Any]:
        """Return the names of the scalars and the scale of scores."""
        return {"features": list(FEATURES), "scale": self.scale.state()}

    @classmethod
    def restore(cls, tensors: dict[str, Tensor], about: dict[str, Any]) -> Soft:
        """Return the stored rule."""
        numbers = (tensors[name].numpy() for name in ("alpha", "sharpness", "offset"))
        return cls(ScoreScale(**about["scale"]), tensors["coefficients"], *numbers)


def replay_history(sequences: Sequences, scores: np.ndarray, scale: ScoreScale) -> Tensor:
    """Return the features of every trial, float32 [T, 6], for scores [T], both in packed order."""
    out = torch.empty(len(scores), len(FEATURES))
    score, days = torch.from_numpy(scores), torch.from_numpy(sequences.days)
    history = ScoreHistory.begin(len(sequences.template))
    end = 0
    for n in sequences.active.tolist():
        begin, end = end, end + n
        history = ScoreHistory(**{k: v[:n] for k, v in history.tensors().items()})
        out[begin:end] = history.observe(scale, score[begin:end], days[begin:end])
        history = history.remember(scale, score[begin:end], days[begin:end])
    return out


def fit_log_odds(development: Development, rule: UpdateRule, scale: ScoreScale) -> Tensor:
    """Return the coefficients of the log-odds of a target, float32 [7], for a rule's scores.

    The fit is a logistic regression. All scenarios have the same weight, as do their two classes.
    """
    features, signs, shares = [], [], []
    scores = development.scores(rule)
    for name, task in development.tasks.items():
        targets = task.sequences.labels
        features.append(replay_history(task.sequences, scores[name], scale).double().numpy())
        signs.append(np.where(targets, 1.0, -1.0))
        shares.append(np.where(targets, 0.5 / targets.sum(), 0.5 / (~targets).sum()))
    x = np.concatenate(features)
    x = np.column_stack([x, np.ones(len(x))])
    sign, share = np.concatenate(signs), np.concatenate(shares) / len(shares)

    def loss(b: np.ndarray) -> tuple[float, np.ndarray]:
        margin = sign * (x @ b)
        pull = -share * sign / (1 + np.exp(np.clip(margin, -500, 500)))
        value = (share * np.logaddexp(0, -margin)).sum() + RIDGE * (b[:-1] ** 2).sum()
        return value, x.T @ pull + 2 * RIDGE * np.r_[b[:-1], 0]

    # The import takes most of a second, and scoring imports this module without a fit.
    from scipy.optimize import minimize

    start = np.zeros(x.shape[1])
    return torch.tensor(minimize(loss, start, jac=True, method="BFGS").x, dtype=torch.float32)
