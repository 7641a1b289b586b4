"""Score the development trials with every run, choose thresholds on them, and fit back-ends.

The step sees no test trial. One process does it for all runs: to start takes longer than a run.
"""

from dataclasses import dataclass
from pathlib import Path

from workflow_src.common.errors import InputError
from workflow_src.common.files import read_parquet, write_json
from workflow_src.common.tables import read_embeddings, read_index
from workflow_src.evaluation.operating_points import set_operating_points
from workflow_src.inference.methods import build_rule
from workflow_src.inference.trial_tables import read_development, score_all
from workflow_src.inference.tuned import resolve_tuned
from workflow_src.running.arguments import Input, Outputs
from workflow_src.settings.evaluation import Evaluation
from workflow_src.settings.runs import Run


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
    lists = read_development(args.development, args.scenarios, embeddings, index, manifest)
    if not lists:
        print("no development trials, so no operating points")
    rules = {one.run: build_rule(resolve_tuned(one)) for one in args.runs}
    scored = score_all(rules, lists, embeddings, index)
    targets = [one.targets for one in lists]
    for run, path in zip(rules, args.points, strict=True):
        chosen = set_operating_points(scored[run], targets, args.settings)
        write_json(chosen.model_dump(mode="json"), path)
