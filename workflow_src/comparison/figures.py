"""The figures of the comparison of methods on simulated populations."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from workflow_src.settings.catalogue import Method, find_by_role, find_method

PANELS = {
    "shift": "threshold or posterior off by (cosine)",
    "nontargets": "non-targets for each target",
    "enrolment": "utterances that make a template",
    "embeddings": "embeddings",
}


def plot_comparison(
    errors: pd.DataFrame, methods: pd.DataFrame, rows: Mapping[str, Method]
) -> Figure:
    """Plot each method's EER relative to the reference's, a panel for each scenario and order.

    Dots and lines are means and intervals; the small marks are the populations.

    Parameters
    ----------
    errors
        population, scenario, order, run, method, eer_percent.
    methods
        scenario, order, method, ratio, ratio_low, ratio_high, eer_percent.
    rows
        Name of a method in the figure -> its row of the catalogue.
    """
    scenarios, orders = (list(dict.fromkeys(methods[name])) for name in ("scenario", "order"))
    places = _by_error(methods, scenarios[0], orders[0])
    figure, axes = plt.subplots(
        len(orders),
        len(scenarios),
        sharex=True,
        sharey=True,
        squeeze=False,
        figsize=(1.6 + 3.3 * len(scenarios), 0.6 + (0.8 + 0.3 * len(places)) * len(orders)),
    )
    panels = itertools.product(orders, scenarios)
    for axis, (order, scenario) in zip(axes.flat, panels, strict=True):
        part, own = (
            table[(table["scenario"] == scenario) & (table["order"] == order)]
            for table in (methods, errors)
        )
        part = part.set_index("method")
        mean = own.groupby(["population", "method"])["eer_percent"].mean().unstack()
        relative = mean.div(mean[find_by_role("reference").id], axis=0)
        for place, method in enumerate(places):
            row, colour = part.loc[method], rows[method].colour
            axis.plot(
                relative[method],
                np.full(len(relative), place),
                "|",
                color=colour,
                alpha=0.45,
                markersize=9,
            )
            axis.plot([row["ratio_low"], row["ratio_high"]], [place] * 2, color=colour, lw=2)
            face = "white" if rows[method].limit else colour
            axis.plot(row["ratio"], place, "o", color=colour, markerfacecolor=face, markersize=6)
        axis.axvline(1, color="#999999", lw=0.8, zorder=0)
        axis.set_title(f"{scenario}, {order} order")
        axis.set_xscale("log")
        axis.set_xticks([0.5, 0.7, 1, 1.5, 2, 3], ["0.5", "0.7", "1", "1.5", "2", "3"])
        axis.minorticks_off()
    for axis in axes[-1]:
        axis.set_xlabel(f"EER / {find_by_role('reference').label}'s")
    names = [f"{m} (limit)" if rows[m].limit else m for m in places]
    for axis in axes[:, 0]:
        axis.set_yticks(range(len(places)), names)
    axes[0][0].invert_yaxis()
    return figure


def plot_sensitivity(table: pd.DataFrame) -> Figure:
    """Plot the mean EER of methods against each change, a panel for each kind of change.

    The table has the columns changed, value (text), method, eer_percent.
    """
    figure, axes = plt.subplots(2, 2, figsize=(9, 6.6))
    mean = table.groupby(["changed", "value", "method"], sort=False)["eer_percent"].mean()
    for axis, (changed, label) in zip(axes.flat, PANELS.items(), strict=True):
        part = mean.loc[changed].unstack(sort=False)
        for method in part.columns:
            axis.plot(
                range(len(part)),
                part[method],
                "o--" if find_method(method).limit else "o-",
                color=find_method(method).colour,
                label=method,
                markersize=5,
            )
        axis.set_xticks(range(len(part)), part.index)
        axis.set_xlabel(label)
        axis.set_ylabel("EER (%)")
        axis.set_ylim(bottom=0)
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    return figure


def _by_error(methods: pd.DataFrame, scenario: str, order: str) -> list[str]:
    part = methods[(methods["scenario"] == scenario) & (methods["order"] == order)]
    return list(part.sort_values("eer_percent", ascending=False)["method"])
