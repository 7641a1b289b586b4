"""What the order of trials tells of the label: the EER of a rule that never listens.

The rule sees no score of the present trial. It is a logistic regression on the place of the trial:
the place in its day and in its sequence, the days before and between, and the trials of the day
before. What it sees beyond that is one of `SEES`:

- ``past``: nothing more; so it decides at the time of the trial.
- ``list``: the rest of the day, too; so it knows the whole list but the labels.
- ``decisions``: what a method accepted before, in the day and in the sequence, beside the past.

Its EER is cross-validated over speakers: it judges the trials of speakers on which it was not
fitted. Targets and non-targets weigh the same in the fit, so the EER of a rule that knows nothing
is 50 %, whatever their shares. Chance moves the EER of few trials by some per cent, also beyond
50 %.

All numbers that the rule sees are whole and capped, above the cap their parity counts, and each
number has its own weight (one-hot). Numbers that tell only together are one number.

This module reads and writes no files.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.optimize import minimize

from workflow_src.common.seeds import generator
from workflow_src.evaluation.metrics import equal_error_rate

Sees = Literal["past", "list", "decisions"]
SEES: tuple[Sees, ...] = get_args(Sees)
COLUMNS = ["model", "speaker", "round", "step", "day", "target"]
# Trials of a list that are used; of more, so many are drawn.
MOST_TRIALS = 30_000
FOLDS = 4
# L2 penalty on the weights: so small that parity is learnt to the end.
RIDGE = 1.0
MOST_STEPS = 40


def measure_order(trials: pd.DataFrame, seed: int) -> dict[Sees, float]:
    """Return the EER (a share) of a rule that sees only the order, for each of `SEES`.

    It is NaN where nothing can be cross-validated: with one speaker, or where some speakers have
    all targets or all non-targets.

    Parameters
    ----------
    trials
        `COLUMNS` and ``accepted`` (bool): what a method accepted. Rows in any order.
    seed
        The seed of the draw of folds, and of trials where there are more than `MOST_TRIALS`.
    """
    table = trials.sort_values(["model", "round", "step"], kind="stable", ignore_index=True)
    seen = {name: describe_places(table, name) for name in SEES}
    used = np.arange(len(table))
    if len(table) > MOST_TRIALS:
        used = generator(seed, "order meter", "trials").choice(len(table), MOST_TRIALS, False)
    target = table["target"].to_numpy(dtype=bool)[used]
    folds = draw_folds(table["speaker"], seed)[used]
    if len(np.unique(folds)) < 2:
        return dict.fromkeys(SEES, np.nan)
    return {name: _cross_validate(features[used], target, folds) for name, features in seen.items()}


def draw_folds(speakers: pd.Series, seed: int) -> np.ndarray:
    """Return int64 [n]: the fold of each trial; all trials of a speaker are in one fold."""
    codes, names = pd.factorize(speakers, sort=True)
    places = generator(seed, "order meter", "folds").permutation(len(names))
    return (places % min(FOLDS, len(names)))[codes]


def describe_places(table: pd.DataFrame, sees: Sees) -> np.ndarray:
    """Return int64 [n, features]: whole numbers from 0, of trials in the order of scoring.

    `table` has `COLUMNS`, and accepted where `sees` is decisions.
    """
    sequence = table.groupby(["model", "round"], sort=False).ngroup().to_numpy()
    codes, days = pd.factorize(table["day"])
    begins = np.r_[True, np.diff(sequence) != 0]
    new_day = begins | np.r_[True, np.diff(codes) != 0]
    day = np.cumsum(new_day) - 1
    first = np.flatnonzero(new_day)
    size = np.bincount(day)
    place = np.arange(len(table)) - first[day]
    step = table["step"].to_numpy(dtype=np.int64)
    # Of the day before in the sequence: its trials, and the days since.
    earlier = np.where(begins[first], 0, np.r_[0, size[:-1]])[day]
    dates = np.append(np.array(days, dtype="datetime64[D]"), np.datetime64("NaT"))
    gap = np.diff(dates[codes[first]], prepend=np.datetime64("NaT")) / np.timedelta64(1, "D")
    gap = np.where(begins[first] | np.isnan(gap), 0, gap).astype(np.int64)[day]
    features = [
        _cap(place),
        _pair(np.log2(1 + step).astype(np.int64), step % 2),
        _cap(earlier),
        _cap(gap),
    ]
    if sees == "list":
        left = size[day] - 1 - place
        later = np.where(np.r_[begins[first][1:], True], 0, np.r_[size[1:], 0])[day]
        features += [_cap(left), _cap(size[day]), _pair(_cap(place), _cap(left)), _cap(later)]
    if sees == "decisions":
        accepted = table["accepted"].to_numpy(dtype=bool)
        of_day, of_sequence = (_count_before(accepted, start) for start in (new_day, begins))
        last = np.where(begins, 2, np.r_[0, accepted[:-1]])
        features += [
            _pair(_cap(of_day), _cap(place - of_day)),
            _pair(_cap(place), np.where(new_day, 2, last)),
            _pair(last, np.minimum(_run_length(last), 7)),
            np.clip(2 * of_sequence - step, -15, 15) + 15,
        ]
    return np.stack(features, axis=1)


def _cap(numbers: np.ndarray) -> np.ndarray:
    """Return numbers up to 15; above, 14 stands for even and 15 for odd ones."""
    return np.where(numbers > 15, 14 + numbers % 2, numbers)


def _pair(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return one * (int(other.max()) + 1) + other


def _count_before(flags: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """Return int64 [n]: the flags before each row since the last begin."""
    total = np.cumsum(flags) - flags
    return total - np.maximum.accumulate(np.where(begins, total, 0))


def _run_length(values: np.ndarray) -> np.ndarray:
    """Return int64 [n]: for how many rows before each row the value has been the same."""
    changes = np.r_[True, np.diff(values) != 0]
    rows = np.arange(len(values))
    return rows - np.maximum.accumulate(np.where(changes, rows, 0))


def _cross_validate(features: np.ndarray, target: np.ndarray, folds: np.ndarray) -> float:
    """Return the EER of the log-odds of held-out trials."""
    # Trials with the same features are one cell.
    sizes = tuple(features.max(axis=0) + 1)
    codes, cell_of = np.unique(np.ravel_multi_index(features.T, sizes), return_inverse=True)
    columns = np.stack(np.unravel_index(codes, sizes), axis=1)
    columns += np.cumsum([0, *sizes[:-1]])
    shape = (len(columns), sum(sizes))
    starts = np.arange(0, columns.size + 1, columns.shape[1])
    cells = sparse.csr_array((np.ones(columns.size), columns.ravel(), starts), shape)
    odds = np.zeros(len(target))
    for fold in np.unique(folds):
        fitted = folds != fold
        if len(np.unique(target[fitted])) < 2:
            return np.nan
        counts = [
            np.bincount(cell_of[fitted & (target == kind)], minlength=len(columns))
            for kind in (False, True)
        ]
        weights = _fit(cells, np.stack(counts).astype(np.float64))
        odds[~fitted] = (cells @ weights)[cell_of[~fitted]]
    return equal_error_rate(odds, target)[0]


def _fit(cells: sparse.csr_array, counts: np.ndarray) -> np.ndarray:
    """Return float64 [numbers]: the weights of a logistic regression with an L2 penalty.

    Parameters
    ----------
    cells
        [cells, numbers]: 1 where a cell has the number. Its log-odds are the sum of their weights.
    counts
        float64 [2, cells]: non-targets and targets.
    """
    present = np.flatnonzero(counts.sum(axis=0))
    seen, shares = cells[present], counts[:, present]
    shares *= shares.sum() / 2 / shares.sum(axis=1, keepdims=True)
    transposed = seen.T.tocsr()

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        odds = seen @ weights
        small = np.exp(-np.abs(odds))
        # -log of the chance of a non-target; of a target it is less by the odds.
        against = np.maximum(odds, 0) + np.log1p(small)
        chance = np.where(odds > 0, 1, small) / (1 + small)
        value = shares[0] @ against + shares[1] @ (against - odds)
        gradient = transposed @ (shares.sum(axis=0) * chance - shares[1])
        return value + RIDGE / 2 * weights @ weights, gradient + RIDGE * weights

    start = np.zeros(seen.shape[1])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": MOST_STEPS})
    return found.x
