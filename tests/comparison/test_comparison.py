"""The statistics of the comparison, and what sensitivity changes."""

from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
import torch

from tests.workflow.comparison import SETTINGS
from workflow_src.common.errors import InputError
from workflow_src.comparison.populations import population_settings
from workflow_src.comparison.statistics import (
    compare_with_reference,
    error_table,
    headroom_share,
    sample_methods,
)
from workflow_src.comparison.summarise_comparison import (
    render_methods,
    summarise_methods,
)
from workflow_src.evaluation.method_tables import name_methods, tabulate_differences
from workflow_src.methods.fixed_weight_tuned import TunedFixedWeight
from workflow_src.methods.soft import Soft
from workflow_src.settings.catalogue import find_method
from workflow_src.settings.run_table import expand_runs
from workflow_src.settings.schema import Config, validate_config
from workflow_src.updating.score_history import ScoreScale

RUNS = {
    "baseline": 1.6,
    "fixed-weight-tuned": 2.0,
    "through-time-seed0": 2.3,
    "through-time-seed1": 2.35,
    "oracle": 2.4,
}
METHODS = pd.Series({run: run.partition("-seed")[0] for run in RUNS}, name="method")


def make_table(seed, speakers=20, trials=400):
    """Scores of the same trials by every run: the better, the farther apart the two kinds."""
    rng = np.random.default_rng(seed)
    names = np.array([f"{i:04d}" for i in range(speakers)])
    number = np.repeat(np.arange(speakers), trials)
    target = rng.random(len(number)) < 0.5
    other = (number + rng.integers(1, speakers, len(number))) % speakers
    ease = np.repeat(rng.normal(0, 0.4, speakers), trials)
    noise = rng.normal(size=len(number))
    tested = names[np.where(target, number, other)]
    columns = {"speaker": names[number], "tested": tested, "target": target}
    for run, distance in RUNS.items():
        scores = np.where(target, distance + ease, 0) + noise
        columns[run] = scores.astype(np.float32)
    return pd.DataFrame(columns)


TABLES = {(population, "random", "published"): make_table(population) for population in (1, 2)}


def test_the_small_comparison_measures_the_sensitivity_of_the_same_methods():
    """The slow tests run it; a method added to the sensitivity belongs into it."""
    small = validate_config(SETTINGS).comparison
    assert small.sensitivity.methods == Config().comparison.sensitivity.methods
    assert set(small.sensitive_methods) <= set(small.methods)


def compare(tables, methods, reference, resamples, confidence, seed):
    sampled = sample_methods(tables, methods, resamples, seed)
    differences = tabulate_differences(sampled, confidence)
    return compare_with_reference(sampled, differences, reference, confidence)


def test_a_better_method_is_told_from_the_reference():
    found = compare(TABLES, METHODS, "fixed-weight-tuned", 200, 0.95, 1).set_index("method")
    assert (found.loc["fixed-weight-tuned", ["difference", "low", "high"]] == 0).all()
    assert not found.loc["fixed-weight-tuned", "resolved"]
    assert (found.loc["fixed-weight-tuned", ["ratio", "ratio_low", "ratio_high"]] == 1).all()
    for method in ("through-time", "baseline"):
        row = found.loc[method]
        assert row["adjusted_low"] < row["low"] < row["difference"] < row["high"]
        assert row["ratio_low"] < row["ratio"] < row["ratio_high"]
    assert found.loc["baseline", "resolved"] and found.loc["baseline", "low"] > 0
    assert found.loc["through-time", "high"] < 0
    assert found.loc["through-time", "ratio_high"] < 1
    errors = error_table(TABLES, METHODS)
    mean = errors.groupby("method")["eer_percent"].mean()
    expected = mean["through-time"] - mean["fixed-weight-tuned"]
    assert found.loc["through-time", "difference"] == pytest.approx(expected)
    expected = mean["through-time"] / mean["fixed-weight-tuned"]
    assert found.loc["through-time", "ratio"] == pytest.approx(expected)


def test_intervals_are_drawn_from_the_seed():
    found = [compare(TABLES, METHODS, "baseline", 50, 0.9, seed)["low"] for seed in (1, 1, 2)]
    assert found[0].equals(found[1])
    assert not found[0].equals(found[2])


def test_headroom_runs_from_baseline_to_oracle():
    errors = error_table(TABLES, METHODS)
    share = headroom_share(errors)["random", "published", "score"]
    assert share["baseline"] == 0
    assert share["oracle"] == 1
    assert 0 < share["fixed-weight-tuned"] < share["through-time"] < 1


def test_summary_names_methods_and_marks_limits():
    errors = error_table(TABLES, METHODS)
    compared = compare(TABLES, METHODS, "fixed-weight-tuned", 50, 0.95, 1).assign(kind="score")
    summary = summarise_methods(errors, compared)
    rows = {name: find_method(name) for name in set(METHODS)}
    text = render_methods(summary, rows)
    assert "### `random`, published order\n" in text
    assert "| `oracle` (limit) |" in text
    row = summary.set_index("method").loc["through-time"]
    seeds = errors[errors["method"] == "through-time"]
    assert row["eer_percent"] == pytest.approx(seeds["eer_percent"].mean())
    assert row["seed_sd"] > 0
    assert np.isnan(summary.set_index("method").loc["oracle", "seed_sd"])


def test_calibrated_scores_stand_beside_scores_and_count_from_the_same_start():
    # Calibrated scores of the same trials, whose methods are all a little better.
    better = {
        key: table.assign(
            **{run: table[run] + np.where(table["target"], 0.3, 0).astype("f") for run in RUNS}
        )
        for key, table in TABLES.items()
    }
    errors, compared, scores = [], [], None
    for kind, tables in (("score", TABLES), ("llr", better)):
        sampled = sample_methods(tables, METHODS, 50, 1)
        scores = scores or sampled
        paired = tabulate_differences(sampled, 0.95)
        own = compare_with_reference(sampled, paired, "fixed-weight-tuned", 0.95, scores=scores)
        compared.append(own.assign(kind=kind))
        errors.append(error_table(tables, METHODS, kind))
    summary = summarise_methods(pd.concat(errors), pd.concat(compared))
    text = render_methods(summary, {name: find_method(name) for name in set(METHODS)})
    row = summary.set_index(["kind", "method"]).loc[("llr", "fixed-weight-tuned")]
    assert row["ratio"] == 1
    assert row["score_ratio_low"] < row["score_ratio"] < row["score_ratio_high"] < 1
    score = summary.set_index(["kind", "method"]).loc[("score", "fixed-weight-tuned")]
    assert row["score_ratio"] == pytest.approx(row["eer_percent"] / score["eer_percent"])
    assert np.isnan(score["cllr"]) and row["cllr"] > 0
    [line] = [line for line in text.splitlines() if line.startswith("| `fixed-weight-tuned`")]
    assert f"| {score['eer_percent']:.2f} | 1.00 |" in line
    assert f"| {row['eer_percent']:.2f} | 1.00 |" in line
    assert line.endswith(f"| {row['cllr']:.3f} |")


def test_settings_of_a_population_are_checked_and_simulated():
    config = validate_config({"comparison": {"speakers": 40, "test_speakers": 10}})
    own = population_settings(config, 7)
    assert (own.seed, own.corpus.source) == (7, "simulated")
    assert own.corpus.simulated.listing.speakers == 40
    assert own.corpus.test_speakers == 10
    names = name_methods(pd.DataFrame([asdict(run) for run in expand_runs(own)]))
    assert names["through-time-seed2"] == "through-time"
    assert names["fixed-weight-0.1"] == "fixed-weight-0.1"
    with pytest.raises(InputError, match="methods lacks oracle"):
        validate_config({"comparison": {"methods": ["baseline", "fixed-weight-tuned"]}})
    with pytest.raises(InputError, match="must leave two speakers"):
        validate_config({"comparison": {"speakers": 10, "test_speakers": 9}})


def test_a_shift_moves_what_a_rule_knows_of_scores_and_leaves_the_rule_alone():
    fixed = TunedFixedWeight(0.1, 0.5)
    assert float(fixed.shift_scale(0.1).thresholds) == pytest.approx(0.6)
    soft = Soft(ScoreScale(0.4, 10.0, 0.7, 0.1), torch.zeros(7), 0.1, 1.0, 0.0)
    shifted = soft.shift_scale(-0.05)
    assert shifted.scale.centre == pytest.approx(0.35)
    assert (soft.scale.centre, fixed.threshold) == (0.4, 0.5)


def test_each_method_is_measured_once():
    methods = ["kalman", "fixed-weight-tuned"]
    config = validate_config({"comparison": {"sensitivity": {"methods": methods}}})
    measured = ["baseline", "fixed-weight-tuned", "kalman", "oracle"]
    assert config.comparison.sensitive_methods == measured
