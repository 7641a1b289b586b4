"""What an edit of the code reruns: by imports what reaches it, and nothing for an edit of text."""

import ast
import json
import re
from pathlib import Path

import pytest

from tests.analysis.test_figures import recipe
from tests.workflow.finished_runs import EACH_WORLD, default_settings, merge
from tests.workflow.forked_runs import run_all
from tests.workflow.job_graphs import JobGraph
from tests.workflow.reached import (
    all_modules,
    module_path,
    reached_by_entry,
    reached_by_module,
    reached_by_rules,
)
from tests.workflow.reruns import WORLDS
from tests.workflow.running import CLONE, rule_texts
from workflow_src.common.digests import is_uncounted, reached_modules
from workflow_src.comparison.populations import population_settings, training_settings
from workflow_src.settings.catalogue import METHODS, find_method
from workflow_src.settings.front_ends import FRONT_ENDS
from workflow_src.settings.run_table import expand_runs, given_policies
from workflow_src.settings.schema import validate_config

SHOWN = {
    "measure_intervals": 1,
    "measure_operating_points": 1,
    "measure_speakers": 1,
    "summarise_results": 1,
    "run_visual_analysis": 1,
    "record_provenance": 1,
}
# Rules whose one job has the rules of all runs.
OF_ALL_RUNS = {
    rule
    for rule, text in rule_texts().items()
    if re.search(r"rule_code\((RUNS\.values|compared_runs)\(", text)
}
NOTEBOOKS = {
    "notebooks/inference.ipynb": "run_inference",
    "notebooks/visual_analysis.ipynb": "run_visual_analysis",
}


@pytest.fixture(scope="module")
def graphs(finished_runs):
    """The graph of jobs of each kind of run."""
    runs = finished_runs.finish(WORLDS)
    drawn = dict(zip(runs, run_all([run.job_graph() for run in runs.values()]), strict=True))
    assert not any(outcome.code for outcome in drawn.values())
    return {name: JobGraph(outcome.said) for name, outcome in drawn.items()}


@pytest.fixture(scope="module")
def inner(finished_runs):
    """The graph of the jobs that make a population."""
    run, settings = finished_runs["comparison"], training_settings(compared_settings())
    (drawn,) = run_all([run.job_graph(settings, ["embeddings", "trials", "policies"])])
    return JobGraph(drawn.said)


def world_settings(name):
    return validate_config(merge(default_settings(), WORLDS[name].overlay))


def compared_settings():
    return population_settings(world_settings("comparison"), 1)


def names_reaching(module, settings):
    """Return the runs and given policies whose method's own code reaches a module."""
    entries = {run.run: run.entry for run in expand_runs(settings)}
    for name, policy in given_policies(settings).items():
        entries[name] = find_method(policy.method).entry
    return {name for name, entry in entries.items() if module in reached_by_entry(entry)}


def count_reruns(module, name, graphs, inner):
    """Count the jobs that an executed edit of a module must rerun, in one kind of run."""
    rules = {rule for rule, reached in reached_by_rules().items() if module in reached}
    if name != "comparison":
        names = names_reaching(module, world_settings(name))
        return graphs[name].count_from(rules | (OF_ALL_RUNS if names else set()), names)
    settings = compared_settings()
    names = names_reaching(module, settings)
    methods = {run.method for run in expand_runs(settings) if run.run in names}
    if inner.count_from(rules, names):
        rules = rules | {"train_population"}
    if names:
        rules = rules | {"score_population", "summarise_comparison"}
    if methods & set(world_settings(name).comparison.sensitive_methods):
        rules = rules | {"measure_sensitivity"}
    return graphs[name].count_from(rules)


def edited_module(module):
    """Return an edit of what a module executes."""
    path = module_path(module)
    return {path: (CLONE / path).read_text() + "\nEDITED = True\n"}


def rewritten_module(module):
    """Return a module with other formatting, other docstrings, no comments but a new one."""
    path = module_path(module)
    tree = ast.parse((CLONE / path).read_text())
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            node.body[0].value.value += " Edited."
    return {path: "# Edited.\n\n" + ast.unparse(tree) + "\n"}


def reworded_module(module):
    """Return a module in which every error that it raises says something else."""
    path = module_path(module)
    tree = ast.parse((CLONE / path).read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            node.exc.args = [ast.Constant("Edited."), *node.exc.args[1:]]
    return {path: ast.unparse(tree) + "\n"}


def edited_notebook(path, edit):
    """Return a notebook after a function changed its content."""
    content = json.loads((CLONE / path).read_text())
    edit(content)
    return {path: json.dumps(content)}


def run_notebook(content):
    """Give each code cell what an execution leaves."""
    content["metadata"]["edited"] = True
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            cell["execution_count"] = 1
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["said"]}]


def edit_last_cell(content):
    """Let the last code cell do something more."""
    cell = [cell for cell in content["cells"] if cell["cell_type"] == "code"][-1]
    cell["source"] = "".join(cell["source"]) + "\nedited = True"


def test_every_other_module_is_reached_by_a_rule():
    """By its step or its notebook, or by a method that they load."""
    counted = {module for module in all_modules() if not is_uncounted(module)}
    methods = (reached_by_entry(method.entry) for method in METHODS)
    front_ends = (reached_by_module(row.module) for row in FRONT_ENDS)
    reached = set().union(*reached_by_rules().values(), *methods, *front_ends)
    assert counted - reached == RUN_BY_NO_RULE


def test_only_the_record_and_the_plan_reach_the_settings_of_all_stages():
    """Else a changed default of the figures would train anew."""
    (rules,) = {
        frozenset(rule for rule, reached in reached_by_rules().items() if module in reached)
        for module in ("workflow_src.settings.schema", "workflow_src.settings.run_table")
    }
    assert rules == {"record_provenance", "plan"}


@pytest.mark.parametrize(
    "module", [m for m in all_modules() if not m.endswith("__main__") and not is_uncounted(m)]
)
def test_digests_count_what_python_would_import(module):
    assert set(reached_modules(module)) == reached_by_module(module)


# What no rule runs: what the Snakefile itself asks, and commands for people.
RUN_BY_NO_RULE = {
    "workflow_src.run",
    "workflow_src.comparison.populations",
    "workflow_src.corpus.file_states",
    "workflow_src.corpus.recording_digests",
    "workflow_src.embeddings.demo_extractor",
    "workflow_src.methods.check",
    "workflow_src.methods.made_up",
    "workflow_src.provenance.__main__",
    "workflow_src.provenance.differences",
    "workflow_src.provenance.distances",
    "workflow_src.provenance.given",
    "workflow_src.settings.config_words",
    "workflow_src.evaluation.headline",
}


@pytest.mark.slow
def test_a_population_depends_on_the_code_that_makes_it(finished_runs, graphs, inner):
    made_by = set(inner.rules.values())
    assert {"simulate_listing", "simulate_embeddings", "generate_trials", "fit_method"} <= made_by
    assert not {"extract_embeddings", "import_policy", "run_inference"} & made_by
    run = finished_runs["comparison"]
    steps = ["synthetic.simulate_embeddings", "trials.import_trials", "methods.import_policy"]
    modules = [f"workflow_src.{step}" for step in steps]
    edited, *others = run_all([run.dry_run(edits=edited_module(module)) for module in modules])
    assert edited.jobs == graphs["comparison"].count_from({"train_population"})
    assert [other.jobs for other in others] == [{}, {}]


def test_an_edit_of_a_method_reruns_its_fit_and_its_runs_alone(finished_runs):
    run = finished_runs["synthetic"]
    (outcome,) = run_all([run.dry_run(edits=edited_module("workflow_src.methods.kalman"))])
    # The run table reads from fitted policies whether they hold a threshold.
    own = {"fit_method": 1, "run_inference": 1, "set_operating_points": 1, "tabulate_runs": 1}
    assert outcome.jobs == {**own, **SHOWN}


@pytest.mark.parametrize("name", EACH_WORLD)
def test_how_steps_are_run_and_the_words_of_errors_rerun_nothing(finished_runs, name):
    edits = {}
    for module in all_modules():
        edits |= edited_module(module) if is_uncounted(module) else reworded_module(module)
    assert {"launcher", "lock", "errors", "whole_files"} <= {Path(path).stem for path in edits}
    (outcome,) = run_all([finished_runs[name].dry_run(edits=edits)])
    assert outcome.jobs == {}


@pytest.mark.parametrize("name", EACH_WORLD)
def test_comments_docstrings_formatting_and_outputs_of_notebooks_rerun_nothing(finished_runs, name):
    edits = {}
    for module in all_modules():
        edits |= rewritten_module(module)
    for path in NOTEBOOKS:
        edits |= edited_notebook(path, run_notebook)
    (outcome,) = run_all([finished_runs[name].dry_run(edits=edits)])
    assert outcome.jobs == {}


@pytest.mark.slow
def test_a_changed_cell_reruns_the_notebook_and_what_follows(finished_runs, graphs):
    run = finished_runs["synthetic"]
    commands = [run.dry_run(edits=edited_notebook(path, edit_last_cell)) for path in NOTEBOOKS]
    for rule, outcome in zip(NOTEBOOKS.values(), run_all(commands), strict=True):
        assert outcome.jobs == graphs["synthetic"].count_from({rule})


def test_a_new_figure_is_drawn_in_a_folder_with_results(finished_runs):
    function, _ = recipe()
    path = module_path("workflow_src.analysis.figures")
    edits = {path: (CLONE / path).read_text() + "\n\n" + function}
    (outcome,) = run_all([finished_runs["synthetic"].dry_run(edits=edits)])
    assert outcome.jobs == {"run_visual_analysis": 1, "record_provenance": 1}


def modules_to_edit(name, graphs, inner):
    """List all modules; beside the first run those that rerun something there and not in it."""
    if name == "synthetic":
        return all_modules()
    return [
        module
        for module in all_modules()
        if count_reruns(module, name, graphs, inner)
        and not count_reruns(module, "synthetic", graphs, inner)
    ]


@pytest.mark.slow
def test_every_rule_with_a_step_is_in_one_of_the_runs(graphs):
    there = {rule for graph in graphs.values() for rule in graph.rules.values()}
    # A plan is no part of a run.
    assert set(reached_by_rules()) - {"plan"} <= there


@pytest.mark.slow
@pytest.mark.parametrize("name", WORLDS)
def test_an_executed_edit_reruns_what_reaches_it_and_what_follows(
    finished_runs, graphs, inner, name
):
    modules = modules_to_edit(name, graphs, inner)
    commands = [finished_runs[name].dry_run(edits=edited_module(module)) for module in modules]
    wrong = {}
    for module, outcome in zip(modules, run_all(commands), strict=True):
        expected = count_reruns(module, name, graphs, inner)
        if outcome.jobs != expected:
            wrong[module] = (outcome.jobs, expected)
    assert modules
    assert not wrong
