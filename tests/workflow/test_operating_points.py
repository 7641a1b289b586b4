"""Operating points in the graph: they see no test trial, and hold for the summary."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from tests.workflow.forked_runs import Command, run_all, run_snakemake
from tests.workflow.job_graphs import JobGraph
from tests.workflow.running import TINY, arguments

RUN = "fixed-weight-tuned"


def test_no_job_of_test_trials_comes_before_a_threshold(tmp_path):
    (drawn,) = run_all([Command(arguments(tmp_path, [TINY], "--dag", "--", "all"))])
    graph = JobGraph(drawn.said)
    assert list(graph.rules.values()).count("set_operating_points") == 1
    after = graph.count_from({"generate_trials", "run_inference"})
    assert "set_operating_points" not in after
    assert after["measure_operating_points"] == 1
    assert graph.count_from({"generate_development_trials"})["set_operating_points"] == 1


def test_labels_of_test_trials_move_no_byte_of_a_threshold(finished, tmp_path):
    folder = shutil.copytree(finished, tmp_path / "run", symlinks=True)
    results = folder / "results"
    path = results / f"inference/{RUN}/operating_points.json"
    before = path.read_bytes()
    rng = np.random.default_rng(1)
    for table in [*results.glob("trials/*.parquet"), *results.glob(f"inference/{RUN}/*.parquet")]:
        trials = pd.read_parquet(table)
        if "target" in trials:
            permuted = rng.permutation(trials["target"].to_numpy())
            assert (permuted != trials["target"]).any()
            trials.assign(target=permuted).to_parquet(table)
    asked = str(path.relative_to(folder))
    run_snakemake(folder, "--force", "--", asked)
    assert path.stat().st_mtime_ns > max(t.stat().st_mtime_ns for t in results.glob("trials/*.pa*"))
    assert path.read_bytes() == before


def test_the_summary_has_the_rates_at_the_thresholds(finished):
    results = finished / "results"
    summary = pd.read_csv(results / "summary.csv")
    row = summary[(summary["run"] == RUN) & (summary["scenario"] == "random")]
    row = row[row["order"] == "independent"].iloc[0]
    chosen = json.loads((results / f"inference/{RUN}/operating_points.json").read_text())
    scored = pd.read_parquet(results / f"inference/{RUN}/random-independent.parquet")
    accepted = scored["score"] > chosen["score"]["thresholds"]["far_1"]
    for column, wrong in (
        ("far_percent_at_far_1", accepted[~scored["target"]]),
        ("frr_percent_at_far_1", ~accepted[scored["target"]]),
    ):
        assert row[column] == pytest.approx(100 * wrong.mean())
    assert row["llr_min_cllr"] <= row["llr_cllr"]
    points = pd.read_csv(results / "analysis/tables/operating_points.csv")
    assert set(points["run"]) == set(summary["run"])
    own = points[(points["run"] == RUN) & (points["by"] == "updates")]
    assert {0, 1} <= set(own["group"])
    never = points[(points["run"] == "baseline") & (points["by"] == "updates")]
    assert set(never["group"]) == {0}
