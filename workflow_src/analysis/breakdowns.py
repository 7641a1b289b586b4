"""The tables behind the figures: the runs to show, their scored trials, and EERs by group."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from workflow_src.common.files import read_csv, read_parquet
from workflow_src.evaluation.metrics import equal_error_rate
from workflow_src.settings.catalogue import METHODS, find_by_role, find_method
from workflow_src.settings.orders import TrialList

DAYS_IN_WEEK = 7
# What is averaged over the runs of a method at an operating point.
RATES = ("threshold", "own_threshold", "far_percent", "frr_percent")


class Shown(NamedTuple):
    """A method in a figure; a method with several weights is shown by one of them.

    Attributes
    ----------
    label
        Its label in the figure.
    method
        Its id in the run table.
    """

    label: str
    method: str


def methods_shown(runs: pd.DataFrame, alpha: float) -> dict[Shown, list[str]]:
    """Choose the runs that stand for each method in figures that cannot show all.

    `alpha` is the weight that stands for a method with several weights; where it was not run, the
    nearest one does. A trained method is shown by the mean over its runs, one per seed.
    """
    shown: dict[Shown, list[str]] = {}
    for method, rows in runs.groupby("method", sort=False):
        if find_method(method).alphas:
            nearest = rows.loc[(rows["alpha"] - alpha).abs().idxmin()]
            label = f"{method} {nearest['alpha']:g}"
            shown[Shown(label, method)] = [nearest["run"]]
        else:
            shown[Shown(method, method)] = list(rows["run"])
    return shown


def load_scored_trials(
    results: str | Path, run: str, trial_list: str, manifest: pd.DataFrame
) -> pd.DataFrame:
    """Read a run's scored trials and join the manifest's columns of each test utterance.

    `trial_list` is the name of the list's files.

    Returns
    -------
    DataFrame
        The columns of ``inference/<run>/<trial list>.parquet``; those of the manifest, except
        speaker, date, path and names that are taken; and ``days`` (int), the days since the
        template's first utterance was recorded, and ``week`` (int, from 1), both missing where a
        day is unknown.
    """
    trials = read_parquet(
        Path(results) / f"inference/{run}/{trial_list}.parquet", ["model", "score", "target"]
    )
    enrolment = read_parquet(
        Path(results) / f"trials/{trial_list}.enrolment.parquet", ["model", "order", "utterance"]
    )
    dates = pd.to_datetime(manifest.set_index("utterance")["date"])
    first = enrolment[enrolment["order"] == 0].set_index("model")["utterance"].map(dates)
    # Metadata may have columns with the names of trial columns.
    known = {"speaker", "date", "path", "days", "week", *trials.columns} - {"utterance"}
    conditions = manifest.drop(columns=known, errors="ignore")
    trials = trials.merge(conditions, on="utterance", how="left", validate="many_to_one")
    days = (pd.to_datetime(trials["day"]) - trials["model"].map(first)).dt.days
    if days.isna().any():
        days = days.astype("Int64")
    return trials.assign(days=days, week=days // DAYS_IN_WEEK + 1)


def error_rate_by(trials: pd.DataFrame, column: str, order: Sequence[str] = ()) -> pd.DataFrame:
    """Compute the EER of each group of trials.

    Parameters
    ----------
    trials
        Scored trials: score, target, and the column.
    column
        The property of the test utterance by which to group. Empty cells are left out.
    order
        Groups to list first, in this order; the rest follow sorted.

    Returns
    -------
    DataFrame
        A row for each group with targets and non-targets: group, eer_percent, target_trials,
        nontarget_trials.
    """
    rows = []
    for group, part in trials.dropna(subset=[column]).groupby(column, observed=True):
        targets = int(part["target"].sum())
        if group != "" and 0 < targets < len(part):
            eer = equal_error_rate(part["score"].to_numpy(), part["target"].to_numpy())[0]
            rows.append((group, 100 * eer, targets, len(part) - targets))
    table = pd.DataFrame(
        rows, columns=["group", "eer_percent", "target_trials", "nontarget_trials"]
    )
    ranks = {name: rank for rank, name in enumerate(order)}
    return table.sort_values(
        "group",
        key=lambda groups: groups.map(lambda g: (ranks.get(g, len(ranks)), g)),
        ignore_index=True,
    )


def scores_over_time(trials: pd.DataFrame, days_in_bin: int = DAYS_IN_WEEK) -> pd.DataFrame:
    """Summarise scores against the time since enrolment.

    Returns
    -------
    DataFrame
        A row for each class and bin: target (bool), days (float, the bin's mean), median, low and
        high (the 10th and 90th percentile of the score), trials. Trials without days are left out.
    """
    columns = ["target", "days", "median", "low", "high", "trials"]
    bins = trials.assign(bin=trials["days"] // days_in_bin).dropna(subset=["bin"])
    if bins.empty:
        return pd.DataFrame(columns=columns, dtype="float64")
    groups = bins.groupby(["target", "bin"])
    quantiles = groups["score"].quantile([0.1, 0.5, 0.9]).unstack()
    return pd.DataFrame(
        {
            "days": groups["days"].mean().astype("float64"),
            "median": quantiles[0.5],
            "low": quantiles[0.1],
            "high": quantiles[0.9],
            "trials": groups.size(),
        }
    ).reset_index()


def mean_over_runs(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Average ``eer_percent`` over runs whose tables have the same groups and counts."""
    stacked = pd.concat(tables)
    keys = ["group", "target_trials", "nontarget_trials"]
    return stacked.groupby(keys, sort=False, as_index=False)["eer_percent"].mean()


def at_first_point(
    points: pd.DataFrame, shown: Mapping[Shown, Sequence[str]], trial_list: TrialList
) -> dict[Shown, pd.DataFrame]:
    """Choose the rows of the first operating point, of some methods in one trial list.

    Parameters
    ----------
    points
        ``analysis/tables/operating_points.csv``; empty where no thresholds could be set.
    shown
        The runs of each method.
    trial_list
        The list.

    Returns
    -------
    dict
        Method -> by, group, kind, point, and means over its runs: threshold, own_threshold,
        far_percent, frr_percent.
    """
    rows = points[
        (points["scenario"] == trial_list.scenario)
        & (points["order"] == trial_list.order)
        & (points["point"] == points["point"].iloc[0] if len(points) else False)
    ]
    keys, numbers = ["by", "group", "kind", "point"], list(RATES)
    return {
        method: rows[rows["run"].isin(ids)]
        .groupby(keys, sort=False, dropna=False, as_index=False)[numbers]
        .mean()
        for method, ids in shown.items()
    }


def baseline_error(summary: pd.DataFrame, scenario: str, order: str) -> float | None:
    """Return the EER (%) of the baseline in a scenario and order; None where it was not run."""
    own = summary["method"] == find_by_role("baseline").id
    own &= (summary["scenario"] == scenario) & (summary["order"] == order)
    return summary.loc[own, "eer_percent"].iloc[0] if own.any() else None


def pretraining_curves(results: str | Path, seeds: Sequence[int]) -> dict[str, list[pd.DataFrame]]:
    """Read the learning curves of pretraining: method -> one ``training.csv`` for each seed."""
    policies = Path(results) / "policies"
    curves = [read_csv(policies / f"pretrained-seed{seed}/training.csv") for seed in seeds]
    method = next(method.id for method in METHODS if method.starts_from == "pretrained")
    return {method: curves} if curves else {}


def finetuning_curves(runs: pd.DataFrame) -> dict[str, list[pd.DataFrame]]:
    """Read the learning curves of PPO: method -> one ``training.csv`` for each seed."""
    trained = runs[[find_method(method).origin == "ppo" for method in runs["method"]]]
    return {
        method: [read_csv(Path(folder) / "training.csv") for folder in rows["checkpoint"]]
        for method, rows in trained.groupby("method", sort=False)
    }


def update_behaviour(results: str | Path, runs: pd.DataFrame, trial_list: str) -> pd.DataFrame:
    """Count how often, and by how much, each run updates on targets and on non-targets.

    `trial_list` is the name of the list's files. The baseline is left out: it never updates.

    Returns
    -------
    DataFrame
        A row for each run and class: run, target (bool), trials, update_rate (share of trials),
        mean_weight, low_weight, high_weight (mean, 10th and 90th percentile of the weight over the
        updates; NaN where there was none).
    """
    rows = []
    for run in runs.loc[runs["method"] != find_by_role("baseline").id, "run"]:
        trials = read_parquet(
            Path(results) / f"inference/{run}/{trial_list}.parquet", ["target", "updated", "weight"]
        )
        for target, part in trials.groupby("target"):
            weights = part.loc[part["updated"], "weight"].to_numpy(np.float64)
            low, high = np.quantile(weights, [0.1, 0.9]) if len(weights) else (np.nan, np.nan)
            mean = weights.mean() if len(weights) else np.nan
            rows.append((run, target, len(part), part["updated"].mean(), mean, low, high))
    columns = ["run", "target", "trials", "update_rate", "mean_weight", "low_weight", "high_weight"]
    return pd.DataFrame(rows, columns=columns)
