"""The figures: listed from their functions, drawn in the notebook, added as the recipe says."""

import importlib.util
import inspect
import json
import re
import textwrap

import pandas as pd
import pytest
from matplotlib.colors import to_rgba

from tests.workflow.forked_runs import Command, run_all
from tests.workflow.running import CLONE, TINY, arguments
from workflow_src.analysis import drawing, figures
from workflow_src.analysis.breakdowns import Shown, methods_shown
from workflow_src.analysis.drawing import draw
from workflow_src.analysis.figure_list import SOURCE, TRAITS, ListedFigure, list_figures, only_with
from workflow_src.settings.catalogue import METHODS, find_method

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
    drawn = re.findall(r"^draw\(figures\.(\w+)", code, re.M)
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
    with pytest.raises(LookupError, match="det has no caption"):
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
    monkeypatch.setattr(drawing, "FOLDER", tmp_path)
    exec(cell, {"draw": draw, "figures": more, "summary": summary})
    assert {path.name for path in tmp_path.glob("min_dcf.*")} == {"min_dcf.png", "min_dcf.svg"}


def test_the_rule_makes_the_figure_of_the_recipe(tmp_path):
    function, _ = recipe()
    edits = {str(SOURCE.relative_to(CLONE)): SOURCE.read_text() + "\n\n" + function}
    (outcome,) = run_all(
        [Command(arguments(tmp_path, [TINY], "--summary", "--", "analysis"), edits)]
    )
    assert "results/analysis/figures/min_dcf.png" in outcome.said
    assert "results/analysis/figures/min_dcf.svg" in outcome.said


def test_nothing_is_drawn_of_an_empty_table(tmp_path, monkeypatch):
    monkeypatch.setattr(drawing, "FOLDER", tmp_path)
    draw(figures.finetuning, {})
    assert list(tmp_path.iterdir()) == []


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
        {"run": name, "method": name, "alpha": None, "scenario": ["1das"], "eer_percent": [2.0]}
    )
    figure = figures.error_rates(summary)
    (points,) = (c for c in figure.axes[0].collections if c.get_label() == name)
    assert points.get_edgecolor().tolist() == [list(to_rgba(find_method(name).colour))]


def test_a_group_with_too_few_trials_has_no_bar_but_says_so():
    table = pd.DataFrame(
        {
            "group": ["hall", "a $5 phone in a very long corridor of a house with many rooms"],
            "eer_percent": [2.0, float("nan")],
            "target_trials": [100, 3],
            "nontarget_trials": [100, 5],
        }
    )
    shown = Shown("baseline", "baseline")
    figure = figures.error_rates_by_condition({"where $x": {shown: table}})
    axes = figure.axes[0]
    figure.draw_without_rendering()  # a $ begins no formula
    assert [text.get_text() for text in axes.texts] == ["too few"]
    assert axes.texts[0].xy == (1, 0)
    first, second = (label.get_text() for label in axes.get_xticklabels())
    assert first == "hall\n100\n100"
    assert second == "a \\$5 phone in a very long corrido..\n3\n5"
