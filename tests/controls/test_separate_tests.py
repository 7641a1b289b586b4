"""Tests that never update: they stand before the day's updates, and nothing depends on them."""

import numpy as np
import pandas as pd
import pytest

from workflow_src.controls.separate_tests import draw_tests, separate_tests
from workflow_src.inference.scoring import score_scenario
from workflow_src.methods.baseline import Baseline
from workflow_src.methods.fixed_weight import FixedWeight


def make_world(seed=2, models=4, days=6):
    """Sequences of ragged days, and embeddings of speakers."""
    rng = np.random.default_rng(seed)
    utterances = np.array([f"u{n:03d}" for n in range(90)])
    index = pd.DataFrame(
        {
            "row": np.arange(90),
            "utterance": utterances,
            "speaker": np.repeat([f"s{n}" for n in range(9)], 10),
            "date": "2020-01-01",
        }
    )
    embeddings = rng.normal(size=(90, 8)).astype(np.float32) + 0.6
    rows = []
    for model in range(models):
        for number in (1, 2):
            for day in range(days):
                for _ in range(rng.integers(1, 5)):
                    rows.append((f"m{model}", number, f"2020-02-{day + 1:02d}"))
    trials = pd.DataFrame(rows, columns=["model", "round", "day"])
    trials["step"] = trials.groupby(["model", "round"]).cumcount()
    trials["utterance"] = rng.choice(utterances, len(trials))
    trials["target"] = rng.random(len(trials)) < 0.5
    enrolment = pd.DataFrame({"model": np.repeat([f"m{n}" for n in range(models)], 3)}).assign(
        utterance=rng.choice(utterances, 3 * models)
    )
    return trials.sample(frac=1, random_state=1), enrolment, embeddings, index


KEYS = ["model", "round"]
RULE = FixedWeight(0.3, 0.4)


def score(rule, trials, world):
    return score_scenario(rule, trials, *world[1:])["score"]


@pytest.fixture(scope="module")
def world():
    return make_world()


def test_the_tests_of_a_day_come_first(world):
    trials = world[0]
    tests = draw_tests(trials, "list", 1)
    separate = separate_tests(trials, tests)
    assert separate.index.equals(trials.index)
    fixed = [*KEYS, "day", "utterance", "target"]
    pd.testing.assert_frame_equal(separate[fixed], trials[fixed])
    np.testing.assert_array_equal(separate["only_scored"], tests)
    for key, own in separate.sort_values("step").groupby(KEYS):
        assert own["step"].tolist() == list(range(len(own)))
        before = trials.groupby(KEYS).get_group(key).sort_values("step")
        expected = [
            place
            for day in sorted(set(before["day"]))
            for kind in (True, False)
            for place in before.index[before["day"] == day]
            if separate.loc[place, "only_scored"] == kind
        ]
        assert own.index.tolist() == expected


def test_no_score_depends_on_other_tests(world):
    trials = world[0]
    tests = draw_tests(trials, "list", 1)
    scores = score(RULE, separate_tests(trials, tests), world)
    one = np.flatnonzero(tests)[len(trials) // 4]
    alone = np.delete(np.arange(len(trials)), np.setdiff1d(np.flatnonzero(tests), one))
    fewer = separate_tests(trials.iloc[alone], tests[alone])
    found = score(RULE, fewer, world)
    np.testing.assert_allclose(found, scores.iloc[alone], atol=1e-6)


def test_all_tests_of_a_day_meet_one_template(world):
    """A test has the same score wherever it stands among the tests of its day."""
    trials = world[0]
    tests = np.ones(len(trials), dtype=bool)
    tests[trials["day"] == trials["day"].min()] = False
    separate = separate_tests(trials, tests)
    scores = score(RULE, separate, world)
    reordered = separate.assign(step=separate["step"].where(~tests, 1000 - separate["step"]))
    np.testing.assert_allclose(score(RULE, reordered, world), scores, atol=1e-6)
    # The updates of the first day show.
    assert (np.abs(scores - score(Baseline(), trials, world))[tests] > 0.01).any()


def test_where_nothing_else_happens_scores_are_the_ordinary_ones(world):
    trials = world[0]
    nothing = np.zeros(len(trials), dtype=bool)
    for tests, rule in ((nothing, RULE), (~nothing, Baseline())):
        scores = score(RULE, separate_tests(trials, tests), world)
        np.testing.assert_allclose(scores, score(rule, trials, world), atol=1e-6)


def test_a_trial_of_an_unknown_day_is_a_day_of_its_own(world):
    for unknown in ("", None):
        trials = world[0].assign(day=unknown)
        tests = draw_tests(trials, "list", 1)
        separate = separate_tests(trials, tests)
        assert separate["step"].tolist() == trials["step"].tolist()


def test_draws_depend_on_the_model_alone_and_not_on_the_order_of_rows(world):
    trials = world[0].reset_index(drop=True)
    tests = pd.Series(draw_tests(trials, "list", 1))
    assert 0.35 < tests.mean() < 0.65
    mixed = trials.sample(frac=1, random_state=5)
    np.testing.assert_array_equal(draw_tests(mixed, "list", 1), tests[mixed.index])
    own = trials["model"] == "m2"
    np.testing.assert_array_equal(draw_tests(trials[own], "list", 1), tests[own])
    assert (draw_tests(trials, "list", 2) != tests).any()
