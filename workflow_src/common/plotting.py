"""The style of all figures, and writing figures to files."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from workflow_src.common.files import written_whole

# Colours of Okabe and Ito's palette, distinct for any colour vision.
TARGET, NONTARGET = "#0072B2", "#D55E00"


def use_style() -> None:
    """Set the style of all figures; ids in SVG files are the same in every run."""
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


def save_figure(figure: Figure, folder: str | Path, name: str) -> None:
    """Write a figure as ``<name>.png`` and ``<name>.svg``, the same bytes for the same figure."""
    # One layout for both files: it takes long, and its result is the same.
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for ending, metadata in (("png", {"Software": None}), ("svg", {"Date": None, "Creator": None})):
        with written_whole(Path(folder) / f"{name}.{ending}") as part:
            figure.savefig(part, format=ending, metadata=metadata)
