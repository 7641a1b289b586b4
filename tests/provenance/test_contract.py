"""What the tables of the contract say, against the code."""

import ast
import re
import sys
from importlib.metadata import packages_distributions

import pytest

from workflow_src.common.digests import ROOT, reached_modules
from workflow_src.provenance import contract
from workflow_src.provenance.contract import NOTEBOOKS, PACKAGES, STAGES, stage_of
from workflow_src.provenance.record_provenance import digest_inputs

# They change no byte of a result: progress bars, the number of threads, the check of settings.
WITHOUT_EFFECT = {"pydantic", "threadpoolctl", "tqdm"}


def imported_names(source):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def sources_of(module):
    for name in reached_modules(module):
        path = ROOT / name.replace(".", "/")
        yield (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text()


@pytest.mark.parametrize("stage", STAGES)
def test_packages_of_a_stage_are_those_that_its_steps_import(stage):
    steps = re.findall(r'^        "(\w+\.\w+)": ', (ROOT / contract.__file__).read_text(), re.M)
    assert len(steps) > 20
    names = {
        name
        for step in steps
        if stage_of(step) == stage
        for source in sources_of(f"workflow_src.{step}")
        for name in imported_names(source)
    }
    for path, of in NOTEBOOKS.items():
        if of == stage:
            own = re.findall(r'"from (workflow_src[\w.]+) import', (ROOT / path).read_text())
            assert own
            names |= {n for module in own for s in sources_of(module) for n in imported_names(s)}
    tops = {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names)
    of_name = packages_distributions()
    found = {of_name[top][0].replace("_", "-") for top in tops - {"workflow_src"}}
    said = {package for package, stages in PACKAGES.items() if stage in stages}
    assert found - WITHOUT_EFFECT <= said


@pytest.mark.parametrize(
    ("name", "stage"),
    [
        ("trials/development/3das.parquet", "trials"),
        ("summary.csv", "inference"),
        ("corpus.split_speakers", "corpus"),
        ("notebooks/visual_analysis.ipynb", "analysis"),
        ("config.yaml", None),
        ("comparison/methods.csv", None),
        ("../corpus/split.csv", None),
    ],
)
def test_stages(name, stage):
    assert stage_of(name) == stage


def test_inputs_are_named_from_the_folder_that_they_share(tmp_path):
    files = [tmp_path / "lists" / name for name in ("random/trial.pkl", "3das/trial.pkl")]
    for number, file in enumerate(files):
        file.parent.mkdir(parents=True)
        file.write_text(str(number))
    found = digest_inputs({"trials": list(map(str, files)), "extractor": [str(files[0])]})
    assert list(found["trials"]) == ["random/trial.pkl", "3das/trial.pkl"]
    assert list(found["extractor"]) == ["trial.pkl"]
    assert len(set(found["trials"].values())) == 2
