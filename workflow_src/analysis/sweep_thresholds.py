"""Sweep the fixed weight's update threshold and weight over one scenario, for the EER map."""

from pathlib import Path

from workflow_src.common.files import read_parquet, write_csv
from workflow_src.common.tables import ENROLMENT_COLUMNS, TRIAL_COLUMNS, read_embeddings
from workflow_src.inference.sweep import sweep_fixed_weight
from workflow_src.running.steps import (
    add_settings_argument,
    parse_settings,
    run_step,
    step_parser,
)
from workflow_src.settings.analysis import Sweep


def main(argv: list[str] | None = None) -> None:
    """Score all weights and thresholds side by side and write their error rates."""
    parser = step_parser(__doc__)
    parser.add_argument("--trials", type=Path, required=True, help="the scenario's trials, parquet")
    parser.add_argument("--enrolment", type=Path, required=True, help="its enrolments, parquet")
    parser.add_argument("--embeddings", type=Path, required=True, help="matrix of embeddings, npy")
    parser.add_argument("--index", type=Path, required=True, help="its utterances, parquet")
    add_settings_argument(parser, Sweep)
    parser.add_argument("--sweep", type=Path, required=True, help="CSV to write")
    args = parser.parse_args(argv)
    settings = parse_settings(args.settings, Sweep, "analysis.sweep")
    sweep = sweep_fixed_weight(
        settings.alphas,
        settings.thresholds,
        read_parquet(args.trials, TRIAL_COLUMNS),
        read_parquet(args.enrolment, ENROLMENT_COLUMNS),
        read_embeddings(args.embeddings, mmap=True),
        read_parquet(args.index, ["row", "utterance"]),
    )
    write_csv(sweep, args.sweep)


if __name__ == "__main__":
    run_step(main)
