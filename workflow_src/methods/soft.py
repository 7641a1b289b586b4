"""`soft`: a weight that follows the posterior of a target, from a template's history of scores.

    w = alpha sigmoid(sharpness (b . f + c + offset))

f are the scalars of `workflow_src.updating.score_history`, of which b and c make the log-odds of a
target by logistic regression on development trials; the other three are chosen there. No
threshold decides: a doubtful test moves the template a little. The ancestor is Barras, Meignier
and Gauvain (Odyssey 2004), whose adaptation is weighted by the posterior of the target.
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
# Of the squared coefficients, against a mean loss.
RIDGE = 1e-4


class Soft(FittedRule):
    """The rule, S variants of it.

    Parameters
    ----------
    scale
        What scores look like.
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
        self.alphas = torch.tensor(np.atleast_1d(alphas), dtype=torch.float32)[:, None]
        self.sharpness = torch.tensor(np.atleast_1d(sharpness), dtype=torch.float32)[:, None]
        self.offsets = torch.tensor(np.atleast_1d(offsets), dtype=torch.float32)[:, None]
        self.variants = len(self.alphas)

    @classmethod
    def fit(cls, study: Study) -> tuple[Soft, pd.DataFrame]:
        """Fit and choose on development trials.

        The regression needs the scores of a rule that updates: first those of the tuned fixed
        weight, by which alpha is chosen, then those of what came of it, by which all are.

        Returns
        -------
        Soft
            The rule.
        DataFrame
            round, alpha, sharpness, offset, cost: all that was tried.
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
        """Remember the history of scores."""
        return Memory(ScoreHistory.begin(self.variants, templates).tensors())

    def decide(self, trials: Trials, memory: Memory) -> Decision:
        """Weigh the test by its posterior."""
        history = ScoreHistory(**memory.tensors)
        features = history.observe(self.scale, trials.scores, trials.days)
        odds = (features * self.coefficients[:-1]).sum(-1) + self.coefficients[-1]
        share = torch.sigmoid(self.sharpness * (odds + self.offsets))
        history.remember(self.scale, trials.scores, trials.days).store(memory)
        return Decision(updated=share > LEAST_SHARE, weights=self.alphas * share)

    def tensors(self) -> dict[str, Tensor]:
        """Return all that the weight is computed of."""
        return {
            "coefficients": self.coefficients,
            "alpha": self.alphas[0],
            "sharpness": self.sharpness[0],
            "offset": self.offsets[0],
        }

    def describe(self) -> dict[str, Any]:
        """Return the names of the scalars, and what they are relative to."""
        return {"features": list(FEATURES), "scale": self.scale.state()}

    @classmethod
    def restore(cls, tensors: dict[str, Tensor], about: dict[str, Any]) -> Soft:
        """Return the rule that was stored."""
        return cls(
            ScoreScale(**about["scale"]),
            tensors["coefficients"],
            tensors["alpha"].numpy(),
            tensors["sharpness"].numpy(),
            tensors["offset"].numpy(),
        )


def replay_history(sequences: Sequences, scores: np.ndarray, scale: ScoreScale) -> Tensor:
    """Return the features of every trial, float32 [T, 6], given all scores, in packed order.

    Parameters
    ----------
    sequences
        The trials.
    scores
        float32 [T], in packed order.
    scale
        What scores look like.
    """
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
    """Return the coefficients of the log-odds of a target, float32 [7], under a rule's scores.

    Logistic regression; scenarios weigh the same, and in each the two classes.
    """
    features, signs, shares = [], [], []
    scores = development.scores(rule)
    for name, task in development.tasks.items():
        targets = task.sequences.targets
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

    # Here, since scoring imports this module and needs no fit, and this takes most of a second.
    from scipy.optimize import minimize

    start = np.zeros(x.shape[1])
    return torch.tensor(minimize(loss, start, jac=True, method="BFGS").x, dtype=torch.float32)
