"""Settings of the controls: their trial lists, and the runs with which they compare."""

import pytest

from workflow_src.common.errors import InputError
from workflow_src.comparison.populations import population_settings
from workflow_src.settings.run_table import expand_runs, reference_run
from workflow_src.settings.schema import validate_config

LISTS = {"scenarios": ["random", "3das", "1das"], "orders": ["published", "independent"]}


def configure(controls, **others):
    return validate_config({"trials": LISTS, "evaluation": {"controls": controls}, **others})


def lists(config):
    return [one.id for one in config.controlled_lists]


def test_by_default_controls_have_the_shown_scenario_in_all_orders():
    assert lists(configure({})) == ["random", "random-independent"]
    assert lists(configure({}, analysis={"scenario": "3das"})) == ["3das", "3das-independent"]
    chosen = configure({"scenarios": ["1das", "3das"]})
    assert lists(chosen) == ["3das", "3das-independent", "1das", "1das-independent"]


def test_scenarios_that_are_not_scored_are_refused():
    said = "evaluation.controls.scenarios has '10das', which trials.scenarios lacks"
    with pytest.raises(InputError, match=said):
        configure({"scenarios": ["1das", "10das"]})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("scenarios", []),
        ("enrolment_utterances", [0]),
        ("enrolment_utterances", [10, 10]),
        ("nontargets_per_target", [0.0]),
        ("nontargets_per_target", []),
    ],
)
def test_values_out_of_range_are_refused(key, value):
    with pytest.raises(InputError, match=f"evaluation.controls.{key}"):
        configure({key: value})


def test_populations_have_no_controls_of_scenarios_that_they_lack():
    config = configure({"scenarios": ["1das"]})
    assert population_settings(config, 1).evaluation.controls.scenarios is None


def test_what_is_compared_with_is_there_whatever_the_config_lists():
    config = configure({}, inference={"methods": ["fixed-weight"]})
    assert reference_run(config, "baseline").run == "baseline"
    ceiling = reference_run(config, "ceiling")
    assert ceiling.checkpoint == f"results/policies/{ceiling.run}"
    every = configure({}, inference={"methods": ["baseline", ceiling.method]})
    assert expand_runs(every) == [reference_run(every, role) for role in ("baseline", "ceiling")]
