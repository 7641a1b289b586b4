"""Execute the visual-analysis notebook: tables and figures from the results of all runs."""

from pathlib import Path

from workflow_src.common.notebooks import execute_notebook
from workflow_src.running.steps import parse_settings, run_step, step_parser
from workflow_src.settings.base import Block, Seed, Weight
from workflow_src.settings.trials import Scenario


class Parameters(Block):
    """What the notebook takes; its own defaults are for a reader who opens it."""

    scenario: Scenario
    alpha: Weight
    pretrained: list[Seed]


def main(argv: list[str] | None = None) -> None:
    """Execute the notebook in the working directory, whose results/ it reads and extends."""
    parser = step_parser(__doc__)
    parser.add_argument("--notebook", type=Path, required=True, help="the notebook, from the clone")
    parser.add_argument("--settings", required=True, metavar="JSON", help="the notebook's settings")
    parser.add_argument(
        "--executed", type=Path, required=True, help="the executed notebook to write"
    )
    parser.add_argument(
        "--draft", type=Path, required=True, help="where the notebook lies while it runs"
    )
    args = parser.parse_args(argv)
    parameters = parse_settings(args.settings, Parameters, "--settings").model_dump()
    parameters["workdir"] = "."
    execute_notebook(args.notebook, args.executed, args.draft, parameters)


if __name__ == "__main__":
    run_step(main)
