"""Guards around rules, against plain loops over trials that know lists and no tensors."""

import itertools

import numpy as np
import pytest
import torch

from workflow_src.methods.fixed_weight import FixedWeight
from workflow_src.methods.gallery import Gallery
from workflow_src.methods.guarded import GUARDS, Guarded
from workflow_src.methods.running_mean import RunningMean
from workflow_src.methods.soft import Soft
from workflow_src.methods.two_template import TwoTemplate
from workflow_src.methods.window import Window
from workflow_src.settings.catalogue import GUARDS_BY_ID
from workflow_src.updating.interface import HELD
from workflow_src.updating.score_history import ScoreScale
from workflow_src.updating.scorer import Lockstep, pack_sequences, score_sequences

D = 8
LENGTHS = (60, 41, 7, 1)
# Each refuses some updates of each rule below, and lets others pass.
LIMITS = {
    "far-test": 0.62,
    "far-template": 0.93,
    "way": 1.0,
    "direction": 0.1,
    "daily": 1,
    "low-norm": 2.4,
}


class NormalisingWeight(FixedWeight):
    """The fixed weight of template and test of unit length."""

    normalises = True


SOFT = (ScoreScale(0.4, 8.0, 0.6, 0.15), torch.tensor([3.0, -1, 0.2, 0.1, -0.3, 0.4, -0.5]))
RULES = {
    "fixed-weight": lambda: FixedWeight(0.2, 0.45),
    "normalising": lambda: NormalisingWeight(0.2, 0.45),
    "running-mean": lambda: RunningMean(0.45, enrolment=3, cap=8),
    "window": lambda: Window(0.45, size=3),
    "gallery": lambda: Gallery(0.45, size=4, best=2, replace="oldest"),
    "gallery-redundant": lambda: Gallery(0.45, size=4, best=1, replace="redundant"),
    "two-template": lambda: TwoTemplate(0.45, alpha=0.3, score="max"),
    "soft": lambda: Soft(*SOFT, 0.2, 3.0, -1.0),
}


def make_task(seed=0):
    """Sequences of tests of their own voice and of others, several on a day."""
    rng = np.random.default_rng(seed)
    count, total = len(LENGTHS), sum(LENGTHS)
    voices = rng.normal(size=(count, D))
    sequence = np.repeat(np.arange(count), LENGTHS)
    own = rng.uniform(0, 1, (total, 1))
    tests = own * voices[sequence] + (1 - own) * rng.normal(size=(total, D))
    tests *= rng.uniform(0.5, 2, (total, 1))
    step = np.concatenate([np.arange(length) for length in LENGTHS])
    templates = voices + 0.2 * rng.normal(size=voices.shape)
    lists = sequence, step, np.arange(total), np.arange(count), step // 3
    return (
        torch.tensor(templates, dtype=torch.float32),
        pack_sequences(*lists),
        torch.tensor(tests, dtype=torch.float32),
        (sequence, step // 3),
    )


def cosine(a, b):
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def unit(vector):
    return vector / np.linalg.norm(vector)


def judge(name, limit, enrolled, test, way, day, days):
    """Say in plain words whether a guard refuses an update.

    `way` has all places of the template until now, and last the one of the update. `days` has the
    days of the updates until now.
    """
    match name:
        case "far-test":
            return cosine(enrolled, test) < limit
        case "far-template":
            return cosine(enrolled, way[-1]) < limit
        case "way":
            moves = itertools.pairwise(way)
            return sum(np.linalg.norm(unit(b) - unit(a)) for a, b in moves) > limit
        case "direction":
            if len(way) < 3:
                return False
            last, move = (unit(b) - unit(a) for a, b in (way[-3:-1], way[-2:]))
            return cosine(last, move) > limit
        case "daily":
            return days.count(day) + 1 > limit
        case "low-norm":
            return np.linalg.norm(test) < limit
    raise AssertionError(name)


def find_place(together):
    """Return the mean of a template and of what is held beside it."""
    vectors = together.template[0].double().numpy()
    if HELD in together._memory.tensors:
        held = together._memory.tensors[HELD][0, 0].double().numpy()
        vectors = np.concatenate([vectors, held])
    return vectors.mean(0)


def play(rule, template, tests, days, refuses):
    """Let a rule without guards meet tests one by one: the scores, updates and weights.

    Each test first meets a copy. If `refuses` forbids the update, the rule itself never meets it.
    """
    together = Lockstep.begin(rule, template[None], tests)
    way, updated_on, told = [find_place(together)], [], []
    for number, day in enumerate(days):
        row, date = np.array([number]), np.array([day], np.float32)
        asked = together.fork(np.array([0]))
        asked.meet(row, date, None)
        score, updated = asked.scores[0, 0], bool(asked.updated[0, 0])
        if updated:
            after = find_place(asked)
            if refuses(tests[number].double().numpy(), [*way, after], day, updated_on):
                told.append((score, False, 0.0))
                continue
            way.append(after)
            updated_on.append(day)
        together.meet(row, date, None)
        told.append((score, updated, together.weights[0, 0]))
    return map(np.array, zip(*told, strict=True))


def test_every_guard_of_the_catalogue_has_a_class():
    assert list(GUARDS) == list(GUARDS_BY_ID) == list(LIMITS)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("guards", [*([guard] for guard in LIMITS), ["daily", "far-test"]])
def test_guards_refuse_what_plain_statements_refuse(name, guards):
    """In lockstep, each template fares as one whose refused tests were never met."""
    templates, sequences, tests, (sequence, days) = make_task()
    limits = {guard: LIMITS[guard] for guard in guards}
    scored = score_sequences(Guarded(RULES[name](), limits), templates, sequences, tests)
    plain = score_sequences(RULES[name](), templates, sequences, tests)
    assert 0 < scored.updated.sum() < plain.updated.sum()
    for number, template in enumerate(templates):
        own = np.flatnonzero(sequence == number)
        enrolled = template.double().numpy()

        def refuses(*update, enrolled=enrolled):
            return any(judge(guard, limit, enrolled, *update) for guard, limit in limits.items())

        told = play(RULES[name](), template, tests[own], days[own].tolist(), refuses)
        for ours, theirs in zip((scored.scores, scored.updated, scored.weights), told, strict=True):
            np.testing.assert_allclose(ours[0, own], theirs, atol=1e-5)


@pytest.mark.parametrize("name", RULES)
def test_a_guard_that_refuses_nothing_changes_nothing(name):
    templates, sequences, tests, _ = make_task(1)
    lax = {"far-test": -1.0, "far-template": -1.0, "way": 1e9, "direction": 1.0, "daily": 1e6}
    plain, guarded = (
        score_sequences(rule, templates, sequences, tests)
        for rule in (RULES[name](), Guarded(RULES[name](), lax | {"low-norm": 0.0}))
    )
    for part in ("scores", "updated", "weights"):
        assert torch.equal(getattr(plain, part), getattr(guarded, part))


@pytest.mark.parametrize("name", RULES)
def test_a_guard_that_refuses_all_leaves_the_template_as_it_was(name):
    templates, sequences, tests, (sequence, _) = make_task(2)
    for limits in ({"low-norm": 1e9}, {"way": 0.0}, {"far-test": 1.0}):
        scored = score_sequences(Guarded(RULES[name](), limits), templates, sequences, tests)
        assert not scored.updated.any() and not scored.weights.any()
        enrolled = Lockstep.begin(RULES[name](), templates, tests)
        for row in range(len(sequence)):
            rows = np.full(len(templates), row)
            once = enrolled.fork(np.arange(len(templates)))
            once.meet(rows, np.zeros(len(templates), np.float32), None)
            score = once.scores[0, sequence[row]]
            assert scored.scores[0, row] == pytest.approx(score, abs=1e-6)


def test_variants_side_by_side_are_guarded_each_for_itself():
    templates, sequences, tests, _ = make_task(3)
    thresholds = [0.3, 0.45, 0.6]
    limits = {"direction": 0.1, "daily": 1}
    together = Guarded(FixedWeight([0.2] * 3, thresholds), limits)
    scored = score_sequences(together, templates, sequences, tests)
    for variant, threshold in enumerate(thresholds):
        alone = Guarded(FixedWeight(0.2, threshold), limits)
        told = score_sequences(alone, templates, sequences, tests)
        np.testing.assert_allclose(scored.scores[variant], told.scores[0], atol=1e-6)
        assert torch.equal(scored.updated[variant], told.updated[0])
    assert scored.updated.sum(1).unique().numel() == 3
