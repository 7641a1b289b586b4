"""Execute the inference notebook for one run, which scores all trials."""

from dataclasses import asdict, dataclass
from pathlib import Path

from workflow_src.common.notebooks import execute_notebook
from workflow_src.running.arguments import Output
from workflow_src.settings.orders import TrialList
from workflow_src.settings.runs import Run


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments."""

    notebook: str
    """The notebook, relative to the folder of the workflow."""
    run: Run
    """The run, a row of the run table."""
    lists: list[TrialList]
    """The trial lists to score."""
    executed: Output
    """The executed notebook to write."""
    draft: Path
    """Where the notebook lies while it runs."""


def run(args: Arguments) -> None:
    """Execute the notebook in the working directory; it reads results/ and writes to it."""
    parameters = {
        "run": asdict(args.run),
        "lists": [one.model_dump() for one in args.lists],
        "workdir": ".",
    }
    execute_notebook(args.notebook, args.executed, args.draft, parameters)
