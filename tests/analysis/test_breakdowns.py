"""The tables behind the figures: intervals, and a corpus that does not tell the days."""

import numpy as np
import pandas as pd
import pytest

from workflow_src.analysis import breakdowns, figures
from workflow_src.analysis.breakdowns import Shown
from workflow_src.common.files import write_parquet
from workflow_src.common.plotting import save_figure
from workflow_src.evaluation.metrics import equal_error_rate, error_rates
from workflow_src.settings.intervals import Intervals
from workflow_src.settings.orders import TrialList

BASELINE = Shown("baseline", "baseline")


def redraw(trials):
    return breakdowns.Redrawn.of(trials, Intervals(resamples=100), seed=1)


def speak(seed, speakers=12, count=60):
    """Scored trials of several speakers, in two states; half are non-targets of others."""
    rng = np.random.default_rng(seed)
    own = np.repeat(np.arange(speakers), count)
    target = np.tile([True, False], len(own) // 2)
    tested = np.where(target, own, (own + rng.integers(1, speakers, len(own))) % speakers)
    ease = np.random.default_rng(0).normal(0, 0.5, speakers)
    scores = np.where(target, 2 + ease[own], 0) + rng.normal(size=len(own))
    names = np.array([f"{number:04d}" for number in range(speakers)])
    return pd.DataFrame(
        {
            "speaker": names[own],
            "tested": names[tested],
            "target": target,
            "score": scores,
            "state": np.where(np.arange(len(own)) % 4 < 2, "well", "tired"),
        }
    )


def test_a_group_has_the_mean_over_seeds_and_an_interval():
    runs = [speak(1), speak(2)]
    for run in runs[1:]:
        run[["tested", "state"]] = runs[0][["tested", "state"]]
    table = breakdowns.error_rate_by(runs, "state", redraw(runs[0]), ["well"])
    assert list(table["group"]) == ["well", "tired"]
    for row in table.itertuples():
        parts = [run[run["state"] == row.group] for run in runs]
        rates = [100 * equal_error_rate(part["score"], part["target"])[0] for part in parts]
        assert row.eer_percent == pytest.approx(np.mean(rates))
        assert 0 < row.eer_low < row.eer_percent < row.eer_high < 50
    # One speaker tells nothing of others.
    alone = runs[0][runs[0]["speaker"] == "0003"]
    (low, high) = (
        breakdowns.error_rate_by([alone], "state", redraw(runs[0]))[["eer_low", "eer_high"]]
        .to_numpy()
        .T
    )
    assert np.isnan(low).all() and np.isnan(high).all()


def test_texts_of_numbers_are_sorted_as_numbers():
    trials = speak(3, count=300)
    ages = np.array(["9", "10", "100"])[np.arange(len(trials)) % 7 % 3]
    found = breakdowns.error_rate_by([trials], pd.Series(ages, trials.index), redraw(trials))
    assert list(found["group"]) == ["9", "10", "100"]
    mixed = pd.Series(np.where(ages == "9", "old", ages), trials.index)
    found = breakdowns.error_rate_by([trials], mixed, redraw(trials))
    assert list(found["group"]) == ["10", "100", "old"]


def test_a_trade_off_lies_in_its_band():
    trials = speak(3, count=400)
    found = breakdowns.trade_off(trials, redraw(trials))
    rates = error_rates(trials["score"].to_numpy(), trials["target"].to_numpy())
    # 2,400 non-targets cannot tell a FAR below 1/2,400.
    known = found["far"] * 2400 >= 1
    for column in ("frr", "frr_low", "frr_high"):
        assert (np.isfinite(found[column]) == known).all()
    assert 0 < known.sum() < len(known)
    for row in found[known].itertuples():
        assert row.frr_low < row.frr < row.frr_high
        assert row.frr == rates.frr_at_far(row.far)[0]
    figure = figures.det(breakdowns.stack({BASELINE: found}))
    assert len(figure.axes[0].collections) == 1


def test_tables_of_rates_and_differences_are_told():
    methods = pd.DataFrame(
        {
            "scenario": ["random", "1das"] * 2,
            "order": "published",
            "method": ["b", "b", "a", "a"],
            "eer_percent": [4.0, 3.0, 2.0, 1.0],
            "eer_low": [3.5, 2.5, 1.5, np.nan],
            "eer_high": [4.5, 3.5, 2.5, np.nan],
        }
    )
    told = breakdowns.tell_rates(methods)
    assert list(told.index) == ["b", "a"]
    assert told.loc["b", ("random", "published")] == "4.00 (3.50 to 4.50)"
    differences = pd.DataFrame(
        [
            ("random", "published", "eer", "b", "a", 2.0, True),
            ("random", "published", "eer", "b", "c", 0.5, False),
            ("random", "published", "eer", "a", "c", -1.5, True),
            ("random", "published", "min_dcf", "b", "a", 0.1, False),
            ("1das", "published", "eer", "b", "a", 0.2, False),
        ],
        columns=["scenario", "order", "measure", "method", "other", "difference", "resolved"],
    )
    told = breakdowns.tell_differences(differences, TrialList(scenario="random"))
    assert told.loc["b"].tolist() == ["+2.00 *", "+0.50"]
    assert told.loc["a"].tolist() == ["", "-1.50 *"]
    assert breakdowns.tell_differences(differences[:0], TrialList(scenario="random")).empty


@pytest.fixture
def scored(tmp_path):
    """Read 40 trials of a model that was enrolled on 1 January; the days of some are unknown."""

    def read(known):
        day = [f"2020-01-{place + 2:02d}" if place < known else "" for place in range(40)]
        trials = pd.DataFrame(
            {
                "model": "m",
                "speaker": "a",
                "day": day,
                "utterance": "u1",
                "target": np.arange(40) % 2 == 0,
                "score": np.linspace(-1, 1, 40, dtype=np.float32),
            }
        )
        enrolment = pd.DataFrame({"model": ["m"], "order": [0], "utterance": ["u0"]})
        write_parquet(trials, tmp_path / "inference/baseline/s.parquet")
        write_parquet(enrolment, tmp_path / "trials/s.enrolment.parquet")
        date = "2020-01-01" if known else ""
        manifest = pd.DataFrame(
            {
                "utterance": ["u0", "u1"],
                "speaker": ["a", "b"],
                "date": date,
                "state": ["", "well"],
            }
        )
        return breakdowns.load_scored_trials(tmp_path, "baseline", "s", manifest)

    return read


def test_days_that_are_unknown_are_left_out(scored):
    trials = scored(known=10)
    assert trials["days"].dropna().tolist() == list(range(1, 11))
    assert trials["days"].isna().sum() == 30
    # Days 1..6 are the first week, 7..10 the second.
    by_week = breakdowns.error_rate_by([trials], "week", redraw(trials))
    assert by_week[["group", "target_trials", "nontarget_trials"]].values.tolist() == [
        [1, 3, 3], [2, 2, 2],
    ]  # fmt: skip
    over_time = breakdowns.scores_over_time(trials)
    # Non-targets have the even days, targets the odd ones.
    assert over_time["days"].tolist() == [4, 9, 3, 8]
    assert over_time["trials"].tolist() == [3, 2, 3, 2]


def by_condition(tables):
    return figures.error_rates_by_condition(breakdowns.stack_conditions(tables))


def test_a_corpus_without_days_has_its_figures(scored, tmp_path):
    trials = scored(known=0)
    assert trials["days"].isna().all()
    over_time = breakdowns.scores_over_time(trials)
    assert over_time.empty
    weeks, states = (
        {BASELINE: breakdowns.error_rate_by([trials] * 2, column, redraw(trials))}
        for column in ("week", "state")
    )
    assert weeks[BASELINE].empty and states[BASELINE]["target_trials"].tolist() == [20]
    drawn = {
        "time": figures.scores_over_time(breakdowns.stack({BASELINE: over_time})),
        "nothing": by_condition({"week": weeks}),
        "no condition": by_condition({}),
        "state": by_condition({"week": weeks, "state": states}),
    }
    for name, figure in drawn.items():
        save_figure(figure, tmp_path, name)
        said = {text.get_text() for axes in figure.axes for text in axes.texts}
        assert said == (set() if name == "state" else {"not known"})
    assert [axes.get_title() for axes in drawn["state"].axes] == ["state"]


def test_conditions_are_the_columns_of_few_values_and_the_time_since_enrolment():
    count = 40
    manifest = pd.DataFrame(
        {
            "utterance": [f"u{n}" for n in range(count)],
            "speaker": "a",
            "microphone_kind": ["near", "far"] * (count // 2),
            "room": [f"room {n}" for n in range(count)],
            "language": "en",
        }
    )
    trials = manifest.drop(columns="speaker").assign(days=np.arange(count) * 7)
    conditions = breakdowns.list_conditions(trials, manifest)
    # 40 weeks are too many groups, so it is four weeks; one value, or one a trial, tells nothing.
    assert list(conditions) == ["four weeks since enrolment", "microphone kind"]
    assert conditions["four weeks since enrolment"].tolist() == [n * 7 // 28 + 1 for n in range(40)]
    unknown = trials.assign(days=pd.array([pd.NA] * count, dtype="Int64"))
    assert list(breakdowns.list_conditions(unknown, manifest)) == ["microphone kind"]
