"""Summarise the comparison of methods over all populations: tables and figures.

The step writes errors.csv (each run on each population), methods.csv (means, shares of the
headroom, paired intervals against the tuned fixed weight), differences.csv (every two methods),
sensitivity.csv, comparison.png and .svg, sensitivity.png and .svg, and comparison.md, which has the
tables as text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, get_args

import pandas as pd

from workflow_src.common.errors import InputError
from workflow_src.common.files import read_csv, read_parquet, write_csv, write_text
from workflow_src.common.plotting import save_figure, use_style
from workflow_src.comparison.figures import plot_comparison, plot_sensitivity
from workflow_src.comparison.statistics import (
    KEYS,
    compare_with_reference,
    error_table,
    headroom_share,
    sample_methods,
)
from workflow_src.evaluation.method_tables import Lists, name_methods, tabulate_differences
from workflow_src.running.arguments import Inputs
from workflow_src.settings.catalogue import Method, Role, find_by_role, find_method
from workflow_src.settings.intervals import Intervals
from workflow_src.settings.orders import TrialList
from workflow_src.settings.runs import Run


def summarise_methods(errors: pd.DataFrame, compared: pd.DataFrame) -> pd.DataFrame:
    """Join means, spread over seeds, shares of the headroom and paired differences.

    The arguments are from `error_table` and `compare_with_reference`; both have all kinds of
    values.

    Returns
    -------
    DataFrame
        scenario, order, kind, method, eer_percent, min_dcf, cllr (means), seed_sd (of the EER, over
        seeds, mean over populations; empty with one run), headroom (share, from baseline to
        ceiling), and the columns of `compared`; in the order of `compared`.
    """
    means = errors.groupby(KEYS)[["eer_percent", "min_dcf", "cllr"]].mean()
    spread = errors.groupby([*KEYS, "population"])["eer_percent"].std().groupby(KEYS).mean()
    table = means.assign(seed_sd=spread, headroom=headroom_share(errors)).reset_index()
    return compared[KEYS].merge(table, on=KEYS).merge(compared, on=KEYS)


def render_methods(methods: pd.DataFrame, rows: Mapping[str, Method]) -> str:
    """Write the table of `summarise_methods` as Markdown, one table per scenario and order.

    A difference that is resolved among all differences of methods has a star. `rows` maps the name
    of a method in tables to its row of the catalogue.
    """
    reference = find_by_role("reference").label
    kinds = {
        kind: name
        for kind, name in (("score", "EER %"), ("llr", "calibrated EER %"))
        if (methods["kind"] == kind).any()
    }
    head = ["method"]
    for name in kinds.values():
        head += [name, f"x {reference}", "difference (interval)"]
    if "llr" in kinds:
        head.append("Cllr")
    lines = []
    for (scenario, order), part in methods.groupby(["scenario", "order"], sort=False):
        lines += [f"### `{scenario}`, {order} order", "", _row(head), _row(["---"] * len(head))]
        of_kind = {kind: part[part["kind"] == kind].set_index("method") for kind in kinds}
        for method in dict.fromkeys(part["method"]):
            cells = [f"`{method}`" + (" (limit)" if rows[method].limit else "")]
            for own in of_kind.values():
                row = own.loc[method]
                spread = "" if pd.isna(row["seed_sd"]) else f" ± {row['seed_sd']:.2f}"
                star = " *" if row["resolved"] else ""
                ends = f"({row['low']:+.2f} .. {row['high']:+.2f})"
                cells += [
                    f"{row['eer_percent']:.2f}{spread}",
                    f"{row['ratio']:.2f}",
                    f"{row['difference']:+.2f} {ends}{star}",
                ]
            if "llr" in kinds:
                cells.append(f"{of_kind['llr'].loc[method, 'cllr']:.3f}")
            lines.append(_row(cells))
        lines.append("")
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def render_sensitivity(table: pd.DataFrame) -> str:
    """Write the table of sensitivity as Markdown: mean EER in per cent."""
    methods = list(dict.fromkeys(table["method"]))
    lines = ["| changed | value | " + " | ".join(f"`{m}`" for m in methods) + " |"]
    lines.append("|---|---|" + "---|" * len(methods))
    mean = table.groupby(["changed", "value", "method"], sort=False)["eer_percent"].mean()
    for changed, value in dict.fromkeys(zip(table["changed"], table["value"], strict=True)):
        cells = " | ".join(f"{mean[changed, value, m]:.2f}" for m in methods)
        lines.append(f"| {changed} | {value} | {cells} |")
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments."""

    scores: Path
    """Folder with <population>/<trial list>.<kind>.parquet of score_population."""
    sensitivity: Inputs = field(default_factory=list)
    """Tables of measure_sensitivity."""
    runs: list[Run]
    """The runs that were scored."""
    lists: list[TrialList]
    """The trial lists that were scored."""
    kinds: list[Literal["score", "llr"]]
    """The kinds of values: score, which comes first, and llr, the calibrated score."""
    populations: list[int]
    """The populations, by their seeds."""
    intervals: Intervals
    """Resamples and confidence."""
    seed: int
    """The config's seed."""
    directory: Path
    """Folder for the tables and figures."""


def run(args: Arguments) -> None:
    """Read the scores of all populations, compare, write."""
    for role in get_args(Role):
        needed = find_by_role(role).id
        if all(one.method != needed for one in args.runs):
            raise InputError(f"runs: lacks {needed}, with which others are compared")
    methods = name_methods(pd.DataFrame([asdict(one) for one in args.runs]))
    rows = {name: find_method(one.method) for name, one in zip(methods, args.runs, strict=True)}
    parts = [
        read_csv(path, ["changed", "value", "method", "eer_percent"], text=["value"])
        for path in args.sensitivity
    ]
    columns = ["speaker", "tested", "target", *methods.index]
    confidence, reference = args.intervals.confidence, find_by_role("reference").id
    sampled: dict[str, Lists] = {}
    found: dict[str, list[pd.DataFrame]] = {"errors": [], "differences": [], "compared": []}
    for kind in args.kinds:
        tables: dict[tuple[int, str, str], pd.DataFrame] = {
            (population, one.scenario, one.order): read_parquet(
                args.scores / f"{population}/{one.id}.{kind}.parquet", columns
            )
            for one in args.lists
            for population in args.populations
        }
        found["errors"].append(error_table(tables, methods, kind))
        own = sampled[kind] = sample_methods(tables, methods, args.intervals.resamples, args.seed)
        paired = tabulate_differences(own, confidence)
        compared = compare_with_reference(
            own, paired, reference, confidence, scores=sampled["score"]
        )
        found["differences"].append(paired.assign(kind=kind))
        found["compared"].append(compared.assign(kind=kind))
    errors, differences, compared = (pd.concat(parts) for parts in found.values())
    summary = summarise_methods(errors, compared)
    use_style()
    text = render_methods(summary, rows)
    save_figure(plot_comparison(errors, summary, rows), args.directory, "comparison")
    if parts:
        sensitivity = pd.concat(parts)
        write_csv(sensitivity, args.directory / "sensitivity.csv")
        save_figure(plot_sensitivity(sensitivity), args.directory, "sensitivity")
        text += "\n### Sensitivity (`random`, independent order, EER %)\n\n" + render_sensitivity(
            sensitivity
        )
    write_csv(errors, args.directory / "errors.csv")
    write_csv(summary, args.directory / "methods.csv")
    write_csv(differences, args.directory / "differences.csv")
    write_text(text, args.directory / "comparison.md")
    print(text)
