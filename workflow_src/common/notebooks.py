"""Executing notebooks with papermill so that the same run gives the same bytes."""

import os
import re
import tempfile
from pathlib import Path
from typing import Any

import nbformat
import papermill
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from workflow_src.common.digests import ROOT
from workflow_src.common.errors import InputError, naming
from workflow_src.common.files import write_text

# The text of an error of the system, such as that of a full disk.
_SYSTEM_ERROR = re.compile(r"\[Errno (\d+)\] (.*?)(?:: '(.*)')?")
# A kernel may take minutes to start on a slow or busy disk. By default it has 60 s, and a cell's
# output has 4 s to arrive, after which it is left out in silence.
START_SECONDS = 1800
OUTPUT_SECONDS = 600
# Bytes. The path of a socket has at most 103 on every system; 25 of them are ours.
LONGEST_FOLDER = 78


def execute_notebook(
    source: str | Path, target: str | Path, draft: str | Path, parameters: dict[str, Any]
) -> None:
    """Execute a notebook and write it with its outputs, without volatile metadata.

    The kernel is the Python that runs this function. It starts in the working directory, has the
    environment of this process, and takes no modules from the working directory.

    Parameters
    ----------
    source
        The notebook, relative to the folder that holds this package.
    target
        The executed notebook to write.
    draft
        The notebook while it runs. It stays there when a cell fails.
    parameters
        Values for the cell tagged ``parameters``.

    Raises
    ------
    InputError
        A cell ended in an `InputError`; the message is the cell's. Or the kernel does not start.
    OSError
        A cell or this function could not read or write a file, which the error names.
    PapermillExecutionError
        Any other error in a cell, with the cell's own traceback.
    """
    os.environ["JUPYTER_PATH"] = str(ROOT / "resources/jupyter")
    Path(draft).parent.mkdir(parents=True, exist_ok=True)
    with naming(draft), tempfile.TemporaryDirectory(dir=_choose_parent()) as folder:
        try:
            notebook = papermill.execute_notebook(
                str(ROOT / source),
                str(draft),
                parameters=parameters,
                kernel_name="workflow",
                progress_bar=False,
                log_output=False,
                start_timeout=START_SECONDS,
                iopub_timeout=OUTPUT_SECONDS,
                raise_on_iopub_timeout=True,
                # By default the kernel listens at ports that are chosen before it starts. Another
                # program may have taken one by then.
                config=Config(KernelManager={"transport": "ipc", "ip": f"{folder}/kernel"}),
            )
        except PapermillExecutionError as error:
            if error.ename == InputError.__name__:
                raise InputError(error.evalue) from error
            if found := _SYSTEM_ERROR.fullmatch(error.evalue):
                number, said, file = found.groups()
                raise OSError(int(number), said, file or str(source)) from error
            raise
        except RuntimeError as error:
            if not str(error).startswith("Kernel didn't respond"):
                raise
            raise InputError(
                f"{source}: its kernel did not start within {START_SECONDS} s; run again when the "
                "machine or its disk is less busy"
            ) from error
    write_text(nbformat.writes(without_volatile_metadata(notebook)) + "\n", target)
    Path(draft).unlink()


def _choose_parent() -> str:
    """Return a folder for sockets: that of temporary files, or /tmp where its path is long."""
    chosen = tempfile.gettempdir()
    return chosen if len(os.fsencode(chosen)) <= LONGEST_FOLDER else "/tmp"


def without_volatile_metadata(notebook: NotebookNode) -> NotebookNode:
    """Return the notebook without what differs between two runs of the same code.

    These are times, papermill's record of paths, random cell ids and the kernel's versions.
    """
    notebook.metadata = NotebookNode(
        kernelspec={"display_name": "Python 3", "language": "python", "name": "python3"},
        language_info={"name": "python"},
    )
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
        tags = cell.metadata.get("tags", [])
        cell.metadata = NotebookNode({"tags": tags} if tags else {})
        for output in cell.get("outputs", []):
            output.get("metadata", {}).pop("execution", None)
    return notebook
