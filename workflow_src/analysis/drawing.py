"""Drawing a figure in the notebook, and writing it to the results."""

from __future__ import annotations

from collections.abc import Callable, Sized
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from workflow_src.common.plotting import save_figure

FOLDER = Path("results/analysis/figures")


def draw(plot: Callable[..., Figure], shown: Sized, *others: Any) -> None:
    """Draw a figure and write it as PNG and SVG, named as its function is.

    Parameters
    ----------
    plot
        A function of `workflow_src.analysis.figures`.
    shown, others
        Its arguments. Where `shown` is empty, nothing is drawn.
    """
    if len(shown):
        save_figure(plot(shown, *others), FOLDER, plot.__name__)
