"""Summarise the comparison of methods over all populations: tables and figures.

Writes to --out: errors.csv (each run on each population), methods.csv (means, shares of the
headroom, paired intervals against the tuned fixed weight), sensitivity.csv, comparison.png and
.svg, sensitivity.png and .svg, and comparison.md, the tables as text.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from workflow_src.common.errors import InputError
from workflow_src.common.files import read_csv, read_parquet, write_csv, write_text
from workflow_src.common.plotting import save_figure, use_style
from workflow_src.comparison.figures import plot_comparison, plot_sensitivity
from workflow_src.comparison.statistics import error_table, headroom_share, paired_differences
from workflow_src.running.steps import add_settings_argument, parse_settings, run_step, step_parser
from workflow_src.settings.comparison import Comparison
from workflow_src.settings.inference import LIMITS
from workflow_src.settings.runs import Run, parse_runs

REFERENCE = "fixed-weight-tuned"
# Others are taken relative to these.
NEEDED = ["baseline", REFERENCE, "oracle"]


def name_methods(runs: list[Run]) -> pd.Series:
    """Return run -> what is shown as one method: seeds together, weights of the grid apart."""
    return pd.Series(
        {run.run: run.run if run.method == "fixed-weight" else run.method for run in runs},
        name="method",
    )


def summarise_methods(errors: pd.DataFrame, differences: pd.DataFrame) -> pd.DataFrame:
    """Join means, spread over seeds, shares of the headroom and paired differences.

    Parameters
    ----------
    errors, differences
        From `error_table` and `paired_differences`.

    Returns
    -------
    DataFrame
        scenario, method, eer_percent, min_dcf (means), seed_sd (of the EER, over seeds, mean
        over populations; empty with one run), headroom (share, from baseline to oracle), and the
        columns of `differences`; in the order of `differences`.
    """
    keys = ["scenario", "method"]
    means = errors.groupby(keys)[["eer_percent", "min_dcf"]].mean()
    spread = errors.groupby([*keys, "population"])["eer_percent"].std().groupby(keys).mean()
    table = means.assign(seed_sd=spread, headroom=headroom_share(errors)).reset_index()
    return differences[keys].merge(table, on=keys).merge(differences, on=keys)


def render_methods(methods: pd.DataFrame) -> str:
    """Write the table of methods as Markdown, a table a scenario."""
    lines = []
    for scenario, part in methods.groupby("scenario", sort=False):
        lines += [
            f"### `{scenario}`",
            "",
            "| method | EER % | minDCF | headroom | x tuned fixed weight | difference (interval) |",
            "|---|---|---|---|---|---|",
        ]
        for row in part.itertuples():
            name = f"`{row.method}`" + (" (limit)" if row.method in LIMITS else "")
            spread = "" if pd.isna(row.seed_sd) else f" ± {row.seed_sd:.2f}"
            lines.append(
                f"| {name} | {row.eer_percent:.2f}{spread} | {row.min_dcf:.3f} | "
                f"{100 * row.headroom:.0f} % | {row.ratio:.2f} | "
                f"{row.difference:+.2f} ({row.low:+.2f} .. {row.high:+.2f}) |"
            )
        lines.append("")
    return "\n".join(lines)


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


def main(argv: list[str] | None = None) -> None:
    """Read the scores of all populations, compare, write."""
    parser = step_parser(__doc__)
    parser.add_argument(
        "--scores", type=Path, required=True, help="folder of <population>/<scenario>.parquet"
    )
    parser.add_argument(
        "--sensitivity", type=Path, nargs="*", default=[], help="tables of measure_sensitivity"
    )
    parser.add_argument("--runs", required=True, metavar="JSON", help="list of runs")
    add_settings_argument(parser, Comparison)
    parser.add_argument("--seed", type=int, required=True, help="the config's seed")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    args = parser.parse_args(argv)
    settings = parse_settings(args.settings, Comparison, "comparison")
    runs = parse_runs(args.runs)
    for needed in NEEDED:
        if all(run.method != needed for run in runs):
            raise InputError(f"--runs: lacks {needed}, relative to which others are taken")
    methods = name_methods(runs)
    parts = [
        read_csv(path, ["changed", "value", "method", "eer_percent"], text=["value"])
        for path in args.sensitivity
    ]
    tables = {
        (population, scenario): read_parquet(
            args.scores / f"{population}/{scenario}.parquet", ["speaker", "target", *methods.index]
        )
        for scenario in settings.scenarios
        for population in settings.populations
    }
    errors = error_table(tables, methods)
    differences = paired_differences(
        tables, methods, REFERENCE, settings.resamples, settings.confidence, args.seed
    )
    summary = summarise_methods(errors, differences)
    use_style()
    text = render_methods(summary)
    save_figure(plot_comparison(errors, summary), args.out, "comparison")
    if parts:
        sensitivity = pd.concat(parts)
        write_csv(sensitivity, args.out / "sensitivity.csv")
        save_figure(plot_sensitivity(sensitivity), args.out, "sensitivity")
        text += "\n### Sensitivity (`random`, EER %)\n\n" + render_sensitivity(sensitivity)
    write_csv(errors, args.out / "errors.csv")
    write_csv(summary, args.out / "methods.csv")
    write_text(text, args.out / "comparison.md")
    print(text)


if __name__ == "__main__":
    run_step(main)
