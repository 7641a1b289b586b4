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

from workflow_src.methods.development import Development, Partition, choose, replay_history
from workflow_src.settings.tuning import Tuning
from workflow_src.updating.interface import Decision, Encoded, Memory, Trials, UpdateRule
from workflow_src.updating.rules import encode_nothing
from workflow_src.updating.score_history import FEATURES, ScoreHistory, ScoreScale

# A weight below this share of alpha is no update.
LEAST_SHARE = 0.01
SHARPNESS = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
OFFSETS = (-2.0, -1.0, 0.0, 1.0)
# Of the squared coefficients, against a mean loss.
RIDGE = 1e-4


class Soft:
    """The rule, for S settings.

    Parameters
    ----------
    scale
        What scores look like.
    coefficients
        float32 [7]: b of the features, then c.
    alphas, sharpness, offsets
        S numbers each, or one.
    """

    method = "soft"
    normalises = False

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
        self.settings = len(self.alphas)

    def encode(self, embeddings: Tensor) -> Encoded:
        """Return nothing."""
        return encode_nothing(embeddings)

    def begin(self, templates: int) -> Memory:
        """Remember the history of scores."""
        return Memory(ScoreHistory.begin(self.settings, templates).tensors())

    def decide(self, trials: Trials, memory: Memory) -> Decision:
        """Weigh the test by its posterior."""
        history = ScoreHistory(**memory.tensors)
        features = history.observe(self.scale, trials.scores, trials.days)
        odds = (features * self.coefficients[:-1]).sum(-1) + self.coefficients[-1]
        share = torch.sigmoid(self.sharpness * (odds + self.offsets))
        remember(history, self.scale, trials, memory)
        return Decision(updated=share > LEAST_SHARE, weights=self.alphas * share)

    def tensors(self) -> dict[str, Tensor]:
        """Return what is stored as weights."""
        return {
            "coefficients": self.coefficients,
            "alpha": self.alphas[0],
            "sharpness": self.sharpness[0],
            "offset": self.offsets[0],
        }

    def describe(self) -> dict[str, Any]:
        """Return what is stored as text."""
        return {"features": list(FEATURES), "scale": self.scale.state()}

    @classmethod
    def restore(cls, tensors: dict[str, Tensor], about: dict[str, Any]) -> Soft:
        """Return the rule that `tensors` and `describe` came from."""
        return cls(
            ScoreScale(**about["scale"]),
            tensors["coefficients"],
            tensors["alpha"].numpy(),
            tensors["sharpness"].numpy(),
            tensors["offset"].numpy(),
        )


def remember(history: ScoreHistory, scale: ScoreScale, trials: Trials, memory: Memory) -> None:
    """Write the history after a trial to the memory, in place."""
    after = history.remember(scale, trials.scores, trials.days)
    for name, tensor in after.tensors().items():
        memory.tensors[name].copy_(tensor)


def estimate_scale(development: Development, rule: UpdateRule) -> ScoreScale:
    """Return what a rule's scores look like, all scenarios pooled."""
    scores = development.scores(rule)
    targets = [task.sequences.targets for task in development.tasks.values()]
    return ScoreScale.estimate(np.concatenate(list(scores.values())), np.concatenate(targets))


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

    # Here, since every step that scores imports this module, and this takes most of a second.
    from scipy.optimize import minimize

    start = np.zeros(x.shape[1])
    return torch.tensor(minimize(loss, start, jac=True, method="BFGS").x, dtype=torch.float32)


def fit_soft(
    partition: Partition, settings: Tuning, fixed: UpdateRule
) -> tuple[Soft, pd.DataFrame]:
    """Fit and choose on development trials.

    The regression needs the scores of a rule that updates: first those of the fixed weight, by
    which alpha is chosen, then those of what came of it, by which all are.

    Parameters
    ----------
    partition
        Development trials.
    settings
        The config's block ``tuning``: the grid of weights.
    fixed
        The tuned fixed weight.

    Returns
    -------
    Soft
        The rule.
    DataFrame
        round, alpha, sharpness, offset, cost: all that was tried.
    """
    scale = estimate_scale(partition.fitting, fixed)

    def try_all(rule: UpdateRule, grid: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series, Soft]:
        coefficients = fit_log_odds(partition.fitting, rule, scale)

        def make(rows: pd.DataFrame) -> Soft:
            numbers = (rows[name].to_numpy(float) for name in grid.columns)
            return Soft(scale, coefficients, *numbers)

        table, best = choose(partition.every, make, grid)
        return table, best, make(best.to_frame().T)

    columns = ["alpha", "sharpness", "offset"]
    alphas = sorted(settings.alphas)
    first, best, rule = try_all(
        fixed, pd.DataFrame([(a, 1.0, 0.0) for a in alphas], columns=columns)
    )
    place = alphas.index(best["alpha"])
    near = alphas[max(place - 1, 0) : place + 2]
    grid = pd.DataFrame(
        [(a, k, o) for a in near for k in SHARPNESS for o in OFFSETS], columns=columns
    )
    second, _, rule = try_all(rule, grid)
    tried = pd.concat([first.assign(round=1), second.assign(round=2)], ignore_index=True)
    return rule, tried[["round", *columns, "cost"]]
