"""What the end of a run says of its results: where they are, and the numbers that matter."""

from __future__ import annotations

import csv
from pathlib import Path

from workflow_src.settings.catalogue import find_method

# Where people look first, in this order.
PLACES = (
    "findings.html",
    "report.html",
    "results/analysis/visual_analysis.ipynb",
    "results/analysis/figures",
    "results/summary.csv",
)


def describe_results(folder: Path, scenario: str, order: str) -> list[str]:
    """Return lines for the end of a run: the EER without and with updating, and where to look.

    Parameters
    ----------
    folder
        The folder that holds ``results``.
    scenario, order
        The trial list whose error rates are told.
    """
    lines = []
    summary = folder / "results/summary.csv"
    if summary.exists():
        with summary.open(encoding="utf-8", newline="") as rows:
            listed = list(csv.DictReader(rows))
        wanted = (scenario, order)
        shown = [row for row in listed if (row["scenario"], row["order"]) == wanted]
        lines += _describe_rates(shown, f"{scenario}, {order} order")
    places = [place for place in PLACES if (folder / place).exists()]
    if places:
        lines.append(f"look at: {', '.join(places)}")
    return lines


def _describe_rates(rows: list[dict[str, str]], name: str) -> list[str]:
    roles = {row["method"]: find_method(row["method"]) for row in rows}
    limits = {name for name, method in roles.items() if method.limit}
    frozen = [row for row in rows if roles[row["method"]].role == "baseline"]
    others = [row for row in rows if row not in frozen and row["method"] not in limits]
    said = [f"never updating {_rate(row)}" for row in frozen[:1]]
    if others:
        best = min(others, key=lambda row: float(row["eer_percent"]))
        said.append(f"the lowest with updating {_rate(best)}, by {best['run']}")
    return [f"EER in {name}: {'; '.join(said)}"] if said else []


def _rate(row: dict[str, str]) -> str:
    interval = ""
    if row.get("eer_low") and row.get("eer_high"):
        interval = f" ({float(row['eer_low']):.2f} to {float(row['eer_high']):.2f})"
    return f"{float(row['eer_percent']):.2f} %{interval}"
