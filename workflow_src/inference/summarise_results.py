"""Summarise the scores of every run and scenario: EER, minDCF and their thresholds."""

from pathlib import Path

import pandas as pd

from workflow_src.common.files import read_csv, read_parquet, write_csv
from workflow_src.common.steps import run_step, show_progress, step_parser
from workflow_src.inference.scoring import summarise_scores


def main(argv: list[str] | None = None) -> None:
    """Read the scored trials of all runs and write one table."""
    parser = step_parser(__doc__)
    parser.add_argument("--runs", type=Path, required=True, help="the run table, CSV")
    parser.add_argument(
        "--scores", type=Path, required=True, help="folder of <run>/<scenario>.parquet"
    )
    parser.add_argument("--scenarios", nargs="+", required=True, help="in the order to list them")
    parser.add_argument("--summary", type=Path, required=True, help="CSV to write")
    args = parser.parse_args(argv)
    runs = read_csv(args.runs, ["run", "method", "alpha", "threshold", "seed"], text=["run"])
    runs = runs.drop(columns="checkpoint").astype({"seed": "Int64"})
    rows = [
        {"run": run, "scenario": scenario}
        | summarise_scores(read_parquet(args.scores / run / f"{scenario}.parquet"))
        for run in show_progress(runs["run"], "runs")
        for scenario in args.scenarios
    ]
    write_csv(runs.merge(pd.DataFrame(rows), on="run", validate="one_to_many"), args.summary)


if __name__ == "__main__":
    run_step(main)
