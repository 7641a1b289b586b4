"""Runs whose files are in the results folder of a population."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from workflow_src.common.errors import InputError
from workflow_src.inference.tuned import resolve_tuned
from workflow_src.settings.runs import Run


def place_run(run: Run, results: Path) -> Run:
    """Return a run with its files under another results folder, and with its tuned numbers."""

    def place(name: str, path: str | None) -> str | None:
        if path is None:
            return None
        if not Path(path).is_relative_to("results"):
            raise InputError(f"runs: {name} of {run.run} is {path!r}; it must be in results/")
        return str(results / Path(path).relative_to("results"))

    checkpoint, tuned = place("checkpoint", run.checkpoint), place("tuned", run.tuned)
    return resolve_tuned(replace(run, checkpoint=checkpoint, tuned=tuned))
