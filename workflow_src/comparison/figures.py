"""The figures of the comparison of methods on simulated populations."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from workflow_src.common.plotting import add_legend, make_panels
from workflow_src.settings.catalogue import Method, find_by_role, find_method

TICKS = (0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3)
PANELS = {
    "shift": "threshold or posterior off by (cosine)",
    "nontargets": "non-targets for each target",
    "enrolment": "utterances that make a template",
    "embeddings": "embeddings",
}


def plot_comparison(
    errors: pd.DataFrame, methods: pd.DataFrame, rows: Mapping[str, Method]
) -> Figure:
    """Plot each method's EER relative to that of the reference's scores.

    There is a panel for each scenario and order. Dots and lines are means and intervals: hollow for
    scores as they are, filled for calibrated scores. The small marks are the populations.

    Parameters
    ----------
    errors
        population, scenario, order, kind, run, method, eer_percent.
    methods
        scenario, order, kind, method, score_ratio, score_ratio_low, score_ratio_high, eer_percent.
    rows
        Name of a method in the figure -> its row of the catalogue.
    """
    scenarios, orders, kinds = (
        list(dict.fromkeys(methods[name])) for name in ("scenario", "order", "kind")
    )
    places = _by_error(methods, scenarios[0], orders[-1], kinds[-1])
    drawn = list(itertools.product(scenarios, orders))
    figure, panels = make_panels(
        len(drawn), 0.6 + 0.2 * len(places), most=len(orders), sharex=True, sharey=True
    )
    for axis, (scenario, order) in zip(panels.flat, drawn, strict=False):
        part, own = (
            table[(table["scenario"] == scenario) & (table["order"] == order)].set_index("kind")
            for table in (methods, errors)
        )
        mean = own.groupby(["kind", "population", "method"])["eer_percent"].mean().unstack()
        base = mean.loc["score"][find_by_role("reference").id]
        for kind, shift in zip(kinds, (0.0,) if len(kinds) == 1 else (-0.17, 0.17), strict=True):
            relative = mean.loc[kind].div(base, axis=0)
            of_kind = part.loc[[kind]].set_index("method")
            for place, method in enumerate(places):
                row, look = of_kind.loc[method], rows[method].look | {"linestyle": "none"}
                at = place + shift
                face = look["color"] if kind == "llr" else "white"
                among = look | {"marker": "|", "markersize": 4, "alpha": 0.45}
                axis.plot(relative[method], np.full(len(relative), at), **among)
                ends = row["score_ratio_low"], row["score_ratio_high"]
                axis.hlines(at, *ends, color=look["color"])
                axis.plot(
                    row["score_ratio"], at, **look | {"markerfacecolor": face, "markersize": 3.5}
                )
        axis.axvline(1, color="#999999", lw=0.8, zorder=0)
        axis.set_title(f"{scenario}, {order} order")
        axis.set_xscale("log")
        axis.set_xticks(TICKS, [f"{tick:g}" for tick in TICKS])
        axis.minorticks_off()
    figure.supxlabel(f"EER / EER of the {find_by_role('reference').label}'s scores")
    names = [f"{m} (limit)" if rows[m].limit else m for m in places]
    for axis in panels[:, 0]:
        axis.set_yticks(range(len(places)), names)
    panels[0, 0].invert_yaxis()
    if len(kinds) > 1:
        shown = [
            Line2D([], [], marker="o", color="#444444", markerfacecolor=face, label=label)
            for face, label in (("white", "scores as they are"), ("#444444", "calibrated scores"))
        ]
        figure.legend(handles=shown, loc="outside upper center", ncols=2)
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


def _by_error(methods: pd.DataFrame, scenario: str, order: str, kind: str) -> list[str]:
    wanted = {"scenario": scenario, "order": order, "kind": kind}
    part = methods[(methods[list(wanted)] == pd.Series(wanted)).all(axis=1)]
    return list(part.sort_values("eer_percent", ascending=False)["method"])
