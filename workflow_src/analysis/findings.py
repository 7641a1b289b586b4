"""What the tables of a run say, in sentences: the findings, each with its numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from workflow_src.settings.catalogue import find_method
from workflow_src.settings.orders import TrialList

# An EER of a rule that does not listen, in per cent, above which the order tells nothing.
NOTHING = 45.0


@dataclass(frozen=True)
class Tables:
    """The tables of results that findings are read from, as ``docs/results.md`` describes them.

    Attributes
    ----------
    runs
        The run table.
    methods
        ``analysis/tables/methods.csv``.
    differences
        ``analysis/tables/differences.csv``.
    order
        ``controls/order.csv``.
    points
        ``analysis/tables/operating_points.csv``.
    calibration
        ``analysis/tables/calibration.csv``.
    """

    runs: pd.DataFrame
    methods: pd.DataFrame
    differences: pd.DataFrame
    order: pd.DataFrame
    points: pd.DataFrame
    calibration: pd.DataFrame


def state_findings(tables: Tables, shown: TrialList) -> list[str]:
    """Return sentences on the results.

    They say what updating gains, which differences are resolved, what the order of trials tells,
    what a threshold that was set in advance gives, and what calibration gains. A finding is left
    out where the tables do not tell it. `shown` names the scenario of those that tell of one; they
    tell of all its orders.
    """
    parts = (_gain, _resolved, _order, _threshold, _calibration)
    return [sentence for part in parts for sentence in part(tables, shown.scenario)]


def _kinds(runs: pd.DataFrame) -> dict[str, str]:
    """Return the id in the catalogue of each name in the tables of methods."""
    return {name: row.method for row in runs.itertuples() for name in (row.method, row.run)}


def _choose(tables: Tables, scenario: str) -> dict[str, tuple[pd.Series, pd.Series]]:
    """Return for each order the rows of the baseline and of the best method that updates."""
    kinds = _kinds(tables.runs)
    rows = tables.methods[tables.methods["scenario"] == scenario]
    roles = rows["method"].map(lambda name: find_method(kinds[name]).role)
    limits = rows["method"].map(lambda name: find_method(kinds[name]).limit)
    chosen = {}
    for order, own in rows.groupby("order", sort=False):
        frozen = own[roles[own.index] == "baseline"]
        others = own[(roles[own.index] != "baseline") & ~limits[own.index].astype(bool)]
        if len(frozen) and len(others):
            best = others.loc[others["eer_percent"].idxmin()]
            chosen[str(order)] = (frozen.iloc[0], best)
    return chosen


def _gain(tables: Tables, scenario: str) -> list[str]:
    said = []
    for order, (frozen, best) in _choose(tables, scenario).items():
        pair = _find_pair(tables.differences, scenario, order, frozen["method"], best["method"])
        resolved = ""
        if pair is not None:
            resolved = (
                "; the difference is resolved" if pair else "; the difference is not resolved"
            )
        said.append(
            f"In {scenario}, {order} order, the EER is {_rate(frozen)} without updating. The "
            f"lowest with updating is {_rate(best)}, by {best['method']}{resolved}."
        )
    return said


def _find_pair(
    differences: pd.DataFrame, scenario: str, order: str, one: str, other: str
) -> bool | None:
    """Return whether the EERs of two methods differ; None where no row says it."""
    keys = differences[["scenario", "order", "measure", "method", "other"]]
    for pair in ((one, other), (other, one)):
        rows = (keys == [scenario, order, "eer", *pair]).all(axis=1)
        if rows.any():
            return bool(differences.loc[rows, "resolved"].iloc[0])
    return None


def _resolved(tables: Tables, scenario: str) -> list[str]:
    pairs = tables.differences[tables.differences["measure"] == "eer"]
    if pairs.empty:
        return []
    resolved = pairs[pairs["resolved"]]
    kinds = _kinds(tables.runs)
    still = {name for name, kind in kinds.items() if find_method(kind).role == "baseline"}
    between = resolved[~resolved["method"].isin(still) & ~resolved["other"].isin(still)]
    return [
        f"Of {len(pairs):,} differences of EERs between two methods, in all scenarios and orders, "
        f"{len(resolved):,} are resolved; {len(between):,} of these are between two methods that "
        "update. What is not resolved may be luck of the speakers."
    ]


def _order(tables: Tables, scenario: str) -> list[str]:
    said = []
    for order, own in tables.order.groupby("order", sort=False):
        rates = own["eer_percent"].dropna()
        if len(rates):
            low, high = rates.min(), rates.max()
            tells = "tells next to nothing" if low > NOTHING else "tells the label"
            between = f"{low:.1f} %" if high - low < 0.05 else f"{low:.1f} to {high:.1f} %"
            said.append(
                f"A rule that sees the order of trials and never listens has an EER of {between} "
                f"in {order} order: this order {tells}."
            )
    return said


def _threshold(tables: Tables, scenario: str) -> list[str]:
    points, runs = tables.points, tables.runs
    rows = points[
        (points["scenario"] == scenario) & (points["by"] == "all") & (points["kind"] == "score")
    ]
    said = []
    for order, chosen in _choose(tables, scenario).items():
        told, first = [], rows.loc[rows["order"] == order, "point"].head(1)
        for name in (row["method"] for row in chosen):
            ids = runs.loc[(runs["method"] == name) | (runs["run"] == name), "run"]
            own = rows[(rows["order"] == order) & rows["run"].isin(ids) & rows["point"].isin(first)]
            if len(own) and own["threshold"].notna().all():
                far, frr = own["far_percent"].mean(), own["frr_percent"].mean()
                told.append(f"FAR {far:.2f} % and FRR {frr:.2f} % for {name}")
        if told:
            said.append(
                f"In {scenario}, {order} order, the threshold that was set in advance for "
                f"{_name_point(first.iloc[0])} gives {', and '.join(told)}."
            )
    return said


def _name_point(point: str) -> str:
    return f"a FAR of {point.removeprefix('far_')} %" if point.startswith("far_") else "the cost"


def _calibration(tables: Tables, scenario: str) -> list[str]:
    whole = tables.calibration[
        (tables.calibration["by"] == "all") & (tables.calibration["scenario"] == scenario)
    ]
    said = []
    for order, own in whole.groupby("order", sort=False):
        eers = own.pivot(index="run", columns="kind", values="eer_percent")
        if {"score", "llr"} <= set(eers):
            better = int((eers["llr"] < eers["score"]).sum())
            ratio = float(np.exp(np.log(eers["llr"] / eers["score"]).mean()))
            said.append(
                f"In {scenario}, {order} order, the back-end that calibrates scores lowers the "
                f"EER of {better} of {len(eers)} runs; on average to {ratio:.2f} of what it was."
            )
    return said


def _rate(row: pd.Series) -> str:
    told = f"{row['eer_percent']:.2f} %"
    if np.isfinite(row["eer_low"]) and np.isfinite(row["eer_high"]):
        told += f" ({row['eer_low']:.2f} to {row['eer_high']:.2f})"
    return told
