"""The style of all figures, and writing figures to files."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from workflow_src.common.files import written_whole

# Both kinds of trial: whether it is a target, colour, name. The colours are from Okabe and Ito's
# palette, distinct for any colour vision.
KINDS = ((True, "#0072B2", "targets"), (False, "#D55E00", "non-targets"))


def use_style() -> None:
    """Set the style of all figures; ids in SVG files are the same in every run.

    A matplotlibrc of the user's counts for nothing.
    """
    mpl.rcdefaults()
    mpl.rcParams.update(
        {
            "figure.dpi": 110,
            "savefig.dpi": 160,
            "figure.constrained_layout.use": True,
            "font.size": 10,
            "axes.titlesize": 11,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "grid.color": "#e2e2e2",
            "grid.linewidth": 0.8,
            "axes.axisbelow": True,
            "legend.frameon": False,
            "svg.hashsalt": "workflow",
            "svg.fonttype": "path",
        }
    )


def make_panels(
    count: int, columns: int, width: float, height: float, extra: float = 0, **options: Any
) -> tuple[Figure, np.ndarray]:
    """Return a figure and its axes [rows, columns]: `count` panels, the rest hidden.

    `columns` is the most in a row; a panel has a width and height in inches, and the figure an
    extra height; `options` are those of ``plt.subplots``.
    """
    columns = min(columns, count)
    rows = -(-count // columns)
    size = (width * columns, extra + height * rows)
    figure, panels = plt.subplots(rows, columns, figsize=size, squeeze=False, **options)
    for axes in panels.flat[count:]:
        axes.set_visible(False)
    return figure, panels


def save_figure(figure: Figure, folder: str | Path, name: str) -> None:
    """Write a figure as ``<name>.png`` and ``<name>.svg``, the same bytes for the same figure."""
    # One layout for both files: it takes long, and its result is the same.
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for ending, metadata in (("png", {"Software": None}), ("svg", {"Date": None, "Creator": None})):
        with written_whole(Path(folder) / f"{name}.{ending}") as part:
            figure.savefig(part, format=ending, metadata=metadata)
