"""Execute the visual-analysis notebook, which draws tables and figures of all runs."""

from dataclasses import dataclass, field
from pathlib import Path

from workflow_src.common.notebooks import execute_notebook
from workflow_src.running.arguments import Output
from workflow_src.settings.intervals import Intervals
from workflow_src.settings.orders import Order


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments."""

    notebook: str
    """The notebook, relative to the folder of the workflow."""
    scenario: str
    """The scenario of figures that show one scenario."""
    order: Order = "published"
    """The order of its trials."""
    alpha: float
    """The weight that stands for a method with several weights, in figures that show one."""
    pretrained: list[int] = field(default_factory=list)
    """The seeds of pretrained policies."""
    intervals: Intervals
    """Resamples and confidence."""
    seed: int
    """The config's seed."""
    executed: Output
    """The executed notebook to write."""
    draft: Path
    """Where the notebook lies while it runs."""


def run(args: Arguments) -> None:
    """Execute the notebook in the working directory; it reads results/ and writes to it."""
    parameters = {
        "scenario": args.scenario,
        "order": args.order,
        "alpha": args.alpha,
        "pretrained": args.pretrained,
        "intervals": args.intervals.model_dump(),
        "seed": args.seed,
        "workdir": ".",
    }
    execute_notebook(args.notebook, args.executed, args.draft, parameters)
