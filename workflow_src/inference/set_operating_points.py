"""Score the development trials with every run, choose thresholds on them, and fit back-ends.

The step sees no test trial. One process does it for all runs: to start takes longer than a run.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_src.common.errors import InputError
from workflow_src.common.files import read_parquet, write_json
from workflow_src.common.tables import read_embeddings, read_index, read_scenario
from workflow_src.evaluation.calibration import ScoredTrials
from workflow_src.evaluation.history import Places, count_days
from workflow_src.evaluation.operating_points import set_operating_points
from workflow_src.evaluation.quality import look_up_quality
from workflow_src.inference.methods import build_rule
from workflow_src.inference.scoring import score_scenario
from workflow_src.inference.tuned import resolve_tuned
from workflow_src.running.arguments import Input, Outputs
from workflow_src.running.progress import show_progress
from workflow_src.settings.evaluation import Evaluation
from workflow_src.settings.runs import Run
from workflow_src.updating.interface import UpdateRule


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments."""

    runs: list[Run]
    """The runs, rows of the run table."""
    development: Path
    """The folder of the development trials."""
    scenarios: list[str]
    """Their scenarios."""
    embeddings: Input
    """The embeddings, .npy, [N, D]."""
    index: Input
    """The utterance of each row, parquet: row, utterance, date."""
    manifest: Input | None = None
    """The lengths of the recordings, parquet: utterance, seconds; for the back-end quality."""
    settings: Evaluation
    """The operating points and the back-end."""
    points: Outputs
    """Thresholds and back-end of each run, JSON."""


def score_development(
    rule: UpdateRule,
    trials: pd.DataFrame,
    enrolment: pd.DataFrame,
    embeddings: np.ndarray,
    index: pd.DataFrame,
    manifest: pd.DataFrame | None,
) -> ScoredTrials:
    """Score the development trials of a scenario, as `score_scenario` does.

    With a manifest, they have the quality of their tests.
    """
    chosen = rule.choose_enrolment(enrolment, index)
    scores = score_scenario(rule, trials, chosen, embeddings, index)["score"].to_numpy()
    quality = None
    if manifest is not None:
        quality = look_up_quality(trials, index, embeddings, manifest)
    days = count_days(trials, enrolment, index)
    return ScoredTrials(scores, days, Places.find(trials), quality)


def run(args: Arguments) -> None:
    """Read and score the development trials, and write what was chosen on them for each run."""
    if len(args.points) != len(args.runs):
        raise InputError(
            f"runs, points: there are {len(args.runs)} runs and {len(args.points)} files; each run "
            "needs one"
        )
    embeddings = read_embeddings(args.embeddings, mmap=True)
    index = read_index(args.index)
    manifest = None
    if args.settings.calibration.back_end == "quality":
        if args.manifest is None:
            raise InputError("--manifest: is missing; the back-end quality needs it")
        manifest = read_parquet(args.manifest, ["utterance"])
    read = [read_scenario(args.development, scenario) for scenario in args.scenarios]
    # Where no speaker trains, there are none.
    lists = [(trials, enrolment) for trials, enrolment in read if len(trials)]
    targets = [trials["target"].to_numpy(dtype=bool) for trials, _ in lists]
    if not lists:
        print("no development trials, so no operating points")
    pairs = zip(args.runs, args.points, strict=True)
    for run, path in show_progress(pairs, "runs", total=len(args.runs)):
        rule = build_rule(resolve_tuned(run))
        scored = [
            score_development(rule, trials, enrolment, embeddings, index, manifest)
            for trials, enrolment in lists
        ]
        chosen = set_operating_points(scored, targets, args.settings)
        write_json(chosen.model_dump(mode="json"), path)
