"""What a change of a setting reruns, against the statement in ``reruns.py``."""

import functools

import pytest

from tests.workflow.finished_runs import EACH_WORLD, default_settings, merge
from tests.workflow.forked_runs import run_all
from tests.workflow.reruns import (
    EFFECTS,
    VALUES,
    WORLDS,
    changed,
    leaves,
    look_up,
)

# Where a step computes, where rules of one's own are searched for, and what is allowed: no result
# of any kind.
NEVER = {
    "compute.device",
    "compute.deterministic",
    "corpus.replace",
    # Names a list of utterances, which no run here has.
    "corpus.simulated.listing.names",
    "inference.folders",
    "extractor.folders",
    "extractor.allow_demo",
}


def settings(name, *keys):
    return merge(default_settings(), changed(WORLDS[name].overlay, *keys))


def differing(name):
    """List the settings that a kind of run states and `VALUES` has another value of."""
    return [k for k in WORLDS[name].settings() if look_up(settings(name), k) != VALUES[k]]


CASES = [(name, key) for name, world in WORLDS.items() for key in differing(name)]
STATED = [case for case in CASES if WORLDS[case[0]].effect(case[1]) != "nothing"]


# One setting of each effect in the run that other tests have anyway. All others take minutes.
QUICK = set({WORLDS[at].effect(key): (at, key) for at, key in STATED if at == "synthetic"}.values())
CASE_PARAMETERS = [
    case if case in QUICK else pytest.param(*case, marks=pytest.mark.slow) for case in STATED
]


@pytest.fixture(scope="module")
def outcomes(finished_runs):
    """What dry runs of a kind say: one for each setting with an effect, one for all others.

    With a setting of `QUICK`, these are the dry runs of such settings.
    """

    @functools.cache
    def ask_some(name, quick):
        run = finished_runs[name]
        stated = [key for at, key in STATED if at == name]
        others = [key for at, key in CASES if at == name and key not in stated]
        asked = [key for key in stated if ((name, key) in QUICK) == quick]
        commands = {key: run.dry_run(changed(run.world.overlay, key)) for key in asked}
        commands[None] = run.dry_run(changed(run.world.overlay, *others))
        commands["nothing"] = run.dry_run()
        return dict(zip(commands, run_all(list(commands.values())), strict=True))

    def ask(name, key):
        is_quick = (name, key) in QUICK or (key in {None, "nothing"} and name == "synthetic")
        return ask_some(name, is_quick)[key].jobs

    return ask


@pytest.fixture(scope="module")
def rules_there(finished_runs):
    """The rules that there are with each choice of sources, in the runs of a kind."""

    @functools.cache
    def ask(name):
        run, commands = finished_runs[name], {}
        for at, key in STATED:
            if at == name:
                commands[sources(name, key)] = run.list_rules(changed(run.world.overlay, key))
        listed = zip(commands, run_all(list(commands.values())), strict=True)
        return {chosen: set(outcome.said.split()) for chosen, outcome in listed}

    return ask


def sources(name, key):
    """Return the settings on which it depends which rules there are."""
    merged = settings(name, key)
    return merged["corpus"]["source"], merged["trials"]["source"]


def test_every_setting_has_another_value_to_try():
    assert list(VALUES) == leaves()
    for key, value in VALUES.items():
        assert look_up(settings("synthetic"), key) != value, key


def test_the_statement_names_only_settings_that_there_are():
    for name, world in WORLDS.items():
        for start in [*world.blocks, *world.effects]:
            assert any(f"{key}.".startswith(f"{start}.") for key in leaves()), (name, start)
    named = {effect for world in WORLDS.values() for effect in world.effects.values()}
    assert named | {"nothing"} == set(EFFECTS)


def test_every_setting_has_an_effect_somewhere():
    assert {key for _, key in CASES} == set(VALUES)
    shown = {"nothing", "record"}
    effective = {key for name, key in STATED if WORLDS[name].effect(key) not in shown}
    assert set(VALUES) - effective == NEVER


@pytest.mark.parametrize("name", EACH_WORLD)
def test_nothing_is_left_to_do(outcomes, name):
    assert outcomes(name, "nothing") == {}


@pytest.mark.parametrize(("name", "key"), CASE_PARAMETERS)
def test_a_changed_setting_reruns_what_is_stated(outcomes, rules_there, name, key):
    rules = EFFECTS[WORLDS[name].effect(key)] & rules_there(name)[sources(name, key)]
    assert set(outcomes(name, key)) == rules


@pytest.mark.parametrize("name", EACH_WORLD)
def test_all_other_settings_at_once_rerun_nothing(outcomes, name):
    assert outcomes(name, None) == {}


@pytest.fixture(scope="module")
def added(finished_runs):
    """What a new scenario, weight or seed would run: how many jobs of each rule."""
    run = finished_runs["synthetic"]
    keys = [
        "trials.scenarios",
        "methods.fixed-weight.alphas",
        "finetuning.seeds",
        "methods.through-time.seeds",
    ]
    commands = [run.dry_run(changed(run.world.overlay, key)) for key in keys]
    return dict(zip(keys, [outcome.jobs for outcome in run_all(commands)], strict=True))


SHOWN = {
    "measure_intervals": 1,
    "measure_operating_points": 1,
    "measure_speakers": 1,
    "summarise_results": 1,
    "run_visual_analysis": 1,
    "record_provenance": 1,
}


def test_a_new_scenario_trains_nothing_and_leaves_the_trials_of_the_others(added):
    # A notebook a run, which has all scenarios.
    jobs = {"generate_trials": 2, "list_passed_over": 1, "run_inference": 9, "measure_order": 1}
    assert added["trials.scenarios"] == {**jobs, **SHOWN}


@pytest.mark.slow
def test_a_changed_scenario_makes_its_own_trials_alone(outcomes):
    assert outcomes("simulated", "trials.own")["generate_trials"] == 2


def test_a_new_weight_runs_only_its_run_and_what_shows_it(added):
    jobs = {"run_inference": 1, "set_operating_points": 1, "tabulate_runs": 1, **SHOWN}
    assert added["methods.fixed-weight.alphas"] == jobs


def test_a_new_seed_trains_and_runs_only_its_policies_and_what_shows_them(added):
    assert added["finetuning.seeds"] == {
        "pretrain_policy": 1,
        "finetune_policy": 2,
        "tune_threshold": 1,
        "run_inference": 2,
        "set_operating_points": 1,
        "tabulate_runs": 1,
        "list_passed_over": 1,
        **SHOWN,
    }
    own = {"fit_method": 1, "run_inference": 1, "set_operating_points": 1, "tabulate_runs": 1}
    fitted = {**own, **SHOWN}
    assert added["methods.through-time.seeds"] == fitted


@pytest.mark.parametrize("option", [("--cores", "1"), ("--cores", "8")], ids=" ".join)
def test_the_number_of_cores_reruns_nothing(finished_runs, option):
    (outcome,) = run_all([finished_runs["synthetic"].dry_run(None, *option)])
    assert outcome.jobs == {}
