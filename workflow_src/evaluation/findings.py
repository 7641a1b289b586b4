"""What the tables of a run say, in sentences: the findings, each with its numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_src.common.files import read_csv
from workflow_src.settings.catalogue import find_method

# An EER of a rule that does not listen, in per cent, above which the order tells nothing.
NOTHING = 45.0


# The columns that each table must have, and those that stay text.
_READ: dict[str, tuple[list[str], list[str]]] = {
    "runs": (["run", "method"], ["run", "method"]),
    "methods": (
        [
            *("method", "eer_percent", "eer_low", "eer_high"),
            *("min_dcf", "frr_at_far_1", "frr_at_far_0.1"),
        ],
        ["method"],
    ),
    "differences": (["method", "other", "resolved"], ["method", "other"]),
    "order": (["order", "eer_percent"], []),
    "points": (["run", "point", "threshold"], ["run"]),
    "calibration": (["run", "kind", "eer_percent"], ["run"]),
}


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

    @classmethod
    def read(cls, **paths: str | Path) -> Tables:
        """Read the tables, each by the name of its attribute.

        Raises
        ------
        InputError
            A file is missing or broken, or lacks a column.
        """
        return cls(**{name: read_csv(paths[name], *_READ[name]) for name in _READ})


def state_findings(tables: Tables, scenario: str) -> list[str]:
    """Return sentences on the results.

    They say what updating gains, which differences are resolved, what the order of trials tells,
    what a threshold that was set in advance gives, and what calibration gains. A finding is left
    out where the tables do not tell it. Those that tell of one scenario tell of this one, in all
    its orders.
    """
    return [
        *state_gain(tables.runs, tables.methods, tables.differences, scenario),
        *_resolved(tables),
        *_order(tables.order),
        *_threshold(tables, scenario),
        *_calibration(tables.calibration, scenario),
    ]


def name_kinds(runs: pd.DataFrame) -> dict[str, str]:
    """Return the id in the catalogue of each name in the tables of methods: a method or a run."""
    return {name: row.method for row in runs.itertuples() for name in (row.method, row.run)}


def list_runs(runs: pd.DataFrame, name: str) -> list[str]:
    """Return the runs behind a name in the tables of methods: all of a method, or the one."""
    return list(runs.loc[(runs["method"] == name) | (runs["run"] == name), "run"])


def choose_methods(
    runs: pd.DataFrame, methods: pd.DataFrame, scenario: str, order: str
) -> pd.DataFrame:
    """Choose never updating and the best updating method in a trial list.

    The best has the least EER and reads no labels. The result has their rows of the table of
    methods, in this order, as far as they were run.
    """
    kinds = name_kinds(runs)
    own = methods[(methods["scenario"] == scenario) & (methods["order"] == order)]
    rows = [find_method(kinds[name]) for name in own["method"]]
    frozen = own[[row.role == "baseline" for row in rows]]
    others = own[[row.role != "baseline" and not row.limit for row in rows]]
    return pd.concat([frozen[:1], others.nsmallest(1, "eer_percent")])


def _choose_both(
    runs: pd.DataFrame, methods: pd.DataFrame, scenario: str
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield each order in which there are both, and their rows."""
    for order in methods.loc[methods["scenario"] == scenario, "order"].unique():
        both = choose_methods(runs, methods, scenario, order)
        if len(both) > 1:
            yield order, both


def state_gain(
    runs: pd.DataFrame, methods: pd.DataFrame, differences: pd.DataFrame, scenario: str
) -> list[str]:
    """Say for each order the EER without updating, and the lowest with updating.

    The tables are those of `Tables`. Methods that read labels do not count.
    """
    said = []
    for order, both in _choose_both(runs, methods, scenario):
        frozen, best = both.iloc[0], both.iloc[1]
        pair = _find_pair(differences, scenario, order, frozen["method"], best["method"])
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


def _resolved(tables: Tables) -> list[str]:
    pairs = tables.differences[tables.differences["measure"] == "eer"]
    if pairs.empty:
        return []
    resolved = pairs[pairs["resolved"]]
    kinds = name_kinds(tables.runs)
    still = {name for name, kind in kinds.items() if find_method(kind).role == "baseline"}
    between = resolved[~resolved["method"].isin(still) & ~resolved["other"].isin(still)]
    return [
        f"Of {len(pairs):,} differences of EERs between two methods, in all scenarios and orders, "
        f"{len(resolved):,} are resolved; {len(between):,} of these are between two methods that "
        "update. What is not resolved may be luck of the speakers."
    ]


def _order(table: pd.DataFrame) -> list[str]:
    said = []
    for order, own in table.groupby("order", sort=False):
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
    for order, both in _choose_both(runs, tables.methods, scenario):
        told, first = [], rows.loc[rows["order"] == order, "point"].head(1)
        for name in both["method"]:
            own = rows[(rows["order"] == order) & rows["point"].isin(first)]
            own = own[own["run"].isin(list_runs(runs, name))]
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


def _calibration(table: pd.DataFrame, scenario: str) -> list[str]:
    whole = table[(table["by"] == "all") & (table["scenario"] == scenario)]
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
