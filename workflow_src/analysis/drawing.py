"""Drawing a figure in the notebook and writing it to the results."""

from __future__ import annotations

from collections.abc import Callable, Sized
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from workflow_src.common.plotting import save_figure

FOLDER = Path("results/analysis/figures")


def draw(plot: Callable[..., Figure], shown: Sized, *others: Any) -> None:
    """Draw a figure by a function of `workflow_src.analysis.figures`; write it as PNG and SVG.

    The files have the function's name. Where `shown` is empty, nothing is drawn.
    """
    if len(shown):
        save_figure(plot(shown, *others), FOLDER, plot.__name__)
