"""Conditions: the counted trials, common resamples, and differences from the first condition."""

import numpy as np
import pandas as pd
import pytest

from tests.controls.test_separate_tests import make_world
from workflow_src.common.errors import InputError
from workflow_src.controls.conditions import Bench, Condition
from workflow_src.evaluation.metrics import equal_error_rate
from workflow_src.inference.scoring import score_scenario
from workflow_src.methods.baseline import Baseline
from workflow_src.methods.fixed_weight import FixedWeight
from workflow_src.settings.intervals import Intervals

RULES = {"baseline": Baseline(), "fixed": FixedWeight(0.3, 0.5)}


@pytest.fixture(scope="module")
def world():
    """Half of the trials are by the speaker of the model; embeddings tell speakers."""
    trials, enrolment, embeddings, index = make_world(models=9, days=12)
    rng = np.random.default_rng(3)
    number = trials["model"].str[1:].astype(int).to_numpy()
    other = (number + rng.integers(1, 9, len(trials))) % 9
    spoken = np.where(trials["target"], number, other) * 10 + rng.integers(0, 10, len(trials))
    trials = trials.assign(
        utterance=[f"u{n:03d}" for n in spoken], speaker=[f"s{n}" for n in number]
    ).reset_index(drop=True)
    enrolment = enrolment.assign(
        utterance=[f"u{int(m[1:]) * 10 + n % 3:03d}" for n, m in enumerate(enrolment["model"])]
    )
    embeddings = embeddings + 2 * rng.normal(size=(9, 8)).repeat(10, axis=0)
    return trials, enrolment, embeddings.astype(np.float32), index


def bench(world):
    return Bench(world[2], world[3], Intervals(resamples=100), 1)


def test_rows_compare_each_run_with_itself_and_with_the_baseline(world):
    trials, enrolment, *matrix = world
    half = np.arange(len(trials)) % 2 == 0
    conditions = {
        "all": Condition(trials, enrolment, RULES),
        "half": Condition(trials, enrolment, RULES, counted=half),
    }
    table = bench(world).tabulate(conditions, "list", "counted", "baseline")
    assert table[["counted", "run"]].to_numpy().tolist() == [
        [name, run] for name in conditions for run in RULES
    ]
    for row in table.itertuples():
        scored = score_scenario(RULES[row.run], trials, enrolment, *matrix)
        part = scored[half] if row.counted == "half" else scored
        assert row.eer_percent == 100 * equal_error_rate(part["score"], part["target"])[0]
        assert row.eer_low < row.eer_percent < row.eer_high
        usual = table[(table["run"] == row.run) & (table["counted"] == "all")].iloc[0]
        assert row.difference == pytest.approx(row.eer_percent - usual["eer_percent"])
    first = table[table["counted"] == "all"]
    assert (first[["difference", "difference_low", "difference_high"]] == 0).all(axis=None)
    frozen = table[table["run"] == "baseline"].set_index("counted")["eer_percent"]
    gain = frozen.loc[table["counted"]].to_numpy() - table["eer_percent"]
    np.testing.assert_allclose(table["gain"], gain, atol=1e-12)
    assert (table["gain_low"] <= table["gain"]).all() and (table["gain"] != 0).any()


def test_scores_that_no_rule_gives_are_a_run_of_their_own(world):
    trials, enrolment, *_ = world
    perfect = trials["target"].to_numpy(dtype=np.float32)
    condition = Condition(trials, enrolment, RULES, scores={"perfect": perfect})
    table = bench(world).tabulate({1: condition}, "list", "condition", "baseline").set_index("run")
    assert table.index.tolist() == [*RULES, "perfect"]
    assert table.loc["perfect", "eer_percent"] == 0
    assert pd.isna(table.loc["perfect", "eer_low"])


def test_the_same_trials_in_another_order_of_rows_have_the_same_interval(world):
    trials, enrolment, *_ = world
    conditions = {
        name: Condition(table, enrolment, RULES)
        for name, table in (("one", trials), ("other", trials.sample(frac=1, random_state=1)))
    }
    table = bench(world).tabulate(conditions, "list", "condition", "baseline")
    numbers = table.drop(columns="condition").groupby("run")
    assert (numbers.nunique() == 1).all(axis=None)
    assert (table["difference_high"] == 0).all()


def test_no_trial_is_refused(world):
    trials, enrolment, *_ = world
    with pytest.raises(InputError, match="has no trial"):
        bench(world).tabulate(
            {1: Condition(trials.head(0), enrolment, RULES)}, "list", "condition", "baseline"
        )
