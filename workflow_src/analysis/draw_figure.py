"""Draw a figure for print, from its table: at the widths of a page, as PDF, SVG and PNG."""

from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt

from workflow_src.analysis import figures
from workflow_src.analysis.drawing import read_table
from workflow_src.analysis.figure_list import TRAITS, list_figures
from workflow_src.common.errors import InputError, did_you_mean, first_line
from workflow_src.common.plotting import METADATA, WIDTHS, save_figure, use_style
from workflow_src.running.arguments import Input


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments."""

    figure: str
    """The figure's name."""
    table: Input
    """Its table, CSV."""
    directory: Path
    """Folder for <figure>-<width>.<ending>."""


def run(args: Arguments) -> None:
    """Read the table, draw it once for each width, and write all formats."""
    names = [figure.name for figure in list_figures(TRAITS)]
    if args.figure not in names:
        raise InputError(
            f"figure: {args.figure!r} is no figure; allowed: {', '.join(names)}"
            f"{did_you_mean(args.figure, names)}"
        )
    table, plot = read_table(args.table), getattr(figures, args.figure)
    for name, width in WIDTHS.items():
        use_style(width)
        try:
            figure = plot(table)
            save_figure(figure, args.directory, f"{args.figure}-{name}", METADATA)
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{args.table}: is no table of {args.figure} ({first_line(error)})"
            ) from error
        plt.close(figure)
