"""The target export_policy, and exported methods against the finished run's own scores."""

import datetime
import shutil

import numpy as np
import pandas as pd
import pytest

from tests.workflow.forked_runs import run_snakemake
from workflow_src.embeddings.demo_extractor import SHA256
from workflow_src.evaluation.calibration import ScoredTrials
from workflow_src.evaluation.history import Places
from workflow_src.evaluation.operating_points import SetPoints
from workflow_src.serving import TemplateUpdater
from workflow_src.settings.catalogue import METHODS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def exported(finished, tmp_path_factory):
    """A copy of the finished run with its methods exported."""
    folder = tmp_path_factory.mktemp("exported run") / "run"
    shutil.copytree(finished, folder)
    run_snakemake(folder, "--", "export_policy")
    return folder / "results"


def test_every_run_is_exported_and_scores_as_it_did(exported):
    scenario = "1das"
    trials = pd.read_parquet(exported / f"trials/{scenario}.parquet")
    enrolment = pd.read_parquet(exported / f"trials/{scenario}.enrolment.parquet")
    index = pd.read_parquet(exported / "embeddings/index.parquet").set_index("utterance")["row"]
    embeddings = np.load(exported / "embeddings/embeddings.npy")
    model = trials["model"].iloc[0]
    enrolled = enrolment.loc[enrolment["model"] == model, "utterance"]
    runs = pd.read_csv(exported / "inference/runs.csv")
    limits = {method.id for method in METHODS if method.limit}
    for run in runs.loc[~runs["method"].isin(limits), "run"]:
        updater = TemplateUpdater(exported / "export" / run)
        assert updater.description["run"] == run
        assert updater.extractor == SHA256
        assert np.isfinite(updater.description["decision"]["threshold"])
        scored = pd.read_parquet(exported / f"inference/{run}/{scenario}.parquet")
        scored = scored[scored["model"] == model].sort_values(["round", "step"])
        scored = scored[scored["round"] == scored["round"].min()]
        start = datetime.datetime.strptime(
            "2020" + max(utterance.split("_")[1][:4] for utterance in enrolled), "%Y%m%d"
        ).date()
        points = SetPoints.read(exported / f"inference/{run}/operating_points.json")
        assert updater.description["thresholds"]["llr"] == points.llr.thresholds
        steps = scored.assign(step=range(len(scored)))
        days = (pd.to_datetime(scored["day"]) - pd.Timestamp(start)).dt.days.to_numpy()
        llrs = points.back_end.llrs(
            ScoredTrials(scored["score"].to_numpy(), days, Places.find(steps))
        )
        template = updater.enrol(embeddings[index[enrolled]], start)
        for trial, llr in zip(scored.itertuples(), llrs, strict=True):
            test = embeddings[index[trial.utterance]]
            day = datetime.date.fromisoformat(trial.day)
            outcome, template = updater.score_and_update(template, test, day)
            assert outcome.score == pytest.approx(trial.score, abs=1e-5), run
            assert outcome.updated == trial.updated, run
            # Scores are of float32, and the slope multiplies their last digit.
            assert outcome.llr == pytest.approx(llr, abs=1e-3), run
