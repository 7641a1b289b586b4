"""Score the development trials with a run, choose its thresholds on them, and fit its back-end.

The step sees no test trial.
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
from workflow_src.running.arguments import Input, Output
from workflow_src.settings.evaluation import Evaluation
from workflow_src.settings.runs import Run
from workflow_src.updating.interface import UpdateRule


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments."""

    run: Run
    """The run, a row of the run table."""
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
    points: Output
    """Thresholds and back-end, JSON."""


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
    """Read and score the development trials, and write what was chosen on them."""
    embeddings = read_embeddings(args.embeddings, mmap=True)
    index = read_index(args.index)
    manifest = None
    if args.settings.calibration.back_end == "quality":
        if args.manifest is None:
            raise InputError("--manifest: is missing; the back-end quality needs it")
        manifest = read_parquet(args.manifest, ["utterance"])
    rule = build_rule(resolve_tuned(args.run))
    scored, targets = [], []
    for scenario in args.scenarios:
        trials, enrolment = read_scenario(args.development, scenario)
        # Where no speaker trains, there are none.
        if len(trials):
            scored.append(score_development(rule, trials, enrolment, embeddings, index, manifest))
            targets.append(trials["target"].to_numpy(dtype=bool))
    chosen = set_operating_points(scored, targets, args.settings)
    write_json(chosen.model_dump(mode="json"), args.points)
    if chosen.development is None:
        print("no development trials, so no operating points")
