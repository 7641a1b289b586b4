"""Write the run table: one row per run, which is a method with its settings and seed."""

from dataclasses import dataclass

from workflow_src.common.files import write_csv
from workflow_src.inference.tuned import resolve_tuned
from workflow_src.running.arguments import Output
from workflow_src.settings.runs import Run, tabulate


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments."""

    runs: list[Run]
    """The runs, in the order of the table."""
    table: Output
    """The run table, CSV."""


def run(args: Arguments) -> None:
    """Fill in the tuned numbers, and write the table."""
    write_csv(tabulate([resolve_tuned(row) for row in args.runs]), args.table)
