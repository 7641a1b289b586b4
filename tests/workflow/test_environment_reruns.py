"""What an edit of an environment file reruns: nothing without conda, what runs in it with conda.

Conda itself is not needed: a script that answers Snakemake's questions stands in for it.
"""

import os
import shutil

import pytest
import yaml

from tests.workflow.finished_runs import make_outputs
from tests.workflow.forked_runs import Command, run_all
from tests.workflow.running import CLONE, arguments

pytestmark = pytest.mark.slow

OVERLAY = {
    "corpus": {"source": "simulated"},
    "inference": {"methods": ["baseline"]},
    "trials": {"scenarios": ["random"]},
}
CONDA = """#!/bin/sh
case "$1 $2" in
    "info --json") echo '{"conda_prefix": "/nowhere", "platform": "linux-64"}' ;;
    "--version ") echo conda 25.1.0 ;;
    "config --get") echo '{"get": {"channel_priority": "strict"}}' ;;
    *) while [ $# -gt 0 ]; do [ "$1" = --prefix ] && mkdir -p "$2"; shift; done ;;
esac
"""
FROM_NOTEBOOKS = {
    "run_inference",
    "sweep_thresholds",
    "measure_operating_points",
    "measure_intervals",
    "measure_order",
    "measure_speakers",
    "summarise_results",
    "run_visual_analysis",
    "record_provenance",
}
EVERYTHING = FROM_NOTEBOOKS | {
    "simulate_listing",
    "simulate_embeddings",
    "split_speakers",
    "generate_trials",
    "generate_development_trials",
    "set_operating_points",
    "list_passed_over",
    "tabulate_runs",
}
WITH_CONDA = ["--sdm", "conda"]
WITHOUT_ENVIRONMENTS = ["--rerun-triggers", "mtime", "params", "input", "code"]


class Project:
    """A copy of the workflow, and a run of it that is marked as finished."""

    def __init__(self, folder):
        self.folder, self.run = folder / "project", folder / "run"
        self.run.mkdir()
        self.folder.mkdir()
        for path in ("Snakefile", "config.yaml"):
            shutil.copy(CLONE / path, self.folder)
        for path in ("rules", "envs", "profiles", "report"):
            shutil.copytree(CLONE / path, self.folder / path)
        for path in ("workflow_src", "notebooks", "resources"):
            (self.folder / path).symlink_to(CLONE / path)
        (folder / "overlay.yaml").write_text(yaml.safe_dump(OVERLAY))
        self._configs = [folder / "overlay.yaml"]
        (summary,) = self.outcomes(["--summary"])
        make_outputs(self.run, summary)

    def outcomes(self, *runs, forged=False):
        """Return the outcomes of runs with these options."""
        given = [
            arguments(self.run, self._configs, *options, project=self.folder) for options in runs
        ]
        return run_all([Command(each, forged=forged) for each in given])

    def finish(self, *options):
        """Let Snakemake take the run for finished."""
        (outcome,) = self.outcomes(["--touch", "--forceall", *options], forged=True)
        assert outcome.code == 0, outcome.said

    def would_run(self, *options):
        """Return the rules that each of some dry runs would run."""
        outcomes = self.outcomes(*(["--dry-run", *chosen] for chosen in options))
        return [set(outcome.jobs) for outcome in outcomes]

    def edit(self, environment):
        """Add a comment to an environment file."""
        with (self.folder / f"envs/{environment}.yaml").open("a") as file:
            file.write("# Edited.\n")


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    conda = tmp_path / "bin/conda"
    conda.write_text(CONDA)
    conda.chmod(0o755)
    monkeypatch.setenv("PATH", f"{conda.parent}{os.pathsep}{os.environ['PATH']}")
    return Project(tmp_path)


def test_an_edit_reruns_nothing_without_conda(project):
    project.finish()
    project.edit("notebooks")
    assert project.would_run([], WITH_CONDA) == [set(), EVERYTHING]


def test_an_edit_reruns_what_runs_in_it_with_conda(project):
    project.finish(*WITH_CONDA)
    assert project.would_run(WITH_CONDA, []) == [set(), EVERYTHING]
    project.edit("notebooks")
    assert project.would_run(WITH_CONDA, [*WITH_CONDA, *WITHOUT_ENVIRONMENTS]) == [
        FROM_NOTEBOOKS,
        set(),
    ]
