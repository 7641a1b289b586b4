"""Choose the update threshold of a run on development trials, its weight or policy being given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_src.common.files import read_parquet, write_csv, write_json
from workflow_src.common.tables import read_embeddings
from workflow_src.methods.development import Development, choose, read_development
from workflow_src.methods.entries import load_entry
from workflow_src.methods.storage import load_policy
from workflow_src.running.arguments import Input, Output
from workflow_src.settings.runs import Run
from workflow_src.settings.tuning import Tuning
from workflow_src.updating.interface import UpdateRule


def tune_threshold(
    development: Development, run: Run, thresholds: list[float]
) -> tuple[float, pd.DataFrame]:
    """Choose the threshold with which a run's rule has the least cost.

    Parameters
    ----------
    development
        What to choose on.
    run
        A run with a policy, or one of which the weight is given.
    thresholds
        What to choose among.

    Returns
    -------
    float
        The threshold; of equal costs the lowest.
    DataFrame
        threshold, cost.
    """
    kind = load_entry(run.entry, run.folder)
    table = pd.DataFrame({"threshold": thresholds})
    if run.checkpoint is None:
        table, _ = choose(
            development,
            lambda rows: kind([run.alpha] * len(rows), rows["threshold"].tolist()),
            table,
        )
    else:
        rule = load_policy(run.checkpoint, kind)
        costs = [_cost(development, rule, threshold) for threshold in thresholds]
        table = table.assign(cost=costs)
    table = table.sort_values("threshold", ignore_index=True)
    return float(table["threshold"].iloc[int(np.argmin(table["cost"]))]), table


def _cost(development: Development, rule: UpdateRule, threshold: float) -> float:
    rule.take_threshold(threshold)
    return float(development.cost(rule)[0])


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments."""

    run: Run
    """The run, a row of the run table."""
    development: Path
    """The folder of the development trials."""
    embeddings: Input
    """The embeddings, .npy, [N, D]."""
    index: Input
    """Their utterances, parquet: row, utterance."""
    settings: Tuning
    """The thresholds to choose among, and the scenarios to choose on."""
    seed: int
    """The config's seed."""
    threshold: Output
    """The chosen threshold, JSON."""
    tried: Output
    """What was tried, CSV."""


def run(args: Arguments) -> None:
    """Read the development trials and the run's policy, choose, write."""
    embeddings = read_embeddings(args.embeddings, mmap=True)
    index = read_parquet(args.index, ["row", "utterance"])
    partition = read_development(args.development, args.settings, embeddings, index, args.seed)
    threshold, tried = tune_threshold(partition.every, args.run, args.settings.thresholds)
    write_csv(tried, args.tried)
    write_json({"threshold": threshold}, args.threshold)
    print(f"threshold {threshold:g}")
