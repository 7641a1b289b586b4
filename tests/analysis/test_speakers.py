"""Whom updating helps: the chosen methods, the sentence, and the figure."""

import numpy as np
import pandas as pd
import pytest

from workflow_src.analysis import figures, speakers
from workflow_src.analysis.breakdowns import Redrawn, Shown
from workflow_src.common.plotting import save_figure
from workflow_src.evaluation.bootstrap import draw_resamples
from workflow_src.settings.orders import TrialList

BASELINE, SOFT = Shown("baseline", "baseline"), Shown("soft", "soft")
MULTI_HEAD, ORACLE = Shown("multi-head", "multi-head"), Shown("oracle", "oracle")
LIST = TrialList(scenario="1das")
NAMES = [f"{number:04d}" for number in range(20)]


def tabulate_eers(**eers):
    names = [name.replace("_", "-") for name in eers]
    table = pd.DataFrame({"method": names, "eer_percent": list(eers.values())})
    return table.assign(scenario="1das", order="published")


def tabulate(point="far_1", **rates):
    parts = [
        pd.DataFrame({"run": run, "speaker": NAMES, "frr_percent": values, "point": point})
        for run, values in rates.items()
    ]
    return pd.concat(parts).assign(scenario="1das", order="published")


def test_the_two_are_those_of_the_findings_with_all_their_runs():
    rows = [("baseline", "baseline"), ("oracle", "oracle"), ("soft", "soft")]
    rows += [("multi-head-seed0", "multi-head"), ("multi-head-seed1", "multi-head")]
    runs = pd.DataFrame(rows, columns=["run", "method"])
    methods = tabulate_eers(baseline=5, oracle=1, soft=4, multi_head=3)
    two = speakers.choose_two(runs, methods, LIST)
    assert two == {BASELINE: ["baseline"], MULTI_HEAD: ["multi-head-seed0", "multi-head-seed1"]}
    for name, alone in (("oracle", ORACLE), ("baseline", BASELINE)):
        two = speakers.choose_two(runs, tabulate_eers(**{name: 1}), LIST)
        assert two == {alone: [name]}


def tell(never, best):
    two = {BASELINE: ["baseline"], SOFT: ["soft"]}
    table = pd.concat([tabulate(baseline=never, soft=best), tabulate("cost", baseline=0, soft=0)])
    rates = speakers.frr_of_speakers(table, two, LIST)
    redrawn = Redrawn(draw_resamples(NAMES, 300, seed=1), 0.95, 1)
    return rates, speakers.tell_whom_it_helps(rates, redrawn)


def test_updating_may_help_the_mean_and_not_the_worst():
    never = np.linspace(2, 21, 20)
    worst_stay = np.where(never >= 18, never, never / 2)
    rates, said = tell(never, worst_stay)
    assert list(rates.index) == NAMES[::-1]
    assert said.endswith("The interval is above zero for the mean speaker.")
    assert "from 20.5 % to 20.5 % for the worst tenth" in said and "worst tenth are 2" in said
    assert tell(never, never / 4)[1].endswith("for the mean speaker and the worst tenth.")
    assert tell(never, never)[1].endswith("is above zero for neither.")


def test_a_method_of_several_seeds_is_their_mean():
    two = {BASELINE: ["baseline"], MULTI_HEAD: ["a", "b"]}
    rates = speakers.frr_of_speakers(tabulate(baseline=9.0, a=2.0, b=4.0), two, LIST)
    assert (rates["multi-head"] == 3).all() and (rates["baseline"] == 9).all()


@pytest.mark.parametrize("shown", [{BASELINE: ["baseline"]}, {BASELINE: ["x"], SOFT: ["soft"]}])
def test_without_two_methods_or_a_threshold_it_says_so_and_still_draws(shown, tmp_path):
    table = tabulate(baseline=9.0)
    table = table if len(shown) == 1 else table.head(0)
    rates = speakers.frr_of_speakers(table, shown, LIST)
    redrawn = Redrawn(draw_resamples(NAMES, 100, seed=1), 0.95, 1)
    assert speakers.tell_whom_it_helps(rates, redrawn).startswith("Not known")
    save_figure(figures.rates_of_speakers(speakers.list_rates(shown, rates)), tmp_path, "drawn")
    assert (tmp_path / "drawn.png").stat().st_size > 2000


def draw_rates(rates):
    rates.index.name = "speaker"
    return figures.rates_of_speakers(speakers.list_rates([BASELINE, SOFT], rates))


def test_a_figure_of_many_speakers_names_none():
    many = pd.DataFrame({"baseline": np.arange(500.0), "soft": 1.0})
    assert not any(label.get_text().startswith("49")
                   for label in draw_rates(many).axes[0].get_xticklabels()
                   if label.get_rotation() == 90)  # fmt: skip
    few = draw_rates(many.head(3).set_axis(["a", "b", "$c"]))
    assert [label.get_text() for label in few.axes[0].get_xticklabels()] == ["a", "b", r"\$c"]


def test_only_gaps_that_leave_out_zero_are_told():
    gaps = pd.DataFrame(
        {
            "run": "soft", "scenario": "1das", "order": "published", "by": "state",
            "group": ["cold", "well", "tired", "rare"],
            "frr_percent": [20.0, 3.0, 6.0, np.nan], "frr_gap": [15.0, -9.0, 1.0, np.nan],
            "frr_gap_low": [5.0, -12.0, -3.0, np.nan], "frr_gap_high": [25.0, -6.0, 5.0, np.nan],
            "speakers": [9, 9, 9, 2],
        }
    )  # fmt: skip
    assert list(speakers.resolved_gaps(gaps, "soft", LIST)["group"]) == ["cold", "well"]
    assert speakers.resolved_gaps(gaps, "baseline", LIST).empty
