"""Write the run table: one row a run, a method with its settings and seed."""

from pathlib import Path

from workflow_src.common.files import write_csv
from workflow_src.inference.tuned import resolve_tuned
from workflow_src.running.steps import run_step, step_parser
from workflow_src.settings.runs import parse_runs, tabulate


def main(argv: list[str] | None = None) -> None:
    """Write the runs given as JSON as a table."""
    parser = step_parser(__doc__)
    parser.add_argument(
        "--runs", required=True, metavar="JSON", help="list of runs, an object each"
    )
    parser.add_argument("--table", type=Path, required=True, help="CSV to write")
    args = parser.parse_args(argv)
    runs = [resolve_tuned(run) for run in parse_runs(args.runs)]
    write_csv(tabulate(runs), args.table)


if __name__ == "__main__":
    run_step(main)
