"""Measure how sure the error rates of all runs are, and which differences of methods are resolved.

The step writes three tables: the intervals of every run; every method, with its interval; every two
methods, with their difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from workflow_src.common.errors import InputError, blamed_on
from workflow_src.common.files import read_csv, read_parquet, write_csv
from workflow_src.common.tables import read_index
from workflow_src.evaluation.bootstrap import ResampledTrials, draw_resamples
from workflow_src.evaluation.method_tables import (
    Measured,
    average_seeds,
    name_methods,
    tabulate_differences,
    tabulate_measures,
)
from workflow_src.evaluation.trial_speakers import SIDES, read_speakers
from workflow_src.running.arguments import Input, Output
from workflow_src.running.progress import show_progress
from workflow_src.settings.intervals import Intervals
from workflow_src.settings.orders import TrialList


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments."""

    runs: Input
    """The run table, CSV."""
    folder: Path
    """Folder with <run>/<trial list>.parquet, the scored trials."""
    lists: list[TrialList]
    """The trial lists, in the order of the tables."""
    index: Input
    """The speaker of each utterance, parquet."""
    settings: Intervals
    """Resamples and confidence."""
    seed: int
    """The config's seed."""
    intervals: Output
    """The error rates of every run and their intervals, CSV."""
    methods: Output
    """The same of every method, the mean over its seeds, CSV."""
    differences: Output
    """The differences of every two methods, CSV."""


def run(args: Arguments) -> None:
    """Read the scored trials of all runs, draw speakers again, write the tables."""
    runs = read_csv(args.runs, ["run", "method", "alpha"], text=["run"])
    if runs.empty:
        raise InputError(f"{args.runs}: lists no run")
    names, index = name_methods(runs), read_index(args.index)
    first = args.folder / runs["run"].iloc[0]
    speakers = {one.id: read_speakers(first / f"{one.id}.parquet", index) for one in args.lists}
    known = set().union(*(set(part[side]) for part in speakers.values() for side in SIDES))
    resamples = draw_resamples(known, args.settings.resamples, args.seed)
    measured: dict[tuple[str, str], dict[str, Measured]] = {}
    methods: dict[tuple[str, str], dict[str, Measured]] = {}
    for one in show_progress(args.lists, "trial lists"):
        part, key = speakers[one.id], (one.scenario, one.order)
        trials = ResampledTrials(part["enrolled"], part["tested"], part["target"], resamples)
        measured[key] = {}
        for run_id in runs["run"]:
            path = args.folder / run_id / f"{one.id}.parquet"
            scored = read_parquet(path, ["score", "target"], only=True)
            with blamed_on(path):
                if not scored["target"].astype(bool).equals(part["target"]):
                    raise InputError(f"has other trials than those of {first.name}")
                measured[key][run_id] = trials.sample(scored["score"].to_numpy())
        methods[key] = average_seeds(measured[key], names, args.seed)
    confidence = args.settings.confidence
    write_csv(tabulate_measures(measured, "run", confidence), args.intervals)
    write_csv(tabulate_measures(methods, "method", confidence), args.methods)
    write_csv(tabulate_differences(methods, confidence), args.differences)
