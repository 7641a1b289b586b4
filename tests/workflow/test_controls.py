"""The target `controls`: all runs under other trials, in a finished run of the whole graph."""

import json
import shutil

import pandas as pd
import pytest

from tests.workflow.forked_runs import Command, run_all, run_snakemake
from tests.workflow.job_graphs import JobGraph
from tests.workflow.reruns import CONTROLS
from tests.workflow.running import TINY, arguments
from tests.workflow.test_reruns_results_page import ON_DEMAND, are_listed, listed_columns

LIST = ["scenario", "order"]
EER = ["eer_percent", "eer_low", "eer_high"]


def test_only_the_target_controls_needs_them(tmp_path):
    asked = [
        Command(arguments(tmp_path, [TINY], "--dag", "--", name)) for name in ("all", "controls")
    ]
    of_all, of_controls = (set(JobGraph(drawn.said).rules.values()) for drawn in run_all(asked))
    assert not CONTROLS & of_all
    assert of_controls >= CONTROLS | {"measure_order"}


@pytest.fixture(scope="module")
def controlled(finished, tmp_path_factory):
    """The results of a run with its controls."""
    folder = tmp_path_factory.mktemp("controlled") / "run"
    shutil.copytree(finished, folder, symlinks=True)
    run_snakemake(folder, "--cores", "2", "--", "controls")
    return folder / "results"


@pytest.fixture(scope="module")
def tables(controlled):
    return {path.stem: pd.read_csv(path) for path in sorted(controlled.glob("controls/*.csv"))}


@pytest.fixture(scope="module")
def summary(controlled):
    table = pd.read_csv(controlled / "summary.csv")
    return table[table["scenario"] == "random"].set_index(["order", "run"])


@pytest.mark.slow
def test_the_tables_have_the_columns_of_the_page(controlled):
    listed = listed_columns()
    for path in ON_DEMAND:
        columns = [*pd.read_csv(controlled / path, nrows=0)]
        assert any(are_listed(columns, wanted) for wanted in listed[path]), path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "usual"),
    [
        ("shuffled_targets", {"targets": "recorded"}),
        ("headroom", {}),
        ("impostors", {"nontargets_per_target": 1.0}),
    ],
)
def test_what_is_usual_has_the_error_rates_of_the_summary(tables, summary, name, usual):
    table = tables[name]
    for column, value in usual.items():
        table = table[table[column] == value]
    table = table.set_index(["order", "run"])
    known = table.index.intersection(summary.index)
    assert len(known) == len(set(summary.index) & set(table.index)) >= 9
    pd.testing.assert_frame_equal(
        table.loc[known, EER], summary.loc[known, EER], check_names=False, rtol=1e-9
    )
    if "difference" in table:
        assert (table["difference"] == 0).all()


@pytest.mark.slow
def test_the_run_that_never_updates_has_the_same_error_rate_whatever_happens(tables):
    for name in ("shuffled_targets", "separate_tests"):
        table = tables[name][tables[name]["run"] == "baseline"]
        assert (table.groupby(LIST)[EER].nunique() == 1).all(axis=None), name
        changes = table.filter(regex="difference|gain")
        assert changes.shape[1] == 6 and (changes == 0).all(axis=None)
        others = tables[name][tables[name]["run"] != "baseline"]
        assert (others["difference"] != 0).any()


@pytest.mark.slow
def test_the_share_of_the_baseline_is_0_and_that_of_the_oracle_is_1(tables):
    table = tables["headroom"].set_index("run")
    assert (table.loc["baseline", "share"] == 0).all()
    assert (table.loc["oracle", ["share", "share_low", "share_high"]] == 1).all(axis=None)
    assert "speaker-mean-without-test" in table.index


@pytest.mark.slow
def test_enrolments_are_longer_for_the_baseline_alone(tables):
    table = tables["long_enrolment"]
    sizes = table.groupby("run")["enrolment_utterances"].agg(set)
    assert sizes.pop("baseline") == {5, 10, 20}
    assert (sizes == {5}).all() and len(sizes) > 5
    frozen = table[table["run"] == "baseline"].set_index([*LIST, "enrolment_utterances"])
    assert (frozen.xs(5, level=2)["gain"] == 0).all()
    assert (frozen.xs(20, level=2)["gain_over_longest"] == 0).all()


@pytest.mark.slow
def test_rates_are_realised_and_errors_are_those_at_the_thresholds_of_the_run(
    controlled, tables, summary
):
    table = tables["impostors"]
    realised = table["nontarget_trials"] / table["target_trials"]
    assert (realised / table["nontargets_per_target"]).between(0.8, 1.25).all()
    assert set(table["nontargets_per_target"]) == {0.25, 1.0, 4.0, 19.0}
    usual = table[table["nontargets_per_target"] == 1].set_index(["order", "run"])
    columns = [f"{kind}_percent_at_{name}" for kind in ("far", "frr") for name in ("far_1", "cost")]
    pd.testing.assert_frame_equal(usual[columns], summary.loc[usual.index, columns], rtol=1e-9)
    frozen = table[table["run"] == "baseline"]
    assert (frozen["update_far_percent"] == 0).all()
    assert (frozen["update_frr_percent"] == 100).all()


def test_the_ceiling_is_fitted_where_the_run_lacks_it(tmp_path):
    path = tmp_path / "few.yaml"
    path.write_text(json.dumps({"inference": {"methods": ["baseline", "fixed-weight"]}}))
    (drawn,) = run_all([Command(arguments(tmp_path, [TINY, path], "--dag", "--", "controls"))])
    graph = JobGraph(drawn.said)
    assert graph.count_from({"fit_method"}) == {"fit_method": 1, "measure_headroom": 1}
