"""The workflow by another Snakefile: of the workflow catalog, and of another workflow's module."""

import json
import re

import pytest
import yaml

from tests.workflow.forked_runs import Command, run_all
from tests.workflow.running import CLONE, TINY, arguments

PAGE = (CLONE / "docs/modules.md").read_text(encoding="utf-8")
SETTINGS = {
    "corpus": {"source": "simulated", "test_speakers": 10},
    "trials": {"scenarios": ["random", "3das"]},
}


def outer_workflow(folder):
    """Write the page's Snakefile and settings, with this clone in place of the page's."""
    (snakefile,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)
    (settings,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.M | re.S)
    assert yaml.safe_load(settings) == {"tv": SETTINGS}
    (folder / "config.yaml").write_text(settings)
    (folder / "Snakefile").write_text(snakefile.replace('"tvsv/', f'"{CLONE}/'))
    return ["--directory", str(folder), "--snakefile", str(folder / "Snakefile"), "--cores", "2"]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """Dry runs: by the workflow's own Snakefile, by the catalog's, and as a module."""
    folder = tmp_path_factory.mktemp("outer")
    (folder / "mine.yaml").write_text(yaml.safe_dump(SETTINGS))
    plain = arguments(folder, [folder / "mine.yaml"], "--dry-run")
    catalog = [str(CLONE / "workflow/Snakefile") if "Snakefile" in word else word for word in plain]
    module = [*outer_workflow(folder), "--dry-run"]
    return run_all([Command(words) for words in (plain, catalog, module)])


def test_the_catalogs_snakefile_runs_the_same(outcomes):
    plain, catalog, _ = outcomes
    assert plain.jobs["run_inference"] > 1
    assert {k: n for k, n in catalog.jobs.items() if k != "everything"} == plain.jobs


def test_a_module_runs_what_its_own_rules_ask_for(outcomes):
    plain, _, module = outcomes
    jobs = {name.removeprefix("tv_"): count for name, count in module.jobs.items()}
    assert jobs.pop("table") == 1
    # The page's rule reads one table: not the analysis, the record and what only they read.
    assert jobs == {name: plain.jobs[name] for name in jobs}
    assert set(plain.jobs) - set(jobs) >= {"run_visual_analysis", "record_provenance"}


@pytest.mark.slow
def test_a_module_runs_to_its_record(tmp_path):
    words = outer_workflow(tmp_path)
    tiny = yaml.safe_load(TINY.read_text())
    tiny["inference"] = {"methods": ["baseline", "fixed-weight"]}
    tiny["corpus"] = {"source": "simulated", "test_speakers": 3}
    tiny["corpus"]["simulated"] = {"listing": {"speakers": 6, "days": 15}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"tv": tiny}))
    (done,) = run_all([Command(["table.txt", "results/provenance.json", *words])])
    assert done.code == 0, done.said
    assert (tmp_path / "table.txt").read_text().startswith("run,scenario,order,eer_percent\n")
    record = json.loads((tmp_path / "results/provenance.json").read_text())
    assert set(record["stages"]) >= {"corpus", "embeddings", "trials", "inference", "analysis"}
