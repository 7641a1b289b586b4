"""The figures of the comparison of methods on simulated populations."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from workflow_src.common.plotting import add_legend, make_panels
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
    drawn = list(itertools.product(scenarios, orders))
    figure, panels = make_panels(
        len(drawn), 0.5 + 0.16 * len(places), most=len(orders), sharex=True, sharey=True
    )
    for axis, (scenario, order) in zip(panels.flat, drawn, strict=False):
        part, own = (
            table[(table["scenario"] == scenario) & (table["order"] == order)]
            for table in (methods, errors)
        )
        part = part.set_index("method")
        mean = own.groupby(["population", "method"])["eer_percent"].mean().unstack()
        relative = mean.div(mean[find_by_role("reference").id], axis=0)
        for place, method in enumerate(places):
            row, look = part.loc[method], rows[method].look | {"linestyle": "none"}
            face = "white" if rows[method].limit else look["markerfacecolor"]
            among = look | {"marker": "|", "markersize": 6, "alpha": 0.45}
            axis.plot(relative[method], np.full(len(relative), place), **among)
            axis.hlines(place, row["ratio_low"], row["ratio_high"], color=look["color"])
            axis.plot(row["ratio"], place, **look | {"markerfacecolor": face})
        axis.axvline(1, color="#999999", lw=0.8, zorder=0)
        axis.set_title(f"{scenario}, {order} order")
        axis.set_xscale("log")
        axis.set_xticks([0.5, 0.7, 1, 1.5, 2, 3], ["0.5", "0.7", "1", "1.5", "2", "3"])
        axis.minorticks_off()
    figure.supxlabel(f"EER / {find_by_role('reference').label}'s")
    names = [f"{m} (limit)" if rows[m].limit else m for m in places]
    for axis in panels[:, 0]:
        axis.set_yticks(range(len(places)), names)
    panels[0, 0].invert_yaxis()
    return figure


def plot_sensitivity(table: pd.DataFrame) -> Figure:
    """Plot the mean EER of methods against each change, a panel for each kind of change.

    The table has the columns changed, value (text), method, eer_percent.
    """
    figure, panels = make_panels(len(PANELS), 2, most=2)
    mean = table.groupby(["changed", "value", "method"], sort=False)["eer_percent"].mean()
    for axis, (changed, label) in zip(panels.flat, PANELS.items(), strict=True):
        part = mean.loc[changed].unstack(sort=False)
        for method in part.columns:
            axis.plot(range(len(part)), part[method], label=method, **find_method(method).look)
        axis.set_xticks(range(len(part)), part.index)
        axis.set(xlabel=label, ylabel="EER (%)", ylim=(0, None))
    add_legend(figure, panels[0, 0])
    return figure


def _by_error(methods: pd.DataFrame, scenario: str, order: str) -> list[str]:
    part = methods[(methods["scenario"] == scenario) & (methods["order"] == order)]
    return list(part.sort_values("eer_percent", ascending=False)["method"])
