import sys
from pathlib import Path

import pytest

from workflow_src.common.errors import InputError
from workflow_src.settings.own_rules import find_folder, name_run
from workflow_src.settings.run_table import expand_runs, fitted_runs
from workflow_src.settings.runs import COLUMNS, tabulate
from workflow_src.settings.schema import validate_config

ENTRY = "my_lab.rules:Decay"


@pytest.fixture
def folder(tmp_path):
    """A folder with a package that must not be imported to be found."""
    package = tmp_path / "mine/my_lab"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')\n")
    (package / "rules.py").write_text("raise RuntimeError('imported')\n")
    return str(tmp_path / "mine")


def config(*methods, **inference):
    return validate_config({"inference": {"methods": list(methods), **inference}})


def test_a_rule_in_a_folder_is_a_fitted_run(folder):
    settings = config("baseline", ENTRY, folders=["nowhere", folder])
    baseline, own = expand_runs(settings)
    assert (own.run, own.method, own.entry) == ("my-lab.rules-decay", ENTRY, ENTRY)
    assert (own.folder, baseline.folder) == (folder, None)
    assert own.checkpoint == "results/policies/my-lab.rules-decay"
    assert [run.run for run in fitted_runs(settings)] == [own.run, "fixed-weight-tuned"]
    assert "my_lab" not in sys.modules


def test_a_package_is_a_module_too(folder):
    assert find_folder("my_lab:Decay", [folder]) == folder


def test_an_installed_rule_needs_no_folder_and_is_not_imported(folder, monkeypatch):
    monkeypatch.syspath_prepend(folder)
    assert find_folder(ENTRY, []) is None
    assert find_folder("workflow_src.methods.kalman:Kalman", []) is None
    assert "my_lab" not in sys.modules


@pytest.mark.parametrize("entry", [ENTRY, "json.rules:Decay", "json.decoder.rules:Decay"])
def test_a_rule_that_is_nowhere_is_told_in_one_line(entry, folder):
    with pytest.raises(InputError) as caught:
        expand_runs(config(entry, folders=["elsewhere"]))
    said = str(caught.value)
    assert said.startswith(f"inference.methods: {entry}: there is no module")
    assert "elsewhere/" in said and "inference.folders" in said and "\n" not in said


@pytest.mark.parametrize(
    "entry",
    ["fixed_weight:Tuned", "pretrained:seed0", "initial:multi_head", "multi_head:seed1"],
)
def test_a_rule_of_ones_own_takes_no_name_of_the_workflow(folder, entry):
    (Path(folder) / f"{entry.partition(':')[0]}.py").write_text("")
    with pytest.raises(InputError, match=f"{entry} would be the run .*, which is a name of this"):
        expand_runs(config("baseline", entry, folders=[folder]))


def test_two_methods_of_one_run_are_refused(folder):
    with pytest.raises(InputError, match=r"would both be the run 'my-lab\.rules-decay'"):
        expand_runs(config(ENTRY, "my_lab.rules:decay", folders=[folder]))


def test_names_of_runs_are_plain():
    assert name_run("My_Lab.rules2:DecayRule") == "my-lab.rules2-decayrule"


def test_the_run_table_keeps_its_columns(folder):
    table = tabulate(expand_runs(config("baseline", ENTRY, folders=[folder])))
    assert list(table.columns) == COLUMNS
    assert list(table["method"]) == ["baseline", ENTRY]
