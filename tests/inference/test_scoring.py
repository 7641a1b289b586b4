"""Scoring tables: the right embeddings meet the right templates, and faults are named."""

import numpy as np
import pandas as pd
import pytest

from workflow_src.analysis.sweep_thresholds import spread_thresholds, sweep_fixed_weight
from workflow_src.common.errors import InputError
from workflow_src.evaluation.metrics import equal_error_rate, min_dcf
from workflow_src.evaluation.summary import summarise_scores
from workflow_src.inference.scoring import score_scenario
from workflow_src.methods.baseline import Baseline
from workflow_src.methods.fixed_weight import FixedWeight
from workflow_src.updating.sequences import build_task


@pytest.fixture
def tables():
    """Three models in two rounds of ragged length; shuffled rows everywhere; an unused row."""
    rng = np.random.default_rng(5)
    utterances = np.array([f"u{n:02d}" for n in range(40)])
    embeddings = rng.normal(size=(41, 6)).astype(np.float32) + 0.4
    embeddings[7] = np.nan  # No utterance refers to it.
    rows = rng.permutation(np.delete(np.arange(41), 7))
    index = pd.DataFrame({"row": rows, "utterance": utterances})
    parts = [
        pd.DataFrame(
            {
                "model": model,
                "round": number,
                "step": np.arange(length),
                "utterance": rng.choice(utterances, length),
                "target": np.arange(length) % 2 == 0,
            }
        )
        for model, length in (("b", 9), ("a", 4), ("c", 20))
        for number in (1, 2)
    ]
    trials = pd.concat(parts).sample(frac=1, random_state=1).reset_index(drop=True)
    enrolment = pd.DataFrame(
        {"model": list("aaabbbccc"), "utterance": rng.choice(utterances, 9)}
    ).sample(frac=1, random_state=2)
    return {"trials": trials, "enrolment": enrolment, "embeddings": embeddings, "index": index}


def by_hand(tables, alpha, threshold):
    trials, index = tables["trials"], tables["index"].set_index("utterance")["row"]
    vector = {name: tables["embeddings"][row].astype(float) for name, row in index.items()}
    out = trials.assign(score=0.0, updated=False, weight=0.0)
    enrolment = tables["enrolment"].set_index("model")["utterance"]
    for (model, _), part in trials.groupby(["model", "round"]):
        enrolled = enrolment[model]
        t = np.mean([vector[name] for name in enrolled], axis=0)
        for row in part.sort_values("step").index:
            x = vector[trials.loc[row, "utterance"]]
            score = t @ x / np.linalg.norm(t) / np.linalg.norm(x)
            out.loc[row, "score"] = score
            if score > threshold:
                out.loc[row, ["updated", "weight"]] = [True, alpha]
                t = (1 - alpha) * t + alpha * x
    return out


@pytest.mark.parametrize("alpha", [None, 0.2])
def test_scored_table(tables, alpha):
    rule = FixedWeight(alpha, 0.3) if alpha else Baseline()
    scored = score_scenario(rule, **tables)
    assert list(scored.columns) == [*tables["trials"].columns, "score", "updated", "weight"]
    assert scored.dtypes[["score", "updated", "weight"]].tolist() == ["float32", "bool", "float32"]
    expected = by_hand(tables, alpha, 0.3 if alpha else 2)
    pd.testing.assert_frame_equal(scored, expected, check_dtype=False, atol=1e-5)
    assert scored["updated"].any() == bool(alpha)


def test_summary(tables):
    scored = score_scenario(Baseline(), **tables)
    eer, eer_threshold = equal_error_rate(scored["score"], scored["target"])
    cost, threshold = min_dcf(scored["score"], scored["target"])
    assert summarise_scores(scored) == {
        "eer_percent": 100 * eer,
        "eer_threshold": eer_threshold,
        "min_dcf": cost,
        "min_dcf_threshold": threshold,
        "target_trials": 34,
        "nontarget_trials": 32,
    }


def test_sweep_equals_one_setting_at_a_time(tables):
    alphas, thresholds = [0.1, 0.3, 0.5, 0.7], [0.0, 0.2, 0.4, 0.6, 0.8]
    sweep = sweep_fixed_weight(alphas, thresholds, **tables)
    assert list(sweep.columns) == ["alpha", "threshold", "eer_percent", "min_dcf"]
    expected = []
    for alpha in alphas:
        for threshold in thresholds:
            summary = summarise_scores(score_scenario(FixedWeight(alpha, threshold), **tables))
            expected.append((alpha, threshold, summary["eer_percent"], summary["min_dcf"]))
    assert list(sweep.itertuples(index=False, name=None)) == expected


def test_without_thresholds_a_sweep_spreads_them_over_the_scores(tables):
    still = score_scenario(Baseline(), **tables)
    scores, target = still["score"], still["target"]
    sweep = sweep_fixed_weight([0.1], None, **tables)
    found = sweep["threshold"].to_numpy()
    assert 1 < len(found) <= 9
    assert found[0] == pytest.approx(scores[~target].median(), abs=0.006)
    assert found[-1] == pytest.approx(scores[target].quantile(0.9), abs=0.006)
    np.testing.assert_allclose(np.diff(found), np.diff(found).mean(), atol=0.011)
    assert sweep.equals(sweep_fixed_weight([0.1], found.tolist(), **tables))


def test_thresholds_are_as_many_as_differ():
    assert spread_thresholds(np.array([0.3, 0.3]), np.array([True, False])) == [0.3]


def test_memory_mapped_embeddings(tables, tmp_path):
    np.save(tmp_path / "embeddings.npy", tables["embeddings"])
    mapped = tables | {"embeddings": np.load(tmp_path / "embeddings.npy", mmap_mode="r")}
    pd.testing.assert_frame_equal(
        score_scenario(Baseline(), **mapped), score_scenario(Baseline(), **tables)
    )


def used_row(tables):
    index = tables["index"].set_index("utterance")["row"]
    return index[tables["trials"]["utterance"].iloc[0]]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda t: t["trials"].loc.__setitem__((3, "utterance"), "x"), "trial table: 'x' has no"),
        (
            lambda t: t["enrolment"].loc.__setitem__((0, "utterance"), "y"),
            "enrolment table: 'y' has no embedding",
        ),
        (
            lambda t: t["trials"].loc.__setitem__((t["trials"]["model"] == "b", "model"), "z"),
            "no enrolment of the model 'z'",
        ),
        (lambda t: t["index"].loc.__setitem__((1, "utterance"), "u00"), "'u00' stands there twice"),
        (lambda t: t["index"].loc.__setitem__((1, "row"), 41), "do not lie within the 41 rows"),
        (lambda t: t["trials"].loc.__setitem__((slice(None), "step"), 0), "step 0 of model"),
        (lambda t: t["embeddings"].__setitem__(used_row(t), 0), "is zero, not finite"),
        (lambda t: t["embeddings"].__setitem__((used_row(t), 1), np.inf), "is zero, not finite"),
        (lambda t: t.__setitem__("trials", t["trials"][:0]), "the trial table is empty"),
    ],
)
def test_faults_are_named(tables, spoil, message):
    spoil(tables)
    with pytest.raises(InputError, match=message):
        score_scenario(Baseline(), **tables)


@pytest.mark.parametrize("rule", [Baseline(), FixedWeight(0.1, 0.5)])
def test_a_template_without_direction_is_named(tables, rule):
    tables["enrolment"] = pd.DataFrame(
        {"model": list("abbc"), "utterance": ["u01", "u02", "u03", "u04"]}
    )
    row = tables["index"].set_index("utterance")["row"]
    tables["embeddings"][row["u02"]] = -tables["embeddings"][row["u03"]]
    with pytest.raises(InputError, match=r"mean of the embeddings of model 'b' is zero"):
        score_scenario(rule, **tables)


def test_several_settings_need_several_tables(tables):
    with pytest.raises(ValueError, match="not 2"):
        score_scenario(FixedWeight([0.1, 0.2], 0.5), **tables)


def test_days_that_nobody_knows_count_as_none(tables):
    dates = np.array(["", "2020-01-05", "2019-12-30"])
    tables["index"]["date"] = dates[np.arange(40) % 3]
    tables["trials"]["day"] = np.resize(["", "2020-01-09"], len(tables["trials"]))
    task = build_task(**tables)
    date = tables["index"].set_index("utterance")["date"]
    last = tables["enrolment"].assign(date=lambda t: t["utterance"].map(date)).groupby("model")
    last = last["date"].max()  # an empty date is the least
    expected = [
        (pd.Timestamp(day) - pd.Timestamp(last[model])).days if day and last[model] else 0
        for day, model in zip(tables["trials"]["day"], tables["trials"]["model"], strict=True)
    ]
    assert {0, 4} <= set(expected)
    assert task.sequences.days.tolist() == np.array(expected)[task.sequences.order].tolist()
