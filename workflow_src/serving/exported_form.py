"""The exported form of a method: a model, ``method.onnx``, and its description, ``method.json``.

The model is one trial. Its inputs are ``template`` and ``test``, float32 [D], ``days`` since the
enrolment, float32 [], and a ``memory_<name>`` for everything that the method remembers of a
template. If its back-end looks at the seconds of the test, ``seconds``, float32 [], stands before
the memories, NaN where unknown.

Its outputs are ``score``, float32 [], ``updated``, bool [], ``weight``, float32 [],
``new_template``, float32 [D], and a ``new_memory_<name>`` for every memory. If the method has a
back-end, ``llr``, float64 [], stands between the new template and the memories: the score as a
natural log-likelihood ratio.

The description holds the format, the method, its run and settings, D, the extractor (the sha256 or
name of the speaker model, or null), whether the model reads the days and the seconds, name, dtype,
shape and initial value of every memory (``template``: all rows are the template at first), the
back-end, the suggested threshold of acceptance and all thresholds that were set, the model's
sha256, and the versions that wrote it.

The room `exporting` writes the two files.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from workflow_src.common.errors import InputError, first_line
from workflow_src.common.json_text import load_json
from workflow_src.common.limits import plain_size

MODEL, DESCRIPTION = "method.onnx", "method.json"
# Methods of format 1 have no back-end.
FORMAT = 2
INPUTS = ["template", "test", "days"]
OUTPUTS = ["score", "updated", "weight", "new_template"]
SECONDS, LLR = "seconds", "llr"
# The initial value of vectors that a method holds beside the template.
TEMPLATE = "template"
DTYPES = ("float32", "float64", "int64", "int32", "bool")
# Keys of the description that a service needs, and their types.
NEEDED = {
    "dimension": int,
    "uses_days": bool,
    "uses_seconds": bool,
    "sha256": str,
    "memory": list,
}


def read_description(path: Path) -> dict[str, Any]:
    """Read ``method.json``.

    Raises
    ------
    InputError
        The file is missing, damaged or of another format.
    """
    try:
        content = load_json(read_file(path).decode(), path)
        if content["format"] == 1:
            content |= {"back_end": None, "uses_seconds": False}
        elif content["format"] != FORMAT:
            raise InputError(
                f"{path}: is of format {content['format']!r}; this version reads 1 and {FORMAT}"
            )
        if not isinstance(content["back_end"], dict | None):
            raise ValueError(f"back_end is {content['back_end']!r}")
        for key, kind in NEEDED.items():
            if type(content[key]) is not kind:
                raise ValueError(f"{key} is {content[key]!r}")
        # Descriptions of 0.1.0 say nothing of it.
        if not isinstance(content.setdefault("extractor", None), str | None):
            raise ValueError(f"extractor is {content['extractor']!r}")
        for memory in content["memory"]:
            if memory["dtype"] not in DTYPES:
                raise ValueError(f"the dtype {memory['dtype']!r}")
            if type(memory["name"]) is not str:
                raise ValueError(f"the name {memory['name']!r}")
            if memory["initial"] == TEMPLATE:
                if memory["dtype"] != "float32" or memory["shape"][1:] != [content["dimension"]]:
                    raise ValueError(f"the form of {memory['name']!r}")
            elif list(np.array(memory["initial"], memory["dtype"]).shape) != memory["shape"]:
                raise ValueError(f"the shape of {memory['name']!r}")
    except (ValueError, TypeError, LookupError, OverflowError, RecursionError) as error:
        raise InputError(
            f"{path}: is not the description of an exported method ({first_line(error)})"
        ) from error
    return content


def initial_memory(description: dict[str, Any], vector: np.ndarray) -> dict[str, np.ndarray]:
    """Return the memory of a template, float32 [D], at enrolment: name -> array."""
    return {
        memory["name"]: np.tile(vector, (memory["shape"][0], 1))
        if memory["initial"] == TEMPLATE
        else np.array(memory["initial"], dtype=memory["dtype"])
        for memory in description["memory"]
    }


def read_model(path: Path, description: dict[str, Any]) -> onnxruntime.InferenceSession:
    """Open ``method.onnx``; its outputs are in the order of the module's docstring.

    Raises
    ------
    InputError
        The file is missing or damaged, or the description is not its own.
    """
    content = read_file(path)
    if hashlib.sha256(content).hexdigest() != description["sha256"]:
        raise InputError(
            f"{path}: is not the file that {DESCRIPTION} describes (its sha256 is another); "
            "export the method again"
        )
    session = open_session(content, str(path))
    vector = [description["dimension"]]
    memories = {f"memory_{memory['name']}": memory["shape"] for memory in description["memory"]}
    expected = dict(zip(INPUTS, [vector, vector, []], strict=True))
    expected |= {SECONDS: []} if description["uses_seconds"] else {}
    expected |= memories
    inputs = {value.name: value.shape for value in session.get_inputs()}
    outputs = [value.name for value in session.get_outputs()]
    results = [*OUTPUTS, *([LLR] if description["back_end"] else [])]
    if inputs != expected or outputs != results + [f"new_{name}" for name in memories]:
        raise InputError(f"{path}: its inputs or outputs are not those of a method")
    return session


def open_session(model: bytes, source: str) -> onnxruntime.InferenceSession:
    """Open an ONNX model for one thread; raises `InputError` with `source` where it cannot."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions have no useful common base
        raise InputError(
            f"{source}: cannot be opened as an ONNX model ({first_line(error)})"
        ) from error


def as_path(path: str | Path) -> Path:
    """Return a path; raises `InputError` for what cannot be one."""
    try:
        if "\0" not in str(path):
            return Path(path)
    except Exception as error:  # a stranger's object can raise any exception
        raise InputError(
            f"path: a {type(path).__name__} is no path; allowed: text, Path"
        ) from error
    raise InputError(f"path: {str(path)!r:.80} holds a NUL, as no path does")


def read_file(path: Path) -> bytes:
    """Read a file's bytes; raises `InputError` where it cannot be read."""
    plain_size(path)
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({first_line(error)})") from error
