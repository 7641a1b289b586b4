import json
import re

import pandas as pd
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from workflow_src.common.errors import InputError
from workflow_src.settings.policy_paths import policy_files
from workflow_src.settings.rendering import render_config
from workflow_src.settings.run_table import (
    describe_misfits,
    expand_runs,
    given_policies,
    pretrained_seeds,
)
from workflow_src.settings.runs import tabulate
from workflow_src.settings.schema import validate_config


def test_methods_settings_and_seeds_expand_into_distinct_runs():
    methods = ["baseline", "fixed-weight", "fixed-weight-tuned", "adaptive-weight", "multi-head"]
    config = validate_config(
        {
            "inference": {
                "methods": [*methods, "soft", "through-time"],
            },
            "finetuning": {"seeds": [3, 1]},
            "methods": {
                "fixed-weight": {"alphas": [0.1, 0.25]},
                "through-time": {"seeds": [0, 2]},
            },
        }
    )
    runs = expand_runs(config)
    assert [run.run for run in runs] == [
        "baseline",
        "fixed-weight-0.1",
        "fixed-weight-0.25",
        "fixed-weight-tuned",
        "adaptive-weight-seed3",
        "adaptive-weight-seed1",
        "multi-head-seed3",
        "multi-head-seed1",
        "soft",
        "through-time-seed0",
        "through-time-seed2",
    ]
    assert all(re.fullmatch(r"[a-z0-9.-]+", run.run) for run in runs)


@given(st.lists(st.floats(0, 1, exclude_min=True), min_size=2, max_size=4, unique=True))
@example([0.1234567, 0.12345674])
@example([0.1, 0.1 + 2**-55])
def test_no_two_weights_share_a_run(alphas):
    content = {"inference": {"methods": ["fixed-weight"]}}
    config = validate_config(content | {"methods": {"fixed-weight": {"alphas": alphas}}})
    runs = expand_runs(config)
    assert [float(run.run.removeprefix("fixed-weight-")) for run in runs] == alphas
    assert all(re.fullmatch(r"[a-z0-9.-]+", run.run) for run in runs)


@pytest.mark.parametrize(
    ("alpha", "run"),
    [(0.05, "0.05"), (1, "1"), (1.0, "1"), (1e-7, "1e-07"), (0.123456, "0.123456")],
)
def test_weights_of_few_digits_keep_their_run(alpha, run):
    content = {"inference": {"methods": ["fixed-weight"]}}
    config = validate_config(content | {"methods": {"fixed-weight": {"alphas": [alpha]}}})
    assert expand_runs(config)[0].run == f"fixed-weight-{run}"


def test_cells_that_do_not_apply_are_empty():
    table = tabulate(expand_runs(validate_config({})))
    baseline = table.iloc[0]
    assert baseline[["alpha", "threshold", "seed", "checkpoint"]].isna().all()
    assert isinstance(table, pd.DataFrame)
    assert table["run"].is_unique


PUBLISHED = {
    "fixed-weight": {"threshold": 0.51, "alphas": [0.1, 0.2]},
    "adaptive-weight": {"threshold": 0.5},
    "multi-head": {"floor": 0.4},
}


@pytest.mark.parametrize(
    ("corpus", "fits"),
    [
        ({}, False),
        ({"source": "directory", "directory": {"root": "recordings"}}, False),
        ({"source": "imported", "imported": {"embeddings": ["a.npz"]}}, False),
        (
            {"source": "imported", "imported": {"embeddings": ["a.npz"], "extractor": "smiip-tv"}},
            True,
        ),
        ({"source": "imported", "imported": {"embeddings": ["a.npz"], "extractor": "x"}}, False),
        ({"source": "simulated"}, True),
        ({"source": "simulated", "simulated": {"law": "mine.yaml"}}, False),
    ],
)
def test_the_papers_thresholds_are_told_where_the_speaker_model_is_another(corpus, fits):
    methods = ["baseline", "fixed-weight", "fixed-weight-tuned", "adaptive-weight", "multi-head"]
    config = validate_config(
        {
            "corpus": corpus,
            "finetuning": {"seeds": [0]},
            "inference": {"methods": methods},
            "methods": PUBLISHED,
        }
    )
    runs = expand_runs(config)
    paper = "paper" if fits else "paper (another model)"
    assert tabulate(runs)["threshold_from"].fillna("").tolist() == [
        "", paper, paper, "", "given", paper
    ]  # fmt: skip
    told = describe_misfits(runs)
    if fits:
        assert told == []
    else:
        fixed, multi_head = told
        assert fixed.startswith("methods.fixed-weight.threshold: 0.51 is the paper's")
        assert "runs with it: 2 (first: fixed-weight-0.1); tuned chooses" in fixed
        assert multi_head.startswith("methods.multi-head.floor: 0.4 is the paper's")


def test_given_policies_are_rows_and_folders():
    config = validate_config(
        {
            "inference": {
                "methods": ["multi-head"],
                "released": {"multi-head": "mh.pkl", "adaptive-weight": "mine/adw"},
            },
            "methods": {"adaptive-weight": {"threshold": 0.6}},
            "pretraining": {"checkpoint": "pre.pkl"},
            "finetuning": {"seeds": [2], "checkpoint": {"adaptive-weight": "unused.pkl"}},
        }
    )
    runs = {run.run: run for run in expand_runs(config)}
    assert list(runs) == ["multi-head-seed2", "released-adaptive-weight", "released-multi-head"]
    released = runs["released-adaptive-weight"]
    assert released.method == "released-adaptive-weight"
    assert (released.threshold, released.seed) == (0.6, None)
    assert released.checkpoint == "results/policies/released-adaptive-weight"
    tuned = "results/policies/released-multi-head/threshold.json"
    assert runs["released-multi-head"].tuned == tuned
    assert given_policies(config) == {
        "released-adaptive-weight": (
            "adaptive-weight",
            "mine/adw",
            "inference.released.adaptive-weight",
        ),
        "released-multi-head": ("multi-head", "mh.pkl", "inference.released.multi-head"),
        "initial-pretraining": ("multi-head", "pre.pkl", "pretraining.checkpoint"),
    }
    assert policy_files("mh.pkl") == ["mh.pkl"]
    assert policy_files("mine/adw") == ["mine/adw/policy.safetensors", "mine/adw/policy.json"]


def test_a_checkpoint_of_finetuning_takes_the_place_of_pretraining():
    config = validate_config(
        {
            "pretraining": {"checkpoint": "pre.pkl"},
            "finetuning": {"checkpoint": {"multi-head": "start.pkl"}},
        }
    )
    assert pretrained_seeds(config) == []
    key = "finetuning.checkpoint.multi-head"
    assert given_policies(config) == {"initial-multi-head": ("multi-head", "start.pkl", key)}
    assert pretrained_seeds(validate_config({})) == [0, 1, 2]


def test_multi_head_margin_starts_as_multi_head_does():
    def read(method, **finetuning):
        return validate_config({"inference": {"methods": [method]}, "finetuning": finetuning})

    given = {"checkpoint": {"multi-head": "start.pkl"}}
    for method in ("multi-head", "multi-head-margin"):
        assert pretrained_seeds(read(method)) == [0, 1, 2]
        assert list(given_policies(read(method, **given))) == ["initial-multi-head"]
    assert pretrained_seeds(read("multi-head-scalars")) == []
    assert given_policies(read("multi-head-scalars", **given)) == {}


def test_settings_read_back_as_they_were_written():
    config = validate_config({"inference": {"methods": [], "released": {"multi-head": "mh.pkl"}}})
    written = config.model_dump_json()
    assert '"multi-head":"mh.pkl"' in written
    assert validate_config(json.loads(written)) == config
    assert validate_config(yaml.safe_load(render_config(config))) == config


@pytest.mark.parametrize(
    ("inference", "message"),
    [
        ({"methods": []}, "methods is empty"),
        ({"released": {"multi_head": "x"}}, "inference.released.multi_head: unknown key"),
        ({"released": {"multi-head": ""}}, "inference.released.multi-head: '' is not allowed"),
    ],
)
def test_settings_of_given_policies_that_are_refused(inference, message):
    with pytest.raises(InputError, match=message):
        validate_config({"inference": inference})
