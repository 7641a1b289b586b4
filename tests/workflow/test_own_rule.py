"""Update rules of a user's own: the page that builds one, and its way through the graph."""

import json
import os
import shlex
import subprocess
import sys

import pandas as pd
import pytest

from tests.workflow.finished_runs import merge
from tests.workflow.forked_runs import run_snakemake
from tests.workflow.own_rule_page import blocks, overlay, write_package
from tests.workflow.running import CLONE, count_jobs

# Needs no fitting, and no package.
HALF = """\
import torch

from workflow_src.updating.interface import Decision, UpdateRule


class Half(UpdateRule):
    def decide(self, trials, memory):
        return Decision(trials.scores > 0.5, torch.full_like(trials.scores, 0.5))
"""
SMALL = {
    "corpus": {
        "source": "simulated",
        "simulated": {"listing": {"speakers": 10, "days": 14}},
        "test_speakers": 4,
    },
    "trials": {"scenarios": ["random"], "generation": {"random": {"trajectories": 3}}},
    "tuning": {"development": {"scenarios": ["random"], "trajectories": 2}},
}
SCORED = {
    "fit_method": 1,
    "run_inference": 1,
    "set_operating_points": 1,
    "tabulate_runs": 1,
    "measure_operating_points": 1,
    "measure_intervals": 1,
    "summarise_results": 1,
}


def test_the_rule_of_the_page_passes_the_check_as_the_page_says(tmp_path):
    write_package(tmp_path)
    command, *_ = blocks("sh")
    words = shlex.split(command)
    assert words[0] == "python"
    environment = os.environ | {"PYTHONPATH": str(CLONE)}
    done = subprocess.run(
        [sys.executable, *words[1:]],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (said,) = blocks("text")
    assert done.stdout == said


def settings():
    """The page's settings, a rule more, and a small corpus."""
    own = overlay()
    own["inference"]["methods"].append("plain:Half")
    return merge(SMALL, own)


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """The folder of a run to the summary."""
    folder = tmp_path_factory.mktemp("own rules")
    write_package(folder)
    (folder / "plain.py").write_text(HALF)
    run_snakemake(folder, "--", "results/summary.csv", overlay=settings())
    return folder


def left_to_run(folder):
    said = run_snakemake(folder, "--dry-run", "--", "results/summary.csv", overlay=settings())
    return count_jobs(said)


@pytest.mark.slow
def test_rules_of_ones_own_are_fitted_scored_and_tabulated(scored):
    runs = pd.read_csv(scored / "results/inference/runs.csv").set_index("run")
    assert runs.loc["my-lab.rules-decay", "method"] == "my_lab.rules:Decay"
    fixed = runs.loc["fixed-weight-tuned", "threshold"]
    assert runs.loc["my-lab.rules-decay", "threshold"] == fixed
    described = json.loads((scored / "results/policies/my-lab.rules-decay/policy.json").read_text())
    assert (described["method"], described["training"]) == ("my_lab.rules:Decay", "fitted")
    assert described["threshold"] == fixed
    tried = pd.read_csv(scored / "results/policies/my-lab.rules-decay/training.csv")
    assert list(tried.columns) == ["alpha", "cost"] and len(tried) > 1
    assert pd.read_csv(scored / "results/policies/plain-half/training.csv").empty
    scores = {
        run: pd.read_parquet(scored / f"results/inference/{run}/random.parquet")
        for run in ("baseline", "my-lab.rules-decay", "plain-half")
    }
    assert scores["plain-half"].query("updated")["weight"].eq(0.5).all()
    assert scores["my-lab.rules-decay"].query("updated")["weight"].nunique() > 1
    for table in scores.values():
        assert table["utterance"].equals(scores["baseline"]["utterance"])
    summary = pd.read_csv(scored / "results/summary.csv")
    assert set(summary["run"]) == set(runs.index)


@pytest.mark.slow
def test_an_edit_of_ones_own_rule_reruns_it_alone(scored):
    assert left_to_run(scored) == {}
    for path in ("my_lab/rules.py", "plain.py"):
        file = scored / path
        good = file.read_text()
        file.write_text(good + "\n# A comment.\n")
        assert left_to_run(scored) == {}
        file.write_text(good + "\nEDITED = True\n")
        assert left_to_run(scored) == SCORED
        file.write_text(good)


@pytest.mark.slow
def test_faults_of_ones_own_rule_end_in_one_line(scored):
    """Before anything runs where it is no Python, in the step's log where it fails."""
    file = scored / "plain.py"
    good = file.read_text()
    file.write_text("class :\n")
    code, said = run_snakemake(
        scored, "--dry-run", "--", "results/summary.csv", overlay=settings(), check=False
    )
    assert code != 0 and "plain.py: is no Python" in said and "Traceback" not in said
    file.write_text("1 / 0\n")
    code, said = run_snakemake(
        scored, "--", "results/policies/plain-half/policy.json", overlay=settings(), check=False
    )
    log = (scored / "logs/fit_method/plain-half.log").read_text()
    assert code != 0
    assert log.splitlines()[-1].startswith("error: plain:Half: importing it fails in ")
    file.write_text(good)
