"""The figures of the analysis: each public function makes one from a table.

The files of a figure have the function's name. In the report, the first line of the function's
docstring is the title, and the paragraph below it is the caption. A figure fits the width that
`workflow_src.common.plotting.use_style` has set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from scipy.special import ndtri

from workflow_src.analysis.breakdowns import SINCE
from workflow_src.analysis.figure_list import only_with
from workflow_src.common.plotting import (
    KINDS,
    SMALL,
    WIDTHS,
    add_legend,
    figure_width,
    make_panels,
)
from workflow_src.settings.catalogue import find_method

# The highest figure, and the place of a name on an axis, in inches.
HIGHEST, NAME_PLACE = 8.5, 0.1
LINE = "#333333"
# A place without a panel.
EMPTY = "."


def error_rates(table: pd.DataFrame) -> Figure:
    """EER of all methods over the scenarios.

    The equal error rate (EER) of every method in every scenario, a panel for each order of trials.
    Lines are confidence intervals, for other test speakers and seeds; a line that leaves the panel
    is longer. Small dots are single seeds. Nd is a test day every N days; "as" tests all utterances
    of a day, "1s" one of them, "random" a few on random days.

    Parameters
    ----------
    table
        Of `breakdowns.rates_of_runs`.
    """
    orders, scenarios = (list(table[name].drop_duplicates()) for name in ("order", "scenario"))
    names = list(table["name"].drop_duplicates())
    height = min(HIGHEST, 0.6 + 0.055 * (len(names) + 2) * len(scenarios))
    figure, panels = make_panels(len(orders), height, sharex=True, sharey=True)
    places = {name: place for place, name in enumerate(scenarios)}
    step = 1 / (len(names) + 2)
    for axes, order in zip(panels.flat, orders, strict=False):
        for place, name in enumerate(names):
            part = table[(table["order"] == order) & (table["name"] == name)]
            middle = place - (len(names) - 1) / 2
            _plot_rates(axes, table, part, part["scenario"].map(places) + step * middle)
        axes.set(title=f"{order} order", xlabel="EER (%)")
        axes.grid(axis="y", visible=False)
        for edge in np.arange(0.5, len(scenarios) - 1):
            axes.axhline(edge, color="#e2e2e2", linewidth=0.6)
    # An interval that is far wider than the others would hide them.
    highest = 1.05 * min(2 * table["eer_percent"].max(), np.nanmax([*table["eer_high"], 1]))
    panels[0, 0].set(xlim=(0, highest), ylim=(len(scenarios) - 0.5, -0.5))
    panels[0, 0].set_yticks(range(len(scenarios)), scenarios)
    add_legend(figure, panels[0, 0])
    return figure


def _plot_rates(axes: Axes, table: pd.DataFrame, part: pd.DataFrame, y: pd.Series) -> None:
    """Plot the rates of a method, or of one of its weights, in an order of trials."""
    if part.empty:
        return
    method, alpha, runs = part["method"].iloc[0], part["alpha"].iloc[0], part["run"].nunique()
    look: dict[str, Any] = find_method(method).look | {"linestyle": "none"}
    alphas = sorted(table.loc[table["method"] == method, "alpha"].dropna().unique())
    label = method if runs == 1 else f"{method} (mean of {runs} seeds)"
    if len(alphas) > 1:
        rank = alphas.index(alpha)
        shade = plt.get_cmap("Blues")(0.35 + 0.65 * rank / (len(alphas) - 1))
        look |= {"color": shade, "markerfacecolor": shade, "markersize": 2.5}
        label = f"{method}, alpha {alphas[0]:g} (light) to {alphas[-1]:g} (dark)"
        label = label if rank == len(alphas) // 2 else "_"
    if runs > 1:
        axes.scatter(part["eer_percent"], y, s=2, color=look["color"], linewidth=0)
    one = part.assign(y=y).drop_duplicates("scenario")
    axes.hlines(one["y"], one["eer_low"], one["eer_high"], color=look["color"], linewidth=0.8)
    axes.plot(one["mean_percent"], one["y"], label=label, **look)


def scores_over_time(table: pd.DataFrame) -> Figure:
    """Scores against days since enrolment.

    Scores of targets and non-targets against days since enrolment, a panel a method: the median
    and the range from the 10th to the 90th percentile, by week.

    Parameters
    ----------
    table
        Of `breakdowns.scores_over_time`, with the columns label and method.
    """
    methods = list(_by_method(table)) or [("", "", table)]
    figure, panels = make_panels(len(methods), 1.5, sharex=True, sharey=True)
    for axes, (label, _, part) in zip(panels.flat, methods, strict=False):
        for target, look, kind in KINDS:
            own = part[part["target"] == target]
            axes.fill_between(
                own["days"], own["low"], own["high"], color=look["color"], alpha=0.2, linewidth=0
            )
            axes.plot(own["days"], own["median"], label=kind, **look)
        if part.empty:
            _say_empty(axes)
        axes.set(title=label)
    figure.supxlabel("days since enrolment")
    figure.supylabel("score")
    add_legend(figure, panels[0, 0])
    return figure


def error_rates_by_condition(table: pd.DataFrame) -> Figure:
    """EER by time since enrolment and by condition.

    The equal error rate (EER) by the time since enrolment, and by what the corpus tells of the test
    utterance; in brackets, the numbers of target and non-target trials. Lines and bands are
    confidence intervals, for other test speakers and seeds; a line that leaves the panel is longer.

    Parameters
    ----------
    table
        Of `breakdowns.stack_conditions`. The methods of a property have the same groups.
    """
    properties = list(table["property"].drop_duplicates())
    times = [name for name in properties if name.endswith(SINCE)]
    others = [name for name in properties if name not in times]
    columns = max(1, min(int(figure_width() / 1.7), 3, len(others)))
    rows = [others[place : place + columns] for place in range(0, len(others), columns)]
    mosaic = [[name] * columns for name in times]
    mosaic += [[*row, *[EMPTY] * (columns - len(row))] for row in rows]
    figure, panels = plt.subplot_mosaic(
        mosaic or [[""]],
        empty_sentinel=EMPTY,
        figsize=(figure_width(), 0.3 + 1.75 * max(1, len(mosaic))),
    )
    if not properties:
        _say_empty(panels[""])
        return figure
    # A group with few trials can have an interval that is far wider than the others.
    rates = table.loc[table["property"].isin(others), ["eer_percent", "eer_high"]].max()
    highest = 1.05 * min(2 * rates["eer_percent"], np.nanmax([*rates, 1]))
    for name, axes in panels.items():
        own = table[table["property"] == name]
        if name in times:
            _plot_time(axes, own)
        else:
            _plot_groups(axes, own)
            axes.set(title=name, xlabel="EER (%)", xlim=(0, highest))
    add_legend(figure, panels[properties[0]])
    return figure


def _plot_time(axes: Axes, table: pd.DataFrame) -> None:
    """Plot rates against the time since enrolment, as lines with bands."""
    for label, method, part in _by_method(table):
        look, when = find_method(method).look, part["group"].astype("float64")
        axes.fill_between(
            when, part["eer_low"], part["eer_high"], color=look["color"], alpha=0.15, linewidth=0
        )
        axes.plot(when, part["eer_percent"], label=label, **look)
    axes.set(ylabel="EER (%)", ylim=(0, None))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    trials = (table[f"{kind}_trials"] for kind in ("target", "nontarget"))
    told = [f"{_short(numbers.min())}-{_short(numbers.max())}" for numbers in trials]
    axes.set_xlabel(f"{table['property'].iloc[0]}\neach {told[0]} targets, {told[1]} non-targets")


def _plot_groups(axes: Axes, table: pd.DataFrame) -> None:
    """Plot the rates of groups of trials, a line of the panel for each."""
    methods = list(_by_method(table))
    first = methods[0][2]
    step = 1 / (len(methods) + 2)
    for place, (label, method, part) in enumerate(methods):
        y = np.arange(len(part)) + step * (place - (len(methods) - 1) / 2)
        look = find_method(method).look | {"linestyle": "none"}
        axes.hlines(y, part["eer_low"], part["eer_high"], color=look["color"], linewidth=0.8)
        axes.plot(part["eer_percent"], y, label=label, **look)
    tight = len(first) > 4
    labels = [
        f"{_as_label(row.group, 8 if tight else 15)}{' ' if tight else chr(10)}"
        f"({_short(row.target_trials)}, {_short(row.nontarget_trials)})"
        for row in first.itertuples()
    ]
    axes.set_yticks(range(len(labels)), labels)
    axes.grid(axis="y", visible=False)
    axes.set_ylim(len(labels) - 0.5, -0.5)


def det(table: pd.DataFrame) -> Figure:
    """Detection error trade-off.

    The detection error trade-off (DET) of each method in one scenario, on normal-deviate axes;
    of a method with several seeds, the first. Bands are confidence intervals of the false rejection
    rate at each false acceptance rate, for other test speakers. A curve crosses the dotted diagonal
    at its EER.

    Parameters
    ----------
    table
        Of `breakdowns.trade_off`, with the columns label and method.
    """
    figure, axes = plt.subplots(figsize=(figure_width(), min(figure_width() + 0.2, 4.4)))
    low, high = 5e-4, 0.4
    for place, (label, method, part) in enumerate(_by_method(table)):
        look, far = find_method(method).look, ndtri(part["far"])
        ends = ndtri(part["frr_low"]), ndtri(part["frr_high"])
        axes.fill_between(far, *ends, color=look["color"], alpha=0.1, linewidth=0)
        # Markers of methods whose curves lie on one another stand side by side.
        axes.plot(far, ndtri(part["frr"]), markevery=(2 * place, 12), label=label, **look)
    axes.plot(ndtri([low, high]), ndtri([low, high]), color="#888888", linewidth=0.8, linestyle=":")
    ticks = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4]
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(FixedLocator(list(ndtri(ticks))))
        axis.set_minor_locator(NullLocator())
    axes.set_xticklabels([f"{100 * tick:g}" for tick in ticks])
    axes.set_yticklabels([f"{100 * tick:g}" for tick in ticks])
    limits = tuple(ndtri([low, high]))
    axes.set(
        xlabel="false acceptance rate (%)",
        ylabel="false rejection rate (%)",
        xlim=limits,
        ylim=limits,
        aspect="equal",
    )
    add_legend(figure, axes)
    return figure


@only_with("updates")
def update_behaviour(table: pd.DataFrame) -> Figure:
    """Updates on targets and on non-targets.

    The share of target and of non-target trials after which each run updates its template, and the
    weight of these updates: the mean, and the range from the 10th to the 90th percentile.

    Parameters
    ----------
    table
        Of `breakdowns.update_behaviour`.
    """
    runs = list(table["run"].drop_duplicates())
    figure, panels = make_panels(2, min(HIGHEST, 0.5 + 0.24 * len(runs)), sharey=True)
    left, right = panels[0]
    for (target, look, label), offset in zip(KINDS, (-0.18, 0.18), strict=True):
        part = table[table["target"] == target].set_index("run").loc[runs]
        y, colour = np.arange(len(runs)) + offset, look["color"]
        left.barh(y, 100 * part["update_rate"], height=0.34, color=colour, label=label)
        for place, rate in zip(y, part["update_rate"], strict=True):
            left.annotate(
                f"{100 * rate:.1f}",
                (100 * rate, place),
                xytext=(2, 0),
                textcoords="offset points",
                va="center",
                fontsize=SMALL,
            )
        right.hlines(y, part["low_weight"], part["high_weight"], color=colour, linewidth=0.8)
        right.plot(part["mean_weight"], y, "o" if target else "s", color=colour)
    left.set_yticks(range(len(runs)), runs)
    left.invert_yaxis()
    left.set(xlabel="updates (%)", xlim=(0, 120), xticks=[0, 50, 100])
    right.set(xlabel="weight", xlim=(0, None))
    for axes in (left, right):
        axes.grid(axis="y", visible=False)
    add_legend(figure, left)
    return figure


def operating_point(table: pd.DataFrame) -> Figure:
    """Error rates at a threshold set in advance.

    False acceptances (FAR) and false rejections (FRR) by week since enrolment, at the threshold
    that was chosen on development trials for the first operating point: of the scores, and of the
    log-likelihood ratios of the back-end. The dotted line is the FAR for which it was chosen.

    Parameters
    ----------
    table
        Of `breakdowns.at_first_point`, with the columns label and method.
    """
    rates = {"far_percent": "FAR (%)", "frr_percent": "FRR (%)"}
    names = {"score": "scores", "llr": "log-likelihood ratios"}
    kinds = [kind for kind in names if kind in set(table["kind"])] or ["score"]
    weeks = table[table["by"] == "week"]
    figure, panels = make_panels(2 * len(kinds), 1.6, sharex=True)
    drawn = [(kind, column) for kind in kinds for column in rates]
    for axes, (kind, column) in zip(panels.flat, drawn, strict=False):
        for label, method, part in _by_method(weeks[weeks["kind"] == kind]):
            axes.plot(
                part["group"].astype("float64"),
                part[column],
                label=label,
                **find_method(method).look,
            )
        axes.set(title=names[kind], ylabel=rates[column], xlabel="week since enrolment")
        # Panels of one rate have one scale.
        axes.set_ylim(0, 1.05 * np.nanmax([*weeks[column], 1]))
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        for point in set(table["point"]):
            if column == "far_percent" and point.startswith("far_"):
                axes.axhline(float(point.removeprefix("far_")), color=LINE, linestyle=":")
    add_legend(figure, panels[0, 0])
    return figure


def threshold_drift(table: pd.DataFrame) -> Figure:
    """Thresholds over updates and weeks.

    The threshold of the score that would keep the rate of the first operating point among the
    trials of templates with so many updates, and among those of each week since enrolment. The
    dotted lines are the thresholds that were set on development trials.

    Parameters
    ----------
    table
        Of `breakdowns.at_first_point`, with the columns label and method.
    """
    figure, panels = make_panels(2, 2.3, sharey=True)
    left, right = panels[0]
    scores = table[table["kind"] == "score"]
    numbers = scores.loc[scores["by"] == "updates", "group"].astype("float64")
    updates = sorted(numbers.unique())
    for label, method, part in _by_method(scores):
        look = find_method(method).look
        for axes, by in ((left, "updates"), (right, "week")):
            own = part[part["by"] == by]
            x = own["group"].astype("float64")
            x = x.map(updates.index) if by == "updates" else x
            axes.plot(x, own["own_threshold"], label=label, **look)
            axes.axhline(part["threshold"].iloc[0], color=look["color"], linestyle=":", linewidth=1)
    left.set_xticks(range(len(updates)), [f"{int(n)}" for n in updates])
    left.set(xlabel="updates so far, at least", ylabel="threshold (score)")
    right.set_xlabel("week since enrolment")
    right.xaxis.set_major_locator(MaxNLocator(integer=True))
    add_legend(figure, left)
    return figure


def rates_of_speakers(table: pd.DataFrame) -> Figure:
    """FRR of each speaker.

    The false rejection rate of each test speaker, at the threshold that was chosen on development
    trials for the first operating point: without updates (hollow), and with the updating method of
    the least EER (full). Speakers stand in the order of the rate without updates.

    Parameters
    ----------
    table
        Of `speakers.list_rates`.
    """
    figure, axes = plt.subplots(figsize=(figure_width(), 2.6))
    if table.empty:
        _say_empty(axes)
        return figure
    names = list(table["speaker"].drop_duplicates())
    x, named = np.arange(len(names)), len(names) <= (figure_width() - 0.5) / NAME_PLACE
    both = table.groupby("speaker", sort=False)["frr_percent"]
    axes.vlines(x, both.min(), both.max(), color="#b0b0b0", linewidth=0.8, zorder=1)
    for label, method, part in _by_method(table):
        look = find_method(method).look | {"linestyle": "none"}
        if find_method(method).role == "baseline":
            look["markerfacecolor"] = "white"
        size = 4 if named else 2
        axes.plot(x, part["frr_percent"], label=label, clip_on=False, markersize=size, **look)
    if named:
        axes.set_xticks(x, [_as_label(name, 12) for name in names], rotation=90)
    axes.grid(axis="x", visible=False)
    axes.set(xlabel="speaker", ylabel="FRR (%)", ylim=(0, None))
    add_legend(figure, axes)
    return figure


def threshold_sweep(table: pd.DataFrame) -> Figure:
    """EER over threshold and weight.

    The equal error rate (EER) of the fixed weight over its update threshold and weight.

    Parameters
    ----------
    table
        Of `breakdowns.with_baseline`: alpha, threshold, eer_percent, a full grid; and
        baseline_percent, which stands beside the colour bar.
    """
    grid = table.pivot_table(index="alpha", columns="threshold", values="eer_percent")
    figure, axes = plt.subplots(figsize=(figure_width(), 0.7 + 0.3 * len(grid)))
    image = axes.imshow(grid, cmap="viridis_r", aspect="auto", origin="lower")
    middle = (grid.to_numpy().min() + grid.to_numpy().max()) / 2
    digits = 2 if figure_width() > WIDTHS["column"] else 1
    for (row, column), value in np.ndenumerate(grid.to_numpy()):
        axes.text(
            column,
            row,
            f"{value:.{digits}f}",
            ha="center",
            va="center",
            fontsize=SMALL,
            color="white" if value > middle else "black",
        )
    turned = 45 if grid.shape[1] * NAME_PLACE * 4 > figure_width() else 0
    axes.set_xticks(range(grid.shape[1]), [f"{t:g}" for t in grid.columns], rotation=turned)
    axes.set_yticks(range(grid.shape[0]), [f"{a:g}" for a in grid.index])
    axes.grid(visible=False)
    axes.set(xlabel="update threshold", ylabel="weight alpha")
    baseline = table["baseline_percent"].iloc[0]
    told = "" if np.isnan(baseline) else f"; baseline {baseline:.2f}"
    figure.colorbar(image, label=f"EER (%){told}")
    return figure


@only_with("pretraining")
def pretraining(table: pd.DataFrame) -> Figure:
    """Learning curves of pretraining.

    Supervised pretraining of the multi-head policy: each seed (thin), and the mean over seeds.

    Parameters
    ----------
    table
        Of `breakdowns.pretraining_curves`.
    """
    panels = {"cross_entropy": "cross entropy", "mse": "weight MSE", "accuracy": "update accuracy"}
    return _plot_training(table, "epoch", panels)


@only_with("finetuning")
def finetuning(table: pd.DataFrame) -> Figure:
    """Learning curves of PPO.

    Finetuning by PPO: each seed (thin), and the mean over seeds.

    Parameters
    ----------
    table
        Of `breakdowns.finetuning_curves`.
    """
    panels = {
        "reward": "reward of a step",
        "episodic_return": "episodic return",
        "update_rate": "update rate",
        "mean_weight": "mean weight",
        "entropy": "entropy",
        "approx_kl": "approximate KL",
        "clipfrac": "clipped fraction",
        "value_loss": "value loss",
        "explained_variance": "explained variance",
    }
    return _plot_training(table, "steps", panels)


def _plot_training(table: pd.DataFrame, x: str, panels: Mapping[str, str]) -> Figure:
    """Plot learning curves: for each method the mean over seeds, and each seed behind it.

    `x` is the column on the horizontal axis; `panels` maps each column to plot to its label.
    """
    figure, grid = make_panels(len(panels), 1.5, most=3)
    for axes, (column, label) in zip(grid.flat, panels.items(), strict=False):
        for method, own in table.dropna(subset=[column]).groupby("method", sort=False):
            look = find_method(method).look | {"marker": "none"}
            for _, seed in own.groupby("seed"):
                axes.plot(seed[x], seed[column], color=look["color"], alpha=0.3, linewidth=0.5)
            mean = own.groupby(x)[column].mean()
            axes.plot(mean.index, mean, label=method, **look)
        axes.set(xlabel=x.replace("_", " "), ylabel=label)
        axes.xaxis.set_major_locator(MaxNLocator(3))
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))
    if table["method"].nunique() > 1:
        add_legend(figure, grid[0, 0])
    return figure


def _by_method(table: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Yield label, method and rows of each method of a table, in the table's order."""
    for (label, method), part in table.groupby(["label", "method"], sort=False):
        yield label, method, part


def _as_label(value: object, most: int) -> str:
    """Return a user's text as a label of at most so many characters; a $ begins no formula."""
    text = str(value)
    return (text if len(text) <= most else f"{text[: most - 2]}..").replace("$", r"\$")


def _say_empty(axes: Axes) -> None:
    """Write into a panel that the corpus does not tell what it would show."""
    axes.text(0.5, 0.5, "not known", ha="center", va="center", transform=axes.transAxes)
    axes.grid(visible=False)
    axes.tick_params(left=False, bottom=False, labelleft=False, labelbottom=False)


def _short(count: float) -> str:
    return f"{count / 1000:.1f}".removesuffix(".0") + "k" if count >= 1000 else f"{count:g}"
