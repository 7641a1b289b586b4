"""EER and minDCF against plain references; ties, order of rows, missing classes."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from workflow_src.common.errors import InputError
from workflow_src.evaluation.metrics import equal_error_rate, error_rates, min_dcf


def published(scores, target, p_target=0.01):
    """The published arithmetic, for untied scores: sort, count at each cut, take the best cuts."""
    order = sorted(range(len(scores)), key=lambda i: scores[i])
    targets = sum(target)
    nontargets = len(target) - targets
    missed = rejected = 0
    rates = []
    for i in order:
        missed += target[i]
        rejected += not target[i]
        rates.append((missed / targets, 1 - rejected / nontargets, scores[i]))
    frr, far, eer_threshold = min(rates, key=lambda rate: abs(rate[0] - rate[1]))
    costs = [(p_target * frr + (1 - p_target) * far, cut) for frr, far, cut in rates]
    cost, dcf_threshold = min(costs)
    return (frr + far) / 2, eer_threshold, cost / min(p_target, 1 - p_target), dcf_threshold


def plain(scores, target, p_target):
    """Every cut after a distinct score, counted one trial at a time, in whole numbers."""
    targets = sum(target)
    nontargets = len(target) - targets
    best_gap = best_cost = None
    for threshold in sorted(set(scores)):
        pairs = list(zip(scores, target, strict=True))
        misses = sum(score <= threshold for score, is_target in pairs if is_target)
        alarms = sum(score > threshold for score, is_target in pairs if not is_target)
        gap = abs(misses * nontargets - alarms * targets)
        if best_gap is None or gap < best_gap:
            best_gap, eer = gap, ((misses / targets + alarms / nontargets) / 2, threshold)
        cost = (p_target * misses / targets + (1 - p_target) * alarms / nontargets) / min(
            p_target, 1 - p_target
        )
        if best_cost is None or cost < best_cost:
            best_cost, lowest = cost, threshold
    return eer, (best_cost, lowest)


TRIAL = st.tuples(st.integers(-4, 4).map(lambda n: n / 4), st.booleans())
UNTIED = st.tuples(st.floats(-1, 1, allow_subnormal=False), st.booleans())


def both_kinds(trials):
    return len({is_target for _, is_target in trials}) == 2


@settings(max_examples=200, deadline=None)
@given(st.lists(TRIAL, min_size=2, max_size=25).filter(both_kinds), st.sampled_from([0.01, 0.6]))
def test_ties_against_a_plain_count(trials, p_target):
    scores, target = map(list, zip(*trials, strict=True))
    (eer, eer_threshold), (cost, _) = plain(scores, target, p_target)
    assert equal_error_rate(scores, target) == pytest.approx((eer, eer_threshold), abs=1e-12)
    value, threshold = min_dcf(scores, target, p_target)
    assert value == pytest.approx(cost, abs=1e-12)
    # The threshold reproduces the cost by "accept is score > threshold".
    scores, target = np.array(scores), np.array(target)
    frr, far = np.mean(scores[target] <= threshold), np.mean(scores[~target] > threshold)
    assert value == pytest.approx(
        (p_target * frr + (1 - p_target) * far) / min(p_target, 1 - p_target)
    )


@settings(max_examples=100, deadline=None)
@given(
    st.lists(TRIAL, min_size=2, max_size=40).filter(both_kinds), st.randoms(use_true_random=False)
)
def test_order_of_rows_never_matters(trials, random):
    shuffled = random.sample(trials, len(trials))
    results = []
    for rows in (trials, shuffled):
        scores, target = map(np.array, zip(*rows, strict=True))
        results.append((equal_error_rate(scores, target), min_dcf(scores, target)))
    assert results[0] == results[1]


@settings(max_examples=200, deadline=None)
@given(st.lists(UNTIED, min_size=2, max_size=30, unique_by=lambda trial: trial[0]))
def test_untied_scores_against_the_published_arithmetic(trials):
    # As published: as many targets as non-targets, so that one cut has FRR = FAR.
    scores, target = [score for score, _ in trials], [n % 2 == 0 for n in range(len(trials))]
    scores, target = scores[: len(scores) // 2 * 2], target[: len(target) // 2 * 2]
    expected = published(scores, target)
    found = (*equal_error_rate(scores, target), *min_dcf(scores, target))
    assert found == pytest.approx(expected, abs=1e-9)


def test_large_untied_task_against_the_published_arithmetic():
    rng = np.random.default_rng(1)
    target = np.arange(40_000) % 2 == 0
    scores = rng.normal(size=40_000) + 2.5 * target
    expected = published(scores.tolist(), target.tolist())
    assert (*equal_error_rate(scores, target), *min_dcf(scores, target)) == pytest.approx(
        expected, abs=1e-9
    )


@pytest.mark.parametrize(("targets", "nontargets"), [(3001, 5003), (7, 9973), (4999, 11)])
@pytest.mark.parametrize("p_target", [0.01, 0.6])
def test_unequal_numbers_against_the_published_arithmetic(targets, nontargets, p_target):
    # Numbers without a common divisor: no cut has FRR = FAR.
    rng = np.random.default_rng(targets)
    target = rng.permutation(np.arange(targets + nontargets) < targets)
    scores = rng.normal(size=len(target)) + 2.5 * target
    assert len(np.unique(scores)) == len(scores)
    expected = published(scores.tolist(), target.tolist(), p_target)
    found = (*equal_error_rate(scores, target), *min_dcf(scores, target, p_target))
    assert found == pytest.approx(expected, abs=1e-9)


def test_thresholds_separate_as_accept_does():
    scores, target = np.array([0.1, 0.2, 0.3, 0.4]), np.array([False, False, True, True])
    assert equal_error_rate(scores, target) == (0.0, 0.2)
    assert min_dcf(scores, target) == (0.0, 0.2)
    assert equal_error_rate(-scores, target)[0] == 1.0
    assert min_dcf(-scores, target)[0] == 1.0


def test_equal_scores_say_nothing():
    for target in ([True, False, False], [False, True, True]):
        assert equal_error_rate([0.5] * 3, target) == (0.5, 0.5)
        assert min_dcf([0.5] * 3, target) == (1.0, 0.5)


def test_of_equally_close_cuts_the_lower_counts():
    # One target, two non-targets: FRR - FAR is -1/2 at the first cut and +1/2 at the second.
    scores, target = [0.1, 0.2, 0.3], [False, True, False]
    assert equal_error_rate(scores, target) == (0.25, 0.1)


def test_float32_scores_are_taken_as_they_are():
    scores = np.array([0.1, 0.2, 0.3], dtype=np.float32)
    assert error_rates(scores, [False, True, False]).thresholds.tolist() == scores.tolist()


@pytest.mark.parametrize(
    ("scores", "target", "message"),
    [
        ([0.1, 0.2], [True, True], "none of the 2 trials is a non-target"),
        ([0.1, 0.2], [False, False], "none of the 2 trials is a target"),
        ([], [], "none of the 0 trials is a target"),
        ([0.1, float("nan")], [True, False], "score of trial 1 is nan"),
        ([float("inf"), 0.1], [True, False], "score of trial 0 is inf"),
    ],
)
def test_what_cannot_be_measured_is_refused(scores, target, message):
    for measure in (equal_error_rate, min_dcf):
        with pytest.raises(InputError, match=message):
            measure(np.array(scores), np.array(target, dtype=bool))


def test_labels_that_are_no_bools_or_do_not_fit_are_a_fault_of_the_caller():
    for target in ([1, 0], [True]):
        with pytest.raises(ValueError, match="needed are"):
            error_rates([0.1, 0.2], target)
