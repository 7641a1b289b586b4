"""Write the run table: one row a run, a method with its settings and seed."""

from dataclasses import replace
from pathlib import Path

from workflow_src.common.errors import InputError
from workflow_src.common.expand_runs import FIXED
from workflow_src.common.files import read_json, write_csv
from workflow_src.common.runs import Run, parse_runs, tabulate
from workflow_src.common.steps import run_step, step_parser


def resolve_tuned(run: Run) -> Run:
    """Fill in what was chosen on the training speakers: a tuned threshold, a tuned fixed weight.

    Raises
    ------
    InputError
        The file of what was chosen is missing, broken, or lacks it.
    """
    if run.tuned is not None:
        return replace(run, threshold=_read_numbers(run.tuned, "threshold")[0])
    if run.method == FIXED:
        alpha, threshold = _read_numbers(f"{run.checkpoint}/policy.json", "alpha", "threshold")
        return replace(run, alpha=alpha, threshold=threshold)
    return run


def _read_numbers(path: str, *names: str) -> list[float]:
    content = read_json(path)
    numbers = [content.get(name) if isinstance(content, dict) else None for name in names]
    for name, number in zip(names, numbers, strict=True):
        if not isinstance(number, int | float):
            raise InputError(f"{path}: {name} is {number!r}; it must be a number")
    return [float(number) for number in numbers]


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
