"""The whole graph on the tiny configuration: its results, and what a change reruns."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.workflow.running import CLONE, rules_to_run, run_snakemake
from workflow_src.common.config.schema import Config
from workflow_src.common.digests import digest_file

CORPUS = {"synthesize_corpus", "build_manifest"}
EXTRACTION = {"extract_embeddings", "merge_embeddings"}
SHOWN = {"summarise_results", "run_visual_analysis", "record_provenance"}
INFERENCE = {"run_inference"} | SHOWN
# The run table shows what was tuned.
FITTING = {"fit_method", "tune_threshold", "tabulate_runs"} | INFERENCE
TRIALS = {"generate_trials", "generate_development_trials", "sweep_thresholds"} | FITTING
# Of the trained policies, only adaptive-weight has a tuned threshold in the tiny configuration.
FINETUNING = {"finetune_policy", "tune_threshold", "tabulate_runs"} | INFERENCE
PRETRAINING = {"pretrain_policy", "finetune_policy"} | INFERENCE
TRAINING = FINETUNING | PRETRAINING
SPLIT = {"split_speakers"} | TRIALS | TRAINING
EVERYTHING = CORPUS | EXTRACTION | SPLIT


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
        "run", "method", "alpha", "threshold", "seed", "scenario", "eer_percent", "eer_threshold",
        "min_dcf", "min_dcf_threshold", "target_trials", "nontarget_trials",
    ]  # fmt: skip
    tiny = yaml.safe_load((CLONE / "tests/tiny.yaml").read_text())
    assert list(runs["method"].drop_duplicates()) == tiny["inference"]["methods"]
    tuned = runs.set_index("run").loc[["fixed-weight-tuned", "adaptive-weight-seed0"], "threshold"]
    assert tuned.isin(tiny["tuning"]["thresholds"]).all()
    assert len(summary) == len(runs) * summary["scenario"].nunique()
    assert summary["eer_percent"].between(0, 100).all()
    for run in runs["run"]:
        assert (results / f"inference/{run}.ipynb").is_file()
        for scenario in summary["scenario"].unique():
            scored = pd.read_parquet(results / f"inference/{run}/{scenario}.parquet")
            trials = pd.read_parquet(results / f"trials/{scenario}.parquet")
            pd.testing.assert_frame_equal(scored[trials.columns], trials)
            assert scored["score"].dtype == np.float32
            assert (scored.loc[~scored["updated"], "weight"] == 0).all()


def test_provenance_names_every_result_with_its_digest(finished):
    record = json.loads((finished / "results/provenance.json").read_text())
    for name, digest in record["results"].items():
        assert digest_file(finished / "results" / name) == digest, name
    kept = {"audio", "shards", "threshold_sweep.csv"}
    there = {
        str(path.relative_to(finished / "results"))
        for path in (finished / "results").rglob("*")
        if path.is_file() and not kept & set(path.relative_to(finished / "results").parts)
    }
    assert there - set(record["results"]) == {"provenance.json"}


def test_results_name_no_path_of_this_machine(finished):
    for path in (finished / "results").rglob("*"):
        if path.suffix in {".ipynb", ".json", ".csv"}:
            text = path.read_text()
            assert str(CLONE) not in text, path
            assert str(finished) not in text, path


def test_nothing_is_left_to_do(finished):
    assert "Nothing to be done" in run_snakemake(finished)


@pytest.mark.parametrize(
    ("overlay", "rules"),
    [
        ({"seed": 2}, EVERYTHING),
        ({"corpus": {"synthetic": {"days": 15}}}, EVERYTHING),
        ({"corpus": {"test_speakers": 5}}, SPLIT),
        ({"corpus": {"directory": {"root": "elsewhere"}}}, set()),
        ({"extractor": {"batch_size": 16}}, EXTRACTION | TRIALS | TRAINING),
        ({"trials": {"generation": {"rounds": 3}}}, TRIALS),
        ({"trials": {"imported": {"root": "elsewhere"}}}, set()),
        ({"pretraining": {"learning_rate": 0.01}}, PRETRAINING),
        ({"finetuning": {"ppo": {"learning_rate": 0.001}}}, FINETUNING),
        ({"tuning": {"alphas": [0.1, 0.3]}}, FITTING),
        ({"tuning": {"through-time": {"updates": 7}}}, {"fit_method"} | INFERENCE),
        ({"tuning": {"development": {"speakers": 5}}}, {"generate_development_trials"} | FITTING),
        ({"comparison": {"speakers": 200}}, set()),
        ({"inference": {"multi_head": {"floor": 0.3}}}, {"tabulate_runs"} | INFERENCE),
        ({"analysis": {"alpha": 0.2}}, {"run_visual_analysis", "record_provenance"}),
        ({"compute": {"device": "cpu"}}, set()),
    ],
)
def test_a_changed_key_reruns_its_stage_and_what_follows(finished, overlay, rules):
    assert set(rules_to_run(finished, overlay)) == rules


def test_every_block_of_the_config_is_among_the_changed_keys():
    (mark,) = test_a_changed_key_reruns_its_stage_and_what_follows.pytestmark
    assert {next(iter(overlay)) for overlay, _ in mark.args[1]} == set(Config.model_fields)


def test_a_new_alpha_runs_only_its_run_and_what_shows_it(finished):
    overlay = {"inference": {"fixed_weight": {"alphas": [0.1, 0.3, 0.6]}}}
    jobs = rules_to_run(finished, overlay)
    assert jobs.pop("run_inference") == 1
    assert set(jobs) == {"tabulate_runs"} | SHOWN
