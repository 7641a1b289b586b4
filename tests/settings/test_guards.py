"""Runs with guards: their names, their limits, and what they share with the run without guards."""

import pytest

from workflow_src.common.errors import InputError
from workflow_src.settings.catalogue import GUARDS_BY_ID, find_method, is_own, split_guards
from workflow_src.settings.guards import Guards
from workflow_src.settings.run_table import expand_runs, fitted_runs, ppo_runs
from workflow_src.settings.runs import tabulate
from workflow_src.settings.schema import validate_config


def read(*methods, **blocks):
    return validate_config({"inference": {"methods": list(methods)}, **blocks})


def test_a_guarded_run_is_that_without_guards_but_for_its_limits():
    config = read(
        "fixed-weight",
        "fixed-weight+far-test+daily",
        "multi-head",
        "multi-head+way",
        methods={"fixed-weight": {"alphas": [0.1, 0.3]}},
        finetuning={"seeds": [4]},
        guards={"daily": 2},
    )
    runs = {run.run: run for run in expand_runs(config)}
    assert list(runs) == [
        "fixed-weight-0.1",
        "fixed-weight-0.3",
        "fixed-weight-0.1+far-test+daily",
        "fixed-weight-0.3+far-test+daily",
        "multi-head-seed4",
        "multi-head-seed4+way",
    ]
    guarded, plain = runs["fixed-weight-0.3+far-test+daily"], runs["fixed-weight-0.3"]
    limit = "results/policies/fixed-weight-0.3/limits/far-test.json"
    assert guarded.guards == {"far-test": limit, "daily": 2}
    assert guarded.tuned_limits == [limit] and guarded.unguarded == plain.run
    for name in ("alpha", "threshold", "tuned", "seed", "checkpoint", "entry", "options"):
        assert getattr(guarded, name) == getattr(plain, name)
    assert runs["multi-head-seed4+way"].checkpoint == "results/policies/multi-head-seed4"
    assert [run.run for run in ppo_runs(config)] == ["multi-head-seed4"]
    table = tabulate(list(runs.values())).set_index("run")["guards"]
    assert table["fixed-weight-0.3+far-test+daily"] == f"far-test {limit}, daily 2"
    assert table["multi-head-seed4"] == ""


def test_a_guarded_method_is_fitted_once():
    config = read("soft", "soft+far-template")
    assert [run.run for run in fitted_runs(config)] == ["soft", "fixed-weight-tuned"]


def test_guards_are_those_of_a_users_own_rule_too():
    name = "my.rules:Decay+way+daily"
    assert split_guards(name) == ("my.rules:Decay", ["way", "daily"])
    assert is_own(name) and not is_own("soft+way")
    row = find_method(name)
    assert (row.entry, row.id, row.origin) == ("my.rules:Decay", name, "fitted")


def test_a_guarded_method_has_the_colour_of_the_method_and_another_marker():
    plain = find_method("fixed-weight-tuned")
    guarded = find_method("fixed-weight-tuned+far-template+daily")
    assert guarded.colour == plain.colour and guarded.marker != plain.marker
    assert guarded.label == "tuned fixed weight, near the enrolment, few a day"
    assert guarded.role is None and plain.role == "reference"


@pytest.mark.parametrize(
    ("methods", "says"),
    [
        (["soft+way"], "soft+way is compared with soft, which is not there; list soft, too"),
        (["baseline", "released-multi-head+way"], "list released-multi-head, too"),
    ],
)
def test_a_guarded_method_without_the_method_is_refused(methods, says):
    with pytest.raises(InputError, match=r"^inference\.methods: ") as caught:
        expand_runs(read(*methods))
    assert says in str(caught.value)


def test_a_released_policy_can_have_guards():
    inference = {
        "methods": ["released-multi-head+way"],
        "released": {"multi-head": "policy.pkl"},
    }
    runs = expand_runs(validate_config({"inference": inference, "guards": {"way": 0.5}}))
    assert [run.run for run in runs] == ["released-multi-head+way", "released-multi-head"]
    assert runs[0].guards == {"way": 0.5}


def test_each_guard_has_a_setting():
    settings = Guards.model_validate({"far-test": 0.3, "low-norm": 2.0})
    limits = {guard: settings.limit(guard) for guard in GUARDS_BY_ID}
    assert limits.pop("far-test") == 0.3 and limits.pop("low-norm") == 2.0
    assert set(limits.values()) == {"tuned"}
