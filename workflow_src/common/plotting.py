"""The style that all figures share, and writing them to files."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from workflow_src.common.files import written_whole

# Okabe and Ito's palette: told apart with any colour vision.
COLOURS = {
    "baseline": "#666666",
    "fixed-weight": "#0072B2",
    "adaptive-weight": "#D55E00",
    "multi-head": "#009E73",
    "fixed-weight-tuned": "#00395C",
    "soft": "#CC79A7",
    "kalman": "#56B4E9",
    "spherical-plda": "#B58900",
    "through-time": "#222222",
    "oracle": "#888888",
    "speaker-mean": "#BBBBBB",
}
TARGET, NONTARGET = "#0072B2", "#D55E00"


def method_colour(method: str) -> str:
    """Return the colour of a method; variants have that of the method they vary."""
    named = [name for name in COLOURS if method.startswith(name)]
    return COLOURS[max(named, key=len)] if named else "#444444"


def use_style() -> None:
    """Set the style of all figures; ids in SVG files don't change from run to run."""
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
    # Laid out once: each further drawing would move everything about again, to the same end.
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for ending, metadata in (("png", {"Software": None}), ("svg", {"Date": None, "Creator": None})):
        with written_whole(Path(folder) / f"{name}.{ending}") as part:
            figure.savefig(part, format=ending, metadata=metadata)
