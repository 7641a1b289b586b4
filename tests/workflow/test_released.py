"""Given policies in the graph: scored as methods, as the start of training, digested."""

import shutil

import numpy as np
import pandas as pd
import pytest
import torch

from tests.inference.made_up_policies import made_up_state_dict
from tests.workflow.forked_runs import rules_to_run, run_snakemake
from workflow_src.common.digests import digest_file
from workflow_src.provenance.record import read_record


@pytest.fixture(scope="module")
def folder(finished, tmp_path_factory):
    """A copy of the finished run, with policies beside it that fit its embeddings."""
    folder = tmp_path_factory.mktemp("released") / "run"
    shutil.copytree(finished, folder)
    dimension = np.load(folder / "results/embeddings/embeddings.npy", mmap_mode="r").shape[1]
    for name in ("mh_final", "adw_final"):
        torch.save(made_up_state_dict(name, dimension), folder / f"{name}.pkl")
    torch.save(made_up_state_dict("mh_final", dimension + 1), folder / "wider.pkl")
    return folder


def test_a_start_of_training_is_imported_and_nothing_pretrained(folder):
    overlay = {"finetuning": {"checkpoint": {"multi-head": "mh_final.pkl"}}}
    jobs = rules_to_run(folder, overlay)
    assert (jobs["import_policy"], jobs["finetune_policy"]) == (1, 1)
    assert "pretrain_policy" not in jobs
    # What another experiment left is a folder.
    shutil.copytree(folder / "results/policies/multi-head-seed0", folder / "earlier")
    overlay = {"pretraining": {"checkpoint": "earlier"}}
    jobs = rules_to_run(folder, overlay)
    assert (jobs["import_policy"], jobs["pretrain_policy"], jobs["finetune_policy"]) == (1, 1, 1)


def test_another_dimension_ends_in_one_line(folder):
    overlay = {"inference": {"released": {"multi-head": "wider.pkl"}}}
    code, _ = run_snakemake(folder, "policies", overlay=overlay, check=False)
    assert code != 0
    (said,) = (folder / "logs/import_policy/released-multi-head.log").read_text().splitlines()
    assert said.startswith("error: wider.pkl: the policy is for embeddings of")


def test_released_policies_alone_are_scored_without_any_training(folder):
    paths = {"multi-head": "mh_final.pkl", "adaptive-weight": "adw_final.pkl"}
    overlay = {
        "inference": {"methods": [], "released": paths},
        "methods": {"adaptive-weight": {"threshold": 0.51}},
    }
    jobs = rules_to_run(folder, overlay)
    assert (jobs["import_policy"], jobs["run_inference"]) == (2, 2)
    assert not {"pretrain_policy", "finetune_policy", "generate_trials"} & set(jobs)
    said = run_snakemake(folder, overlay=overlay)
    key = "methods.adaptive-weight.threshold"
    assert f"{key}: 0.51 is the paper's and belongs to another speaker model" in said
    results = folder / "results"
    runs = pd.read_csv(results / "inference/runs.csv").set_index("run")
    assert list(runs["method"]) == ["released-adaptive-weight", "released-multi-head"]
    assert list(runs["threshold"]) == [0.51, 0.4]
    summary = pd.read_csv(results / "summary.csv")
    assert set(summary["run"]) == set(runs.index)
    assert summary["eer_percent"].between(0, 100).all()
    record = read_record(results / "provenance.json")
    given = record.inputs["import_policy.files"]
    assert given["mh_final.pkl"] == digest_file(folder / "mh_final.pkl")
    assert "policies/released-multi-head/policy.safetensors" in record.results
    assert "Nothing to be done" in run_snakemake(folder, overlay=overlay)
