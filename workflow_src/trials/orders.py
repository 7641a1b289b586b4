"""Orders of trials that do not tell the label.

In published order a target is followed by its non-target, so a rule that counts and never listens
makes no error. Two other orders exist:

- ``shuffled``: the published trials of each day of a sequence in random order. The place tells
  nothing. The balance does: each day has as many targets as non-targets.
- ``independent``: neither place nor counts tell anything.

**Independent order.** Let a test day have U utterances, and t targets in published order. Let r be
the non-targets for each target and p = 1 / (1 + r) the share of targets.

1. The number n of trials has the mean m (1 + r), where m = min(t, U / 2). A fractional mean is
   rounded up with the probability of its fraction. So n is drawn without a look at labels.
2. Each of the n trials is a target by a coin flip with probability p. Targets are different
   utterances of the day, drawn at random, in corpus order. A non-target is a uniform other
   speaker, then a uniform utterance of that speaker.

Given all days and all numbers of trials, the labels are independent flips with the same
probability. So no rule that sees only the order does better than chance, not even one that knows
all later days and all earlier labels. There are m targets a day on average, for any r.

A day can have no more targets than utterances. Where n > U, which takes r > 1, the flips are those
with at most U targets, and their probability is raised so that the mean stays p n. Place and
counts tell nothing then, either: each trial is a target with probability p. Only a rule that knows
that many targets of a day have come expects fewer to come.

A unit other than a day has several dates. Its n trials are spread over its utterances as evenly as
n allows, the rest at random, and each date gets the trials of its utterances. Then step 2 is done
for each date. So dates tell nothing, either.

This module reads and writes no files.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np
import pandas as pd

from workflow_src.common.seeds import generator
from workflow_src.trials.pool import Pool, draw_nontargets


class Drawn(NamedTuple):
    """The trials of all units of a speaker, by row, then unit, in the order of scoring.

    Attributes
    ----------
    first
        int64 [rows x units + 1]: number of the first trial of each row and unit.
    utterance, dated
        int64 [n]: number of the utterance, and of one of the date of the trial, in the pool.
    target
        bool [n].
    """

    first: np.ndarray
    utterance: np.ndarray
    dated: np.ndarray
    target: np.ndarray


def draw_independent(
    pool: Pool, speaker: int, targets: np.ndarray, ratio: float, seed: int, stream: tuple[str, ...]
) -> Drawn:
    """Draw the trials of the units of a speaker in independent order.

    Parameters
    ----------
    pool
        The pool.
    speaker
        The number of the speaker.
    targets
        int64 [rows, units of the speaker]: targets in published order; 0 where there is no test.
        More rows do not change the draws of earlier ones.
    ratio
        Non-targets for each target, on average.
    seed, stream
        The seed, and the name of the speaker's stream.
    """

    def draw(what: str, *shape: int) -> np.ndarray:
        return generator(seed, *stream, "independent", what).random(shape)

    rows = len(targets)
    share = 1 / (1 + ratio)
    first, last = pool.first_unit[speaker : speaker + 2]
    sizes = np.diff(pool.first_utterance[first : last + 1])
    begin, end = pool.first_utterance[[first, last]]
    unit_of = np.repeat(np.arange(len(sizes)), sizes)

    mean = np.minimum(targets, sizes / 2) * (1 + ratio)
    numbers = np.floor(mean + draw("numbers", *targets.shape)).astype(np.int64)
    whole, rest = np.divmod(numbers, sizes)
    trials = whole[:, unit_of] + choose_smallest(draw("spread", rows, end - begin), rest, sizes)

    dates = pool.dates.iloc[begin:end].to_numpy(dtype=object)
    changes = (np.diff(unit_of) != 0) | (dates[1:] != dates[:-1])
    # A speaker may have no utterance at all.
    first_of_date = np.flatnonzero(np.r_[end > begin, changes])
    of_date = np.diff(np.r_[first_of_date, end - begin])
    trials_of_date = np.add.reduceat(trials, first_of_date, axis=1)
    wanted = _draw_numbers_of_targets(
        trials_of_date, of_date, share, draw("targets", *trials_of_date.shape)
    )

    total = int(numbers.sum())
    target = choose_smallest(
        draw("kinds", total)[None], wanted.reshape(1, -1), trials_of_date.ravel()
    )[0]
    utterance = np.empty(total, dtype=np.int64)
    # Both sides are by row, then date.
    chosen = choose_smallest(draw("utterances", rows, end - begin), wanted, of_date)
    utterance[target] = begin + np.nonzero(chosen)[1]
    draws = draw("nontargets", total - int(wanted.sum()), 2)
    utterance[~target] = draw_nontargets(pool, speaker, draws)
    return Drawn(
        first=np.r_[0, np.cumsum(numbers)],
        utterance=utterance,
        dated=np.repeat(begin + np.tile(first_of_date, rows), trials_of_date.ravel()),
        target=target,
    )


def choose_smallest(keys: np.ndarray, counts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Choose the entries with the smallest keys of each group.

    Parameters
    ----------
    keys
        float64 [rows, N].
    counts
        int64 [rows, groups]: how many to choose; at most the size of the group.
    sizes
        int64 [groups]: the groups follow one another, N entries in all.

    Returns
    -------
    ndarray
        bool [rows, N].
    """
    group = np.repeat(np.arange(len(sizes)), sizes)
    order = np.lexsort((keys, np.broadcast_to(group, keys.shape)), axis=1)
    rank = np.arange(len(group)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    chosen = np.zeros(keys.shape, dtype=bool)
    np.put_along_axis(chosen, order, rank < counts[:, group], axis=1)
    return chosen


def shuffle_days(trials: pd.DataFrame, scenario: str, seed: int) -> pd.DataFrame:
    """Put the trials of each day of a sequence in random order.

    `trials` is a table with the columns model, round, step, day, utterance and target, rows by
    step within (model, round). `scenario` names the stream of draws, with the model.
    """
    keys = np.empty(len(trials))
    for model, rows in trials.groupby("model", sort=False).indices.items():
        keys[rows] = generator(seed, "trials", "shuffled", scenario, model).random(len(rows))
    columns = ["model", "round", "day"]
    day = trials.groupby(columns, sort=False).ngroup().to_numpy()
    place = np.argsort(day, kind="stable")
    taken = np.empty(len(trials), dtype=np.int64)
    taken[place] = np.lexsort((keys, day))
    moved = trials[["utterance", "target"]].iloc[taken].reset_index(drop=True)
    return trials.assign(utterance=moved["utterance"], target=moved["target"])


def _draw_numbers_of_targets(
    trials: np.ndarray, most: np.ndarray, share: float, draws: np.ndarray
) -> np.ndarray:
    """Turn uniform draws into numbers of targets.

    Parameters
    ----------
    trials
        int64 [rows, dates].
    most
        int64 [dates]: utterances of the speaker.
    share
        The share of targets, 0..1.
    draws
        float64 [rows, dates] in [0, 1).
    """
    numbers = np.zeros(trials.shape, dtype=np.int64)
    most = np.broadcast_to(most, trials.shape)
    pairs, which = np.unique(np.stack([trials.ravel(), most.ravel()]), axis=1, return_inverse=True)
    for place, (n, at_most) in enumerate(pairs.T.tolist()):
        of_pair = (which == place).reshape(trials.shape)
        law = law_of_targets(n, min(n, at_most), share)
        numbers[of_pair] = np.searchsorted(np.cumsum(law)[:-1], draws[of_pair], side="right")
    return numbers


@functools.cache
def law_of_targets(trials: int, most: int, share: float) -> np.ndarray:
    """Return the probabilities of 0..`most` targets among n trials, with the mean `share` x n.

    They are those of n coin flips, given at most `most` targets. Without that limit (`most` = n)
    the law is binomial.

    Returns
    -------
    ndarray
        float64 [most + 1].
    """
    numbers = np.arange(most + 1)
    ways = np.array([-math.lgamma(k + 1) - math.lgamma(trials - k + 1) for k in numbers])

    def law(odds: float) -> np.ndarray:
        log = ways + numbers * odds
        law = np.exp(log - log.max())
        return law / law.sum()

    low = math.log(share / (1 - share))
    if most == trials:
        return law(low)
    # The mean rises with the odds. At the end of the search it is right to the last digits.
    high = low + 1
    while law(high) @ numbers < share * trials:
        high += 1
    for _ in range(60):
        middle = (low + high) / 2
        if law(middle) @ numbers < share * trials:
            low = middle
        else:
            high = middle
    return law(high)
