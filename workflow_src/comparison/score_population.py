"""Score every run of one simulated population: what the comparison of methods rests on.

Reads the results folder of the population's own workflow (trials, embeddings, policies), writes
one table a scenario to --out: speaker, target and a column of scores for each run.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_src.common.errors import InputError
from workflow_src.common.files import read_parquet, write_parquet
from workflow_src.common.tables import read_embeddings, read_scenario
from workflow_src.inference.methods import build_rule
from workflow_src.inference.scoring import score_task
from workflow_src.inference.tuned import resolve_tuned
from workflow_src.running.steps import run_step, show_progress, step_parser
from workflow_src.settings.runs import Run, parse_runs
from workflow_src.updating.sequences import build_task


def place_run(run: Run, results: Path) -> Run:
    """Return a run whose files lie under another results folder, its tuned numbers filled in."""
    moved = {}
    for name in ("checkpoint", "tuned"):
        path = getattr(run, name)
        if path is None:
            continue
        if not Path(path).is_relative_to("results"):
            raise InputError(f"--runs: {name} of {run.run} is {path!r}; it must be in results/")
        moved[name] = str(results / Path(path).relative_to("results"))
    return resolve_tuned(replace(run, **moved))


def score_runs(
    runs: list[Run],
    trials: pd.DataFrame,
    enrolment: pd.DataFrame,
    embeddings: np.ndarray,
    index: pd.DataFrame,
) -> pd.DataFrame:
    """Score the trials of a scenario with every run.

    Parameters
    ----------
    runs
        Whose checkpoints can be read.
    trials, enrolment, embeddings, index
        As for `workflow_src.inference.scoring.score_scenario`.

    Returns
    -------
    DataFrame
        speaker (of the model), target, and for each run a column float32 of its name; rows as in
        `trials`.
    """
    columns = {"speaker": trials["speaker"], "target": trials["target"]}
    common = build_task(trials, enrolment, embeddings, index)
    for run in show_progress(runs, "runs"):
        rule = build_rule(run)
        chosen = rule.choose_enrolment(enrolment, index)
        own = chosen is not enrolment
        task = build_task(trials, chosen, embeddings, index) if own else common
        scored = score_task(rule, task, trials)
        columns[run.run] = scored["score"].to_numpy()
    return pd.DataFrame(columns)


def main(argv: list[str] | None = None) -> None:
    """Read the population's results, score, write."""
    parser = step_parser(__doc__)
    parser.add_argument("--results", type=Path, required=True, help="the population's results/")
    parser.add_argument("--runs", required=True, metavar="JSON", help="list of runs")
    parser.add_argument("--scenarios", nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder of tables to write")
    args = parser.parse_args(argv)
    runs = parse_runs(args.runs)
    embeddings = read_embeddings(args.results / "embeddings/embeddings.npy", mmap=True)
    index = read_parquet(args.results / "embeddings/index.parquet", ["row", "utterance"])
    runs = [place_run(run, args.results) for run in runs]
    scenarios = {name: read_scenario(args.results / "trials", name) for name in args.scenarios}
    tables = {
        name: score_runs(runs, *scenario, embeddings, index) for name, scenario in scenarios.items()
    }
    for name, table in tables.items():
        write_parquet(table, args.out / f"{name}.parquet")


if __name__ == "__main__":
    run_step(main)
