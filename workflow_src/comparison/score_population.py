"""Score every run on one simulated population, for the comparison of methods.

The step reads the results folder of the population's own workflow: trials, embeddings and policies.
It writes one table per trial list: speaker, tested, target, and a column of scores for each run.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_src.common.files import write_parquet
from workflow_src.common.tables import read_embeddings, read_index, read_scenario
from workflow_src.comparison.placed_runs import place_run
from workflow_src.inference.many_runs import score_runs
from workflow_src.inference.methods import build_rule
from workflow_src.running.progress import show_progress
from workflow_src.settings.orders import TrialList
from workflow_src.settings.runs import Run


def tabulate_scores(
    runs: list[Run],
    trials: pd.DataFrame,
    enrolment: pd.DataFrame,
    embeddings: np.ndarray,
    index: pd.DataFrame,
) -> pd.DataFrame:
    """Score the trials of a scenario with every run.

    The tables are as for `workflow_src.inference.scoring.score_scenario`.

    Returns
    -------
    DataFrame
        speaker (of the model), tested (the speaker of the test utterance), target, and for each run
        a column float32 of its name; rows as in `trials`.
    """
    tested = trials["utterance"].map(index.set_index("utterance")["speaker"])
    columns = {"speaker": trials["speaker"], "tested": tested, "target": trials["target"]}
    rules = {run.run: build_rule(run) for run in runs}
    scored = score_runs(rules, trials, enrolment, embeddings, index)
    for run, table in show_progress(scored, "runs", len(runs)):
        columns[run] = table["score"].to_numpy()
    return pd.DataFrame(columns)


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments."""

    results: Path
    """The population's folder results/."""
    runs: list[Run]
    """The runs to score."""
    lists: list[TrialList]
    """The trial lists to score."""
    directory: Path
    """Folder for the tables, <trial list>.parquet."""


def run(args: Arguments) -> None:
    """Read the population's results, score, write."""
    embeddings = read_embeddings(args.results / "embeddings/embeddings.npy", mmap=True)
    index = read_index(args.results / "embeddings/index.parquet")
    runs = [place_run(one, args.results) for one in args.runs]
    lists = {one.id: read_scenario(args.results / "trials", one.id) for one in args.lists}
    tables = {name: tabulate_scores(runs, *one, embeddings, index) for name, one in lists.items()}
    for name, table in tables.items():
        write_parquet(table, args.directory / f"{name}.parquet")
