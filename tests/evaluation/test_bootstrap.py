"""Resamples against trial lists that are really built; how binned counts differ from exact ones."""

import numpy as np
import pytest

from workflow_src.evaluation.bootstrap import BINS, MEASURES, ResampledTrials, draw_resamples
from workflow_src.evaluation.metrics import error_rates


def make_trials(seed, speakers=12, trials=40, impostors=0):
    """A non-target follows each target; some impostors may not be enrolled."""
    rng = np.random.default_rng(seed)
    enrolled = np.repeat(np.arange(speakers), 2 * trials)
    target = np.tile([True, False], speakers * trials)
    other = (enrolled + rng.integers(1, speakers + impostors, len(enrolled))) % (
        speakers + impostors
    )
    tested = np.where(target, enrolled, other)
    ease, wolf = rng.normal(0, 0.6, speakers), rng.normal(0, 0.5, speakers + impostors)
    scores = np.where(target, 2.5 + ease[enrolled], wolf[tested]) + rng.normal(size=len(target))
    names = np.array([f"{number:04d}" for number in range(speakers + impostors)])
    return names[enrolled], names[tested], target, scores.astype(np.float32)


def build_resample(enrolled, tested, target, drawn):
    """The rows of the trials of a drawn list of speakers: every copy meets every other one."""
    rows = []
    for place, speaker in enumerate(drawn):
        for other_place, other in enumerate(drawn):
            if place == other_place:
                rows.append(np.flatnonzero((enrolled == speaker) & target))
            elif speaker != other:
                rows.append(np.flatnonzero((enrolled == speaker) & (tested == other) & ~target))
    return np.concatenate(rows)


@pytest.mark.parametrize("impostors", [0, 3])
def test_resamples_are_the_lists_of_the_drawn_speakers(impostors):
    enrolled, tested, target, scores = make_trials(1, impostors=impostors)
    resamples = draw_resamples([*enrolled, *tested], 25, 1)
    assert len(resamples.speakers) == 12 + impostors
    assert (resamples.weights.sum(axis=1) == 12 + impostors).all()
    trials = ResampledTrials(enrolled, tested, target, resamples)
    found = trials.sample(scores)
    group = np.arange(len(scores)) // 2 % 3
    means = trials.means([scores > 1, scores], group, 3)
    for number, weights in enumerate(resamples.weights):
        rows = build_resample(enrolled, tested, target, np.repeat(resamples.speakers, weights))
        rates = error_rates(scores[rows], target[rows])
        # With fewer distinct scores than bins, every cut is there.
        for name, measure in MEASURES.items():
            assert found[name].samples[number] == pytest.approx(measure.exact(rates), abs=1e-9)
        for side, kind in enumerate((target[rows], ~target[rows])):
            for place in range(3):
                own = scores[rows][kind & (group[rows] == place)].astype(float)
                expected = [np.mean(own > 1), own.mean()]
                assert means[side][number, :, place] == pytest.approx(expected)
    for name, measure in MEASURES.items():
        exact = measure.exact(error_rates(scores, target))
        # 480 non-targets cannot tell a FAR of 0.1 %.
        expected = np.nan if name == "frr_at_far_0.1" else exact
        assert found[name].value == pytest.approx(expected, nan_ok=True, abs=0)


def test_bins_hardly_move_the_measures_of_many_trials():
    enrolled, tested, target, scores = make_trials(2, speakers=58, trials=1300)
    assert len(np.unique(scores)) > 50 * BINS
    resamples = draw_resamples(enrolled, 12, 1)
    found = ResampledTrials(enrolled, tested, target, resamples).sample(scores)
    number = {name: place for place, name in enumerate(resamples.speakers)}
    rows, others = (np.array([number[name] for name in side]) for side in (enrolled, tested))
    errors = {name: [] for name in MEASURES}
    for place, weights in enumerate(resamples.weights):
        copies = np.where(target, weights[rows], weights[rows] * weights[others])
        rates = error_rates(np.repeat(scores, copies), np.repeat(target, copies))
        for name, measure in MEASURES.items():
            errors[name].append(abs(found[name].samples[place] - measure.exact(rates)))
    assert max(errors["eer"]) < 2e-4
    assert max(errors["frr_at_far_1"]) < 2e-3
    assert max(errors["frr_at_far_0.1"]) < 2e-3
    assert max(errors["min_dcf"]) < 2e-3


def test_draws_come_from_the_seed_and_the_speakers_not_from_their_order():
    speakers = ["0003", "0001", "0002", "0001"]
    first, again, other = (
        draw_resamples(names, 30, seed)
        for names, seed in ((speakers, 1), (speakers[::-1], 1), (speakers, 2))
    )
    assert list(first.speakers) == ["0001", "0002", "0003"]
    np.testing.assert_array_equal(first.weights, again.weights)
    assert (first.weights != other.weights).any()
    assert (first.weights == 2).any()


def test_a_resample_of_one_speaker_has_no_nontarget_and_no_rate():
    enrolled, tested, target, scores = make_trials(3, speakers=2)
    resamples = draw_resamples(enrolled, 40, 1)
    found = ResampledTrials(enrolled, tested, target, resamples).sample(scores)
    alone = (resamples.weights == 0).any(axis=1)
    assert 0 < alone.sum() < 40
    for sampled in found.values():
        np.testing.assert_array_equal(np.isnan(sampled.samples), alone)
