"""The tables behind the figures: the runs to show, their scored trials, and EERs by group."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from workflow_src.common.files import read_csv, read_parquet
from workflow_src.evaluation.metrics import equal_error_rate
from workflow_src.settings.catalogue import METHODS, find_by_role, find_method

DAYS_IN_WEEK = 7
# Times since enrolment, of which the shortest with few enough groups is shown.
PERIODS = {"week": DAYS_IN_WEEK, "four weeks": 28, "quarter": 91, "year": 365}
# The most groups of a condition that is shown, and the most conditions.
MOST_GROUPS, MOST_CONDITIONS = 15, 12
# With fewer targets, or fewer non-targets, a group has no EER.
LEAST_TRIALS = 20
# What the manifest tells of an utterance that is no condition.
NO_CONDITIONS = {"utterance", "speaker", "date", "time", "path", "seconds", "start", "end"}
# Known values of conditions, in their order.
ORDERS = {"state": ["normal"], "noise": ["quiet", "normal", "noisy", "extremely noisy"]}


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
    results: str | Path, run: str, scenario: str, manifest: pd.DataFrame
) -> pd.DataFrame:
    """Read a run's scored trials and join the manifest's columns of each test utterance.

    Returns
    -------
    DataFrame
        The columns of ``inference/<run>/<scenario>.parquet``; those of the manifest, except
        speaker, date, path and names that are taken; and ``days`` (int), the days since the
        template's first utterance was recorded.
    """
    trials = read_parquet(
        Path(results) / f"inference/{run}/{scenario}.parquet", ["model", "score", "target"]
    )
    enrolment = read_parquet(
        Path(results) / f"trials/{scenario}.enrolment.parquet", ["model", "order", "utterance"]
    )
    dates = pd.to_datetime(manifest.set_index("utterance")["date"])
    first = enrolment[enrolment["order"] == 0].set_index("model")["utterance"].map(dates)
    # Metadata may have columns with the names of trial columns.
    known = {"speaker", "date", "path", "days", *trials.columns} - {"utterance"}
    conditions = manifest.drop(columns=known, errors="ignore")
    trials = trials.merge(conditions, on="utterance", how="left", validate="many_to_one")
    elapsed = pd.to_datetime(trials["day"]) - trials["model"].map(first)
    return trials.assign(days=elapsed.dt.days)


def list_conditions(trials: pd.DataFrame, manifest: pd.DataFrame) -> dict[str, pd.Series]:
    """List the conditions by which the trials can be divided.

    Parameters
    ----------
    trials
        Scored trials, of `load_scored_trials`.
    manifest
        The manifest, which tells the order of conditions.

    Returns
    -------
    dict
        Title -> the group of each trial, empty where it is unknown. First the time since enrolment,
        then each column of the manifest with two to `MOST_GROUPS` values among the trials, but not
        more than `MOST_CONDITIONS` in all. A printed line names the columns that are left out.
    """
    length, days = next(
        (
            (name, days)
            for name, days in PERIODS.items()
            if trials["days"].max() // days < MOST_GROUPS
        ),
        ("year", PERIODS["year"]),
    )
    conditions = {f"{length} since enrolment": trials["days"] // days + 1}
    left_out = []
    for name in manifest.columns:
        if name in NO_CONDITIONS or name not in trials.columns:
            continue
        values = trials[name].replace("", None)
        if not 2 <= values.nunique() <= MOST_GROUPS or len(conditions) == MOST_CONDITIONS:
            left_out += [name] * (values.nunique() > 1)
            continue
        conditions[name.replace("_", " ")] = values
    if left_out:
        print(
            f"not shown, because of more than {MOST_GROUPS} values or beyond {MOST_CONDITIONS} "
            f"conditions: {', '.join(left_out)}"
        )
    return conditions


def error_rate_by(
    trials: pd.DataFrame, groups: pd.Series, order: Sequence[str] = ()
) -> pd.DataFrame:
    """Compute the EER of each group of trials.

    Parameters
    ----------
    trials
        N scored trials: score, target.
    groups
        The group of each trial; trials of an empty one are left out.
    order
        Groups to list first, in this order; the rest follow sorted, numbers as numbers.

    Returns
    -------
    DataFrame
        A row for each group: group, eer_percent, target_trials, nontarget_trials. The EER is
        missing if there are fewer than `LEAST_TRIALS` targets or non-targets.
    """
    rows = []
    for group, part in trials.groupby(groups, observed=True):
        targets = int(part["target"].sum())
        eer = np.nan
        if min(targets, len(part) - targets) >= LEAST_TRIALS:
            eer = equal_error_rate(part["score"].to_numpy(), part["target"].to_numpy())[0]
        rows.append((group, 100 * eer, targets, len(part) - targets))
    table = pd.DataFrame(
        rows, columns=["group", "eer_percent", "target_trials", "nontarget_trials"]
    )
    ranks = {name: rank for rank, name in enumerate(order)}
    numbers = pd.to_numeric(table["group"], errors="coerce")
    values = table["group"] if numbers.isna().any() else numbers
    places = [
        (ranks.get(group, len(ranks)), value)
        for group, value in zip(table["group"], values, strict=True)
    ]
    return table.iloc[sorted(range(len(table)), key=places.__getitem__)].reset_index(drop=True)


def scores_over_time(trials: pd.DataFrame, days_in_bin: int = DAYS_IN_WEEK) -> pd.DataFrame:
    """Summarise scores against the time since enrolment.

    Returns
    -------
    DataFrame
        A row for each class and bin: target (bool), days (float, the bin's mean), median, low and
        high (the 10th and 90th percentile of the score), trials.
    """
    bins = trials.assign(bin=trials["days"] // days_in_bin)
    groups = bins.groupby(["target", "bin"])
    quantiles = groups["score"].quantile([0.1, 0.5, 0.9]).unstack()
    return pd.DataFrame(
        {
            "days": groups["days"].mean(),
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


def baseline_error(summary: pd.DataFrame, scenario: str) -> float | None:
    """Return the EER (%) of the baseline in a scenario; None where it was not run."""
    own = (summary["method"] == find_by_role("baseline").id) & (summary["scenario"] == scenario)
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


def update_behaviour(results: str | Path, runs: pd.DataFrame, scenario: str) -> pd.DataFrame:
    """Count how often, and by how much, each run updates on targets and on non-targets.

    The baseline is left out: it never updates.

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
            Path(results) / f"inference/{run}/{scenario}.parquet", ["target", "updated", "weight"]
        )
        for target, part in trials.groupby("target"):
            weights = part.loc[part["updated"], "weight"].to_numpy(np.float64)
            low, high = np.quantile(weights, [0.1, 0.9]) if len(weights) else (np.nan, np.nan)
            mean = weights.mean() if len(weights) else np.nan
            rows.append((run, target, len(part), part["updated"].mean(), mean, low, high))
    columns = ["run", "target", "trials", "update_rate", "mean_weight", "low_weight", "high_weight"]
    return pd.DataFrame(rows, columns=columns)
