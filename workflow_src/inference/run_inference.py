"""Execute the inference notebook for one run: score the trials of all scenarios with its method."""

from dataclasses import asdict
from pathlib import Path

from workflow_src.common.notebooks import execute_notebook
from workflow_src.inference.tuned import resolve_tuned
from workflow_src.running.steps import run_step, step_parser
from workflow_src.settings.runs import parse_run


def main(argv: list[str] | None = None) -> None:
    """Execute the notebook in the working directory, whose results/ it reads and extends."""
    parser = step_parser(__doc__)
    parser.add_argument("--notebook", type=Path, required=True, help="the notebook, from the clone")
    parser.add_argument(
        "--run", required=True, metavar="JSON", help="the run, a row of the run table"
    )
    parser.add_argument("--scenarios", nargs="+", required=True, help="scenarios to score")
    parser.add_argument(
        "--executed", type=Path, required=True, help="the executed notebook to write"
    )
    parser.add_argument(
        "--draft", type=Path, required=True, help="where the notebook lies while it runs"
    )
    args = parser.parse_args(argv)
    run = asdict(resolve_tuned(parse_run(args.run)))
    parameters = {"run": run, "scenarios": args.scenarios, "workdir": "."}
    execute_notebook(args.notebook, args.executed, args.draft, parameters)


if __name__ == "__main__":
    run_step(main)
