"""The whole graph on the tiny configuration: its results, and what it refuses."""

import tempfile

import numpy as np
import pandas as pd
import yaml

from tests.workflow.forked_runs import run_snakemake
from tests.workflow.running import CLONE


def test_finished_run_has_the_results_contract(finished):
    results = finished / "results"
    manifest = pd.read_parquet(results / "corpus/manifest.parquet")
    embeddings = np.load(results / "embeddings/embeddings.npy")
    index = pd.read_parquet(results / "embeddings/index.parquet")
    rejected = pd.read_csv(results / "embeddings/rejected.csv")
    assert embeddings.dtype == np.float32
    assert np.isfinite(embeddings).all()
    assert len(index) == len(embeddings) == len(manifest) - len(rejected)
    runs = pd.read_csv(results / "inference/runs.csv")
    summary = pd.read_csv(results / "summary.csv")
    assert list(summary.columns) == [
        "run", "method", "alpha", "threshold", "threshold_from", "seed", "scenario", "order",
        "eer_percent", "eer_low", "eer_high", "eer_threshold",
        "min_dcf", "min_dcf_low", "min_dcf_high", "min_dcf_threshold",
        "target_trials", "nontarget_trials",
        "far_percent_at_far_1", "frr_percent_at_far_1", "far_percent_at_far_0.1",
        "frr_percent_at_far_0.1", "far_percent_at_cost", "frr_percent_at_cost", "dcf_at_cost",
        "cllr", "min_cllr", "llr_far_percent_at_far_1", "llr_frr_percent_at_far_1",
        "llr_far_percent_at_far_0.1", "llr_frr_percent_at_far_0.1", "llr_far_percent_at_cost",
        "llr_frr_percent_at_cost", "llr_dcf_at_cost", "llr_cllr", "llr_min_cllr",
        "llr_eer_percent", "llr_min_dcf",
        "frr_at_far_1", "frr_at_far_1_low", "frr_at_far_1_high",
        "frr_at_far_0.1", "frr_at_far_0.1_low", "frr_at_far_0.1_high",
    ]  # fmt: skip
    tiny = yaml.safe_load((CLONE / "tests/tiny.yaml").read_text())
    assert list(runs["method"].drop_duplicates()) == tiny["inference"]["methods"]
    tuned = runs.set_index("run").loc[["fixed-weight-tuned", "adaptive-weight-seed0"], "threshold"]
    assert tuned.isin(tiny["tuning"]["thresholds"]).all()
    # The tiny configuration has the paper's thresholds, and the demo's speaker model.
    sources = summary.groupby("method")["threshold_from"].agg(lambda found: {*found})
    assert sources["fixed-weight"] == sources["multi-head"] == {"paper (another model)"}
    assert sources["adaptive-weight"] == sources["fixed-weight-tuned"] == {"tuned"}
    shown = (results / "inference/fixed-weight-0.1.ipynb").read_text()
    assert "this is another one, whose cosines have another scale" in shown
    scenarios = tiny["trials"]["scenarios"]
    lists = [(name, order) for name in scenarios for order in ("published", "independent")]
    assert list(zip(summary["scenario"], summary["order"], strict=True)) == lists * len(runs)
    assert summary["eer_percent"].between(0, 100).all()
    for run in runs["run"]:
        assert (results / f"inference/{run}.ipynb").is_file()
        for name in [name + end for name in scenarios for end in ("", "-independent")]:
            scored = pd.read_parquet(results / f"inference/{run}/{name}.parquet")
            trials = pd.read_parquet(results / f"trials/{name}.parquet")
            pd.testing.assert_frame_equal(scored[trials.columns], trials)
            assert scored["score"].dtype == np.float32
            assert (scored.loc[~scored["updated"], "weight"] == 0).all()


def test_results_name_no_path_of_this_machine(finished):
    for path in (finished / "results").rglob("*"):
        if path.suffix in {".ipynb", ".json", ".csv"}:
            text = path.read_text()
            assert str(CLONE) not in text, path
            # Wherever the run was made: see the fixture.
            assert tempfile.gettempdir() not in text, path


def test_nothing_is_left_to_do(finished):
    assert "Nothing to be done" in run_snakemake(finished)
