"""Thresholds set on development trials, and rates at them, counted one trial at a time."""

import json

import numpy as np
import pandas as pd
import pytest

from workflow_src.common.files import write_json
from workflow_src.evaluation.bootstrap import ResampledTrials, draw_resamples
from workflow_src.evaluation.calibration import ScoredTrials, cllr, min_cllr
from workflow_src.evaluation.history import Places
from workflow_src.evaluation.intervals import Sampled, rate_interval
from workflow_src.evaluation.metrics import equal_error_rate, min_dcf
from workflow_src.evaluation.operating_points import (
    Labelled,
    SetPoints,
    choose_thresholds,
    name_points,
    set_operating_points,
)
from workflow_src.evaluation.point_tables import GroupedTrials, measure, widen
from workflow_src.settings.evaluation import Evaluation, OperatingPoints

POINTS = OperatingPoints.model_validate(
    {"far": [0.1, 0.02], "cost": {"p_target": 0.05, "miss": 2.0, "false_alarm": 0.5}}
)
SETTINGS = Evaluation(operating_points=POINTS)
PRIOR = 0.05 * 2 / (0.05 * 2 + 0.95 * 0.5)


def draw_table(models, steps, seed):
    """A table of scored trials in which templates are updated above a score."""
    rng = np.random.default_rng(seed)
    count = models * steps
    target = rng.random(count) < 0.4
    # A few digits, so that there are ties.
    scores = np.round(rng.normal(0.3, 0.12, count) + 0.3 * target, 2).astype(np.float32)
    table = pd.DataFrame(
        {
            "model": np.repeat([f"m{n}" for n in range(models)], steps),
            "round": 0,
            "step": np.tile(np.arange(steps), models),
            "score": scores,
            "updated": scores > 0.5,
            "target": target,
            "days": np.tile(np.arange(steps) // 2, models),
        }
    )
    return table.sample(frac=1, random_state=seed).reset_index(drop=True)


def as_scored(table):
    return ScoredTrials(table["score"].to_numpy(), table["days"].to_numpy(), Places.find(table))


def measured(table, chosen, scores=None):
    """Measure a table of trials; each model is a speaker, and the impostors are the others."""
    grouped = GroupedTrials.of(
        table if scores is None else table.assign(score=scores),
        table["days"].to_numpy(),
        Places.find(table),
    )
    return measure(grouped, chosen, POINTS, *resample(table)[1:])


def resample(table):
    """Draw speakers again: the resamples, the trials of these, a confidence."""
    models = np.sort(table["model"].unique())
    step = 1 + table["step"] % (len(models) - 1)
    other = models[(table["model"].str[1:].astype(int) + step) % len(models)]
    tested = np.where(table["target"], table["model"], other)
    resamples = draw_resamples(models, 200, 1)
    return resamples, ResampledTrials(table["model"], tested, table["target"], resamples), 0.9


def count_rates(values, target, threshold):
    """FRR and FAR of accepting what is strictly above a threshold."""
    misses = sum(v <= threshold for v, t in zip(values, target, strict=True) if t)
    alarms = sum(v > threshold for v, t in zip(values, target, strict=True) if not t)
    return misses / sum(target), alarms / (len(target) - sum(target))


@pytest.fixture(scope="module")
def development():
    return [draw_table(12, 20, 1), draw_table(3, 60, 2)]


@pytest.fixture(scope="module")
def chosen(development):
    labels = [table["target"].to_numpy() for table in development]
    return set_operating_points([as_scored(table) for table in development], labels, SETTINGS)


def test_thresholds_are_those_of_a_plain_search(development):
    lists = [Labelled(t["score"].to_numpy(), t["target"].to_numpy()) for t in development]
    found = choose_thresholds(lists, POINTS)
    assert list(found) == ["far_10", "far_2", "cost"] == list(name_points(POINTS))
    cuts = sorted({float(value) for each in lists for value in each.values})
    rates = {cut: np.mean([count_rates(*each, cut) for each in lists], axis=0) for cut in cuts}
    assert found["far_10"] == min(cut for cut in cuts if rates[cut][1] <= 0.1)
    assert found["far_2"] == min(cut for cut in cuts if rates[cut][1] <= 0.02)
    costs = {cut: 2 * 0.05 * frr + 0.5 * 0.95 * far for cut, (frr, far) in rates.items()}
    assert costs[found["cost"]] == pytest.approx(min(costs.values()))


def test_a_rate_that_the_trials_reach_exactly_is_kept():
    # Of the non-targets 0..99 none lies above 293, of 0..299 six do.
    lists = [Labelled(np.arange(n + 1.0), np.arange(n + 1) == n) for n in (100, 300)]
    found = choose_thresholds(lists, OperatingPoints(far=[0.01]))
    assert found["far_1"] == 293
    found = choose_thresholds(lists[:1], OperatingPoints(far=[0.01]))
    assert found["far_1"] == 98


def test_a_list_decides_by_its_rates_and_not_by_its_size(development):
    first, second = [Labelled(t["score"].to_numpy(), t["target"].to_numpy()) for t in development]
    repeated = Labelled(np.tile(second.values, 9), np.tile(second.target, 9))
    found = choose_thresholds([first, second], POINTS)
    assert found == choose_thresholds([first, repeated], POINTS)


def test_what_is_set_can_be_written_and_read(chosen, tmp_path):
    write_json(chosen.model_dump(mode="json"), tmp_path / "points.json")
    assert SetPoints.read(tmp_path / "points.json") == chosen
    # The threshold of LLRs follows from the cost.
    assert chosen.llr.thresholds["cost"] == pytest.approx(np.log((1 - PRIOR) / PRIOR))


def test_nothing_is_set_without_development_trials(tmp_path):
    nothing = set_operating_points([], [], SETTINGS)
    write_json(nothing.model_dump(mode="json"), tmp_path / "points.json")
    assert set(json.loads((tmp_path / "points.json").read_text()).values()) == {None}
    assert SetPoints.read(tmp_path / "points.json") == SetPoints() == nothing
    table = draw_table(4, 10, 3)
    one_kind = table.assign(target=True)
    both = [as_scored(one_kind), as_scored(table)], [one_kind["target"], table["target"]]
    of_both = set_operating_points(both[0], [each.to_numpy() for each in both[1]], SETTINGS)
    alone = set_operating_points(both[0][1:], [table["target"].to_numpy()], SETTINGS)
    assert of_both == alone


def test_rates_at_the_thresholds_are_counted(chosen):
    table = draw_table(10, 40, 4)
    points, calibration = measured(table, chosen)
    llrs = chosen.back_end.llrs(as_scored(table))
    updates = [
        ((table["model"] == row.model) & (table["step"] < row.step) & table["updated"]).sum()
        for row in table.itertuples()
    ]
    table = table.assign(llr=llrs, week=table["days"] // 7 + 1, updates=updates)
    bins = {0: (0, 0), 1: (1, 3), 4: (4, 9), 10: (10, 29), 30: (30, 99)}
    groups = set()
    for row in points.itertuples():
        groups.add((row.by, row.group))
        own = table
        if row.by == "week":
            own = table[table["week"] == row.group]
        elif row.by == "updates":
            own = table[table["updates"].between(*bins[row.group])]
        values, target = own[row.kind].tolist(), own["target"].tolist()
        frr, far = count_rates(values, target, row.threshold)
        assert (row.frr_percent, row.far_percent) == pytest.approx((100 * frr, 100 * far))
        assert row.dcf == pytest.approx((PRIOR * frr + (1 - PRIOR) * far) / min(PRIOR, 1 - PRIOR))
        assert (row.target_trials, row.nontarget_trials) == (sum(target), len(own) - sum(target))
        cuts = {cut: count_rates(values, target, cut) for cut in sorted(set(values))}
        if row.point == "cost":
            costs = [PRIOR * frr + (1 - PRIOR) * far for frr, far in cuts.values()]
            best = list(cuts)[int(np.argmin(costs))]
        else:
            wanted = {"far_10": 0.1, "far_2": 0.02}[row.point]
            best = min(cut for cut, (_, far) in cuts.items() if far <= wanted)
            if wanted * row.nontarget_trials < 1:
                best = np.nan
        assert row.own_threshold == pytest.approx(best, nan_ok=True)
        expected = 100 * cuts[best][0] if best in cuts else np.nan
        assert row.own_frr_percent == pytest.approx(expected, nan_ok=True)
    assert {("all", pd.NA), ("week", 1), ("week", 3), ("updates", 0), ("updates", 10)} <= groups
    assert points["own_threshold"].isna().any()
    whole = calibration[calibration["by"] == "all"].set_index("kind")
    for kind in ("score", "llr"):
        values, target = table[kind].to_numpy(), table["target"].to_numpy()
        assert whole.loc[kind, ["eer_percent", "min_dcf", "cllr", "min_cllr"]].tolist() == [
            100 * equal_error_rate(values, target)[0],
            min_dcf(values, target, PRIOR)[0],
            cllr(values, target),
            min_cllr(values, target),
        ]


def test_intervals_are_those_of_the_resampled_rates(chosen):
    table = draw_table(10, 40, 5)
    points, _ = measured(table, chosen)
    _, trials, _ = resample(table)
    whole = points[(points["by"] == "all") & (points["kind"] == "score")].set_index("point")
    threshold = chosen.score.thresholds["far_10"]
    accepted = (table["score"] > threshold).to_numpy()
    wrong = accepted != table["target"].to_numpy()
    frr, far = (side[:, 0, 0] for side in trials.means([wrong], np.zeros(400, dtype=int), 1))
    for name, value, samples, count in (
        ("frr", whole.loc["far_10", "frr_percent"] / 100, frr, table["target"].sum()),
        ("far", whole.loc["far_10", "far_percent"] / 100, far, (~table["target"]).sum()),
    ):
        expected = rate_interval(Sampled(value, samples, 9, step=1 / count), 0.9)
        found = whole.loc["far_10", [f"{name}_low", f"{name}_high"]].to_numpy(float) / 100
        assert found == pytest.approx(expected)
        assert found[0] < value < found[1]
    assert (whole["dcf_low"] >= 0).all() and (whole["dcf_low"] < whole["dcf"]).all()
    # Where no trial is wrong, resamples tell nothing.
    assert points["far_low"].isna().any() and points["far_low"].notna().any()


def test_a_threshold_below_all_scores_accepts_everything(chosen):
    table = draw_table(10, 40, 4)
    points, _ = measured(table, chosen, table["score"] + np.float32(5))
    scores = points[points["kind"] == "score"]
    assert (scores["far_percent"] == 100).all() and (scores["frr_percent"] == 0).all()


@pytest.mark.parametrize("back_end", ["history", "none"])
def test_the_summary_has_the_measures_over_all_trials(development, back_end):
    settings = Evaluation.model_validate(
        {"operating_points": POINTS.model_dump(), "calibration": {"back_end": back_end}}
    )
    labels = [table["target"].to_numpy() for table in development]
    points = set_operating_points([as_scored(t) for t in development], labels, settings)
    tables = []
    for seed, run in enumerate(("b", "a")):
        table = draw_table(10, 40, seed)
        tables.append([each.assign(run=run) for each in measured(table, points)])
    rates, measures = (pd.concat(parts, ignore_index=True) for parts in zip(*tables, strict=True))
    wide = widen(rates, measures, ["run"], POINTS)
    assert wide["run"].tolist() == ["b", "a"]
    whole = rates[(rates["by"] == "all") & (rates["run"] == "a")].set_index(["kind", "point"])
    a = wide.set_index("run").loc["a"]
    assert a["frr_percent_at_far_2"] == whole.loc[("score", "far_2"), "frr_percent"]
    assert a["dcf_at_cost"] == whole.loc[("score", "cost"), "dcf"]
    if back_end == "none":
        assert a["llr_cllr":].isna().all() and np.isnan(a["llr_far_percent_at_far_10"])
    else:
        assert a["llr_far_percent_at_far_10"] == whole.loc[("llr", "far_10"), "far_percent"]
        assert a[["llr_cllr", "llr_eer_percent", "llr_min_dcf"]].notna().all()
