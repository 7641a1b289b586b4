import json

import pytest
from matplotlib.colors import to_hex
from matplotlib.markers import MarkerStyle

from workflow_src.common.digests import ROOT
from workflow_src.settings.catalogue import BY_ID, LISTED, METHODS, PRETRAINED, find_method
from workflow_src.settings.run_table import (
    expand_runs,
    finetuning_start,
    fitted_runs,
    own_settings,
    ppo_runs,
    pretrained_seeds,
)
from workflow_src.settings.runs import Run
from workflow_src.settings.schema import Config, validate_config


def one_method(method, **blocks):
    return validate_config({"inference": {"methods": [method]}, **blocks})


@pytest.mark.parametrize("row", METHODS, ids=lambda row: row.id)
def test_a_row_says_what_figures_and_messages_need(row):
    assert to_hex(row.colour) == row.colour.lower()
    assert MarkerStyle(row.marker)
    assert row.label and row.reference
    assert len(row.summary) < 85 and not row.summary.endswith(".")
    assert row.entry.startswith("workflow_src.methods.")


@pytest.mark.parametrize("row", METHODS, ids=lambda row: row.id)
def test_a_row_refers_to_what_there_is(row):
    assert row.starts_from in (None, PRETRAINED) or BY_ID[row.starts_from].origin == "fitted"
    assert row.shipped is None or (ROOT / row.shipped / "policy.safetensors").is_file()
    block = Config().methods.block(row.settings).model_dump() if row.settings else {}
    assert row.threshold is None or row.threshold in block
    assert row.alphas == ("alphas" in block)
    if row.origin == "fitted":
        assert row.seeded == ("seeds" in block)


def test_ids_are_distinct():
    assert len(BY_ID) == len(METHODS)


@pytest.mark.parametrize("method", LISTED)
def test_runs_of_a_method_are_made_as_its_row_says(method):
    row, config = BY_ID[method], one_method(method)
    runs = expand_runs(config)
    assert {(run.method, run.entry, run.folder) for run in runs} == {(method, row.entry, None)}
    assert all((run.checkpoint is None) == (row.origin == "nothing") for run in runs)
    assert all((run.seed is None) != row.seeded for run in runs)
    assert all((run.alpha is None) != row.alphas for run in runs)
    assert all((run.tuned is None) == (row.threshold is None) for run in runs)
    assert row.published is None or row.threshold is not None
    block = config.methods.block(row.settings).model_dump() if row.settings else {}
    others = {name for name in block if name not in ("alphas", row.threshold)}
    assert all(run.options.keys() == (set() if run.checkpoint else others) for run in runs)
    assert (ppo_runs(config) == runs) == (row.origin == "ppo")
    assert bool(fitted_runs(config)) == (row.origin == "fitted")
    assert bool(pretrained_seeds(config)) == (row.starts_from == PRETRAINED)


@pytest.mark.parametrize("method", [row for row in LISTED if BY_ID[row].threshold])
def test_a_tuned_threshold_is_a_file_of_the_run(method):
    row = BY_ID[method]
    tuned = one_method(method, methods={row.settings: {row.threshold: "tuned"}})
    assert tuned == one_method(method)
    for run in expand_runs(tuned):
        assert (run.threshold, run.threshold_from) == (None, "tuned")
        assert run.tuned == f"results/policies/{run.run}/threshold.json"


def test_where_fitting_starts_from_is_fitted_too():
    config = one_method("kalman")
    kalman, fixed = fitted_runs(config)
    assert (kalman.run, fixed.run) == ("kalman", "fixed-weight-tuned")
    starts = [find_method(run.method).starts_from for run in (kalman, fixed)]
    assert starts == ["fixed-weight-tuned", None]
    assert expand_runs(config) == [kalman]


def test_finetuning_starts_from_a_policy_of_the_same_class():
    def starts(method, **blocks):
        config = one_method(method, **blocks)
        return {finetuning_start(config, run) for run in expand_runs(config)}

    given = {"finetuning": {"seeds": [4], "checkpoint": {"multi-head": "p.pkl"}}}
    assert starts("multi-head", finetuning={"seeds": [4]}) == {"pretrained-seed4"}
    assert starts("multi-head", pretraining={"enabled": False}) == {None}
    assert starts("multi-head", **given) == {"initial-multi-head"}
    assert starts("multi-head-margin", **given) == {"initial-multi-head"}
    assert starts("multi-head-scalars", **given) == {None}
    assert starts("adaptive-weight", **given) == {None}


def test_a_run_reads_its_own_settings_only():
    config = validate_config({"inference": {"methods": ["soft", "through-time"]}})
    own = {run.method: own_settings(config, run) for run in expand_runs(config)}
    assert own["soft"] == {}
    assert own["through-time"] == config.methods.through_time.model_dump(exclude={"seeds"})


def test_training_reads_what_its_traits_say():
    finetuning = Config().finetuning
    seeing = finetuning.read_by("embeddings", False)
    assert not {"seeds", "checkpoint"} & seeing.keys()
    assert "steps" in seeing["ppo"] and "scalar_steps" not in seeing["ppo"]
    assert "update_threshold" not in seeing["episode"]
    assert "update_threshold" in finetuning.read_by("embeddings", True)["episode"]
    scalars = finetuning.read_by("scalars", False)
    assert "scalar_steps" in scalars["ppo"] and "steps" not in scalars["ppo"]
    json.dumps(scalars)


def test_a_run_has_its_methods_entry_point():
    assert Run("a", "kalman").entry == BY_ID["kalman"].entry
    assert Run("a", "my.rules:Rule").entry == "my.rules:Rule"
    with pytest.raises(ValueError, match="'magic' is no method; allowed: baseline, "):
        Run("a", "magic")


@pytest.mark.parametrize("name", ["my_lab.rules:Decay", "rules:Decay"])
def test_an_entry_point_of_ones_own_counts_as_fitted(name):
    row = find_method(name)
    assert (row.entry, row.origin, row.starts_from) == (name, "fitted", "fixed-weight-tuned")


@pytest.mark.parametrize("name", ["magic", "a.b", ":A", "a:", "a:B.C", "a b:C", "ä:B", "1:B", ""])
def test_what_is_neither_a_method_nor_an_entry_point_is_refused(name):
    with pytest.raises(ValueError, match=r"is no method; allowed: .*package\.module:Class"):
        find_method(name)


def test_editors_are_told_of_ids_and_entry_points():
    methods = Config.model_json_schema()["$defs"]["Inference"]["properties"]["methods"]
    listed, own = methods["items"]["anyOf"]
    assert listed["enum"] == LISTED
    assert own["pattern"].startswith("^")
