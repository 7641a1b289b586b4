"""The choice of a guard's limit, on development trials of which everything is known."""

import numpy as np
import pandas as pd
import pytest
import torch

from workflow_src.attacks.victims import Victims
from workflow_src.inference.tune_guard import (
    REFUSED,
    measure_error,
    propose_limits,
    tune_guard,
)
from workflow_src.methods.baseline import Baseline
from workflow_src.methods.development import Development
from workflow_src.methods.fixed_weight import FixedWeight
from workflow_src.methods.guarded import GUARDS, Guarded
from workflow_src.methods.made_up import draw_corpus, make_study
from workflow_src.settings.attacks import Attacks
from workflow_src.settings.generation import Generation, RandomWalk
from workflow_src.settings.scenarios import BY_ID
from workflow_src.trials.pool import build_pool
from workflow_src.trials.protocol import make_scenario
from workflow_src.updating.scorer import score_sequences

ATTACKS = Attacks(days=3, attempts_a_day=2, recordings=5)
RULE = FixedWeight(0.2, 0.2)


@pytest.fixture(scope="module")
def development():
    every = make_study().partition.every
    return Development({"random": every.tasks["random"]}, {"random": every.baseline["random"]})


@pytest.fixture(scope="module")
def victims():
    manifest, embeddings = draw_corpus()
    index = manifest[["utterance", "speaker", "date"]].assign(row=np.arange(len(manifest)))
    split = pd.DataFrame({"speaker": sorted(set(manifest["speaker"])), "part": "test"})
    law = Generation(random=RandomWalk(trajectories=2))
    made = make_scenario(build_pool(manifest, split, [], law), BY_ID["random"], law, 1)
    found = Victims.find(made.trials, made.enrolment, embeddings, index, "made up")
    return {"random": found}


def count_updates(rule, development):
    (task,) = development.tasks.values()
    scored = score_sequences(rule, task.templates, task.sequences, task.embeddings)
    return int(scored.updated.sum())


@pytest.mark.parametrize("guard", GUARDS)
def test_the_laxest_limit_refuses_nothing_and_the_others_more_and_more(guard, development):
    limits = propose_limits(RULE, guard, development)
    every = count_updates(RULE, development)
    updates = [count_updates(Guarded(RULE, {guard: limit}), development) for limit in limits]
    assert updates[0] == every
    assert updates == sorted(updates, reverse=True) and updates[-1] < every
    below = GUARDS[guard].below
    assert limits == sorted(limits, reverse=not below)
    if guard in ("far-test", "low-norm"):
        # What is measured does not depend on the updates, but for who is accepted by then.
        shares = [1 - number / every for number in updates]
        np.testing.assert_allclose(shares, REFUSED, atol=0.15)


def test_a_rule_that_never_updates_has_no_limits(development):
    assert propose_limits(FixedWeight(0.2, 1.0), "daily", development) == []


@pytest.mark.parametrize("guard", ["far-test", "direction"])
def test_allowed_limits_keep_the_gain(guard, development, victims):
    share = 0.5
    tried = tune_guard(RULE, guard, development, victims, ATTACKS, share, seed=1)
    cost = float(development.cost(RULE)[0])
    assert cost < 1
    for _, row in tried.iterrows():
        own = float(development.cost(Guarded(RULE, {guard: row["limit"]}))[0])
        assert row["cost"] == pytest.approx(own)
        assert row["allowed"] == (1 - own >= (1 - share) * (1 - cost) - 1e-9)
    assert tried["allowed"].iloc[0]
    assert tried["error"].notna().equals(tried["allowed"])
    free = tune_guard(RULE, guard, development, victims, ATTACKS, 0.0, seed=1)
    assert free["allowed"].sum() <= tried["allowed"].sum()


def test_where_nothing_is_gained_nothing_may_be_lost(development, victims):
    harmful = FixedWeight(0.9, -1.0)
    cost = float(development.cost(harmful)[0])
    assert cost > 1
    tried = tune_guard(harmful, "daily", development, victims, ATTACKS, 1.0, seed=1)
    assert tried["allowed"].equals(tried["cost"] <= cost + 1e-9)


def test_the_error_under_attack_counts_attempts_and_rejections(development, victims):
    """A template that believes all accepts the attacker; one that never moves rejects its voice."""
    never = measure_error(Baseline(), development, victims, ATTACKS, 1)
    believing = measure_error(FixedWeight(0.9, -1.0), development, victims, ATTACKS, 1)
    assert 0 <= never < believing <= 1


def test_a_guard_that_forbids_all_has_the_error_of_no_updates(development, victims):
    class Moves(Baseline):
        updates = True

        def decide(self, trials, memory):
            decision = FixedWeight(0.5, 0.0).decide(trials, memory)
            return type(decision)(torch.zeros_like(decision.updated), decision.weights)

    forbidden = Guarded(FixedWeight(0.5, 0.0), {"low-norm": 1e9})
    errors = [
        measure_error(rule, development, victims, ATTACKS, 1) for rule in (Moves(), forbidden)
    ]
    assert errors[0] == errors[1]
