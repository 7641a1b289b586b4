"""Longer enrolments: all sizes have the same tests, none of which is an enrolment utterance."""

import pytest

from tests.trials.trial_corpus import make_manifest, make_split
from workflow_src.common.errors import AbsentError
from workflow_src.controls.lengthen_enrolment import enrol_longer
from workflow_src.settings.generation import Generation
from workflow_src.settings.scenarios import BY_ID
from workflow_src.trials.pool import build_pool
from workflow_src.trials.protocol import make_scenario

SETTINGS = Generation(rounds=2)


@pytest.fixture(scope="module")
def pool():
    return build_pool(make_manifest(), make_split(), [], SETTINGS)


@pytest.mark.parametrize("order", ["published", "independent"])
@pytest.mark.parametrize("scenario", ["random", "1das", "3d1s"])
def test_all_sizes_have_the_tests_of_the_largest(pool, scenario, order):
    given = (pool, BY_ID[scenario], SETTINGS, 1, order)
    trials, enrolments = enrol_longer(*given, {5, 10, 20})
    assert list(enrolments) == [5, 10, 20]
    usual = make_scenario(*given)
    assert 0 < len(trials) < len(usual.trials)
    for size, enrolment in enrolments.items():
        assert (enrolment.groupby("model").size() == size).all()
        assert set(enrolment["model"]) == set(trials["model"])
        tested = trials.merge(enrolment, on=["model", "utterance"])
        assert tested.empty
    small, large = (enrolments[size].groupby("model")["utterance"].agg(set) for size in (5, 20))
    assert all(one < other for one, other in zip(small, large.loc[small.index], strict=True))
    own = usual.enrolment[usual.enrolment["model"].isin(small.index)]
    assert own.groupby("model")["utterance"].agg(set).equals(small)


def test_more_utterances_than_anyone_has_are_refused(pool):
    with pytest.raises(AbsentError, match="nothing is left"):
        enrol_longer(pool, BY_ID["random"], SETTINGS, 1, "published", {5, 1000})
