"""The lockstep scorer against a plain float64 loop over trials, for every kind of rule."""

import numpy as np
import pytest
import torch

from workflow_src.methods.baseline import Baseline
from workflow_src.methods.fixed_weight import FixedWeight
from workflow_src.updating import scorer
from workflow_src.updating.interface import Decision, Encoded, Memory, UpdateRule
from workflow_src.updating.scorer import mean_templates, pack_sequences, score_sequences

D = 12


def make_task(seed=0, lengths=(7, 1, 30, 12, 12, 2), dimensions=D, utterances=80):
    """Ragged sequences in a shuffled trial list; norms vary, and cosines are spread widely."""
    rng = np.random.default_rng(seed)
    embeddings = rng.normal(size=(utterances, dimensions)) + 0.5
    embeddings *= rng.uniform(0.3, 3, size=(utterances, 1))
    templates = rng.normal(size=(len(lengths) + 2, dimensions)) + 0.5
    sequence = np.repeat(np.arange(len(lengths)), lengths)
    step = np.concatenate([np.arange(length) * 3 + 1 for length in lengths])
    shuffled = rng.permutation(len(sequence))
    sequence, step = sequence[shuffled], step[shuffled]
    rows = rng.integers(0, utterances, len(sequence))
    template = rng.integers(0, len(templates), len(lengths))
    return {
        "templates": torch.tensor(templates, dtype=torch.float32),
        "embeddings": torch.tensor(embeddings, dtype=torch.float32),
        "list": (sequence, step, rows, template),
        "sequences": pack_sequences(sequence, step, rows, template),
    }


def one_by_one(task, decide, normalises=False):
    """Score trial by trial in float64; decide(score, template, test, state) -> weight or None."""
    sequence, step, rows, template = task["list"]
    templates, embeddings = task["templates"].double().numpy(), task["embeddings"].double().numpy()
    scores, updated, weights = (np.zeros(len(rows)) for _ in range(3))
    for number in range(len(template)):
        t, state = templates[template[number]].copy(), {}
        trials = np.flatnonzero(sequence == number)
        for trial in trials[np.argsort(step[trials])]:
            x = embeddings[rows[trial]]
            scores[trial] = t @ x / np.sqrt((t @ t) * (x @ x))
            weight = decide(scores[trial], t, x, state)
            if weight is None:
                continue
            updated[trial], weights[trial] = 1, weight
            if normalises:
                t, x = t / np.linalg.norm(t), x / np.linalg.norm(x)
            t = (1 - weight) * t + weight * x
    return scores, updated.astype(bool), weights


def check(task, rule, *references):
    scored = score_sequences(rule, task["templates"], task["sequences"], task["embeddings"])
    assert scored.scores.dtype == scored.weights.dtype == torch.float32
    assert scored.updated.dtype == torch.bool
    assert len(scored.scores) == len(references) == rule.variants
    for variant, (scores, updated, weights) in enumerate(references):
        np.testing.assert_allclose(scored.scores[variant], scores, atol=1e-5)
        np.testing.assert_array_equal(scored.updated[variant], updated)
        np.testing.assert_allclose(scored.weights[variant], weights, atol=1e-5)
    return scored


class LinearWeight(UpdateRule):
    """A weight read off a linear map of the template and any function of the test."""

    def __init__(self, normalises, dimensions=D):
        self.normalises = normalises
        self.map = torch.linspace(-1, 1, dimensions * 3).reshape(dimensions, 3)

    def encode(self, embeddings):
        return Encoded(embeddings @ self.map, embeddings.square().sum(1, keepdim=True))

    def decide(self, trials, memory):
        template, norm, test_norm = (
            trials.template_carried,
            trials.template_norms,
            trials.test_norms,
        )
        if self.normalises:
            template = template / norm.unsqueeze(-1)
        # The weight leaves [0, 1] now and then.
        weight = (
            0.4 * torch.tanh(template.sum(-1)) + 0.2 + 0.01 * torch.sqrt(trials.test_offered[:, 0])
        )
        # Without an update the weight has no meaning, whatever it is.
        accepted = (trials.scores > 0.2) & (trials.test_carried[:, 0] / test_norm < 0.3)
        return Decision(accepted, torch.where(accepted, weight, torch.nan))

    def alone(self, score, t, x, state):
        matrix = self.map.double().numpy()
        scale = np.linalg.norm(t) if self.normalises else 1.0
        if not (score > 0.2 and x @ matrix[:, 0] / np.linalg.norm(x) < 0.3):
            return None
        return 0.4 * np.tanh((t / scale) @ matrix.sum(1)) + 0.2 + 0.01 * np.linalg.norm(x)


class EverySecond(UpdateRule):
    """Updates with every second accepted trial of a template: needs memory; two variants."""

    variants = 2

    def begin(self, templates):
        return Memory({"accepted": torch.zeros(2, templates, dtype=torch.int64)})

    def decide(self, trials, memory):
        accepted = trials.scores > torch.tensor([[0.1], [0.3]])
        memory.tensors["accepted"] += accepted
        even = memory.tensors["accepted"] % 2 == 0
        return Decision(accepted & even, torch.full_like(trials.scores, 0.3))

    def alone(self, threshold):
        def decide(score, t, x, state):
            if score <= threshold:
                return None
            state["accepted"] = state.get("accepted", 0) + 1
            return 0.3 if state["accepted"] % 2 == 0 else None

        return decide


def fixed(alpha, threshold):
    return lambda score, t, x, state: alpha if score > threshold else None


def test_baseline_is_the_cosine_with_the_enrolment_template():
    task = make_task()
    check(task, Baseline(), one_by_one(task, lambda *trial: None))


def test_baseline_in_one_go_equals_its_rule_in_lockstep():
    task = make_task()

    class Slow(UpdateRule):
        decide = Baseline.decide

    fast, slow = (
        score_sequences(rule, task["templates"], task["sequences"], task["embeddings"])
        for rule in (Baseline(), Slow())
    )
    np.testing.assert_allclose(fast.scores, slow.scores, atol=1e-6)
    assert not slow.updated.any() and not slow.weights.any()


def test_fixed_weight_with_several_variants():
    task = make_task()
    numbers = [(0.1, 0.2), (0.5, 0.2), (0.1, 0.6), (1.0, -1.0)]
    rule = FixedWeight(*(list(values) for values in zip(*numbers, strict=True)))
    scored = check(task, rule, *(one_by_one(task, fixed(*pair)) for pair in numbers))
    assert scored.updated.any(1).all()


def test_a_variant_alone_equals_that_variant_among_others_to_the_bit():
    task = make_task()
    many, one = (
        score_sequences(rule, task["templates"], task["sequences"], task["embeddings"])
        for rule in (FixedWeight([0.1, 0.3], 0.2), FixedWeight([0.3], 0.2))
    )
    assert torch.equal(many.scores[1], one.scores[0])
    assert torch.equal(many.weights[1], one.weights[0])


@pytest.mark.parametrize("normalises", [False, True])
def test_rule_with_a_carried_map(normalises):
    task, rule = make_task(), LinearWeight(normalises)
    scored = check(task, rule, one_by_one(task, rule.alone, normalises))
    assert 0 < scored.updated.sum() < scored.updated.numel()


def test_rule_with_memory():
    task, rule = make_task(), EverySecond()
    check(task, rule, *(one_by_one(task, rule.alone(threshold)) for threshold in (0.1, 0.3)))


def test_parts_change_nothing(monkeypatch):
    lengths = np.random.default_rng(3).integers(1, 20, 100)
    task, rule = make_task(lengths=lengths), EverySecond()
    whole = score_sequences(rule, task["templates"], task["sequences"], task["embeddings"])
    monkeypatch.setattr(scorer, "STATE_NUMBERS", 1)
    parts = score_sequences(rule, task["templates"], task["sequences"], task["embeddings"])
    assert torch.equal(whole.scores, parts.scores)
    assert torch.equal(whole.weights, parts.weights)


@pytest.mark.parametrize("normalises", [False, True])
def test_no_drift_over_thousands_of_updates(normalises):
    task = make_task(lengths=(3000, 2990), dimensions=128, utterances=500)

    class Always(LinearWeight):
        def decide(self, trials, memory):
            norm = trials.template_norms.unsqueeze(-1) if self.normalises else 1
            weight = 0.1 + 0.05 * torch.tanh((trials.template_carried / norm).sum(-1))
            return Decision(torch.ones_like(trials.scores, dtype=torch.bool), weight)

        def alone(self, score, t, x, state):
            scale = np.linalg.norm(t) if self.normalises else 1.0
            return 0.1 + 0.05 * np.tanh((t / scale) @ self.map.double().numpy().sum(1))

    rule = Always(normalises, dimensions=128)
    check(task, rule, one_by_one(task, rule.alone, normalises))


@pytest.mark.parametrize(
    "rule",
    [LinearWeight(False), LinearWeight(True), EverySecond()],
    ids=["raw", "normalised", "memory"],
)
def test_what_is_only_scored_leaves_no_trace(rule):
    """Each trial has the score that it has as the last of its sequence, after the updates."""
    task = make_task()
    sequence, step, rows, template = task["list"]
    only_scored = np.random.default_rng(7).random(len(rows)) < 0.5
    packed = pack_sequences(sequence, step, rows, template, only_scored=only_scored)
    scored = score_sequences(rule, task["templates"], packed, task["embeddings"])
    assert not scored.updated[:, only_scored].any() and not scored.weights[:, only_scored].any()
    assert scored.updated[:, ~only_scored].any()
    for trial in range(len(rows)):
        earlier = (sequence == sequence[trial]) & (step < step[trial]) & ~only_scored
        kept = np.append(np.flatnonzero(earlier), trial)
        own = template[[sequence[trial]]]
        alone = pack_sequences(np.zeros(len(kept), int), step[kept], rows[kept], own)
        last = score_sequences(rule, task["templates"], alone, task["embeddings"])
        np.testing.assert_allclose(scored.scores[:, trial], last.scores[:, -1], atol=1e-6)
        if not only_scored[trial]:
            assert torch.equal(scored.updated[:, trial], last.updated[:, -1])


def test_accept_is_strictly_greater():
    embeddings = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    sequences = pack_sequences(np.zeros(2, int), np.arange(2), np.array([0, 0]), np.array([0]))
    for threshold, accepted in ((1.0, False), (0.999, True)):
        scored = score_sequences(
            FixedWeight([0.5], threshold), embeddings[:1], sequences, embeddings
        )
        assert scored.scores.tolist() == [[1.0, 1.0]]
        assert scored.updated.tolist() == [[accepted] * 2]


def test_raw_norms_weigh_in_unless_the_rule_normalises():
    embeddings = torch.tensor([[1.0, 0.0], [10.0, 10.0], [0.0, 1.0]])
    sequences = pack_sequences(np.zeros(2, int), np.arange(2), np.array([1, 2]), np.array([0]))
    rule = FixedWeight([0.5], 0.5)
    raw = score_sequences(rule, embeddings[:1], sequences, embeddings).scores[0, 1]
    assert raw == pytest.approx(5 / np.hypot(5.5, 5))
    rule.normalises = True
    unit = score_sequences(rule, embeddings[:1], sequences, embeddings).scores[0, 1]
    assert unit == pytest.approx(np.sin(np.pi / 8))


def test_templates_are_plain_means_of_raw_embeddings_and_stay_as_they_are():
    task = make_task()
    rows, template = np.array([3, 1, 4, 1, 5]), np.array([1, 0, 1, 0, 1])
    templates = mean_templates(task["embeddings"], rows, template)
    expected = task["embeddings"][[1]], task["embeddings"][[3, 4, 5]].mean(0, keepdim=True)
    np.testing.assert_allclose(templates, torch.cat(expected), rtol=1e-6)
    with pytest.raises(ValueError, match="no enrolment"):
        mean_templates(task["embeddings"], rows, template * 2)
    before = task["templates"].clone()
    score_sequences(FixedWeight([0.5], -1), before, task["sequences"], task["embeddings"])
    assert torch.equal(before, task["templates"])


def test_rows_outside_are_refused():
    task = make_task()
    with pytest.raises(IndexError, match="of 5"):
        score_sequences(Baseline(), task["templates"], task["sequences"], task["embeddings"][:5])


class Swap(UpdateRule):
    """The template and what is held change places at each trial, for two variants."""

    held, variants = 1, 2

    def decide(self, trials, memory):
        held = memory.tensors["held"]
        before = held[:, :, 0].clone()
        held[:, :, 0] = trials.tests
        updated = torch.tensor([[True], [False]]).expand_as(trials.scores)
        return Decision(updated, torch.full((), 0.5), templates=before)


def test_a_rule_holds_vectors_and_gives_templates():
    task = make_task()
    sequence, step, rows, template = task["list"]
    scored = score_sequences(Swap(), task["templates"], task["sequences"], task["embeddings"])
    cosine = torch.cosine_similarity
    for number in range(len(template)):
        trials = np.flatnonzero(sequence == number)
        trials = trials[np.argsort(step[trials])]
        tests = task["embeddings"][rows[trials]]
        enrolled = task["templates"][template[number]][None]
        # The enrolment comes back once, then each test after the one that follows it.
        met = torch.cat([enrolled, enrolled, tests])[: len(tests)]
        for variant, expected in enumerate([cosine(met, tests), cosine(enrolled, tests)]):
            assert torch.allclose(scored.scores[variant, trials], expected, atol=1e-6)
    assert scored.updated[0].all() and not scored.updated[1].any()
    assert (scored.weights[0] == 0.5).all() and not scored.weights[1].any()


class Carrying(Swap):
    def encode(self, embeddings):
        return Encoded(embeddings, embeddings[:, :0])


class Normalising(Swap):
    normalises = True


@pytest.mark.parametrize("rule", [Carrying, Normalising])
def test_a_rule_that_gives_templates_does_nothing_else_to_them(rule):
    task = make_task()
    with pytest.raises(ValueError, match="carries nothing, nor normalises"):
        score_sequences(rule(), task["templates"], task["sequences"], task["embeddings"])


def test_weights_and_thresholds_of_different_length_are_refused():
    with pytest.raises(ValueError, match="2 alphas and 1 thresholds"):
        FixedWeight([0.1, 0.2], [0.5])
