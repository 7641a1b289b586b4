"""Export a run's method for production: a whole trial as one ONNX model, and its description.

`workflow_src.serving` runs the model without torch; so can any other program that runs ONNX.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import torch

from workflow_src.common.errors import InputError, first_line
from workflow_src.common.files import read_csv, write_json
from workflow_src.common.tables import read_embeddings
from workflow_src.common.whole_files import written_whole
from workflow_src.exporting.trial_model import OPSET, describe_memory, export_rule, uses_days
from workflow_src.inference.methods import build_rule
from workflow_src.inference.tuned import resolve_tuned
from workflow_src.running.arguments import Input
from workflow_src.serving.exported_form import DESCRIPTION, FORMAT, MODEL
from workflow_src.settings.catalogue import find_method
from workflow_src.settings.orders import Order
from workflow_src.settings.runs import Run
from workflow_src.updating.interface import UpdateRule


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments."""

    run: Run
    """The run, a row of the run table."""
    embeddings: Input
    """Embeddings, .npy; the model has their dimension."""
    summary: Input | None = None
    """results/summary.csv, which has the threshold of acceptance to suggest."""
    scenario: str | None = None
    """The scenario whose threshold is suggested."""
    order: Order = "published"
    """The order of its trials."""
    folder: Path
    """Folder to write method.onnx and method.json to."""


def run(args: Arguments) -> None:
    """Export one run."""
    if (args.summary is None) != (args.scenario is None):
        raise InputError("--summary, --scenario: one is missing; give both or neither")
    chosen = resolve_tuned(args.run)
    decision = None
    if args.summary is not None and args.scenario is not None:
        decision = find_decision(args.summary, chosen.run, args.scenario, args.order)
    dimension = read_embeddings(args.embeddings, mmap=True).shape[1]
    export_method(chosen, dimension, args.folder, decision)


def find_decision(summary: Path, run: str, scenario: str, order: Order) -> dict[str, Any]:
    """Find the threshold of acceptance to suggest: that of a run's EER in a scenario and order.

    Raises
    ------
    InputError
        The summary lacks the row.
    """
    columns = ["run", "scenario", "order", "eer_percent", "eer_threshold"]
    table = read_csv(summary, columns, text=["run"])
    own = (table["scenario"] == scenario) & (table["order"] == order)
    rows = table[(table["run"] == run) & own]
    if len(rows) != 1:
        raise InputError(
            f"{summary}: has no row of the run {run!r}, the scenario {scenario!r} and the order "
            f"{order!r}"
        )
    (row,) = rows.to_dict("records")
    return {
        "scenario": scenario,
        "order": order,
        "threshold": float(row["eer_threshold"]),
        "eer_percent": float(row["eer_percent"]),
    }


def export_method(
    run: Run, dimension: int, folder: Path, decision: dict[str, Any] | None = None
) -> None:
    """Write ``method.onnx`` and ``method.json`` of a run into a folder.

    Parameters
    ----------
    run
        A row of the run table.
    dimension
        D of the embeddings.
    folder
        The folder; made if it is missing.
    decision
        The threshold of acceptance to suggest, from `find_decision`.

    Raises
    ------
    InputError
        The method reads labels, its policy is missing, broken or for another D, or it computes
        something that cannot be exported.
    """
    if find_method(run.method).limit:
        raise InputError(
            f"{run.run}: {run.method} looks at labels, which production has not; it marks a limit"
        )
    rule = build_rule(run)
    if type(rule).choose_enrolment is not UpdateRule.choose_enrolment:
        raise InputError(
            f"{run.run}: {run.method} chooses the utterances of its templates among all of a "
            "speaker (choose_enrolment), which production has not; it cannot be exported"
        )
    try:
        model = export_rule(rule, dimension)
    # A rule that reads labels finds None.
    except (
        RuntimeError,
        AttributeError,
        TypeError,
        onnx.shape_inference.InferenceError,
    ) as error:
        raise InputError(
            f"{run.run}: the method {run.method} cannot be exported ({first_line(error)})"
        ) from error
    with written_whole(folder / MODEL) as part:
        part.write_bytes(model)
    description = {
        "format": FORMAT,
        "method": run.method,
        "run": run.run,
        "dimension": dimension,
        "settings": {"alpha": run.alpha, "threshold": run.threshold, "seed": run.seed},
        "uses_days": uses_days(model),
        "memory": describe_memory(rule),
        "decision": decision,
        "sha256": hashlib.sha256(model).hexdigest(),
        "versions": {
            "opset": OPSET,
            "torch": torch.__version__.partition("+")[0],
            "onnx": onnx.__version__,
            "onnxruntime": onnxruntime.__version__,
        },
    }
    write_json(description, folder / DESCRIPTION)
