"""Choose the update threshold of a run with a given weight or policy on development trials."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_src.common.files import write_csv, write_json
from workflow_src.common.tables import read_embeddings, read_index
from workflow_src.methods.development import Development, choose, read_development
from workflow_src.methods.entries import load_entry
from workflow_src.methods.making import make_rule
from workflow_src.methods.storage import load_policy
from workflow_src.running.arguments import Input, Output
from workflow_src.settings.runs import Run
from workflow_src.settings.tuning import Tuning


def tune_threshold(
    development: Development, run: Run, thresholds: list[float]
) -> tuple[float, pd.DataFrame]:
    """Choose the threshold with the least cost for a run that has a policy, or needs no training.

    Return the threshold and a table of all candidates: threshold, cost. If costs are equal, the
    lowest threshold wins.
    """
    kind = load_entry(run.entry, run.folder)
    table = pd.DataFrame({"threshold": thresholds})
    if run.checkpoint is None:
        table, _ = choose(
            development, lambda rows: make_rule(run, kind, rows["threshold"].tolist()), table
        )
    else:
        rule = load_policy(run.checkpoint, kind)
        costs = []
        for threshold in thresholds:
            rule.take_threshold(threshold)
            costs.append(float(development.cost(rule)[0]))
        table = table.assign(cost=costs)
    table = table.sort_values("threshold", ignore_index=True)
    return float(table["threshold"].iloc[int(np.argmin(table["cost"]))]), table


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
    """The utterance of each row, parquet: row, utterance."""
    settings: Tuning
    """The thresholds to choose from, and the scenarios to choose on."""
    seed: int
    """The config's seed."""
    threshold: Output
    """The chosen threshold, JSON."""
    tried: Output
    """The candidates, CSV."""


def run(args: Arguments) -> None:
    """Read the development trials and the run's policy, then choose and write the threshold."""
    embeddings = read_embeddings(args.embeddings, mmap=True)
    index = read_index(args.index)
    partition = read_development(args.development, args.settings, embeddings, index, args.seed)
    thresholds = args.settings.thresholds or partition.every.candidate_thresholds()
    threshold, tried = tune_threshold(partition.every, args.run, thresholds)
    write_csv(tried, args.tried)
    write_json({"threshold": threshold}, args.threshold)
    print(f"threshold {threshold:g}")
