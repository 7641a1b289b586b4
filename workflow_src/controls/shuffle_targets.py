"""Measure all runs on trials whose targets stand in random order, over all days.

In the order in which they were recorded, a method gains in two ways: it follows a voice that
changes, and it hears more of the voice. In random order there is nothing to follow, but as much to
hear. So what a method loses here it had by tracking change; what it still gains over the run that
never updates, by more speech. That run has the same EER in both, since each of its trials is the
same.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from workflow_src.common.files import write_csv
from workflow_src.common.seeds import generator
from workflow_src.controls.arguments import Changed, ListControlArguments


@dataclass(frozen=True, kw_only=True)
class Arguments(ListControlArguments):
    """The step's arguments."""


def shuffle_targets(trials: pd.DataFrame, name: str, seed: int) -> pd.DataFrame:
    """Put the targets of each sequence (model, round) in random order.

    Each place keeps its day and its label, and non-targets stay where they are. So a sequence keeps
    its targets, and each of its days as many targets as before.

    Parameters
    ----------
    trials
        Columns model, round, step, utterance, target; rows in any order.
    name
        The trial list; draws depend on it and on the model.
    seed
        The config's seed.
    """
    utterance = trials["utterance"].to_numpy(dtype=object, copy=True)
    targets = trials.reset_index(drop=True)
    targets = targets[targets["target"].astype(bool)].sort_values(["round", "step"])
    for model, own in targets.groupby("model", sort=True):
        rng = generator(seed, "controls", "targets", name, str(model))
        for _, rows in own.groupby("round", sort=True):
            places = rows.index.to_numpy()
            utterance[places] = utterance[rng.permutation(places)]
    return trials.assign(utterance=pd.array(utterance, dtype="str"))


def run(args: Arguments) -> None:
    """Read the trials, measure all runs in both orders of targets, write one table."""

    def change(trials: pd.DataFrame, name: str) -> Changed:
        return Changed("recorded", "shuffled", shuffle_targets(trials, name, args.seed))

    write_csv(args.tabulate("targets", change), args.table)
