"""The share of the headroom, and the mean of a speaker without the test."""

import numpy as np
import pytest

from tests.controls.test_separate_tests import make_world
from workflow_src.common.errors import InputError
from workflow_src.controls.measure_headroom import headroom_share, score_without_test
from workflow_src.evaluation.intervals import Sampled, interval


def draw(value, seed, spread=0.002):
    noise = np.random.default_rng(seed).normal(size=4000)
    return Sampled(value, value + spread * noise, 1e9)


def test_the_baseline_gets_nothing_and_the_ceiling_all():
    baseline, ceiling = draw(0.05, 1), draw(0.02, 2)
    for eer, share in ((baseline, 0.0), (ceiling, 1.0)):
        found = headroom_share(eer, baseline, ceiling)
        assert found.value == share
        assert interval(found, 0.95) == pytest.approx((share, share))
    assert headroom_share(draw(0.03, 3), baseline, ceiling).value == pytest.approx(2 / 3)
    assert headroom_share(draw(0.06, 3), baseline, ceiling).value == pytest.approx(-1 / 3)


def test_the_interval_of_a_share_holds_the_truth():
    """Of draws of all three EERs, which vary together by speakers."""
    rng = np.random.default_rng(4)
    truth, held = np.array([0.05, 0.03, 0.02]), 0
    covariance = 0.002**2 * (0.5 + 0.5 * np.eye(3))
    for _ in range(400):
        values = rng.multivariate_normal(truth, covariance)
        resamples = rng.multivariate_normal(values, covariance, 500).T
        eers = [Sampled(v, s, 1e9) for v, s in zip(values, resamples, strict=True)]
        low, high = interval(headroom_share(eers[1], eers[0], eers[2]), 0.95)
        held += low < 2 / 3 < high
    assert held / 400 == pytest.approx(0.95, abs=0.03)


def test_without_headroom_there_is_no_share():
    found = headroom_share(draw(0.03, 3), draw(0.02, 1), draw(0.02, 2))
    assert np.isnan(found.value) and np.isnan(interval(found, 0.95)).all()


def test_the_test_is_left_out_of_its_own_mean_alone():
    trials, _, embeddings, index = make_world()
    trials = trials.assign(speaker=[f"s{n % 9}" for n in range(len(trials))])
    scores = score_without_test(trials, embeddings, index)
    known = index.set_index("utterance")
    left_out = 0
    for row, score in zip(trials.itertuples(), scores, strict=True):
        own = index[(index["speaker"] == row.speaker) & (index["utterance"] != row.utterance)]
        left_out += len(own) == 9
        template = embeddings[own["row"]].astype(float).mean(axis=0)
        test = embeddings[known.loc[row.utterance, "row"]].astype(float)
        cosine = template @ test / np.linalg.norm(template) / np.linalg.norm(test)
        assert score == pytest.approx(cosine, abs=1e-6)
    assert 0 < left_out < len(trials)


def test_a_speaker_with_one_utterance_is_refused():
    trials, _, embeddings, index = make_world()
    lonely = trials.head(1).assign(utterance="u005", speaker="lonely")
    index.loc[5, "speaker"] = "lonely"
    with pytest.raises(InputError, match="nothing is left of the speaker 'lonely' without 'u005'"):
        score_without_test(lonely, embeddings, index)
