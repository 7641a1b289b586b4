"""The figures: listed from their functions, drawn in the notebook, added as the recipe says."""

import importlib.util
import inspect
import json
import re
import textwrap

import numpy as np
import pandas as pd
import pytest

from tests.workflow.forked_runs import Command, run_all
from tests.workflow.running import CLONE, TINY, arguments
from workflow_src.analysis import breakdowns, drawing, figures
from workflow_src.analysis.breakdowns import Shown, at_first_point, methods_shown, stack
from workflow_src.analysis.drawing import draw
from workflow_src.analysis.figure_list import SOURCE, TRAITS, ListedFigure, list_figures, only_with
from workflow_src.common.plotting import use_style
from workflow_src.settings.catalogue import METHODS, find_method
from workflow_src.settings.orders import TrialList

NOTEBOOK = "notebooks/visual_analysis.ipynb"


def recipe():
    """Return the function and the cell of the recipe in CONTRIBUTING.md."""
    section = (CLONE / "CONTRIBUTING.md").read_text().split("## A figure\n")[1].split("\n## ")[0]
    return [textwrap.dedent(code) for code in re.findall(r"```python\n(.*?)```", section, re.S)]


def test_the_listed_figures_are_the_public_functions():
    own = [
        name
        for name, function in inspect.getmembers(figures, inspect.isfunction)
        if function.__module__ == figures.__name__ and not name.startswith("_")
    ]
    assert sorted(figure.name for figure in list_figures(TRAITS)) == sorted(own)


def test_the_notebook_draws_every_figure_once():
    cells = json.loads((CLONE / NOTEBOOK).read_text())["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    drawn = re.findall(r"^draw\(\s*figures\.(\w+)", code, re.M)
    assert sorted(drawn) == sorted(figure.name for figure in list_figures(TRAITS))


def test_some_figures_need_a_trait_of_the_runs():
    always = {figure.name for figure in list_figures([])}
    for trait, name in zip(TRAITS, ("update_behaviour", "pretraining", "finetuning"), strict=True):
        assert {figure.name for figure in list_figures([trait])} == always | {name}
    with pytest.raises(ValueError, match="allowed: updates"):
        only_with("update")


def test_a_figure_without_a_caption_is_refused(tmp_path):
    source = tmp_path / "figures.py"
    source.write_text('def det(curves):\n    """DET."""\n')
    with pytest.raises(LookupError, match="docstring of det has no caption"):
        list_figures([], source)


def test_a_figure_is_one_function_and_one_cell(tmp_path, monkeypatch):
    function, cell = recipe()
    source = tmp_path / "figures.py"
    source.write_text(SOURCE.read_text() + "\n\n" + function)
    assert list_figures([], source)[-1] == ListedFigure(
        "min_dcf",
        "MinDCF of all runs",
        "The minimum of the detection cost (minDCF) of every run in every scenario.",
    )
    spec = importlib.util.spec_from_file_location("more_figures", source)
    more = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(more)
    summary = pd.DataFrame({"method": ["baseline", "soft"], "scenario": "1das", "min_dcf": 0.3})
    into(tmp_path, monkeypatch)
    exec(cell, {"draw": draw, "figures": more, "summary": summary, "all_lists": "2 trials."})
    names = ["min_dcf.csv", "min_dcf.png", "min_dcf.svg", "min_dcf.txt"]
    assert sorted(path.name for path in tmp_path.glob("min_dcf.*")) == names
    assert (tmp_path / "min_dcf.txt").read_text() == (
        "MinDCF of all runs\n\n"
        "The minimum of the detection cost (minDCF) of every run in every scenario. 2 trials.\n"
    )
    pd.testing.assert_frame_equal(drawing.read_table(tmp_path / "min_dcf.csv"), summary)


def into(folder, monkeypatch):
    """Let figures and their tables be written to a folder."""
    monkeypatch.setattr(drawing, "FOLDER", folder)
    monkeypatch.setattr(drawing, "TABLES", folder)


def test_the_rule_makes_the_figure_of_the_recipe(tmp_path):
    function, _ = recipe()
    edits = {str(SOURCE.relative_to(CLONE)): SOURCE.read_text() + "\n\n" + function}
    (outcome,) = run_all(
        [Command(arguments(tmp_path, [TINY], "--summary", "--", "analysis"), edits)]
    )
    assert "results/analysis/figures/min_dcf.png" in outcome.said
    assert "results/analysis/figures/min_dcf.svg" in outcome.said
    assert "results/analysis/tables/figures/min_dcf.csv" in outcome.said


def test_a_figure_that_not_all_runs_have_is_not_drawn_of_an_empty_table(tmp_path, monkeypatch):
    into(tmp_path, monkeypatch)
    draw(figures.finetuning, pd.DataFrame(columns=["method", "seed"]), "")
    assert list(tmp_path.iterdir()) == []
    unknown = breakdowns.scores_over_time(pd.DataFrame({"target": [True], "days": [np.nan]}))
    draw(figures.scores_over_time, stack({Shown("soft", "soft"): unknown}), "")
    assert len(list(tmp_path.iterdir())) == 4


def test_one_weight_stands_for_a_method_with_several():
    runs = pd.DataFrame(
        {
            "run": [
                "baseline",
                "fixed-weight-0.1",
                "fixed-weight-0.3",
                "soft",
                "a-seed0",
                "a-seed1",
            ],
            "method": ["baseline", "fixed-weight", "fixed-weight", "soft", "a:A", "a:A"],
            "alpha": [None, 0.1, 0.3, None, None, None],
        }
    )
    assert methods_shown(runs, 0.25) == {
        Shown("baseline", "baseline"): ["baseline"],
        Shown("fixed-weight 0.3", "fixed-weight"): ["fixed-weight-0.3"],
        Shown("soft", "soft"): ["soft"],
        Shown("a:A", "a:A"): ["a-seed0", "a-seed1"],
    }


@pytest.mark.parametrize("name", [*(method.id for method in METHODS), "my_lab.rules:Decay"])
def test_every_method_can_be_shown(name):
    summary = pd.DataFrame(
        {
            "run": name,
            "method": name,
            "alpha": None,
            "scenario": "1das",
            "order": ["published", "independent"],
            "eer_percent": [2.0, 3.0],
        }
    )
    methods = summary.assign(eer_low=[1.5, np.nan], eer_high=[2.5, np.nan])
    figure = figures.error_rates(breakdowns.rates_of_runs(summary, methods))
    assert [axes.get_title() for axes in figure.axes] == ["published order", "independent order"]
    (line, *_) = figure.axes[0].collections
    assert line.get_segments()[0][:, 0].tolist() == [1.5, 2.5]
    for axes, eer in zip(figure.axes, (2.0, 3.0), strict=True):
        (points,) = (line for line in axes.lines if line.get_label() == name)
        assert points.get_color() == find_method(name).colour
        assert points.get_xdata().tolist() == [eer]


def made_up_points():
    """Error rates at two operating points, of two runs of one method and of another, by week."""
    rows = []
    for run, shift in (("soft-seed0", 0.0), ("soft-seed1", 0.2), ("baseline", 0.1)):
        for point in ("far_1", "cost"):
            for kind in ("score", "llr"):
                for by, groups in (("all", [None]), ("week", [1, 2, 3]), ("updates", [0, 4])):
                    for group in groups:
                        own = 0.4 + shift + 0.01 * (group or 0)
                        rows.append((run, by, group, kind, point, 0.5, own, 1 + shift, 5.0))
    columns = ["run", "by", "group", "kind", "point", "threshold", "own_threshold", "far_percent",
               "frr_percent"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns).assign(scenario="1das", order="published")


SHOWN = {
    Shown("soft", "soft"): ["soft-seed0", "soft-seed1"],
    Shown("baseline", "baseline"): ["baseline"],
}


def test_operating_points_are_means_over_seeds_at_the_first_point():
    points = made_up_points()
    trial_list = TrialList(scenario="1das")
    tables = at_first_point(points, SHOWN, trial_list)
    soft = tables[Shown("soft", "soft")]
    assert set(soft["point"]) == {"far_1"}
    week = soft[(soft["by"] == "week") & (soft["kind"] == "llr")]
    assert week["own_threshold"].tolist() == pytest.approx([0.51, 0.52, 0.53])
    assert at_first_point(points.head(0), SHOWN, trial_list)[Shown("soft", "soft")].empty
    other = at_first_point(points, SHOWN, TrialList(scenario="1das", order="shuffled"))
    assert all(table.empty for table in other.values())


def test_figures_of_operating_points():
    use_style()
    tables = stack(at_first_point(made_up_points(), SHOWN, TrialList(scenario="1das")))
    figure = figures.operating_point(tables)
    assert [axes.get_title() for axes in figure.axes] == 2 * ["scores"] + 2 * [
        "log-likelihood ratios"
    ]
    soft, baseline, wanted = figure.axes[0].lines
    assert soft.get_ydata().tolist() == pytest.approx([1.1] * 3)
    assert baseline.get_xdata().tolist() == [1, 2, 3]
    assert wanted.get_ydata() == [1, 1]
    left, right = figures.threshold_drift(tables).axes
    assert [line.get_ydata().tolist() for line in left.lines[::2]] == [
        pytest.approx([0.5, 0.54]),
        pytest.approx([0.5, 0.54]),
    ]
    assert [label.get_text() for label in left.get_xticklabels()] == ["0", "4"]
    assert len(right.lines) == 4


def test_without_operating_points_the_figures_are_empty_but_drawn():
    tables = stack(at_first_point(made_up_points().head(0), SHOWN, TrialList(scenario="1das")))
    for plot in (figures.operating_point, figures.threshold_drift):
        assert all(not len(line.get_xdata()) for axes in plot(tables).axes for line in axes.lines)
