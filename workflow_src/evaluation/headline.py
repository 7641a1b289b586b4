"""What the end of a run says of its results: where they are, and the numbers that matter."""

from __future__ import annotations

from pathlib import Path

# Where people look first, in this order.
PLACES = (
    "findings.html",
    "report.html",
    "results/analysis/visual_analysis.ipynb",
    "results/analysis/figures",
    "results/summary.csv",
)
TABLES = (
    "results/inference/runs.csv",
    "results/analysis/tables/methods.csv",
    "results/analysis/tables/differences.csv",
)


def describe_results(folder: Path, scenario: str) -> list[str]:
    """Return lines for the end of a run: the EER without and with updating, and where to look.

    Parameters
    ----------
    folder
        The folder that holds ``results``.
    scenario
        The scenario whose error rates are told.

    Raises
    ------
    InputError
        A table is broken.
    """
    lines: list[str] = []
    if all((folder / name).exists() for name in TABLES):
        # A run that is not at its end needs no pandas, which takes a second to import.
        from workflow_src.common.files import read_csv
        from workflow_src.evaluation.findings import state_gain

        text = ["run", "method", "other", "scenario", "order"]
        runs, methods, differences = (read_csv(folder / name, text=text) for name in TABLES)
        lines = state_gain(runs, methods, differences, scenario)
    places = [place for place in PLACES if (folder / place).exists()]
    if places:
        lines.append(f"look at: {', '.join(places)}")
    return lines
