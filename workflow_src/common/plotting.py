"""The style of all figures, and writing figures to files."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workflow_src.common.files import written_whole

# Widths of a figure in inches: one column and both columns of a page of IEEE's journals.
WIDTHS = {"column": 3.5, "page": 7.16}
# Sizes of text in points.
LARGE, SMALL = 8, 7
# Both kinds of trial: whether it is a target, its look, its name. The colours are distinct for any
# colour vision, and in grey.
KINDS: tuple[tuple[bool, dict[str, Any], str], ...] = (
    (True, {"color": "#0B4F9E", "linestyle": "-"}, "targets"),
    (False, {"color": "#F39A1E", "linestyle": (0, (5, 1.5))}, "non-targets"),
)
# Of two runs with the same figure, the files have the same bytes.
METADATA: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


def use_style(width: float = WIDTHS["page"]) -> None:
    """Set the style of all figures, and their width in inches; they are fit for print.

    Text in files is text, and can be searched and edited. Ids in SVG files are the same in every
    run. A matplotlibrc of the user's counts for nothing.
    """
    mpl.rcdefaults()
    mpl.rcParams.update(
        {
            "figure.figsize": (width, 0.6 * width),
            "figure.dpi": 110,
            "savefig.dpi": 300,
            "figure.constrained_layout.use": True,
            "font.size": LARGE,
            "axes.titlesize": LARGE,
            "axes.labelsize": LARGE,
            "figure.labelsize": LARGE,
            "xtick.labelsize": SMALL,
            "ytick.labelsize": SMALL,
            "legend.fontsize": SMALL,
            "axes.linewidth": 0.6,
            "lines.linewidth": 1.2,
            "lines.markersize": 3.5,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "grid.color": "#e2e2e2",
            "grid.linewidth": 0.6,
            "axes.axisbelow": True,
            "legend.frameon": False,
            "svg.hashsalt": "workflow",
            "svg.fonttype": "none",
            "pdf.fonttype": 42,
        }
    )


def figure_width() -> float:
    """Return the width of a figure, in inches, that `use_style` has set."""
    return float(mpl.rcParams["figure.figsize"][0])


def make_panels(
    count: int, height: float, least: float = 1.7, most: int = 4, **options: Any
) -> tuple[Figure, np.ndarray]:
    """Return a figure and its axes [rows, columns]: `count` panels, the rest hidden.

    A panel has a height and at least a width in inches; `most` is the most panels in a row, and
    `options` are those of ``plt.subplots``.
    """
    columns = max(1, min(int(figure_width() / least), most, count))
    rows = -(-count // columns)
    size = (figure_width(), 0.3 + height * rows)
    figure, panels = plt.subplots(rows, columns, figsize=size, squeeze=False, **options)
    for axes in panels.flat[count:]:
        axes.set_visible(False)
    return figure, panels


def add_legend(figure: Figure, axes: Axes) -> None:
    """Write the legend of a panel above the figure, in as many columns as have room."""
    handles, labels = axes.get_legend_handles_labels()
    # The mean width of a letter is about half its height; a line and gaps stand before the label.
    wide = 0.55 * SMALL / 72 * max(map(len, labels), default=1) + 0.5
    columns = max(1, min(len(labels), int(figure_width() / wide)))
    figure.legend(handles, labels, loc="outside upper center", ncols=columns)


def save_figure(
    figure: Figure, folder: str | Path, name: str, endings: Iterable[str] = ("png", "svg")
) -> None:
    """Write a figure as ``<name>.<ending>``, the same bytes for the same figure.

    Endings are those of `METADATA`.
    """
    # One layout for all files: it takes long, and its result is the same.
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for ending in endings:
        with written_whole(Path(folder) / f"{name}.{ending}") as part:
            figure.savefig(part, format=ending, metadata=METADATA[ending])
