"""Cllr, minCllr and back-ends against plain statements."""

import math

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from scipy.optimize import minimize
from scipy.stats import norm

from workflow_src.common.errors import InputError
from workflow_src.evaluation.calibration import (
    ScoredTrials,
    bayes_threshold,
    cllr,
    detection_cost,
    fit_back_end,
    fit_logistic,
    min_cllr,
    weigh,
)
from workflow_src.evaluation.history import Places
from workflow_src.evaluation.metrics import equal_error_rate, error_rates

TRIAL = st.tuples(st.integers(-4, 4).map(lambda n: n / 4), st.booleans())


def both_kinds(trials):
    return len({is_target for _, is_target in trials}) == 2


def plain_cllr(llrs, target):
    """The definition, one trial at a time."""
    trials = list(zip(llrs, target, strict=True))
    own = [math.log2(1 + math.exp(-llr)) for llr, is_target in trials if is_target]
    other = [math.log2(1 + math.exp(llr)) for llr, is_target in trials if not is_target]
    return (sum(own) / len(own) + sum(other) / len(other)) / 2


def plain_min_cllr(scores, target):
    """Cllr of the isotonic regression by its min-max formula, over groups of equal scores."""
    trials = list(zip(scores, target, strict=True))
    values = sorted(set(scores))
    targets = [trials.count((value, True)) for value in values]
    counts = [scores.count(value) for value in values]
    total, others = sum(targets), len(target) - sum(targets)
    cost = 0.0
    for i in range(len(values)):
        share = max(
            min(sum(targets[a : b + 1]) / sum(counts[a : b + 1]) for b in range(i, len(values)))
            for a in range(i + 1)
        )
        if targets[i]:
            cost += targets[i] / total * math.log2(1 + (1 - share) / share * total / others)
        if counts[i] > targets[i]:
            weight = (counts[i] - targets[i]) / others
            cost += weight * math.log2(1 + share / (1 - share) * others / total)
    return cost / 2


@settings(max_examples=200)
@given(st.lists(TRIAL, min_size=2, max_size=25).filter(both_kinds))
def test_cllr_and_min_cllr_against_their_definitions(trials):
    scores, target = map(list, zip(*trials, strict=True))
    assert cllr(scores, target) == pytest.approx(plain_cllr(scores, target), abs=1e-12)
    assert min_cllr(scores, target) == pytest.approx(plain_min_cllr(scores, target), abs=1e-9)


@settings(max_examples=100)
@given(st.lists(TRIAL, min_size=2, max_size=25).filter(both_kinds), st.floats(0.1, 9))
def test_no_increasing_map_has_a_lower_cllr(trials, slope):
    scores, target = map(np.array, zip(*trials, strict=True))
    assert min_cllr(scores, target) <= cllr(slope * scores, target) + 1e-12
    assert min_cllr(scores, target) == min_cllr(np.exp(slope * scores), target)


def test_known_values():
    assert cllr([0.0, 0.0, 0.0], [True, False, False]) == pytest.approx(1)
    assert min_cllr([0.3, 0.3, 0.3], [True, False, False]) == pytest.approx(1)
    assert min_cllr([0.1, 0.2, 0.3], [False, False, True]) == 0
    assert min_cllr([0.3, 0.2, 0.1], [False, False, True]) == pytest.approx(1)
    # Finite where an exponential is not.
    assert cllr([1000.0, 1000.0], [True, False]) == pytest.approx(500 / math.log(2))
    with pytest.raises(InputError, match="none of the 1 trials is a target"):
        min_cllr([0.1], [False])


def gaussian_trials(targets, nontargets, seed):
    """Scores whose LLR is known: two Gaussians of one variance."""
    rng = np.random.default_rng(seed)
    target = np.arange(targets + nontargets) < targets
    scores = rng.normal(size=len(target)) * 0.1 + np.where(target, 0.6, 0.3)
    return scores, target, (scores - 0.45) * 0.3 / 0.01


def independent(scores, target):
    """Every trial is the first of its sequence."""
    trials = pd.DataFrame({"model": np.arange(len(scores)).astype(str), "round": 0, "step": 0})
    return ScoredTrials(scores, np.zeros(len(scores)), Places.find(trials)), target


@pytest.mark.parametrize(("p_target", "share"), [(0.5, 0.5), (0.1, 0.5), (0.9, 0.1)])
def test_affine_llrs_are_those_of_the_law_whatever_the_prior_of_the_fit(p_target, share):
    count = 100_000
    scores, target, truth = gaussian_trials(round(count * share), round(count * (1 - share)), 1)
    trials, target = independent(scores, target)
    llrs = fit_back_end("affine", [trials], [target], p_target).llrs(trials)
    assert np.abs(llrs - truth).max() < 0.05 * np.abs(truth).max()
    assert cllr(llrs, target) == pytest.approx(min_cllr(scores, target), abs=4e-3)
    assert equal_error_rate(llrs, target)[0] == equal_error_rate(scores, target)[0]
    # The threshold that theory gives is the best.
    for prior in (0.01, 0.5):
        threshold = bayes_threshold(prior)
        frr, far = np.mean(llrs[target] <= threshold), np.mean(llrs[~target] > threshold)
        assert detection_cost(frr, far, prior) < 1.05 * error_rates(llrs, target).min_dcf(prior)[0]
        assert frr == pytest.approx(norm.cdf((threshold / 30 + 0.45 - 0.6) / 0.1), abs=0.02)


def test_logistic_regression_finds_the_minimum_that_another_optimiser_finds():
    rng = np.random.default_rng(2)
    features = rng.normal(size=(3000, 4)) * [1, 5, 0.1, 2] + [0, 3, -1, 0]
    target = rng.random(3000) < 1 / (1 + np.exp(-7 - features @ [1, -0.3, 8, 0.2]))
    weights = weigh([target[:1000], target[1000:]], 0.1)
    offset = math.log(0.1 / 0.9)

    def loss(b):
        margin = np.where(target, 1, -1) * (features @ b[:-1] + b[-1] + offset)
        return np.sum(weights * np.logaddexp(0, -margin))

    found, constant = fit_logistic(features, target, weights, offset)
    other = minimize(loss, np.zeros(5), method="BFGS", options={"gtol": 1e-9}).x
    np.testing.assert_allclose([*found, constant], other, rtol=1e-3, atol=1e-3)
    assert loss(np.r_[found, constant]) <= loss(other) + 1e-6


def test_weights_make_scenarios_and_classes_weigh_as_stated():
    targets = [np.array([True, False, False]), np.array([True] * 5 + [False])]
    weights = weigh(targets, 0.2)
    assert weights.sum() == pytest.approx(1)
    assert weights[:1].sum() == weights[3:8].sum() == pytest.approx(0.1)
    assert weights[1:3].sum() == weights[8:].sum() == pytest.approx(0.4)


@pytest.mark.parametrize("kind", ["affine", "history"])
def test_separable_trials_have_finite_llrs(kind):
    scores = np.array([0.1, 0.2, 0.8, 0.9])
    trials = pd.DataFrame({"model": "a", "round": 0, "step": [3, 1, 0, 2]})
    scored = ScoredTrials(scores, np.arange(4), Places.find(trials))
    back_end = fit_back_end(kind, [scored], [scores > 0.5], 0.5)
    llrs = back_end.llrs(scored)
    assert np.isfinite(llrs).all()
    assert (llrs[2:] > 1).all() and (llrs[:2] < -1).all()


def test_quality_corrects_what_tests_differ_in():
    rng = np.random.default_rng(3)
    target = rng.random(20_000) < 0.5
    logs = rng.normal(1, 0.5, (20_000, 2))
    # Scores of loud tests are higher; those of short ones say less. The second is partly unknown.
    scores = np.where(target, 0.6, 0.3) + 0.1 * (logs[:, 0] - 1)
    scores += rng.normal(size=20_000) * 0.1 * np.exp(1 - logs[:, 1])
    trials, target = independent(scores, target)
    known = trials._replace(quality=logs)
    partly = trials._replace(quality=np.where([True, False], logs, np.nan))
    costs = {}
    for name, some in (("none", trials), ("partly", partly), ("both", known)):
        kind = "history" if name == "none" else "quality"
        back_end = fit_back_end(kind, [some], [target], 0.5)
        assert list(back_end.quality) == ["test_norm", "test_seconds"][: len(costs)]
        assert [*back_end.quality.values()] == pytest.approx([1, 1][: len(costs)], abs=0.02)
        costs[name] = cllr(back_end.llrs(some), target)
    assert costs["both"] < 0.97 * costs["partly"] < 0.95 * costs["none"]
    # What is unknown counts as the mean.
    average = known._replace(quality=np.broadcast_to([*back_end.quality.values()], logs.shape))
    unknown = known._replace(quality=np.full(logs.shape, np.nan))
    np.testing.assert_array_equal(back_end.llrs(average), back_end.llrs(unknown))


def drifting(sequences, length, seed):
    """Sequences whose templates score all tests higher or lower, and mature over the trials."""
    rng = np.random.default_rng(seed)
    target = rng.random((sequences, length)) < 0.5
    level = rng.normal(0, 0.1, (sequences, 1)) + 0.1 * np.log1p(np.arange(length)) / 4
    scores = level + np.where(target, 0.6, 0.3) + rng.normal(0, 0.07, target.shape)
    trials = pd.DataFrame(
        {
            "model": np.repeat(np.arange(sequences), length).astype(str),
            "round": 0,
            "step": np.tile(np.arange(length), sequences),
        }
    )
    days = np.tile(np.arange(length), sequences)
    return ScoredTrials(scores.ravel(), days, Places.find(trials)), target.ravel()


def test_history_corrects_what_templates_differ_in():
    fitted, labels = drifting(200, 40, 1)
    tested, target = drifting(200, 40, 2)
    affine, history = (
        fit_back_end(kind, [fitted], [labels], 0.5).llrs(tested) for kind in ("affine", "history")
    )
    # With levels known, the error rate would be that of one template.
    ideal = norm.cdf(-0.15 / 0.07)
    rates = [equal_error_rate(llrs, target)[0] for llrs in (affine, history)]
    assert rates[0] > 2 * ideal
    assert ideal < rates[1] < 0.6 * rates[0]
    assert cllr(history, target) < min_cllr(history, target) + 0.01
