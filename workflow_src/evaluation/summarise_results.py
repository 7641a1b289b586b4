"""Summarise the scores of every run and trial list: EER, minDCF, thresholds, intervals.

The measures at the operating points and after calibration come from the tables of
`workflow_src.evaluation.measure_operating_points`. With --published, the table also has the paper's
figures for the same method, weight and scenario, in published order.
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from workflow_src.common.errors import blamed_on
from workflow_src.common.files import read_csv, read_parquet, write_csv
from workflow_src.evaluation.point_tables import CALIBRATION_COLUMNS, POINT_COLUMNS, widen
from workflow_src.evaluation.summary import summarise_scores
from workflow_src.running.arguments import Input, Output
from workflow_src.running.progress import show_progress
from workflow_src.settings.catalogue import find_method
from workflow_src.settings.evaluation import OperatingPoints
from workflow_src.settings.orders import TrialList

PUBLISHED_COLUMNS = ["method", "alpha", "scenario", "eer_percent", "min_dcf"]


def join_published(summary: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """Add the paper's figures to the summary: published_eer_percent, published_min_dcf.

    Parameters
    ----------
    summary
        Columns method, alpha, scenario, order and others. A policy that was trained elsewhere gets
        the paper's figures for its method.
    published
        The columns `PUBLISHED_COLUMNS`; alpha is empty where it does not apply. The new columns are
        empty where the paper has no figure, as of any order but the published one.
    """
    keys = ["method", "alpha", "scenario", "order"]
    figures = {"eer_percent": "published_eer_percent", "min_dcf": "published_min_dcf"}
    methods = summary["method"].map(_published_method)
    theirs = summary[keys].assign(method=methods).astype({"alpha": "float64"})
    figured = published.rename(columns=figures).assign(order="published")
    theirs = theirs.merge(figured, on=keys, how="left", validate="m:1")
    return summary.join(theirs[list(figures.values())])


def _put_intervals_beside(columns: list[str]) -> list[str]:
    """Order columns: behind each measure the ends of its interval, if it has one."""
    ends = {name for name in columns if name.endswith(("_low", "_high"))}
    ordered = []
    for name in columns:
        if name not in ends:
            measure = name.removesuffix("_percent")
            ordered += [name, *(end for end in columns if end in _ends_of(measure))]
    return ordered


def _ends_of(measure: str) -> set[str]:
    return {f"{measure}_low", f"{measure}_high"}


def _published_method(name: str) -> str:
    """Return the method under which the paper gives a method's figures."""
    method = find_method(name)
    return method.settings or name if method.origin == "given" else name


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments."""

    runs: Input
    """The run table, CSV."""
    folder: Path
    """Folder with <run>/<trial list>.parquet, the scored trials."""
    lists: list[TrialList]
    """The trial lists, in the order of the summary."""
    points: Input
    """FAR, FRR and cost at the thresholds set in advance, CSV."""
    calibration: Input
    """EER, minDCF, Cllr and minCllr before and after calibration, CSV."""
    operating_points: OperatingPoints
    """The operating points."""
    intervals: Input
    """The table of measure_intervals, CSV."""
    published: Input | None = None
    """The paper's results, CSV."""
    summary: Output
    """The summary, CSV."""


def run(args: Arguments) -> None:
    """Read the scored trials of all runs and write one table."""
    columns = ["run", "method", "alpha", "threshold", "threshold_from", "seed"]
    runs = read_csv(args.runs, columns, text=["run", "threshold_from"])
    runs = runs[columns].astype({"seed": "Int64"})
    rows = []
    for run_id in show_progress(runs["run"], "runs"):
        for scored in args.lists:
            path = args.folder / run_id / f"{scored.id}.parquet"
            with blamed_on(path):
                summary = summarise_scores(read_parquet(path, ["score", "target"], only=True))
            rows.append({"run": run_id, **scored.model_dump(), **summary})
    summary = runs.merge(pd.DataFrame(rows), on="run", validate="one_to_many")
    keys = ["run", "scenario", "order"]
    points = read_csv(args.points, [*keys, *POINT_COLUMNS], text=["run"])
    calibration = read_csv(args.calibration, [*keys, *CALIBRATION_COLUMNS], text=["run"])
    wide = widen(points, calibration, keys, args.operating_points)
    summary = summary.merge(wide, on=keys, how="left", validate="one_to_one")
    intervals = read_csv(args.intervals, [*keys, "eer_low", "eer_high"], text=["run"])
    added = intervals.columns.difference(summary.columns, sort=False)
    summary = summary.merge(intervals[[*keys, *added]], on=keys, how="left", validate="1:1")
    summary = summary[_put_intervals_beside(list(summary.columns))]
    if args.published:
        summary = join_published(summary, read_csv(args.published, PUBLISHED_COLUMNS))
    write_csv(summary, args.summary)
