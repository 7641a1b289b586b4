"""Measure every run by speaker and by group of trials, at the thresholds set in advance."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_src.analysis.breakdowns import list_properties
from workflow_src.common.errors import InputError, blamed_on
from workflow_src.common.files import read_csv, read_parquet, write_csv
from workflow_src.common.tables import read_index
from workflow_src.evaluation.bootstrap import ResampledTrials, draw_resamples
from workflow_src.evaluation.operating_points import SetPoints
from workflow_src.evaluation.speaker_rates import (
    GROUP_COLUMNS,
    SPEAKER_COUNTS,
    SPEAKER_RATES,
    rates_by_group,
    rates_by_speaker,
)
from workflow_src.evaluation.trial_speakers import SIDES, find_speakers
from workflow_src.running.arguments import Input, Output
from workflow_src.running.progress import show_progress
from workflow_src.settings.intervals import Intervals
from workflow_src.settings.orders import TrialList

KEYS = ["run", "scenario", "order", "point"]


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments."""

    runs: Input
    """The run table, CSV."""
    folder: Path
    """Folder with <run>/<trial list>.parquet and <run>/operating_points.json."""
    index: Input
    """The speaker of each utterance, parquet: utterance, speaker."""
    manifest: Input
    """What is known of each utterance, parquet: utterance, and columns of few values."""
    lists: list[TrialList]
    """The trial lists, in the order of the tables."""
    intervals: Intervals
    """Resamples and confidence."""
    seed: int
    """The config's seed."""
    speakers: Output
    """FRR and FAR of each speaker, CSV."""
    groups: Output
    """FRR and FAR of each group of trials, CSV."""


def read_scores(path: Path, trials: int) -> np.ndarray:
    """Read the scores of a run, float [T]; raises `InputError` where there are not so many."""
    scores = read_parquet(path, ["score"], only=True)["score"].to_numpy()
    if len(scores) != trials:
        raise InputError(f"{path}: has {len(scores)} trials; the list of the first run {trials}")
    return scores


def run(args: Arguments) -> None:
    """Read the scored trials of all runs and write two tables."""
    runs = read_csv(args.runs, ["run"], text=["run"])["run"]
    if runs.empty:
        raise InputError(f"{args.runs}: lists no run")
    index = read_index(args.index)
    manifest = read_parquet(args.manifest, ["utterance"]).set_index("utterance")
    if not manifest.index.is_unique:
        twice = manifest.index[manifest.index.duplicated()][0]
        raise InputError(f"{args.manifest}: the utterance {twice!r} stands there twice")
    points = {run: SetPoints.read(args.folder / run / "operating_points.json") for run in runs}
    speakers, groups = [], []
    for one in show_progress(args.lists, "trial lists"):
        path = args.folder / runs.iloc[0] / f"{one.id}.parquet"
        trials = read_parquet(path, ["speaker", "utterance", "target"], only=True)
        with blamed_on(path):
            who = find_speakers(trials, index)
        target = who["target"].to_numpy()
        keys, wrong = [], []
        for run_id in runs:
            scores = read_scores(args.folder / run_id / f"{one.id}.parquet", len(trials))
            chosen = points[run_id].score
            for name, threshold in (chosen.thresholds if chosen else {}).items():
                keys.append((run_id, one.scenario, one.order, name))
                wrong.append(target != (scores > threshold))
        if not wrong:
            continue
        for key, table in zip(keys, rates_by_speaker(who, wrong), strict=True):
            speakers.append(table.assign(**dict(zip(KEYS, key, strict=True))))
        # Intervals take long, so groups are measured at the first point only.
        first = [place for place, key in enumerate(keys) if key[-1] == keys[0][-1]]
        resampled = _resample(who, args)
        properties, _ = list_properties(manifest.reindex(trials["utterance"]))
        for by, of_trials in properties.items():
            rows = rates_by_group(
                [wrong[place] for place in first], of_trials, resampled, args.intervals.confidence
            )
            for place, of_run in zip(first, rows, strict=True):
                groups += [(*keys[place], by, *row) for row in of_run]
    columns = [*KEYS, "speaker", *SPEAKER_RATES, *SPEAKER_COUNTS]
    by_speaker = pd.concat(speakers)[columns] if speakers else pd.DataFrame(columns=columns)
    by_group = pd.DataFrame(groups, columns=[*KEYS, "by", *GROUP_COLUMNS])
    ranks = {run: rank for rank, run in enumerate(runs)}
    for table, path in ((by_speaker, args.speakers), (by_group, args.groups)):
        write_csv(table.sort_values("run", key=lambda run: run.map(ranks), kind="stable"), path)


def _resample(who: pd.DataFrame, args: Arguments) -> ResampledTrials:
    """Draw the speakers of a trial list again."""
    known = pd.concat([who[side] for side in SIDES])
    resamples = draw_resamples(known, args.intervals.resamples, args.seed)
    return ResampledTrials(who["enrolled"], who["tested"], who["target"], resamples)
