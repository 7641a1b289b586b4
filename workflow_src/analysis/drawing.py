"""Drawing a figure: in the notebook, with its table and caption; and for print."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import Markdown, display
from matplotlib.figure import Figure

from workflow_src.analysis.figure_list import read_caption, read_needed
from workflow_src.common.errors import InputError, first_line
from workflow_src.common.files import read_csv, write_csv, write_text
from workflow_src.common.plotting import save_figure

FOLDER = Path("results/analysis/figures")
TABLES = Path("results/analysis/tables/figures")
# Columns of tables that are no numbers.
TEXT = (
    *("label", "method", "name", "run", "scenario", "order"),
    *("property", "group", "speaker", "by", "kind", "point"),
)


def read_table(path: str | Path) -> pd.DataFrame:
    """Read the table of a figure: text in the columns `TEXT`, float64 in all others.

    Raises
    ------
    InputError
        There is no table, or a column that is none of `TEXT` holds something other than numbers.
    """
    table = read_csv(path, text=TEXT)
    for name in table.columns.difference(TEXT):
        try:
            table[name] = table[name].astype("float64")
        except ValueError as error:
            raise InputError(f"{path}: {name}: {first_line(error)}; needed are numbers") from error
    return table


def draw(plot: Callable[[pd.DataFrame], Figure], table: pd.DataFrame, about: str) -> None:
    """Draw a figure, show it with its caption, and write figure, table and caption.

    The files have the name of `plot`, which is a function of `workflow_src.analysis.figures`. The
    figure is drawn from the table as it was written. A figure that not all runs can have
    (`only_with`) is not drawn from an empty table.

    Parameters
    ----------
    plot
        Makes the figure.
    table
        What it shows.
    about
        What was measured, for the caption: a sentence of `workflow_src.analysis.samples`.
    """
    if table.empty and read_needed(plot):
        return
    listed = read_caption(plot.__name__, plot.__doc__)
    path = TABLES / f"{listed.name}.csv"
    write_csv(table, path)
    caption = f"{listed.caption} {about}"
    write_text(f"{listed.title}\n\n{caption}\n", FOLDER / f"{listed.name}.txt")
    figure = plot(read_table(path))
    save_figure(figure, FOLDER, listed.name)
    display(figure)
    plt.close(figure)
    display(Markdown(f"*{listed.title}.* {caption}"))
