"""The tables behind the figures, where the corpus does not tell the days."""

import numpy as np
import pandas as pd
import pytest

from workflow_src.analysis import breakdowns, figures
from workflow_src.analysis.breakdowns import Shown
from workflow_src.common.files import write_parquet
from workflow_src.common.plotting import save_figure

BASELINE = Shown("baseline", "baseline")


@pytest.fixture
def scored(tmp_path):
    """Read 40 trials of a model that was enrolled on 1 January; the days of some are unknown."""

    def read(known):
        day = [f"2020-01-{place + 2:02d}" if place < known else "" for place in range(40)]
        trials = pd.DataFrame(
            {
                "model": "m",
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
        manifest = pd.DataFrame({"utterance": ["u0", "u1"], "date": date, "state": ["", "well"]})
        return breakdowns.load_scored_trials(tmp_path, "baseline", "s", manifest)

    return read


def test_days_that_are_unknown_are_left_out(scored):
    trials = scored(known=10)
    assert trials["days"].dropna().tolist() == list(range(1, 11))
    assert trials["days"].isna().sum() == 30
    # Days 1..6 are the first week, 7..10 the second.
    by_week = breakdowns.error_rate_by(trials, "week")
    assert by_week[["group", "target_trials", "nontarget_trials"]].values.tolist() == [
        [1, 3, 3], [2, 2, 2],
    ]  # fmt: skip
    over_time = breakdowns.scores_over_time(trials)
    # Non-targets have the even days, targets the odd ones.
    assert over_time["days"].tolist() == [4, 9, 3, 8]
    assert over_time["trials"].tolist() == [3, 2, 3, 2]


def test_a_corpus_without_days_has_its_figures(scored, tmp_path):
    trials = scored(known=0)
    assert trials["days"].isna().all()
    over_time = breakdowns.scores_over_time(trials)
    assert over_time.empty
    weeks, states = (
        {BASELINE: breakdowns.mean_over_runs([breakdowns.error_rate_by(trials, column)] * 2)}
        for column in ("week", "state")
    )
    assert weeks[BASELINE].empty and states[BASELINE]["target_trials"].tolist() == [20]
    drawn = {
        "time": figures.scores_over_time({BASELINE: over_time}),
        "nothing": figures.error_rates_by_condition({"week": weeks}),
        "state": figures.error_rates_by_condition({"week": weeks, "state": states}),
    }
    for name, figure in drawn.items():
        save_figure(figure, tmp_path, name)
        said = {text.get_text() for axes in figure.axes for text in axes.texts}
        assert said == (set() if name == "state" else {"not known"})
    assert [axes.get_title() for axes in drawn["state"].axes] == ["state"]
