"""Error rates of groups of trials, and the groups that are shown."""

import numpy as np
import pandas as pd
import pytest

from workflow_src.analysis.breakdowns import (
    LEAST_TRIALS,
    MOST_CONDITIONS,
    MOST_GROUPS,
    error_rate_by,
    list_conditions,
)


def trials_of(columns, days=(1, 2)):
    """Return scored trials, and the manifest whose columns they have."""
    manifest = pd.DataFrame(columns)
    table = manifest.assign(score=0.5, target=True, days=np.resize(days, len(manifest)))
    return table, manifest


def test_columns_with_few_values_are_conditions(capsys):
    many = [str(i) for i in range(MOST_GROUPS + 1)]
    n = len(many)
    table, manifest = trials_of(
        {
            "utterance": many,
            "time": ["10:00", "11:00"] * (n // 2),
            "room": ["hall", ""] * (n // 2),
            "sky": np.resize(["blue", "grey", ""], n),
            "ring_tone": np.resize(["a", "b", None], n),
            "age": many,
        }
    )
    found = list_conditions(table, manifest)
    # One value divides nothing, and an id or a time of day is no condition.
    assert list(found) == ["week since enrolment", "sky", "ring tone"]
    assert sorted(found["sky"].dropna().unique()) == ["blue", "grey"]
    assert "not shown, because of more than 15 values" in (said := capsys.readouterr().out)
    assert said.endswith(": age\n")


def test_conditions_are_not_too_many(capsys):
    table, manifest = trials_of({f"c{i}": ["x", "y"] for i in range(20)})
    found = list_conditions(table, manifest)
    assert list(found)[1:] == [f"c{i}" for i in range(MOST_CONDITIONS - 1)]
    assert f"c{MOST_CONDITIONS - 1}, " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("last", "name", "groups"),
    [
        (0, "week", 1),
        (104, "week", 15),
        (105, "four weeks", 4),
        (419, "four weeks", 15),
        (420, "quarter", 5),
        (1365, "year", 4),
        (9000, "year", 25),
    ],
)
def test_the_time_since_enrolment_has_few_groups(last, name, groups):
    table, manifest = trials_of({"utterance": range(last + 1)}, range(last + 1))
    (title, condition), *_ = list_conditions(table, manifest).items()
    assert title == f"{name} since enrolment"
    assert sorted(condition.unique()) == list(range(1, groups + 1))


def test_each_group_has_its_own_error_rate_unless_its_trials_are_too_few():
    n = LEAST_TRIALS
    apart = [(1.0, True, "apart")] * n + [(0.0, False, "apart")] * n
    swapped = [(0.0, True, "swapped")] * n + [(1.0, False, "swapped")] * n
    # One of 20 targets is below the non-targets, and one of 20 non-targets above the targets.
    mixed = [(0.6, True, "mixed")] * 19 + [(0.1, True, "mixed")]
    mixed += [(0.4, False, "mixed")] * 19 + [(0.9, False, "mixed")]
    few = [(1.0, True, "few")] * (n - 1) + [(0.0, False, "few")] * 99
    rows = [*apart, *swapped, *mixed, *few, (0.5, True, None)]
    table = pd.DataFrame(rows, columns=["score", "target", "group"])
    found = error_rate_by(table, table["group"], ["swapped"]).set_index("group")
    assert found.index.tolist() == ["swapped", "apart", "few", "mixed"]
    assert found["eer_percent"].fillna(-1).to_dict() == pytest.approx(
        {"swapped": 100, "apart": 0, "few": -1, "mixed": 5}
    )
    counts = found[["target_trials", "nontarget_trials"]]
    assert counts.loc["few"].tolist() == [n - 1, 99]
    assert counts.loc["mixed"].tolist() == [20, 20]


def test_numbers_as_text_are_in_the_order_of_numbers():
    table = pd.DataFrame({"score": 0.5, "target": True}, index=range(3))
    found = error_rate_by(table, pd.Series(["9", "10", "100"]))
    assert found["group"].tolist() == ["9", "10", "100"]
