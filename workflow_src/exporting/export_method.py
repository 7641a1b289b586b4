"""Export a run's method for production: a whole trial as one ONNX model, and its description.

`workflow_src.serving` runs the model without torch; so can any other program that runs ONNX.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import torch

from workflow_src.common.errors import InputError, first_line
from workflow_src.common.files import write_json
from workflow_src.common.tables import read_embeddings, read_extractor
from workflow_src.common.whole_files import written_whole
from workflow_src.evaluation.operating_points import SetPoints
from workflow_src.exporting.calibrated_trial import looks_at_seconds
from workflow_src.exporting.trial_model import OPSET, describe_memory, export_rule, uses_days
from workflow_src.inference.methods import build_rule
from workflow_src.inference.tuned import resolve_tuned
from workflow_src.running.arguments import Input
from workflow_src.serving.exported_form import DESCRIPTION, FORMAT, MODEL
from workflow_src.settings.catalogue import find_method
from workflow_src.settings.runs import Run


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments."""

    run: Run
    """The run, a row of the run table."""
    embeddings: Input
    """Embeddings, .npy; the model has their dimension."""
    index: Input | None = None
    """The index of the embeddings, parquet, which names their speaker model."""
    points: Input | None = None
    """The run's operating_points.json: the back-end, and thresholds of acceptance to suggest."""
    folder: Path
    """Folder to write method.onnx and method.json to."""


def run(args: Arguments) -> None:
    """Export one run."""
    chosen = resolve_tuned(args.run)
    points = SetPoints.read(args.points) if args.points else SetPoints()
    dimension = read_embeddings(args.embeddings, mmap=True).shape[1]
    extractor = read_extractor(args.index) if args.index else None
    export_method(chosen, dimension, args.folder, points, extractor)


def suggest_thresholds(points: SetPoints) -> dict[str, Any] | None:
    """Return the thresholds of the first operating point, for JSON; None where none were set."""
    if points.score is None:
        return None
    name, threshold = next(iter(points.score.thresholds.items()))
    llr_threshold = points.llr.thresholds.get(name) if points.llr else None
    return {"point": name, "threshold": threshold, "llr_threshold": llr_threshold}


def export_method(
    run: Run,
    dimension: int,
    folder: Path,
    points: SetPoints | None = None,
    extractor: str | None = None,
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
    points
        The run's thresholds of acceptance, and its back-end.
    extractor
        The sha256 or the name of the speaker model that made the embeddings, if known.

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
    points = points or SetPoints()
    rule = build_rule(run)
    if rule.chooses:
        raise InputError(
            f"{run.run}: {run.method} chooses the utterances of its templates among all of a "
            "speaker (choose_enrolment), which production has not; it cannot be exported"
        )
    try:
        model = export_rule(rule, dimension, points.back_end)
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
        "extractor": extractor,
        "settings": {
            "alpha": run.alpha,
            "threshold": run.threshold,
            "seed": run.seed,
            **({"guards": run.guards} if run.guards else {}),
        },
        "uses_days": uses_days(model),
        "uses_seconds": looks_at_seconds(points.back_end),
        "memory": describe_memory(rule, dimension, points.back_end),
        "back_end": points.back_end and asdict(points.back_end),
        "decision": suggest_thresholds(points),
        "thresholds": {
            "score": points.score and points.score.thresholds,
            "llr": points.llr and points.llr.thresholds,
        },
        "sha256": hashlib.sha256(model).hexdigest(),
        "versions": {
            "opset": OPSET,
            "torch": torch.__version__.partition("+")[0],
            "onnx": onnx.__version__,
            "onnxruntime": onnxruntime.__version__,
        },
    }
    write_json(description, folder / DESCRIPTION)
