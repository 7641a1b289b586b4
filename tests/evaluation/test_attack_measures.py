"""What an attack did: hand-made outcomes whose measures are known."""

import numpy as np
import pytest

from workflow_src.evaluation.attack_measures import Attacked, find_recovery, measure_attack
from workflow_src.evaluation.bootstrap import draw_resamples

NAMES = [f"{number:02d}" for number in range(12)]
SPEAKERS = np.repeat(np.arange(12), 2)


def attacked(first, rejected=2, days=0.0, attempts=12):
    """Outcomes of 24 templates: the first accepted attempt (0: none), and the tests after."""
    first = np.broadcast_to(first, 24)
    hits = (np.arange(1, attempts + 1) >= first[:, None]) & (first[:, None] > 0)
    return Attacked(
        attempts=hits,
        made=np.ones_like(hits),
        rejected=np.broadcast_to(rejected, 24),
        rejected_without=np.full(24, 1),
        tests=np.full(24, 10),
        able=np.ones(24, dtype=bool),
        days=np.broadcast_to(days, 24).astype(float),
    )


def measure(outcome):
    return measure_attack(outcome, SPEAKERS, draw_resamples(NAMES, 300, seed=1), 0.95)


def test_rates_are_shares_of_templates_attempts_and_tests():
    told = measure(attacked(first=np.tile([3, 0, 11, 1], 6)))
    assert told["first_acceptance"] == np.mean([3, 12, 11, 1])
    assert told["within_percent"] == 50
    assert told["accepted_percent"] == pytest.approx(100 * (10 + 0 + 2 + 12) / 48)
    assert told["frr_percent"] == pytest.approx(20)
    assert told["frr_without_percent"] == pytest.approx(10)
    assert told["frr_added"] == pytest.approx(10)
    assert told["recovered_percent"] == 100 and told["days_to_recovery"] == 0


def test_an_interval_holds_the_number_and_is_wider_where_speakers_differ():
    alike = measure(attacked(first=np.tile([2, 0], 12)))
    unlike = measure(attacked(first=np.repeat([2, 0], 12)))
    for told in (alike, unlike):
        assert told["within_percent"] == 50
        assert told["within_percent_low"] <= 50 <= told["within_percent_high"]
    width = {
        id(told): told["within_percent_high"] - told["within_percent_low"]
        for told in (alike, unlike)
    }
    assert width[id(unlike)] > 30 > 1e-9 > width[id(alike)]


def test_days_are_a_mean_over_those_that_recovered():
    told = measure(attacked(first=1, days=np.tile([4.0, 0.0, np.nan, np.nan], 6)))
    assert told["days_to_recovery"] == 2 and told["recovered_percent"] == 50
    never = measure(attacked(first=1, days=np.nan))
    assert np.isnan(never["days_to_recovery"]) and never["recovered_percent"] == 0


def test_templates_without_enough_tests_are_no_failures_to_recover():
    outcome = attacked(first=1, days=np.where(np.arange(24) < 12, 0, np.nan))
    outcome.able[12:] = False
    assert measure(outcome)["recovered_percent"] == 100


@pytest.mark.parametrize(
    ("accepted", "without", "place"),
    [
        ("11111", "11111", 0),
        ("00111", "11111", 2),
        # Rejected without an attack, too.
        ("01011", "01011", 0),
        ("11011", "11111", None),
        ("11", "11", None),
        ("", "", None),
    ],
)
def test_recovery_is_three_tests_in_a_row_decided_no_worse(accepted, without, place):
    told = [np.array([one == "1" for one in text], dtype=bool) for text in (accepted, without)]
    assert find_recovery(*told, 3) == place
