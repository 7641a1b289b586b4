"""The tables behind the figures: the runs to show, their scored trials, and EERs by group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from workflow_src.common.files import read_csv, read_parquet
from workflow_src.common.seeds import generator
from workflow_src.evaluation.bootstrap import ResampledTrials, Resamples, draw_resamples
from workflow_src.evaluation.intervals import Sampled, mean_over_seeds, rate_interval
from workflow_src.evaluation.method_tables import name_methods
from workflow_src.evaluation.metrics import error_rates
from workflow_src.settings.catalogue import METHODS, find_by_role, find_method
from workflow_src.settings.intervals import Intervals
from workflow_src.settings.orders import TrialList

DAYS_IN_WEEK = 7
# Times since enrolment, of which the shortest with few enough groups is shown.
PERIODS = {"week": DAYS_IN_WEEK, "four weeks": 28, "quarter": 91, "year": 365}
# The most groups of a condition that is shown, and the most conditions.
MOST_GROUPS, MOST_CONDITIONS = 15, 12
# What the manifest tells of an utterance that is no condition.
NO_CONDITIONS = {"utterance", "speaker", "date", "time", "path", "seconds", "start", "end"}
# Known values of conditions, in their order.
ORDERS = {"state": ["normal"], "noise": ["quiet", "normal", "noisy", "extremely noisy"]}
# The words that end the title of the condition of time.
SINCE = "since enrolment"
# Where a detection error trade-off is taken.
FARS = np.geomspace(2e-4, 0.5, 60)
# Columns of `error_rate_by`.
GROUP_COLUMNS = (
    *("group", "eer_percent", "eer_low", "eer_high"),
    *("target_trials", "nontarget_trials"),
)
EMPTY_GROUPS = pd.DataFrame(columns=["property", "label", "method", *GROUP_COLUMNS])
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


@dataclass(frozen=True)
class Redrawn:
    """Test speakers that are drawn again, for the intervals of the analysis."""

    resamples: Resamples
    confidence: float
    seed: int

    @classmethod
    def of(cls, trials: pd.DataFrame, settings: Intervals, seed: int) -> Redrawn:
        """Draw the speakers of a trial list again; `trials` is of `load_scored_trials`."""
        known = {*trials["speaker"], *trials["tested"]}
        return cls(draw_resamples(known, settings.resamples, seed), settings.confidence, seed)

    def resample(self, trials: pd.DataFrame) -> ResampledTrials:
        """Say how often each of these trials counts."""
        return ResampledTrials(
            trials["speaker"], trials["tested"], trials["target"], self.resamples
        )

    def sample(self, trials: pd.DataFrame, scores: Sequence[pd.Series]) -> Sampled:
        """Return the EER of these trials: the mean over the scores of several seeds."""
        resampled = self.resample(trials)
        rates = [resampled.sample(one.to_numpy(), ["eer"])["eer"] for one in scores]
        return mean_over_seeds(rates, generator(self.seed, "analysis", "training seeds"))


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


def stack(tables: Mapping[Shown, pd.DataFrame]) -> pd.DataFrame:
    """Put the tables of methods below one another, with the columns label and method in front."""
    parts = [
        table.assign(**shown._asdict())[[*Shown._fields, *table.columns]]
        for shown, table in tables.items()
    ]
    # Empty tables would change the types of columns.
    return pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)


def stack_conditions(tables: Mapping[str, Mapping[Shown, pd.DataFrame]]) -> pd.DataFrame:
    """Put the tables of `error_rate_by` below one another: property, label, method, and theirs.

    `tables` is property -> method -> table. The table has no row where nothing is known.
    """
    parts = [stack(methods).assign(property=title) for title, methods in tables.items()]
    table = pd.concat([part for part in parts if len(part)] or parts[:1] or [EMPTY_GROUPS])
    return table[["property", *table.columns.drop("property")]].reset_index(drop=True)


def rates_of_runs(summary: pd.DataFrame, methods: pd.DataFrame) -> pd.DataFrame:
    """Join the EER of each run with that of its method, and the interval.

    Parameters
    ----------
    summary
        ``summary.csv``.
    methods
        ``analysis/tables/methods.csv``.

    Returns
    -------
    DataFrame
        A row for each run and trial list: scenario, order, name (of the method in tables; for one
        of several weights, the run), method, run, alpha, eer_percent; and of the method in tables,
        mean_percent, eer_low and eer_high.
    """
    names = name_methods(summary.drop_duplicates("run"))
    means = methods.rename(columns={"method": "name", "eer_percent": "mean_percent"})
    keys = ["scenario", "order", "name"]
    table = summary.assign(name=summary["run"].map(names))
    table = table[[*keys, "method", "run", "alpha", "eer_percent"]]
    return table.merge(means[[*keys, "mean_percent", "eer_low", "eer_high"]], on=keys, how="left")


def tell_rates(methods: pd.DataFrame) -> pd.DataFrame:
    """Write each method's EER (%) and its interval as text, a column for each trial list.

    `methods` is ``analysis/tables/methods.csv``.
    """
    told = [
        f"{row.eer_percent:.2f} ({row.eer_low:.2f} to {row.eer_high:.2f})"
        for row in methods.itertuples()
    ]
    return methods.assign(told=told).pivot_table(
        index="method", columns=["scenario", "order"], values="told", aggfunc="first", sort=False
    )


def tell_differences(differences: pd.DataFrame, trial_list: TrialList) -> pd.DataFrame:
    """Write the differences of EERs (%) in a trial list as text, with a star where resolved.

    Parameters
    ----------
    differences
        ``analysis/tables/differences.csv``.
    trial_list
        The list.

    Returns
    -------
    DataFrame
        A row and a column for each method: the EER of the row minus that of the column. It is empty
        if there is only one method.
    """
    own = differences[
        (differences["scenario"] == trial_list.scenario)
        & (differences["order"] == trial_list.order)
        & (differences["measure"] == "eer")
    ]
    told = [f"{row.difference:+.2f}{' *' if row.resolved else ''}" for row in own.itertuples()]
    table = own.assign(told=told).pivot_table(
        index="method", columns="other", values="told", aggfunc="first", sort=False
    )
    return table.fillna("")


def load_scored_trials(
    results: str | Path, run: str, trial_list: str, manifest: pd.DataFrame
) -> pd.DataFrame:
    """Read a run's scored trials and join the manifest's columns of each test utterance.

    `trial_list` is the name of the list's files.

    Returns
    -------
    DataFrame
        The columns of ``inference/<run>/<trial list>.parquet``; those of the manifest, except
        speaker, date, path and names that are taken; ``tested``, the speaker of the test utterance;
        and ``days`` (int), the days since the template's first utterance was recorded, and ``week``
        (int, from 1), both missing where a day is unknown.
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
    known = {"date", "path", "days", "week", "tested", *trials.columns} - {"utterance", "speaker"}
    conditions = manifest.drop(columns=known, errors="ignore").rename(columns={"speaker": "tested"})
    trials = trials.merge(conditions, on="utterance", how="left", validate="many_to_one")
    days = (pd.to_datetime(trials["day"]) - trials["model"].map(first)).dt.days
    if days.isna().any():
        days = days.astype("Int64")
    return trials.assign(days=days, week=days // DAYS_IN_WEEK + 1)


def list_conditions(trials: pd.DataFrame, manifest: pd.DataFrame) -> dict[str, pd.Series]:
    """List the conditions by which trials can be divided.

    Parameters
    ----------
    trials
        Scored trials, of `load_scored_trials`.
    manifest
        The manifest, which tells the order of conditions.

    Returns
    -------
    dict
        Title -> the group of each trial, missing where it is unknown. First the time since
        enrolment, if days are known, then each column of the manifest with two to `MOST_GROUPS`
        values among the trials, but not more than `MOST_CONDITIONS` in all. A printed line names
        the columns that are left out.
    """
    conditions = {}
    longest = trials["days"].max()
    if not pd.isna(longest):
        fits = [name for name, days in PERIODS.items() if longest // days < MOST_GROUPS]
        period = fits[0] if fits else "year"
        conditions[f"{period} {SINCE}"] = trials["days"] // PERIODS[period] + 1
    known = trials[[name for name in manifest.columns if name in trials.columns]]
    properties, left_out = list_properties(known, MOST_CONDITIONS - len(conditions))
    conditions |= {name.replace("_", " "): values for name, values in properties.items()}
    if left_out:
        print(
            f"not shown, because of more than {MOST_GROUPS} values or beyond {MOST_CONDITIONS} "
            f"conditions: {', '.join(left_out)}"
        )
    return conditions


def list_properties(
    tests: pd.DataFrame, most: int = MOST_CONDITIONS
) -> tuple[dict[str, pd.Series], list[str]]:
    """List the properties of test utterances by which trials can be divided.

    Parameters
    ----------
    tests
        Columns of the manifest, a row for each trial.
    most
        The most properties.

    Returns
    -------
    properties
        Column -> the group of each trial, missing where it is unknown. Each has two to
        `MOST_GROUPS` values.
    left_out
        Columns with more values, and those beyond `most`.
    """
    properties: dict[str, pd.Series] = {}
    left_out = []
    for name in tests.columns.difference(NO_CONDITIONS, sort=False):
        values = tests[name].replace("", None)
        if not 2 <= values.nunique() <= MOST_GROUPS or len(properties) == most:
            left_out += [name] * (values.nunique() > 1)
        else:
            properties[name] = values
    return properties, left_out


def error_rate_by(
    runs: Sequence[pd.DataFrame],
    groups: str | pd.Series,
    redrawn: Redrawn,
    order: Sequence[str] = (),
) -> pd.DataFrame:
    """Compute the EER of each group of trials: the mean over the runs of a method.

    Parameters
    ----------
    runs
        The scored trials of each run, of `load_scored_trials`; they have the same rows.
    groups
        The column by which to group, or the group of each trial, of `list_conditions`. Trials of
        an empty group are left out.
    redrawn
        How often speakers are drawn again.
    order
        Groups to list first, in this order; the rest follow sorted, texts of numbers as numbers.

    Returns
    -------
    DataFrame
        A row for each group with targets and non-targets: group, eer_percent, eer_low, eer_high
        (its interval; NaN where resamples tell nothing), target_trials, nontarget_trials.
    """
    rows = []
    for group, part in runs[0].groupby(groups, observed=True):
        targets = int(part["target"].sum())
        if group != "" and 0 < targets < len(part):
            rate = redrawn.sample(part, [run.loc[part.index, "score"] for run in runs])
            ends = rate_interval(rate, redrawn.confidence)
            low, high = (100 * end for end in ends)
            rows.append((group, 100 * rate.value, low, high, targets, len(part) - targets))
    table = pd.DataFrame(rows, columns=list(GROUP_COLUMNS))
    ranks = {name: rank for rank, name in enumerate(order)}
    numbers = pd.to_numeric(table["group"], errors="coerce")
    sizes = table["group"] if numbers.isna().any() else numbers
    places = [
        (ranks.get(name, len(ranks)), size)
        for name, size in zip(table["group"], sizes, strict=True)
    ]
    return table.iloc[sorted(range(len(table)), key=places.__getitem__)].reset_index(drop=True)


def trade_off(trials: pd.DataFrame, redrawn: Redrawn) -> pd.DataFrame:
    """Return a run's detection error trade-off, with the interval of the FRR at each FAR.

    Returns
    -------
    DataFrame
        A row for each of `FARS`: far, frr (shares), frr_low, frr_high (the interval of the FRR).
        The last three are NaN where fewer than one non-target would be accepted.
    """
    target = trials["target"].to_numpy(dtype=bool)
    scores, resampled = trials["score"].to_numpy(), redrawn.resample(trials)
    rates = error_rates(scores, target)
    samples = resampled.resample(scores, {"frr": lambda some: some.frr_at_far(FARS)})["frr"]
    values = [rates.frr_at_far(far)[0] if far * rates.nontargets >= 1 else np.nan for far in FARS]
    ends = [
        rate_interval(
            Sampled(
                value=value,
                samples=samples[:, place],
                freedom=resampled.enrolled_speakers - 1,
                step=1 / rates.targets,
            ),
            redrawn.confidence,
        )
        for place, value in enumerate(values)
    ]
    low, high = np.array(ends).T
    return pd.DataFrame({"far": FARS, "frr": values, "frr_low": low, "frr_high": high})


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


def with_baseline(
    sweep: pd.DataFrame, summary: pd.DataFrame, trial_list: TrialList
) -> pd.DataFrame:
    """Add baseline_percent, the EER (%) without updates in a trial list, to the table of a sweep.

    It is NaN where the baseline was not run.
    """
    own = summary["method"] == find_by_role("baseline").id
    own &= summary["scenario"] == trial_list.scenario
    own &= summary["order"] == trial_list.order
    rates = summary.loc[own, "eer_percent"]
    columns = ["alpha", "threshold", "eer_percent"]
    return sweep[columns].assign(baseline_percent=rates.iloc[0] if len(rates) else np.nan)


def pretraining_curves(results: str | Path, seeds: Sequence[int]) -> pd.DataFrame:
    """Read the learning curves of pretraining.

    Returns
    -------
    DataFrame
        method, seed, and the columns of ``training.csv``; no row without a seed.
    """
    method = next(method.id for method in METHODS if method.starts_from == "pretrained")
    folders = {seed: Path(results) / f"policies/pretrained-seed{seed}" for seed in seeds}
    return _read_curves([(method, seed, folder) for seed, folder in folders.items()])


def finetuning_curves(runs: pd.DataFrame) -> pd.DataFrame:
    """Read the learning curves of PPO; the columns are those of `pretraining_curves`."""
    trained = runs[[find_method(method).origin == "ppo" for method in runs["method"]]]
    rows = trained[["method", "seed", "checkpoint"]].itertuples(index=False)
    return _read_curves([(method, int(seed), Path(folder)) for method, seed, folder in rows])


def _read_curves(curves: Sequence[tuple[str, int, Path]]) -> pd.DataFrame:
    tables = [
        read_csv(folder / "training.csv").assign(method=method, seed=seed)
        for method, seed, folder in curves
    ]
    table = pd.concat([pd.DataFrame(columns=["method", "seed"]), *tables])
    return table[["method", "seed", *table.columns.drop(["method", "seed"])]]


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
