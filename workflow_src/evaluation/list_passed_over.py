"""List everything that the steps passed over: recordings, files, rows of metadata, days, models."""

from dataclasses import dataclass, field

from workflow_src.common.passed_over import gather_passed_over, write_passed_over
from workflow_src.running.arguments import Input, Inputs, Output


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments."""

    parts: Inputs = field(default_factory=list)
    """What single steps passed over, CSV."""
    rejected: Input
    """Recordings without an embedding, CSV."""
    table: Output
    """Stage, what, number and the first of each kind, CSV."""


def run(args: Arguments) -> None:
    """Gather the tables."""
    rows = gather_passed_over([*args.parts, args.rejected])
    write_passed_over(rows, args.table)
    print("\n".join(map(str, rows)) or "nothing is passed over")
