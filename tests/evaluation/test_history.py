"""A template's history from a table of scored trials, against a plain loop over its trials."""

import math

import numpy as np
import pandas as pd
import pytest
import torch

from workflow_src.common.errors import InputError
from workflow_src.evaluation.history import PRIOR_COUNT, Places, Scale, compute_history, count_days
from workflow_src.updating.score_history import ScoreHistory, ScoreScale

SCALE = Scale(centre=0.4, slope=12.0, mean=0.6, spread=0.15)


def draw_trials(seed=0):
    """Sequences of several lengths, rows in no order."""
    rng = np.random.default_rng(seed)
    rows = [
        (model, number, 2 * step, rng.normal(0.45, 0.2), step // 3)
        for model in ("a", "b", "c")
        for number in (1, 2)
        for step in range(int(rng.integers(1, 40)))
    ]
    columns = ["model", "round", "step", "score", "days"]
    trials = pd.DataFrame(rows, columns=columns)
    return trials.sample(frac=1, random_state=seed).reset_index(drop=True)


def loop(trials):
    """The features of each trial, by going through the trials of each sequence."""
    features = {}
    for _, sequence in trials.groupby(["model", "round"]):
        accepted = []
        for row in sequence.sort_values("step").itertuples():
            count = sum(p for p, _ in accepted)
            mean = sum(p * (s - SCALE.mean) for p, s in accepted) / (count + PRIOR_COUNT)
            squares = sum(p * (s - SCALE.mean) ** 2 for p, s in accepted)
            squares = (squares + PRIOR_COUNT * SCALE.spread**2) / (count + PRIOR_COUNT)
            log_odds = SCALE.slope * (row.score - SCALE.centre)
            features[row.Index] = [
                log_odds / 4,
                mean / SCALE.spread,
                math.log(math.sqrt(squares - mean**2) / SCALE.spread),
                math.log(1 + count) - 2,
                math.log(1 + row.days) - 2,
            ]
            accepted.append((1 / (1 + math.exp(-log_odds)), row.score))
    return np.array([features[i] for i in range(len(trials))])


def compute(trials):
    return compute_history(
        trials["score"].to_numpy(), trials["days"].to_numpy(), Places.find(trials), SCALE
    )


def test_equals_a_plain_loop():
    trials = draw_trials()
    np.testing.assert_allclose(compute(trials), loop(trials), rtol=0, atol=1e-12)


def test_is_the_history_that_methods_see():
    trials = draw_trials(1)
    scale = ScoreScale(SCALE.centre, SCALE.slope, SCALE.mean, SCALE.spread)
    for _, sequence in trials.groupby(["model", "round"]):
        sequence = sequence.sort_values("step")
        history = ScoreHistory.begin()
        for row, found in zip(sequence.itertuples(), compute(trials)[sequence.index], strict=True):
            score, days = torch.tensor(row.score), torch.tensor(float(row.days))
            np.testing.assert_allclose(found, history.observe(scale, score, days)[:5], atol=2e-5)
            history = history.remember(scale, score, days)


def test_a_trial_is_known_to_later_ones_of_its_sequence_alone():
    trials = draw_trials(2)
    before = compute(trials)
    place = trials[(trials["model"] == "a") & (trials["round"] == 2) & (trials["step"] == 4)]
    changed = trials.copy()
    changed.loc[place.index, "score"] += 0.3
    after = compute(changed)
    # Sums over the whole table round differently.
    differ = (np.abs(before - after)[:, 1:] > 1e-12).any(axis=1)
    later = (trials["model"] == "a") & (trials["round"] == 2) & (trials["step"] > 4)
    assert later.any()
    np.testing.assert_array_equal(differ, later)


def test_sums_before_are_those_of_whole_numbers():
    trials = draw_trials(3)
    values = np.random.default_rng(3).random(len(trials)) < 0.4
    expected = [
        sum(
            value
            for value, model, number, step in zip(
                values, trials["model"], trials["round"], trials["step"], strict=True
            )
            if (model, number) == (row.model, row.round) and step < row.step
        )
        for row in trials.itertuples()
    ]
    found = Places.find(trials).sum_before(values.astype(np.int64))
    assert found.dtype == np.int64
    assert found.tolist() == expected


def test_days_count_from_the_last_day_of_enrolment():
    index = pd.DataFrame(
        {
            "utterance": list("wxyz"),
            "date": ["2020-05-01", "2020-05-03", "2021-01-01", "2020-01-01"],
        }
    )
    enrolment = pd.DataFrame({"model": ["b", "a", "a"], "utterance": ["y", "x", "w"]})
    trials = pd.DataFrame(
        {"model": ["a", "b", "a"], "day": ["2020-05-03", "2021-01-15", "2020-06-03"]}
    )
    assert count_days(trials, enrolment, index).tolist() == [0, 14, 31]
    assert count_days(trials.assign(day=""), enrolment, index).tolist() == [0, 0, 0]
    partly = index.assign(date=["2020-05-01", "", "", "2020-01-01"])
    assert count_days(trials, enrolment, partly).tolist() == [2, 0, 33]
    with pytest.raises(InputError, match="has no enrolment of the model 'b'"):
        count_days(trials, enrolment[1:], index)
