"""Choose the update threshold of a run on development trials, its weight or policy being given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from workflow_src.common.files import read_parquet, write_csv, write_json
from workflow_src.common.tables import read_embeddings
from workflow_src.methods.development import Development
from workflow_src.methods.fit_method import read_development
from workflow_src.methods.fixed_weight import choose_fixed_weight
from workflow_src.methods.rules import load_policy
from workflow_src.running.steps import add_settings_argument, parse_settings, run_step, step_parser
from workflow_src.settings.runs import Run, parse_run
from workflow_src.settings.tuning import Tuning


def tune_threshold(
    development: Development, run: Run, settings: Tuning
) -> tuple[float, pd.DataFrame]:
    """Choose the threshold with which a run's rule has the least cost.

    Parameters
    ----------
    development
        What to choose on.
    run
        ``fixed-weight`` with its alpha, or a run with a policy.
    settings
        The config's block ``tuning``: the thresholds to choose among.

    Returns
    -------
    float
        The threshold; of equal costs the lowest.
    DataFrame
        threshold, cost.
    """
    if run.alpha is not None:
        _, table = choose_fixed_weight(development, settings, [run.alpha])
        table = table[["threshold", "cost"]]
    else:
        costs = [
            float(development.cost(load_policy(run.checkpoint, threshold))[0])
            for threshold in settings.thresholds
        ]
        table = pd.DataFrame({"threshold": settings.thresholds, "cost": costs})
    table = table.sort_values("threshold", ignore_index=True)
    return float(table["threshold"].iloc[int(np.argmin(table["cost"]))]), table


def main(argv: list[str] | None = None) -> None:
    """Read the development trials and the run's policy, choose, write."""
    parser = step_parser(__doc__)
    parser.add_argument("--run", required=True, metavar="JSON", help="the run, a row of the table")
    parser.add_argument(
        "--development", type=Path, required=True, help="folder of the development trials"
    )
    parser.add_argument("--embeddings", type=Path, required=True, help=".npy, [N, D]")
    parser.add_argument("--index", type=Path, required=True, help="parquet: row, utterance")
    add_settings_argument(parser, Tuning)
    parser.add_argument("--seed", type=int, required=True, help="the config's seed")
    parser.add_argument("--threshold", type=Path, required=True, help="JSON to write")
    parser.add_argument("--tried", type=Path, required=True, help="CSV to write")
    args = parser.parse_args(argv)
    settings = parse_settings(args.settings, Tuning, "tuning")
    run = parse_run(args.run)
    embeddings = read_embeddings(args.embeddings, mmap=True)
    index = read_parquet(args.index, ["row", "utterance"])
    development = read_development(args.development, settings, embeddings, index, args.seed).every
    threshold, tried = tune_threshold(development, run, settings)
    write_csv(tried, args.tried)
    write_json({"threshold": threshold}, args.threshold)
    print(f"threshold {threshold:g}")


if __name__ == "__main__":
    run_step(main)
