"""Attacks on templates, with rules and voices whose outcome is known."""

import numpy as np
import pytest
import torch

from workflow_src.attacks.attackers import draw_recordings, list_attackers, mean_voices
from workflow_src.attacks.simulation import adapt, plan_attacks, play, replay, simulate
from workflow_src.methods.baseline import Baseline
from workflow_src.methods.fixed_weight import FixedWeight
from workflow_src.updating.interface import Decision, Memory, UpdateRule

DIMENSION, DAYS, A_DAY = 16, 10, 2


class Believer(UpdateRule):
    """A rule that takes every test for its template."""

    def decide(self, trials, memory):
        return Decision(torch.ones_like(trials.scores, dtype=torch.bool), torch.ones(()))


class Twice(UpdateRule):
    """A rule that takes a test as its template when it has met two before."""

    def begin(self, templates):
        return Memory({"met": torch.zeros(1, templates)})

    def decide(self, trials, memory):
        memory.tensors["met"] += 1
        return Decision(memory.tensors["met"] > 2, torch.ones_like(trials.scores))


class World:
    """Two victims and a stranger: each has a voice, and noisy recordings of it."""

    def __init__(self, noise=0.1, near=0.0, days=DAYS):
        rng = np.random.default_rng(1)
        voices = np.eye(DIMENSION)[:3]
        # The stranger's voice may be near to that of the first victim.
        voices[2] = near * voices[0] + np.sqrt(1 - near**2) * voices[2]
        each = voices[:, None] + noise * rng.standard_normal((3, days, DIMENSION))
        self.embeddings = torch.tensor(each.reshape(-1, DIMENSION), dtype=torch.float32)
        self.templates = torch.tensor(voices[:2], dtype=torch.float32)
        self.stranger = np.arange(2 * days, 3 * days)
        self.voice = torch.tensor(voices[2], dtype=torch.float32)
        victims, day = np.repeat([0, 1], days), np.tile(np.arange(days), 2)
        self.plan = plan_attacks(victims, np.arange(2 * days), day, A_DAY, days=days // 2)
        self.attempts = A_DAY * (days // 2)

    def attack(self, rule, attacker, threshold=0.5):
        return simulate(rule, self.templates, self.plan, self.embeddings, threshold, attacker)

    def random(self, seed=1):
        rows = np.random.default_rng(seed).choice(self.stranger, (2, self.attempts))
        return play(rows)

    def gradual(self):
        return adapt(np.stack([self.stranger] * 2), torch.stack([self.voice] * 2))


def first(world, accepted, victim=0):
    """Return the number of the first accepted attempt, from 1; None if there is none."""
    own = accepted[(world.plan.sequence == victim) & (world.plan.attempt >= 0)]
    return int(own.argmax()) + 1 if own.any() else None


def test_attempts_follow_the_tests_of_their_day():
    day = np.array([3, 3, 5, 9, 4])
    plan = plan_attacks(np.array([0, 0, 0, 0, 1]), np.arange(5), day, 2, days=2)
    own = plan.sequence == 0
    assert plan.rows[own].tolist() == [0, 1, -1, -1, 2, -1, -1, 3]
    assert plan.attempt[own].tolist() == [-1, -1, 0, 1, -1, 2, 3, -1]
    assert plan.day[own].tolist() == [3, 3, 3, 3, 5, 5, 5, 9]
    assert plan.after[own].tolist() == [False] * 7 + [True]
    assert plan.rows[~own].tolist() == [4, -1, -1] and not plan.after[~own].any()
    assert plan.without_attempts().rows.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("attacker", ["random", "gradual", "replay"])
def test_a_template_that_never_moves_is_not_harmed(attacker):
    world = World(noise=0.3)
    chosen = replay if attacker == "replay" else getattr(world, attacker)()
    accepted = world.attack(Baseline(), chosen, threshold=0.7)
    own = world.plan.without_attempts()
    alone = simulate(Baseline(), world.templates, own, world.embeddings, 0.7)
    assert 0 < alone.mean() < 1
    assert np.array_equal(accepted[world.plan.attempt < 0], alone)


def test_an_accepted_recording_is_accepted_again_by_a_template_that_never_moves():
    world = World()
    accepted = world.attack(Baseline(), replay)
    assert accepted.all() and first(world, accepted) == 1
    # The last that was accepted: later tests are of the stranger, and none is.
    world.embeddings[1:DAYS] = world.embeddings[world.stranger[1:]]
    accepted = world.attack(Baseline(), replay)
    own = world.plan.sequence == 0
    assert accepted[own & (world.plan.attempt >= 0)].all()
    assert accepted[own & (world.plan.attempt < 0)].sum() == 1


def test_a_rule_that_believes_all_is_taken_over_at_the_first_attempt():
    world = World()
    accepted = world.attack(Believer(), world.random())
    attempts = accepted[(world.plan.sequence == 0) & (world.plan.attempt >= 0)]
    # Each day: the victim's test took the template back, the first attempt takes it over.
    assert attempts.tolist() == [False, True] * (DAYS // 2)
    later = accepted[(world.plan.sequence == 0) & world.plan.after]
    assert later.tolist() == [False] + [True] * (DAYS // 2 - 1)


def test_a_gradual_attacker_moves_a_template_that_random_recordings_do_not():
    found = {}
    for kind in ("random", "gradual"):
        world = World(noise=0.35, near=0.35, days=40)
        accepted = world.attack(FixedWeight(0.2, 0.4), getattr(world, kind)(), threshold=0.75)
        found[kind] = first(world, accepted) or np.inf
    assert found["gradual"] < found["random"]


def test_trying_recordings_leaves_no_trace():
    """The attacker tries on copies: what the rule remembers stays as it was."""
    world = World()
    plain = world.attack(Twice(), play(np.full((2, world.attempts), world.stranger[0])))
    only = adapt(np.full((2, 1), world.stranger[0]), torch.stack([world.voice] * 2))
    assert np.array_equal(world.attack(Twice(), only), plain)
    many = adapt(np.full((2, 7), world.stranger[0]), torch.stack([world.voice] * 2))
    assert np.array_equal(world.attack(Twice(), many), plain)


def test_nobody_attacks_himself_and_the_nearest_is_near():
    rng = np.random.default_rng(3)
    speakers, count = np.repeat(np.arange(4), 9), 4
    voices = rng.standard_normal((count, DIMENSION))
    voices[3] = voices[0] + 0.2 * rng.standard_normal(DIMENSION)
    noise = 0.01 * rng.standard_normal((len(speakers), DIMENSION))
    embeddings = torch.tensor(voices[speakers] + noise, dtype=torch.float32)
    names = np.array(["a", "b", "c", "d"])
    recordings = draw_recordings(np.arange(36), speakers, names, 12, seed=1)
    assert (speakers[recordings] == np.arange(4)[:, None]).all()
    # Each recording is there; some stand twice, for there are only nine.
    assert all(len(set(own)) == 9 for own in recordings.tolist())
    mean = mean_voices(recordings, embeddings)
    victims = np.array([0, 1, 0, 3])
    templates = torch.tensor(voices[victims], dtype=torch.float32)
    attackers = list_attackers(templates, victims, recordings, mean, 30, 1, part=0)

    class Now:
        def __init__(self, attempt):
            self.victims, self.attempt = np.arange(4), np.full(4, attempt)

    heard = {
        name: np.stack([speakers[attackers[name](Now(number))] for number in range(30)])
        for name in ("random", "same", "nearest")
    }
    for own in heard.values():
        assert (own != victims).all()
    assert (heard["nearest"][:, [0, 2, 3]] == [3, 3, 0]).all()
    assert all(len(set(own)) == 1 for own in heard["same"].T.tolist())
    assert all(len(set(own)) == 3 for own in heard["random"].T.tolist())
