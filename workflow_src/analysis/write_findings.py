"""Write the page of findings: sentences, the table of methods, figures, the notebook, the cost.

The page is one HTML file that needs no network.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import nbformat
import numpy as np
import pandas as pd
from jinja2 import Environment, StrictUndefined
from nbconvert import HTMLExporter

from workflow_src.common.errors import InputError, first_line
from workflow_src.common.files import read_text, write_text
from workflow_src.common.passed_over import gather_passed_over, shorten
from workflow_src.evaluation.findings import Tables, state_findings
from workflow_src.running.arguments import Input, Inputs, Output

BENCHMARK = ".benchmark.tsv"
# Column of methods.csv -> its head, and the digits shown.
COLUMNS = {
    "eer_percent": ("EER (%)", 2),
    "eer_low": ("from", 2),
    "eer_high": ("to", 2),
    "min_dcf": ("minDCF", 3),
    "frr_at_far_1": ("FRR (%) at FAR 1 %", 1),
    "frr_at_far_0.1": ("FRR (%) at FAR 0.1 %", 1),
}
KEYS = ["scenario", "order", "method"]


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments."""

    template: Input
    """The page, a Jinja template."""
    runs: Input
    """The run table, CSV."""
    methods: Input
    """Every method with its intervals, CSV."""
    differences: Input
    """The differences of methods, CSV."""
    order: Input
    """What the order of trials tells, CSV."""
    points: Input
    """Rates at the thresholds set in advance, CSV."""
    calibration: Input
    """Error rates before and after calibration, CSV."""
    passed_over: Input
    """What was passed over, CSV."""
    notebook: Input
    """The executed analysis."""
    figures: Inputs
    """The figures, PNG; beside <figure>.png lies its caption, <figure>.txt."""
    logs: Path
    """Folder with the time and memory of each job."""
    scenario: str
    """The scenario of the findings that tell of one."""
    confidence: float
    """Of the intervals."""
    page: Output
    """The page, HTML."""


class Cell(NamedTuple):
    """A cell of the table of methods: what is shown, and by what it is sorted."""

    shown: str
    value: str
    text: bool


class Cost(NamedTuple):
    """What the jobs of a step took: seconds, and megabytes at most."""

    step: str
    jobs: int
    seconds: float
    longest: float
    memory: float


def tabulate(methods: pd.DataFrame) -> list[list[Cell]]:
    """Return the rows of the table of methods: `KEYS`, then `COLUMNS`."""

    def number(value: float, digits: int) -> Cell:
        if not np.isfinite(value):
            return Cell("", "", text=False)
        return Cell(f"{value:.{digits}f}", repr(float(value)), text=False)

    return [
        [
            *(Cell(str(row[key]), str(row[key]), text=True) for key in KEYS),
            *(number(row[name], digits) for name, (_, digits) in COLUMNS.items()),
        ]
        for _, row in methods.iterrows()
    ]


def add_up_costs(logs: Path) -> list[Cost]:
    """Add up the time and memory of the jobs of each step, the most expensive step first.

    Snakemake writes a file for each job: ``<step>.benchmark.tsv``, or a file for each job in
    ``<step>/``.

    Raises
    ------
    InputError
        A file has another form.
    """
    jobs: dict[str, list[tuple[float, float]]] = {}
    for path in sorted(logs.rglob(f"*{BENCHMARK}")):
        step = path.relative_to(logs).parts[0].removesuffix(BENCHMARK)
        try:
            table = pd.read_csv(path, sep="\t", na_values=["-"])
            taken = [(float(row.s), float(row.max_rss)) for row in table.itertuples()]
        except (OSError, ValueError, AttributeError) as error:
            raise InputError(
                f"{path}: cannot be read as times of a job ({first_line(error)})"
            ) from error
        jobs.setdefault(step, []).extend(taken)
    costs = []
    for step, taken in jobs.items():
        seconds, memory = np.array(taken).reshape(-1, 2).T
        most = float(np.nanmax(memory)) if np.isfinite(memory).any() else 0.0
        costs.append(Cost(step, len(taken), float(seconds.sum()), float(seconds.max()), most))
    return sorted(costs, key=lambda cost: (-cost.seconds, cost.step))


def show_notebook(path: Path) -> str:
    """Return an executed notebook as part of an HTML page, without its code."""
    try:
        notebook = nbformat.reads(read_text(path), as_version=4)
    except (AttributeError, KeyError, TypeError, ValueError, nbformat.ValidationError) as error:
        raise InputError(f"{path}: is no notebook ({first_line(error)})") from error
    exporter = HTMLExporter(template_name="basic", exclude_input=True, exclude_input_prompt=True,
                            exclude_output_prompt=True)  # fmt: skip
    return str(exporter.from_notebook_node(notebook)[0])


def read_figure(path: Path) -> dict[str, str]:
    """Return name, title, caption and image (base64) of a figure, for the page.

    Raises
    ------
    InputError
        Its caption is missing, or has no title and text.
    """
    said = read_text(path.with_suffix(".txt"))
    title, _, caption = said.strip().partition("\n\n")
    if not caption:
        raise InputError(f"{path.with_suffix('.txt')}: has no title, empty line and caption")
    image = base64.b64encode(path.read_bytes()).decode()
    return {"name": path.stem, "title": title, "caption": caption, "image": image}


def run(args: Arguments) -> None:
    """Read the tables, state the findings, and write the page."""
    tables = Tables.read(
        runs=args.runs,
        methods=args.methods,
        differences=args.differences,
        order=args.order,
        points=args.points,
        calibration=args.calibration,
    )
    page = Environment(autoescape=True, undefined=StrictUndefined).from_string(
        read_text(args.template)
    )
    heads = [*KEYS, *(head for head, _ in COLUMNS.values())]
    html = page.render(
        findings=state_findings(tables, args.scenario),
        confidence=f"{100 * args.confidence:g}",
        columns=[{"name": head, "text": head in KEYS} for head in heads],
        rows=tabulate(tables.methods),
        figures=[read_figure(path) for path in args.figures],
        passed_over=shorten(gather_passed_over([args.passed_over])),
        costs=add_up_costs(args.logs),
        notebook=show_notebook(args.notebook),
    )
    write_text(html + "\n", args.page)
