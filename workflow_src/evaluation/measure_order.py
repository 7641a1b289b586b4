"""Measure what the order of trials tells of the label, for every trial list.

The step reads the scored trials of one run, whose decisions are those that a rule may remember. A
trial is accepted where its score is above the threshold of the run's EER on the list.
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from workflow_src.common.errors import blamed_on
from workflow_src.common.files import read_parquet, write_csv
from workflow_src.evaluation.metrics import equal_error_rate
from workflow_src.evaluation.order_meter import COLUMNS, measure_order
from workflow_src.running.arguments import Output
from workflow_src.running.progress import show_progress
from workflow_src.settings.orders import TrialList


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments."""

    run: str
    """The run whose decisions a rule may remember."""
    folder: Path
    """Folder with <run>/<trial list>.parquet, the scored trials."""
    lists: list[TrialList]
    """The trial lists."""
    seed: int
    """The config's seed."""
    table: Output
    """The EERs of rules that see only the order, CSV."""


def run(args: Arguments) -> None:
    """Read the scored trials of a run, measure each list and write one table."""
    rows = []
    for one in show_progress(args.lists, "lists"):
        path = args.folder / args.run / f"{one.id}.parquet"
        trials = read_parquet(path, [*COLUMNS, "score"], only=True)
        with blamed_on(path):
            threshold = equal_error_rate(trials["score"].to_numpy(), trials["target"].to_numpy())[1]
        accepted = trials["score"].to_numpy() > threshold
        for sees, eer in measure_order(trials.assign(accepted=accepted), args.seed).items():
            decided = args.run if sees == "decisions" else None
            row = {"sees": sees, "run": decided, "eer_percent": 100 * eer, "trials": len(trials)}
            rows.append({**one.model_dump(), **row})
    write_csv(pd.DataFrame(rows), args.table)
