"""Tables behind the figures: scores joined with what is known of each trial, and EER by group."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_src.common.files import read_parquet
from workflow_src.evaluation.metrics import equal_error_rate

DAYS_IN_WEEK = 7


def load_scored_trials(
    results: str | Path, run: str, scenario: str, manifest: pd.DataFrame
) -> pd.DataFrame:
    """Read a run's scored trials and join what the manifest knows of each test utterance.

    Parameters
    ----------
    results
        The results folder.
    run, scenario
        Which scores.
    manifest
        The manifest, a row an utterance.

    Returns
    -------
    DataFrame
        The columns of ``inference/<run>/<scenario>.parquet``, those of the manifest but the
        utterance's own speaker, date, path and what is called like one of the former, and
        ``days`` (int): days since the day on which
        the template's first utterance was recorded.
    """
    trials = read_parquet(
        Path(results) / f"inference/{run}/{scenario}.parquet", ["model", "score", "target"]
    )
    enrolment = read_parquet(
        Path(results) / f"trials/{scenario}.enrolment.parquet", ["model", "order", "utterance"]
    )
    dates = pd.to_datetime(manifest.set_index("utterance")["date"])
    first = enrolment[enrolment["order"] == 0].set_index("model")["utterance"].map(dates)
    # Metadata may bring columns that are called like those of the trials.
    known = {"speaker", "date", "path", "days", "week", *trials.columns} - {"utterance"}
    conditions = manifest.drop(columns=known, errors="ignore")
    trials = trials.merge(conditions, on="utterance", how="left", validate="many_to_one")
    elapsed = pd.to_datetime(trials["day"]) - trials["model"].map(first)
    return trials.assign(days=elapsed.dt.days, week=elapsed.dt.days // DAYS_IN_WEEK + 1)


def error_rate_by(trials: pd.DataFrame, column: str, order: Sequence[str] = ()) -> pd.DataFrame:
    """Compute the EER of each group of trials.

    Parameters
    ----------
    trials
        Scored trials: score, target, and the column.
    column
        What to group by, a property of the trial's test utterance. Empty cells are left out.
    order
        Groups to list first, in this order; the rest follow sorted.

    Returns
    -------
    DataFrame
        A row a group that has targets and non-targets: group, eer_percent, target_trials,
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
        A row a class and bin: target (bool), days (float, the bin's mean), median, low and high
        (the 10th and 90th percentile of the score), trials.
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


def update_behaviour(results: str | Path, runs: Iterable[str], scenario: str) -> pd.DataFrame:
    """Count how often, and by how much, each run updates on targets and on non-targets.

    Returns
    -------
    DataFrame
        A row a run and class: run, target (bool), trials, update_rate (share of trials),
        mean_weight, low_weight, high_weight (mean, 10th and 90th percentile of the weight over the
        updates; NaN where there was none).
    """
    rows = []
    for run in runs:
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
