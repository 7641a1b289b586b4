"""The figure of the inference notebook."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from workflow_src.common.plotting import KINDS, add_legend, make_panels


def plot_score_histograms(scored: Mapping[str, pd.DataFrame], threshold: float | None) -> Figure:
    """Plot the distributions of target and non-target scores, a panel for each scenario.

    Parameters
    ----------
    scored
        Scenario -> scored trials with the columns score and target.
    threshold
        The score that an update needs, drawn as a line; or None.
    """
    figure, panels = make_panels(len(scored), 1.3, most=3, sharex=True)
    low = min(trials["score"].min() for trials in scored.values())
    high = max(trials["score"].max() for trials in scored.values())
    bins = np.linspace(low, high, 81)
    for axes, (scenario, trials) in zip(panels.flat, scored.items(), strict=False):
        for target, look, label in KINDS:
            scores = trials.loc[trials["target"] == target, "score"]
            density, _ = np.histogram(scores, bins, density=True)
            axes.stairs(density, bins, fill=True, color=look["color"], alpha=0.6, label=label)
        if threshold is not None:
            axes.axvline(threshold, color="#333333", linewidth=1, linestyle=":", label="threshold")
        axes.set(title=scenario, yticks=[])
    for axes in panels[-1]:
        axes.set_xlabel("score")
    add_legend(figure, panels[0, 0])
    return figure
