"""The figures of the analysis: each public function makes one from tables.

The files of a figure have the function's name. In the report, the first line of the function's
docstring is the title, and the paragraph below it is the caption.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from scipy.special import ndtri

from workflow_src.analysis.breakdowns import Shown, TradeOff
from workflow_src.analysis.figure_list import only_with
from workflow_src.common.plotting import KINDS, make_panels
from workflow_src.settings.catalogue import find_by_role, find_method, split_guards

# The most speakers whose names stand below a figure.
MOST_NAMED = 60


def error_rates(summary: pd.DataFrame, methods: pd.DataFrame) -> Figure:
    """EER of all methods over the scenarios.

    The equal error rate (EER) of every method in every scenario, a panel for each order of trials.
    Lines are confidence intervals, for other test speakers and seeds; a line that leaves the panel
    is wider. Nd is a test day every N days; "as" tests all utterances of a day, "1s" one of them,
    "random" a few on random days.

    Parameters
    ----------
    summary
        ``summary.csv``: run, method, alpha, scenario, order, eer_percent.
    methods
        ``methods.csv``: scenario, order, method (for a method with several weights, the run),
        eer_low, eer_high.
    """
    orders = list(summary["order"].drop_duplicates())
    figure, panels = make_panels(
        len(orders), 1, 9.5, 3.4, 1.2 * (len(orders) == 1), sharex=True, sharey=True
    )
    for order, axes in zip(orders, panels[:, 0], strict=True):
        ends = methods[methods["order"] == order].set_index(["method", "scenario"])
        _plot_error_rates(axes, summary[summary["order"] == order], ends[["eer_low", "eer_high"]])
        axes.set_title(f"{order} order")
    # An interval that is far wider than the others would hide them.
    highest = 1.05 * min(2 * summary["eer_percent"].max(), methods["eer_high"].max(skipna=True))
    panels[-1, 0].set(xlabel="scenario", ylim=(0, highest))
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def _plot_error_rates(axes: Axes, summary: pd.DataFrame, ends: pd.DataFrame) -> None:
    """Plot the EERs of one order of trials; `ends` are those of intervals, by method, scenario."""
    scenarios = list(summary["scenario"].drop_duplicates())
    methods = list(summary["method"].drop_duplicates())
    width = 0.8 / len(methods)
    for place, method in enumerate(methods):
        rows = summary[summary["method"] == method]
        x = rows["scenario"].map({name: i for i, name in enumerate(scenarios)})
        x = x + (place - (len(methods) - 1) / 2) * width
        look = find_method(method)
        colour = look.colour
        single = rows["run"].nunique() == 1
        if rows["alpha"].nunique() > 1:
            _plot_alphas(axes, method, rows.assign(x=x), width, ends)
            continue
        if not single:
            axes.scatter(x, rows["eer_percent"], s=12, color=colour, alpha=0.45, linewidth=0)
        mean = rows.assign(x=x).groupby("scenario", sort=False)[["x", "eer_percent"]].mean()
        _plot_intervals(axes, mean["x"], ends.loc[method].loc[mean.index], colour)
        label = method if single else f"{method} (mean of {rows['run'].nunique()} seeds, and each)"
        axes.scatter(
            mean["x"],
            mean["eer_percent"],
            s=46,
            marker=look.marker,
            facecolor="white" if _is_given(method) else colour,
            edgecolor=colour,
            label=label,
        )
    axes.set_xticks(range(len(scenarios)), scenarios)
    axes.grid(axis="x", visible=False)
    for edge in np.arange(0.5, len(scenarios) - 1):
        axes.axvline(edge, color="#e2e2e2", linewidth=0.8)
    axes.set(ylabel="EER (%)", xlim=(-0.5, len(scenarios) - 0.5))


def _plot_alphas(
    axes: Axes, method: str, rows: pd.DataFrame, width: float, ends: pd.DataFrame
) -> None:
    colours = plt.get_cmap("Blues")
    alphas = sorted(rows["alpha"].unique())
    for rank, alpha in enumerate(alphas):
        part = rows[rows["alpha"] == alpha]
        shade = colours(0.35 + 0.65 * rank / max(1, len(alphas) - 1))
        label = None
        if rank == len(alphas) // 2:
            label = f"{method}, alpha {alphas[0]:g} (light) to {alphas[-1]:g} (dark)"
        # Side by side, or their intervals would hide one another.
        x = part["x"] + width * (rank / max(1, len(alphas) - 1) - 0.5) * 0.8
        own = ends.loc[part["run"].iloc[0]].loc[part["scenario"]]
        _plot_intervals(axes, x, own, shade, linewidth=0.7)
        axes.scatter(x, part["eer_percent"], s=18, color=shade, linewidth=0, label=label)


def _plot_intervals(
    axes: Axes, x: pd.Series, ends: pd.DataFrame, colour: Any, linewidth: float = 1.2
) -> None:
    """Plot the interval at each x; nothing where it is not known."""
    axes.vlines(
        x.to_numpy(), ends["eer_low"], ends["eer_high"], color=colour, linewidth=linewidth, zorder=1
    )


def scores_over_time(tables: Mapping[Shown, pd.DataFrame]) -> Figure:
    """Scores against days since enrolment.

    Scores of targets and non-targets against days since enrolment, a panel a method: the median
    and the range from the 10th to the 90th percentile, by week.

    Parameters
    ----------
    tables
        For each method the table of `breakdowns.scores_over_time`.
    """
    figure, panels = make_panels(len(tables), 2, 4.6, 2.7, extra=0.5, sharex=True, sharey=True)
    for axes, (shown, table) in zip(panels.flat, tables.items(), strict=False):
        for target, colour, label in KINDS:
            part = table[table["target"] == target]
            axes.fill_between(
                part["days"], part["low"], part["high"], color=colour, alpha=0.18, linewidth=0
            )
            axes.plot(part["days"], part["median"], color=colour, marker="o", ms=3, label=label)
        if table.empty:
            _say_empty(axes)
        axes.set(title=shown.label)
    figure.supxlabel("days since enrolment", fontsize=10)
    figure.supylabel("score (median, 10th-90th percentile)", fontsize=10)
    figure.legend(*panels[0][0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def error_rates_by_condition(tables: Mapping[str, Mapping[Shown, pd.DataFrame]]) -> Figure:
    """EER by time since enrolment and by condition.

    The equal error rate (EER) by the time since enrolment, and by what the corpus tells of the test
    utterance, with the numbers of target and non-target trials. Lines are confidence intervals, for
    other test speakers and seeds.

    Parameters
    ----------
    tables
        property -> method -> table of `breakdowns.error_rate_by`. The methods of a property have
        the same groups. A property without groups is left out.
    """
    known = {
        title: methods for title, methods in tables.items() if len(next(iter(methods.values())))
    }
    figure, panels = make_panels(max(1, len(known)), 2 if len(known) <= 4 else 3, 5.6, 3.7)
    if not known:
        _say_empty(panels[0][0])
        return figure
    for axes, (title, methods) in zip(panels.flat, known.items(), strict=False):
        first = next(iter(methods.values()))
        width = 0.8 / len(methods)
        for place, (shown, table) in enumerate(methods.items()):
            x = np.arange(len(table)) + (place - (len(methods) - 1) / 2) * width
            colour, given = find_method(shown.method).colour, _is_given(shown.method)
            axes.bar(
                x,
                table["eer_percent"],
                width * 0.92,
                facecolor="white" if given else colour,
                edgecolor=colour,
                hatch="////" if given else None,
                linewidth=0.8 if given else 0,
                label=shown.label,
            )
            axes.vlines(x, table["eer_low"], table["eer_high"], color="#333333", linewidth=0.8)
        labels = [
            f"{_as_label(group, 70 // len(first))}\n{_short(targets)}\n{_short(nontargets)}"
            for group, targets, nontargets in zip(
                first["group"], first["target_trials"], first["nontarget_trials"], strict=True
            )
        ]
        axes.set_xticks(
            range(len(labels)), labels, fontsize=8 if len(labels) <= 10 else 6, linespacing=1.3
        )
        axes.grid(axis="x", visible=False)
        axes.set(title=title, ylabel="EER (%)")
        axes.set_xlabel("below each group: target trials, non-target trials", fontsize=8)
    figure.legend(*panels[0][0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure


def det(curves: Mapping[Shown, TradeOff]) -> Figure:
    """Detection error trade-off.

    The detection error trade-off (DET) of each method in one scenario, on normal-deviate axes;
    of a method with several seeds, the first. Bands are confidence intervals of the false rejection
    rate at each false acceptance rate, for other test speakers.

    Parameters
    ----------
    curves
        For each method the trade-off of a run.
    """
    figure, axes = plt.subplots(figsize=(5.4, 5.2))
    low, high = 5e-4, 0.4
    for shown, (far, frr, at, lowest, highest) in curves.items():
        inside = (far > 0) & (far < 1) & (frr > 0) & (frr < 1)
        colour = find_method(shown.method).colour
        ends = ndtri(lowest), ndtri(highest)
        axes.fill_between(ndtri(at), *ends, color=colour, alpha=0.1, linewidth=0)
        axes.plot(
            ndtri(far[inside]),
            ndtri(frr[inside]),
            color=colour,
            linestyle=_line(shown.method),
            label=shown.label,
        )
    axes.plot(ndtri([low, high]), ndtri([low, high]), color="#b0b0b0", linewidth=0.8, linestyle=":")
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
    axes.legend(loc="upper right")
    return figure


@only_with("updates")
def update_behaviour(table: pd.DataFrame) -> Figure:
    """Updates on targets and on non-targets.

    How often each run updates on targets and on non-targets, and by which weight.

    Parameters
    ----------
    table
        Of `breakdowns.update_behaviour`.
    """
    runs = list(table["run"].drop_duplicates())
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 1.2 + 0.34 * len(runs)), sharey=True)
    for (target, colour, label), offset in zip(KINDS, (-0.18, 0.18), strict=True):
        part = table[table["target"] == target].set_index("run").loc[runs]
        y = np.arange(len(runs)) + offset
        left.barh(y, 100 * part["update_rate"], height=0.34, color=colour, label=label)
        for place, rate in zip(y, part["update_rate"], strict=True):
            left.annotate(
                f"{100 * rate:.1f}",
                (100 * rate, place),
                xytext=(3, 0),
                textcoords="offset points",
                va="center",
                fontsize=7,
            )
        spread = [
            part["mean_weight"] - part["low_weight"],
            part["high_weight"] - part["mean_weight"],
        ]
        right.errorbar(
            part["mean_weight"], y, xerr=np.maximum(spread, 0), fmt="o", color=colour, capsize=2
        )
    left.set_yticks(range(len(runs)), runs)
    left.invert_yaxis()
    left.set(xlabel="trials with an update (%)", xlim=(0, 108))
    right.set(xlabel="weight of an update (mean, 10th-90th percentile)")
    for axes in (left, right):
        axes.grid(axis="y", visible=False)
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def operating_point(tables: Mapping[Shown, pd.DataFrame]) -> Figure:
    """Error rates at a threshold set in advance.

    False acceptances (FAR) and false rejections (FRR) by week since enrolment, at the threshold
    that was chosen on development trials for the first operating point: of the scores, and of the
    log-likelihood ratios of the back-end. The dotted line is the FAR for which it was chosen.

    Parameters
    ----------
    tables
        For each method the table of `breakdowns.at_first_point`.
    """
    rates = {"far_percent": "FAR (%)", "frr_percent": "FRR (%)"}
    names = {"score": "scores", "llr": "log-likelihood ratios"}
    there = set().union(*(table["kind"] for table in tables.values()))
    kinds = [kind for kind in names if kind in there] or ["score"]
    figure, panels = make_panels(2 * len(kinds), 2, 4.8, 2.7, extra=0.6, sharex=True, sharey="col")
    for row, kind in zip(panels, kinds, strict=True):
        for axes, (column, label) in zip(row, rates.items(), strict=True):
            for shown, table in tables.items():
                weeks = table[(table["by"] == "week") & (table["kind"] == kind)]
                _plot_line(axes, shown, weeks["group"], weeks[column])
            axes.set(title=names[kind], ylabel=label)
    # Panels share their axes, so this comes after all lines.
    for axes in panels.flat:
        axes.set_ylim(bottom=0)
    for wanted in {name for table in tables.values() for name in table["point"]}:
        for axes in panels[:, 0]:
            if wanted.startswith("far_"):
                axes.axhline(float(wanted.removeprefix("far_")), color="#333333", linestyle=":")
    for axes in panels[-1]:
        axes.set_xlabel("week since enrolment")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _add_legend(figure, panels[0, 0])
    return figure


def threshold_drift(tables: Mapping[Shown, pd.DataFrame]) -> Figure:
    """Thresholds over updates and weeks.

    The threshold of the score that would keep the rate of the first operating point among the
    trials of templates with so many updates, and among those of each week since enrolment. The
    dotted lines are the thresholds that were set on development trials.

    Parameters
    ----------
    tables
        For each method the table of `breakdowns.at_first_point`.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 4.0), sharey=True)
    scores = {shown: table[table["kind"] == "score"] for shown, table in tables.items()}
    updates = sorted({n for table in scores.values() for n in _groups(table, "updates")["group"]})
    for shown, table in scores.items():
        own = _groups(table, "updates")
        _plot_line(left, shown, own["group"].map(updates.index), own["own_threshold"])
        own = _groups(table, "week")
        _plot_line(right, shown, own["group"], own["own_threshold"])
        for axes in (left, right):
            for threshold in table["threshold"].head(1):
                colour = find_method(shown.method).colour
                axes.axhline(threshold, color=colour, linestyle=":", linewidth=1)
    left.set_xticks(range(len(updates)), [f"{int(n)}" for n in updates])
    left.set(xlabel="updates of the template so far, at least", ylabel="threshold (score)")
    right.set_xlabel("week since enrolment")
    right.xaxis.set_major_locator(MaxNLocator(integer=True))
    _add_legend(figure, left)
    return figure


def _groups(table: pd.DataFrame, by: str) -> pd.DataFrame:
    return table[table["by"] == by]


def _plot_line(axes: Axes, shown: Shown, x: pd.Series, y: pd.Series) -> None:
    """Plot a line with the look of a method; it is in the legend even without a point."""
    look = find_method(shown.method)
    axes.plot(
        x,
        y,
        color=look.colour,
        marker=look.marker,
        ms=4,
        linestyle=_line(shown.method),
        label=shown.label,
    )


def _add_legend(figure: Figure, axes: Axes) -> None:
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=4)


def rates_of_speakers(methods: Collection[Shown], rates: pd.DataFrame) -> Figure:
    """FRR of each speaker.

    The false rejection rate of each test speaker, at the threshold that was chosen on development
    trials for the first operating point: without updates (hollow), and with the updating method of
    the least EER (full). Speakers stand in the order of the rate without updates.

    Parameters
    ----------
    methods
        Of `speakers.choose_two`.
    rates
        Of `speakers.frr_of_speakers`.
    """
    figure, axes = plt.subplots(figsize=(7.6, 3.6))
    if rates.empty:
        _say_empty(axes)
        return figure
    x, named = np.arange(len(rates)), len(rates) <= MOST_NAMED
    axes.vlines(x, rates.min(axis=1), rates.max(axis=1), color="#b0b0b0", linewidth=1, zorder=1)
    for shown in methods:
        look = find_method(shown.method)
        axes.scatter(
            x,
            rates[shown.label],
            36 if named else 8,
            marker=look.marker,
            facecolor="white" if look.role == "baseline" or _is_given(look.id) else look.colour,
            edgecolor=look.colour,
            label=shown.label,
            clip_on=False,
            zorder=3,
        )
    if named:
        axes.set_xticks(x, [_as_label(name, 12) for name in rates.index], rotation=90, fontsize=8)
    axes.grid(axis="x", visible=False)
    axes.set(xlabel="speaker", ylabel="FRR (%)")
    axes.set_ylim(bottom=0)
    _add_legend(figure, axes)
    return figure


def threshold_sweep(sweep: pd.DataFrame, baseline: float | None) -> Figure:
    """EER over threshold and weight.

    The equal error rate (EER) of the fixed weight over its update threshold and weight.

    Parameters
    ----------
    sweep
        alpha, threshold, eer_percent; a full grid.
    baseline
        EER (%) without updating, marked in the colour bar; None where it was not run.
    """
    grid = sweep.pivot_table(index="alpha", columns="threshold", values="eer_percent")
    figure, axes = plt.subplots(figsize=(7.6, 4.4))
    image = axes.imshow(grid, cmap="viridis_r", aspect="auto", origin="lower")
    middle = (grid.to_numpy().min() + grid.to_numpy().max()) / 2
    for (row, column), value in np.ndenumerate(grid.to_numpy()):
        axes.text(
            column,
            row,
            f"{value:.2f}",
            ha="center",
            va="center",
            fontsize=8,
            color="white" if value > middle else "black",
        )
    axes.set_xticks(range(grid.shape[1]), [f"{t:g}" for t in grid.columns])
    axes.set_yticks(range(grid.shape[0]), [f"{a:g}" for a in grid.index])
    axes.grid(visible=False)
    axes.set(xlabel="update threshold", ylabel="weight alpha")
    bar = figure.colorbar(image, label="EER (%)")
    low, high = image.get_clim()
    if baseline is not None and low <= baseline <= high:
        bar.ax.axhline(baseline, color=find_by_role("baseline").colour, linewidth=2)
        bar.ax.annotate(
            f"baseline {baseline:.2f}",
            (0, baseline),
            xytext=(-4, 3),
            textcoords="offset points",
            ha="right",
            fontsize=8,
        )
    return figure


@only_with("pretraining")
def pretraining(curves: Mapping[str, Sequence[pd.DataFrame]]) -> Figure:
    """Learning curves of pretraining.

    Supervised pretraining of the multi-head policy: each seed (thin), and the mean over seeds.

    Parameters
    ----------
    curves
        method -> one ``training.csv`` table a seed.
    """
    panels = {"cross_entropy": "cross entropy", "mse": "weight MSE", "accuracy": "update accuracy"}
    return _plot_training(curves, "epoch", panels)


@only_with("finetuning")
def finetuning(curves: Mapping[str, Sequence[pd.DataFrame]]) -> Figure:
    """Learning curves of PPO.

    Finetuning by PPO: each seed (thin), and the mean over seeds.

    Parameters
    ----------
    curves
        method -> one ``training.csv`` table a seed.
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
    return _plot_training(curves, "steps", panels)


def _plot_training(
    curves: Mapping[str, Sequence[pd.DataFrame]], x: str, panels: Mapping[str, str]
) -> Figure:
    """Plot learning curves: for each method the mean over seeds, and each seed behind it.

    `x` is the column on the horizontal axis; `panels` maps each column to plot to its label.
    """
    figure, grid = make_panels(len(panels), 3, 3.6, 2.7)
    for axes, (column, label) in zip(grid.flat, panels.items(), strict=False):
        for method, seeds in curves.items():
            colour = find_method(method).colour
            tables = [table for table in seeds if column in table and table[column].notna().any()]
            for table in tables:
                axes.plot(table[x], table[column], color=colour, alpha=0.3, linewidth=0.8)
            if tables:
                mean = pd.concat(tables).groupby(x)[column].mean()
                axes.plot(mean.index, mean, color=colour, linewidth=1.8, label=method)
        axes.set(xlabel=x.replace("_", " "), ylabel=label)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))
    handles, labels = grid[0][0].get_legend_handles_labels()
    if len(labels) > 1:
        figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    return figure


def _as_label(value: object, most: int) -> str:
    """Return a user's text as a label of at most so many characters; a $ begins no formula."""
    text = str(value)
    return (text if len(text) <= most else f"{text[: most - 2]}..").replace("$", r"\$")


def _say_empty(axes: Axes) -> None:
    """Write into a panel that the corpus does not tell what it would show."""
    axes.text(0.5, 0.5, "not known", ha="center", va="center", transform=axes.transAxes)
    axes.grid(visible=False)
    axes.tick_params(left=False, bottom=False, labelleft=False, labelbottom=False)


def _line(method: str) -> str:
    """Return the line style of a method: a guarded one has the colour of the method."""
    if split_guards(method)[1]:
        return "-."
    return "--" if _is_given(method) else "-"


def _is_given(method: str) -> bool:
    """Whether a method's policy was trained elsewhere; then it is drawn hollow or dashed."""
    return find_method(method).origin == "given"


def _short(count: float) -> str:
    return f"{count / 1000:.3g}k" if count >= 1000 else f"{count:g}"
