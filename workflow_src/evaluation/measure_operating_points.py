"""Measure every run on the test trials at the thresholds that were set in advance.

Intervals come from the resamples of speakers of `workflow_src.evaluation.measure_intervals`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_src.common.errors import InputError, blamed_on
from workflow_src.common.files import read_csv, read_parquet, write_csv
from workflow_src.common.tables import read_embeddings, read_index, read_scenario
from workflow_src.evaluation.bootstrap import ResampledTrials, draw_resamples
from workflow_src.evaluation.history import Places, count_days
from workflow_src.evaluation.operating_points import SetPoints
from workflow_src.evaluation.point_tables import GroupedTrials, measure
from workflow_src.evaluation.quality import look_up_quality
from workflow_src.evaluation.trial_speakers import SIDES, find_speakers
from workflow_src.running.arguments import Input, Output
from workflow_src.running.progress import show_progress
from workflow_src.settings.evaluation import OperatingPoints
from workflow_src.settings.intervals import Intervals
from workflow_src.settings.orders import TrialList


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments."""

    runs: Input
    """The run table, CSV."""
    folder: Path
    """Folder with <run>/<trial list>.parquet and <run>/operating_points.json."""
    trials: Path
    """Folder with <trial list>.parquet and <trial list>.enrolment.parquet."""
    index: Input
    """The speaker and the date of each utterance, parquet: utterance, speaker, date."""
    embeddings: Input | None = None
    """The embeddings, .npy, [N, D]; for the back-end quality."""
    manifest: Input | None = None
    """The lengths of the recordings, parquet: utterance, seconds; for the back-end quality."""
    lists: list[TrialList]
    """The trial lists, in the order of the tables."""
    settings: OperatingPoints
    """The operating points."""
    intervals: Intervals
    """Resamples and confidence."""
    seed: int
    """The config's seed."""
    points: Output
    """FAR, FRR and cost at the thresholds, CSV."""
    calibration: Output
    """EER, minDCF, Cllr and minCllr before and after calibration, CSV."""


def read_quality(args: Arguments, trials: pd.DataFrame, index: pd.DataFrame) -> np.ndarray:
    """Read the quality of the tests; raises `InputError` where an argument for it is missing."""
    if args.embeddings is None or args.manifest is None:
        raise InputError("--embeddings, --manifest: a back-end looks at the tests, and needs both")
    embeddings = read_embeddings(args.embeddings, mmap=True)
    return look_up_quality(trials, index, embeddings, read_parquet(args.manifest, ["utterance"]))


def run(args: Arguments) -> None:
    """Read the scored trials of all runs and write two tables."""
    runs = read_csv(args.runs, ["run"], text=["run"])["run"]
    index = read_index(args.index)
    chosen = {run: SetPoints.read(args.folder / run / "operating_points.json") for run in runs}
    asked = any(points.back_end and points.back_end.quality for points in chosen.values())
    listed = {one.id: read_scenario(args.trials, one.id) for one in args.lists}
    speakers = {}
    for name, (trials, _) in listed.items():
        with blamed_on(args.trials / f"{name}.parquet"):
            speakers[name] = find_speakers(trials, index)
    known = pd.concat([part[side] for part in speakers.values() for side in SIDES]).unique()
    resamples = draw_resamples(known, args.intervals.resamples, args.seed)
    tables: dict[tuple[str, str], tuple[pd.DataFrame, pd.DataFrame]] = {}
    for one in show_progress(args.lists, "trial lists"):
        trials, enrolment = listed[one.id]
        own = speakers[one.id]
        resampled = ResampledTrials(own["enrolled"], own["tested"], own["target"], resamples)
        days, places = count_days(trials, enrolment, index), Places.find(trials)
        quality = read_quality(args, trials, index) if asked else None
        for run_id in runs:
            path = args.folder / run_id / f"{one.id}.parquet"
            scored = read_parquet(path, ["score", "updated", "target"], only=True)
            with blamed_on(path):
                if len(scored) != len(trials):
                    raise InputError(f"has {len(scored)} trials; the list has {len(trials)}")
                grouped = GroupedTrials.of(scored, days, places, quality)
                tables[run_id, one.id] = measure(
                    grouped, chosen[run_id], args.settings, resampled, args.intervals.confidence
                )
    keys = [(run_id, one) for run_id in runs for one in args.lists]
    for place, path in enumerate((args.points, args.calibration)):
        parts = [
            tables[run_id, one.id][place].assign(run=run_id, **one.model_dump())
            for run_id, one in keys
        ]
        table = pd.concat(parts, ignore_index=True)
        names = ["run", "scenario", "order"]
        write_csv(table[[*names, *table.columns.drop(names)]], path)
