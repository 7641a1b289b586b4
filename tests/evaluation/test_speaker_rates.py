"""Errors of each speaker and of groups: hand-made trials whose rates are known."""

import numpy as np
import pandas as pd
import pytest

from workflow_src.evaluation.bootstrap import ResampledTrials, draw_resamples
from workflow_src.evaluation.speaker_rates import (
    GROUP_COLUMNS,
    LEAST_SPEAKERS,
    LEAST_TRIALS,
    mean_of_worst,
    rates_by_group,
    rates_by_speaker,
)


def stack(*parts):
    """Trials of (enrolled, tested, how many, how many of these wrong)."""
    rows = [
        (enrolled, tested, enrolled == tested, place < wrong)
        for enrolled, tested, count, wrong in parts
        for place in range(count)
    ]
    table = pd.DataFrame(rows, columns=["enrolled", "tested", "target", "wrong"])
    return table.drop(columns="wrong"), table["wrong"].to_numpy()


def test_goat_lamb_and_wolf_each_have_their_rate():
    who, wrong = stack(
        ("goat", "goat", 40, 20),
        ("lamb", "lamb", 40, 0),
        ("wolf", "wolf", 40, 4),
        ("lamb", "wolf", 20, 10),
        ("goat", "wolf", 20, 0),
        ("wolf", "lamb", 20, 0),
    )
    (table,) = rates_by_speaker(who, [wrong])
    table = table.set_index("speaker")
    assert table["frr_percent"].to_dict() == {"goat": 50, "lamb": 0, "wolf": 10}
    assert table["far_percent"].to_dict() == {"goat": 0, "lamb": 50, "wolf": 0}
    assert table.loc["wolf", "impostor_far_percent"] == 25
    assert table.loc["lamb", "impostor_far_percent"] == 0
    # The goat attacked nobody.
    assert np.isnan(table.loc["goat", "impostor_far_percent"])
    assert table["impostor_trials"].to_dict() == {"goat": 0, "lamb": 20, "wolf": 40}


def test_a_speaker_of_too_few_trials_has_no_rate():
    who, wrong = stack(("a", "a", LEAST_TRIALS - 1, 3), ("b", "b", LEAST_TRIALS, 3))
    (table,) = rates_by_speaker(who, [wrong])
    assert np.isnan(table["frr_percent"][0])
    assert table["frr_percent"][1] == pytest.approx(300 / LEAST_TRIALS)
    assert list(table["target_trials"]) == [LEAST_TRIALS - 1, LEAST_TRIALS]


def group(ills, wells, speakers=10, count=20):
    """Rows of two groups of target trials, of which so many are wrong for each speaker."""
    names = [f"{number:02d}" for number in range(speakers)]
    parts = [(name, name, count, errors) for errors in (ills, wells) for name in names]
    others = zip(names, [*names[1:], names[0]], strict=True)
    who, wrong = stack(*parts, *((one, other, count, 1) for one, other in others))
    state = ["ill"] * (speakers * count) + ["well"] * (speakers * count)
    groups = pd.Series([*state, *[None] * (len(who) - len(state))], dtype=object)
    resamples = draw_resamples(who["enrolled"], 200, seed=1)
    resampled = ResampledTrials(who["enrolled"], who["tested"], who["target"], resamples)
    (rows,) = rates_by_group([wrong], groups, resampled, 0.95)
    return pd.DataFrame(rows, columns=GROUP_COLUMNS).set_index("group")


def test_a_gap_is_the_rate_less_that_of_the_others_and_has_an_interval():
    table = group(ills=10, wells=2)
    assert table["frr_percent"].to_dict() == {"ill": 50, "well": 10}
    assert table["frr_gap"].to_dict() == {"ill": pytest.approx(40), "well": pytest.approx(-40)}
    assert (table["frr_gap_low"] <= table["frr_gap"]).all()
    # All speakers are alike, so the gap is sure.
    assert table.loc["ill", "frr_gap_low"] == pytest.approx(40)
    # Trials of no group count in none: there is no non-target of a known one.
    assert (table["nontarget_trials"] == 0).all() and table["far_percent"].isna().all()


def test_a_group_of_too_few_speakers_has_no_rate_and_no_gap():
    table = group(ills=10, wells=2, speakers=LEAST_SPEAKERS - 1)
    assert list(table["speakers"]) == [LEAST_SPEAKERS - 1] * 2
    assert table[["frr_percent", "frr_gap", "frr_gap_low", "far_gap"]].isna().all(axis=None)
    assert (table["target_trials"] == 20 * (LEAST_SPEAKERS - 1)).all()


def test_the_worst_share_is_at_least_one():
    rates = np.array([[1.0, 5.0, 3.0, 2.0], [0.0, 0.0, 0.0, 8.0]])
    assert list(mean_of_worst(rates, 0.1)) == [5, 8]
    assert list(mean_of_worst(rates, 0.5)) == [4, 4]
    assert list(mean_of_worst(rates, 1)) == [2.75, 2]
