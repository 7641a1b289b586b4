"""The methods of products against plain loops over trials, which keep whole lists of recordings."""

import itertools

import numpy as np
import pytest
import torch

from workflow_src.methods.anchored import Anchored
from workflow_src.methods.gallery import Gallery
from workflow_src.methods.running_mean import RunningMean
from workflow_src.methods.two_template import TwoTemplate
from workflow_src.methods.window import Window
from workflow_src.updating.scorer import pack_sequences, score_sequences

D, TESTS = 8, 60
LENGTHS = (TESTS, 41, 7, 1)
THRESHOLDS = (0.2, 0.45)


def cosine(a, b):
    return a @ b / np.sqrt((a @ a) * (b @ b))


def running_mean(enrolled, accepted, enrolment, cap):
    """Weight each recording by its own share."""
    if cap is None:
        return np.mean([enrolled] * enrolment + accepted, axis=0)
    template = enrolled
    for number, test in enumerate(accepted):
        count = min(enrolment + number, cap)
        template = (count * template + test) / (count + 1)
    return template


def adapt(enrolled, accepted, alpha):
    """Weight the test that came k updates ago by alpha (1 - alpha)^k."""
    ages = np.arange(len(accepted))[::-1]
    own = (1 - alpha) ** len(accepted) * enrolled
    return own + sum(
        alpha * (1 - alpha) ** k * test for k, test in zip(ages, accepted, strict=True)
    )


def keep_different(enrolled, accepted, size):
    """Go through all pairs of a gallery before each change."""
    gallery = [enrolled] * size
    for test in accepted:
        nearest = []
        for place, one in enumerate(gallery):
            others = [enrolled, test, *gallery[:place], *gallery[place + 1 :]]
            nearest.append(max(cosine(one, other) for other in others))
        # Of a pair, each is as near to the other, but for rounding.
        place = next(i for i, near in enumerate(nearest) if near > max(nearest) - 1e-9)
        gallery[place] = test
    return gallery


def score_gallery(test, gallery, best):
    return np.mean(sorted(cosine(one, test) for one in gallery)[-best:])


# Name -> the rule, and the score of a test by the enrolment and by what was accepted before it.
CASES = {
    "running-mean": (
        lambda: RunningMean(THRESHOLDS, enrolment=5, cap=None),
        lambda test, e, accepted: cosine(test, running_mean(e, accepted, 5, None)),
    ),
    "running-mean, capped": (
        lambda: RunningMean(THRESHOLDS, enrolment=3, cap=8),
        lambda test, e, accepted: cosine(test, running_mean(e, accepted, 3, 8)),
    ),
    "running-mean, capped below the enrolment": (
        lambda: RunningMean(THRESHOLDS, enrolment=5, cap=2),
        lambda test, e, accepted: cosine(test, running_mean(e, accepted, 5, 2)),
    ),
    "anchored": (
        lambda: Anchored(THRESHOLDS, alpha=0.3, share=0.25),
        lambda test, e, accepted: cosine(test, 0.25 * e + 0.75 * adapt(e, accepted, 0.3)),
    ),
    "window": (
        lambda: Window(THRESHOLDS, size=4),
        lambda test, e, accepted: cosine(test, np.mean(([e] * 4 + accepted)[-4:], axis=0)),
    ),
    "gallery, oldest": (
        lambda: Gallery(THRESHOLDS, size=4, best=3, replace="oldest"),
        lambda test, e, accepted: score_gallery(test, [e, *([e] * 4 + accepted)[-4:]], 3),
    ),
    "gallery of one": (
        lambda: Gallery(THRESHOLDS, size=1, best=1, replace="redundant"),
        lambda test, e, accepted: score_gallery(test, [e, [e, *accepted][-1]], 1),
    ),
    "gallery, redundant": (
        lambda: Gallery(THRESHOLDS, size=4, best=2, replace="redundant"),
        lambda test, e, accepted: score_gallery(test, [e, *keep_different(e, accepted, 4)], 2),
    ),
    "two-template, mean": (
        lambda: TwoTemplate(THRESHOLDS, alpha=0.4, score="mean"),
        lambda test, e, accepted: (cosine(test, e) + cosine(test, adapt(e, accepted, 0.4))) / 2,
    ),
    "two-template, max": (
        lambda: TwoTemplate(THRESHOLDS, alpha=0.4, score="max"),
        lambda test, e, accepted: max(cosine(test, e), cosine(test, adapt(e, accepted, 0.4))),
    ),
}


def draw(seed=0):
    """Templates [4, D] and tests [4, T, D] of all cosines and of different lengths."""
    rng = np.random.default_rng(seed)
    templates = rng.standard_normal((len(LENGTHS), D))
    own = rng.uniform(-0.2, 1, (len(LENGTHS), TESTS, 1))
    noise = rng.standard_normal((len(LENGTHS), TESTS, D))
    tests = own * templates[:, None] + (1 - own) * noise
    tests *= rng.uniform(0.2, 3, own.shape)
    return templates.astype(np.float32), tests.astype(np.float32)


def score(rule, templates, tests):
    """Score in lockstep: scores, updated, weights, each [S, 4, T], NaN after a sequence's end."""
    sequence = np.repeat(np.arange(len(LENGTHS)), LENGTHS)
    step = np.concatenate([np.arange(length) for length in LENGTHS])
    rows = sequence * TESTS + step
    packed = pack_sequences(sequence, step, rows, np.arange(len(LENGTHS)))
    embeddings = torch.from_numpy(tests.reshape(-1, D))
    scored = score_sequences(rule, torch.from_numpy(templates), packed, embeddings)
    out = []
    for part in (scored.scores, scored.updated, scored.weights):
        values = np.full((rule.variants, len(LENGTHS), TESTS), np.nan)
        values[:, sequence, step] = part.numpy()
        out.append(values)
    return out


@pytest.mark.parametrize("name", CASES)
def test_equals_a_plain_loop(name):
    make, by_hand = CASES[name]
    templates, tests = draw()
    scores, updated, weights = score(make(), templates, tests)
    assert updated[:, 0].mean(1) == pytest.approx([0.5, 0.5], abs=0.4)
    for (variant, threshold), (number, length) in itertools.product(
        enumerate(THRESHOLDS), enumerate(LENGTHS)
    ):
        accepted = []
        enrolled = templates[number].astype(np.float64)
        for trial, test in enumerate(tests[number, :length].astype(np.float64)):
            expected = by_hand(test, enrolled, accepted)
            assert scores[variant, number, trial] == pytest.approx(expected, abs=2e-6)
            assert abs(expected - threshold) > 1e-5, "a decision that rounding can turn"
            assert updated[variant, number, trial] == (expected > threshold)
            assert (weights[variant, number, trial] > 0) == (expected > threshold)
            if expected > threshold:
                accepted.append(test)


@pytest.mark.parametrize("name", ["running-mean", "anchored", "window", "two-template, mean"])
def test_thousands_of_updates_gather_no_rounding(name):
    make, by_hand = CASES[name]
    rng = np.random.default_rng(4)
    voice = rng.standard_normal(D)
    tests = (voice + 0.3 * rng.standard_normal((2000, D))).astype(np.float32)
    packed = pack_sequences(np.zeros(2000, int), *[np.arange(2000)] * 2, np.array([0]))
    template = torch.from_numpy(voice.astype(np.float32))[None]
    scored = score_sequences(make(), template, packed, torch.from_numpy(tests))
    accepted = list(tests[:-1][scored.updated[0, :-1].numpy()].astype(np.float64))
    enrolled = voice.astype(np.float32).astype(np.float64)
    expected = by_hand(tests[-1].astype(np.float64), enrolled, accepted)
    assert len(accepted) > 1900
    assert float(scored.scores[0, -1]) == pytest.approx(expected, abs=1e-6)


def test_what_an_update_weighs():
    templates, tests = draw()

    def weights(rule):
        _, updated, weights = score(rule, templates, tests)
        return weights[updated == 1]

    capped = weights(RunningMean(THRESHOLDS, enrolment=3, cap=8))
    assert capped.max() == pytest.approx(1 / 4) and capped.min() == pytest.approx(1 / 9)
    assert weights(Anchored(0.2, alpha=0.3, share=0.25)) == pytest.approx(0.3 * 0.75)
    assert weights(Window(0.2, size=4)) == pytest.approx(1 / 4)
    assert weights(Gallery(0.2, size=4, best=1, replace="oldest")) == pytest.approx(1 / 5)
    assert weights(TwoTemplate(0.2, alpha=0.4, score="max")) == pytest.approx(0.4)


@pytest.mark.parametrize("best", [0, 6])
def test_a_gallery_cannot_average_more_than_it_has(best):
    with pytest.raises(ValueError, match=f"best is {best}, of 5 vectors"):
        Gallery(0.2, size=4, best=best, replace="oldest")
