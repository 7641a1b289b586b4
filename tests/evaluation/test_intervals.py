"""Intervals against formulas of the mean, and against populations whose truth is known."""

import numpy as np
import pytest
from scipy import stats

from benchmarks.bench_intervals import VOICES, measure_coverage, measure_seeds
from workflow_src.evaluation.bootstrap import ResampledTrials, draw_resamples
from workflow_src.evaluation.intervals import (
    Sampled,
    difference,
    half_width,
    interval,
    mean_over_populations,
    mean_over_seeds,
    normal_quantile,
    rate_interval,
    simultaneous_quantile,
)


def normal(seed, value=0.0, spread=1.0, freedom=1e9, resamples=20_000):
    rng = np.random.default_rng(seed)
    return Sampled(value, value + spread * rng.normal(size=resamples), freedom)


def test_the_mean_of_speakers_has_the_interval_of_students_t():
    rng = np.random.default_rng(1)
    values = rng.normal(3, 2, 20)
    resamples = draw_resamples([f"{n:02d}" for n in range(20)], 20_000, 1)
    samples = resamples.weights @ values / 20
    expected = stats.t.interval(0.95, 19, values.mean(), values.std() / np.sqrt(20))
    found = interval(Sampled(values.mean(), samples, 19), 0.95)
    assert found == pytest.approx(expected, abs=0.03)


def test_a_rate_has_its_interval_on_the_scale_of_log_odds():
    rate = Sampled(0.02, stats.logistic.cdf(normal(2, -3.9, 0.3).samples), 15, step=1e-6)
    low, high = rate_interval(rate, 0.95)
    centre, half = np.log(0.02 / 0.98), stats.t.ppf(0.975, 15) * 0.3
    assert np.log(low / (1 - low)) == pytest.approx(centre - half, abs=0.02)
    assert np.log(high / (1 - high)) == pytest.approx(centre + half, abs=0.02)


def test_a_resample_without_errors_counts_as_half_an_error():
    samples = np.where(np.arange(1000) % 10 == 0, 0.0, 0.02)
    low, high = rate_interval(Sampled(0.02, samples, 15, step=0.01), 0.95)
    assert 0 < low < 0.02 < high < 0.1


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_without_an_error_nothing_is_known(value):
    assert np.isnan(rate_interval(Sampled(value, np.full(100, value), 15, 0.01), 0.95)).all()


def test_too_few_speakers_or_too_many_lacking_resamples_give_no_interval():
    samples = np.random.default_rng(3).uniform(0.1, 0.2, 1000)
    assert np.isnan(rate_interval(Sampled(0.15, samples, 0, 0.01), 0.95)).all()
    few, many = samples.copy(), samples.copy()
    few[:50], many[:51] = np.nan, np.nan
    assert np.isfinite(rate_interval(Sampled(0.15, few, 15, 0.01), 0.95)).all()
    assert np.isnan(rate_interval(Sampled(0.15, many, 15, 0.01), 0.95)).all()
    assert simultaneous_quantile([Sampled(0.15, many, 15)], 0.95) == normal_quantile(0.95)


def test_seeds_add_the_variance_of_their_mean():
    rng = np.random.default_rng(4)
    values = np.array([0.1, 0.5, 0.3])
    speakers = rng.normal(0, 0.01, 50_000)
    runs = [Sampled(value, value + speakers, 1e9) for value in values]
    mean = mean_over_seeds(runs, rng)
    assert mean.value == pytest.approx(0.3)
    assert mean.samples.var() == pytest.approx(values.var(ddof=1) / 3 + 0.01**2, rel=0.03)
    # Seeds differ far more than speakers, so their two degrees of freedom count.
    expected = stats.t.ppf(0.975, 2) * values.std(ddof=1) / np.sqrt(3)
    assert half_width(mean, normal_quantile(0.95)) == pytest.approx(expected, rel=0.03)
    assert mean_over_seeds(runs[:1], rng) is runs[0]


def test_a_difference_keeps_what_the_methods_have_in_common():
    one = normal(5, 1.0)
    other = Sampled(3.0, one.samples + 2, 1e9, seeds=((0.25, 1),))
    found = difference(other, one)
    assert (found.value, found.samples.std()) == (2.0, pytest.approx(0, abs=1e-12))
    assert found.seeds == ((0.25, 1),)
    assert half_width(difference(one, one), 2.0) == 0


def test_populations_average_and_add_their_degrees_of_freedom():
    mean = mean_over_populations([normal(seed, seed, 2.0, 15) for seed in range(4)])
    assert (mean.value, mean.freedom) == (1.5, 60)
    assert mean.samples.std() == pytest.approx(1.0, rel=0.03)


def test_many_independent_numbers_have_the_quantile_of_their_maximum():
    numbers = [normal(seed) for seed in range(30)]
    expected = stats.norm.ppf((1 + 0.95 ** (1 / 30)) / 2)
    assert simultaneous_quantile(numbers, 0.95) == pytest.approx(expected, abs=0.05)
    # The same number thirty times is one number; a number that does not vary is none.
    constant = Sampled(0.0, np.zeros(20_000), 1e9)
    same = simultaneous_quantile([numbers[0]] * 30 + [constant], 0.95)
    assert same == pytest.approx(1.96, abs=0.04)
    assert simultaneous_quantile([constant], 0.95) == normal_quantile(0.95)


def test_intervals_hold_the_truth_of_many_populations():
    """A small form of the slow test, with wide limits: a wrong width shows here."""
    found = measure_coverage(VOICES["speakers unlike"], 16, 60, trials=50, resamples=200)
    assert 0.86 <= found["eer"] <= 0.99
    assert found["difference"] >= 0.88


def test_resampling_trials_would_not_hold_it():
    """The population's luck is in its speakers: the spread over trials alone is far too small."""
    rng = np.random.default_rng(6)
    speaker = np.repeat(np.arange(16), 200)
    target = np.arange(3200) % 2 == 0
    scores = np.where(target, 4.2 + rng.normal(0, 0.9, 16)[speaker], 0) + rng.normal(size=3200)
    spreads = []
    for unit in (speaker, np.arange(3200)):
        enrolled = np.array([f"{n:04d}" for n in unit])
        tested = np.where(target, enrolled, np.roll(enrolled, 200))
        resamples = draw_resamples(enrolled, 200, 1)
        sampled = ResampledTrials(enrolled, tested, target, resamples).sample(scores)
        spreads.append(np.nanstd(sampled["eer"].samples))
    assert spreads[0] > 2 * spreads[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "speakers"),
    [("speakers rather alike", 16), ("speakers unlike", 16), ("speakers unlike", 58)],
)
def test_coverage_of_200_populations(kind, speakers):
    found = measure_coverage(VOICES[kind], speakers, 200)
    assert 0.92 <= found["eer"] <= 0.98
    assert found["frr_at_far_1"] >= 0.92
    assert found["difference"] >= 0.92


@pytest.mark.slow
def test_equal_methods_are_rarely_told_apart():
    found = measure_coverage(VOICES["speakers unlike"], 16, 200, methods=8)
    assert found["resolved"] <= 0.08


@pytest.mark.slow
def test_trained_methods_are_not_told_apart_by_their_seeds():
    assert measure_seeds(VOICES["speakers unlike"], 58, 200, 3) >= 0.92
