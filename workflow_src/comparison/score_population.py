"""Score every run on one simulated population, for the comparison of methods.

The step reads the results folder of the population's own workflow: trials, embeddings and policies.
For each trial list, it writes a table of scores and a table of calibrated scores. Both have the
columns speaker, tested and target, and a column for each run. The back-end of each run is fitted on
the development trials of the population.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from workflow_src.common.files import read_parquet, write_parquet
from workflow_src.common.tables import read_embeddings, read_index
from workflow_src.comparison.placed_runs import place_run
from workflow_src.evaluation.calibration import fit_back_end
from workflow_src.evaluation.operating_points import KINDS
from workflow_src.inference.methods import build_rule
from workflow_src.inference.trial_tables import TrialTables, read_development, score_all
from workflow_src.settings.evaluation import Calibration
from workflow_src.settings.orders import TrialList
from workflow_src.settings.runs import Run


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments."""

    results: Path
    """The population's folder results/."""
    runs: list[Run]
    """The runs to score."""
    lists: list[TrialList]
    """The trial lists to score."""
    scenarios: list[str]
    """The scenarios of the development trials."""
    calibration: Calibration
    """The back-end."""
    directory: Path
    """Folder for the tables, <trial list>.score.parquet and <trial list>.llr.parquet."""


def run(args: Arguments) -> None:
    """Read the population's results, score, calibrate, write."""
    embeddings = read_embeddings(args.results / "embeddings/embeddings.npy", mmap=True)
    index = read_index(args.results / "embeddings/index.parquet")
    kind, manifest = args.calibration.back_end, None
    if kind == "quality":
        manifest = read_parquet(args.results / "corpus/manifest.parquet", ["utterance"])
    rules = {one.run: build_rule(place_run(one, args.results)) for one in args.runs}
    folder, data = args.results / "trials", (embeddings, index, manifest)
    lists = [TrialTables.read(folder, one.id, *data) for one in args.lists]
    scored = score_all(rules, lists, embeddings, index)
    values = {"score": {run: [each.scores for each in trials] for run, trials in scored.items()}}
    if kind != "none":
        development = read_development(folder / "development", args.scenarios, *data)
        fitted_on = score_all(rules, development, embeddings, index)
        targets = [one.targets for one in development]
        values["llr"] = {}
        for run, trials in scored.items():
            back_end = fit_back_end(kind, fitted_on[run], targets, args.calibration.p_target)
            values["llr"][run] = [back_end.llrs(each).astype("float32") for each in trials]
    speakers = index.set_index("utterance")["speaker"]
    for place, (one, own) in enumerate(zip(args.lists, lists, strict=True)):
        known = {
            "speaker": own.trials["speaker"],
            "tested": own.trials["utterance"].map(speakers),
            "target": own.trials["target"],
        }
        for name in KINDS:
            if name in values:
                columns = {run: each[place] for run, each in values[name].items()}
                write_parquet(
                    pd.DataFrame(known | columns), args.directory / f"{one.id}.{name}.parquet"
                )
