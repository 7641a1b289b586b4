"""What a figure was drawn from, in a sentence for its caption."""

from __future__ import annotations

import pandas as pd

from workflow_src.settings.orders import TrialList


def say_list(trials: pd.DataFrame, trial_list: TrialList) -> str:
    """Say which scenario and order it is, how many speakers enrolled, and how many trials.

    `trials` has a row for each trial of the list: speaker, target (bool).
    """
    targets = int(trials["target"].sum())
    return (
        f"Scenario {trial_list.scenario}, {trial_list.order} order: "
        f"{trials['speaker'].nunique()} speakers, {targets:,} target and "
        f"{len(trials) - targets:,} non-target trials."
    )


def say_lists(summary: pd.DataFrame, split: pd.DataFrame) -> str:
    """Say how many scenarios, orders and test speakers there are, and how many trials of a list.

    Parameters
    ----------
    summary
        ``summary.csv``.
    split
        ``corpus/split.csv``.
    """
    one = summary.drop_duplicates(["scenario", "order"])
    trials = one["target_trials"] + one["nontarget_trials"]
    fewest, most = one.loc[trials.idxmin()], one.loc[trials.idxmax()]
    return (
        f"{_count(one['scenario'].nunique(), 'scenario')} in "
        f"{_count(one['order'].nunique(), 'order')}, "
        f"{_count((split['part'] == 'test').sum(), 'test speaker')}; "
        f"{trials.min():,} ({fewest['scenario']}) to {trials.max():,} ({most['scenario']}) trials."
    )


def say_training(split: pd.DataFrame) -> str:
    """Say how many speakers a policy was trained on; `split` is ``corpus/split.csv``."""
    return f"Trained on {_count((split['part'] == 'train').sum(), 'speaker')}."


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
