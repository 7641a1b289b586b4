"""The target plan: what it says before anything runs, against what then is."""

import re
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.workflow.forked_runs import Command, rules_to_run, run_all, run_snakemake
from tests.workflow.job_graphs import JobGraph
from tests.workflow.running import CLONE, TARGETS, TINY, arguments
from workflow_src.planning.plan import measure_amounts
from workflow_src.planning.rates import RATES
from workflow_src.planning.survey import Survey
from workflow_src.settings.schema import validate_config

SIMULATED = {
    "corpus": {"source": "simulated", "simulated": {"listing": {"speakers": 8, "days": 14}}},
    "trials": {"scenarios": ["random"]},
}


def plan(folder, overlay=None, *options):
    """Return the lines that the target prints: only they are on standard output."""
    path = folder / "overlay.yaml"
    path.write_text(yaml.safe_dump(overlay or {}))
    (done,) = run_all([Command(arguments(folder, [TINY, path], *options, "--", "plan"))])
    assert done.code == 0, done.said
    return done.printed


def jobs_of(said):
    table = said.partition("\nstage ")[2].partition("\ntime ")[0]
    return {rule: int(n) for rule, n in re.findall(r"^\w+ +(\w+) +(\d+) ", table, re.M)}


def number(said, pattern):
    return float(re.search(pattern, said, re.M)[1].replace(",", ""))


def in_bytes(said):
    found = re.search(r"^results +about ([\d.]+) (\w+)", said, re.M)
    return float(found[1]) * {"MB": 1e6, "GB": 1e9, "TB": 1e12}[found[2]]


@pytest.fixture(scope="module")
def copy(finished, tmp_path_factory):
    """A copy of the finished run, to plan in."""
    folder = tmp_path_factory.mktemp("planned") / "run"
    return shutil.copytree(finished, folder, symlinks=True)


@pytest.fixture(scope="module")
def recordings(finished):
    """The recordings of the finished run, as a folder of one's own."""
    return finished / "results/corpus/audio"


def test_a_plan_before_the_run_tells_what_the_run_will_make(finished, tmp_path):
    said = plan(tmp_path)
    assert not (tmp_path / "results").exists()
    assert jobs_of(said) == rules_to_run(tmp_path)
    results = finished / "results"
    manifest = pd.read_parquet(results / "corpus/manifest.parquet")
    assert number(said, r"^recordings +([\d,]+) of") == len(manifest)
    assert number(said, r"^hours +([\d.,]+) \(about") == pytest.approx(
        manifest["seconds"].sum() / 3600, rel=0.1
    )
    summary = pd.read_csv(results / "summary.csv")
    assert number(said, r"^scores +([\d,]+) of") == (
        summary[["target_trials", "nontarget_trials"]].sum().sum()
    )
    taken = sum(path.stat().st_size for path in results.rglob("*") if path.is_file())
    assert taken / 2 < in_bytes(said) < 2 * taken


def test_a_plan_after_the_run_is_exact_and_has_nothing_to_do(finished, copy):
    said = plan(copy)
    manifest = pd.read_parquet(finished / "results/corpus/manifest.parquet")
    assert f"{len(manifest):,} of 10 speakers on 14 days (from the manifest)" in said
    hours = manifest["seconds"].astype("float64").sum() / 3600
    assert f"hours       {hours:.2f} (the manifest)" in said
    assert "nothing is left to do" in said
    assert jobs_of(said) == {}
    assert "Nothing to be done" in run_snakemake(copy)


def test_a_changed_key_is_planned_alone(copy):
    overlay = {"methods": {"fixed-weight": {"alphas": [0.1, 0.3, 0.6]}}}
    said = plan(copy, overlay)
    assert jobs_of(said) == rules_to_run(copy, overlay)
    assert jobs_of(said)["run_inference"] == 1


def test_more_cores_take_less_time(tmp_path):
    times = []
    for cores in ("1", "4"):
        said = plan(tmp_path, SIMULATED, "--cores", cores)
        time, unit = re.search(r"^time +about ([\d.]+) (s|min) ", said, re.M).groups()
        times.append(float(time) * {"s": 1, "min": 60}[unit])
    assert 1.5 < times[0] / times[1] <= 4


def of_folder(root):
    return {
        "corpus": {"source": "directory", "directory": {"root": str(root)}},
        "extractor": {"allow_demo": True},
    }


def test_a_folder_and_a_part_of_it(recordings, finished, tmp_path):
    overlay = of_folder(recordings)
    said = plan(tmp_path, overlay)
    manifest = pd.read_parquet(finished / "results/corpus/manifest.parquet")
    assert number(said, r"^recordings +([\d,]+) of 10 speakers on 14 days") == len(manifest)
    # Of more recordings than are looked into, the hours are an estimate.
    assert number(said, r"^hours +([\d.,]+) \(about, from 200 headers\)") == pytest.approx(
        manifest["seconds"].sum() / 3600, rel=0.1
    )
    assert jobs_of(said) == rules_to_run(tmp_path, overlay)
    part = manifest[manifest["speaker"].isin(["0001", "0002", "0003"])]
    part = part[part.groupby("speaker")["date"].rank(method="dense") <= 3]
    overlay["corpus"]["directory"] |= {"speakers": ["0001", "0002", "0003"], "days": 3}
    overlay["corpus"]["test_speakers"] = 2
    overlay["trials"] = {"scenarios": ["random"]}
    said = plan(tmp_path, overlay)
    assert number(said, r"^recordings +([\d,]+) of 3 speakers") == len(part)
    assert f"hours       {part['seconds'].sum() / 3600:.2f} (from {len(part)} headers)" in said


def test_a_folder_that_is_not_there_ends_in_one_line(tmp_path):
    overlay = of_folder("nowhere")
    code, said = run_snakemake(tmp_path, "plan", overlay=overlay, check=False)
    assert code != 0
    assert "nowhere: there is no such folder; corpus.directory.root names it" in said


def test_imported_embeddings(finished, tmp_path):
    index = pd.read_parquet(finished / "results/embeddings/index.parquet")
    embeddings = np.load(finished / "results/embeddings/embeddings.npy")
    file = tmp_path / "some embeddings.npz"
    np.savez(file, utterance=index["utterance"].to_numpy(str), embedding=embeddings)
    overlay = {"corpus": {"source": "imported", "imported": {"embeddings": [str(file)]}}}
    said = plan(tmp_path, overlay)
    assert f"{len(index):,} of 10 speakers" in said
    assert "hours" not in said
    assert jobs_of(said) == rules_to_run(tmp_path, overlay)


def test_simulated_embeddings(tmp_path):
    said = plan(tmp_path, SIMULATED)
    run_snakemake(tmp_path, "corpus", overlay=SIMULATED)
    manifest = pd.read_parquet(tmp_path / "results/corpus/manifest.parquet")
    assert f"{len(manifest):,} of 8 speakers on 14 days (from the settings)" in said
    assert f"{len(manifest):,} of 8 speakers on 14 days (from the manifest)" in plan(
        tmp_path, SIMULATED
    )


def test_days_without_a_recording_cost_time_too():
    table = pd.DataFrame({"speaker": ["a", "b"], "date": ["2019-12-31", "2024-01-01"]})
    amounts = measure_amounts(
        validate_config(SIMULATED), Survey(table, "made up"), {"random": 10}, {}, 0.0, 128
    )
    assert amounts["speaker_days"] == 2 * (1 + 4 * 365 + 1 + 1)


@pytest.mark.slow
def test_every_rule_of_a_run_has_a_rate(finished_runs):
    # Of these, a run of everything has all rules: there is one of every source, and a given policy.
    names = ["synthetic", "directory", "imported", "simulated", "occasional"]
    runs = finished_runs.finish(names)
    drawn = run_all([run.job_graph(targets=["all"]) for run in runs.values()])
    rules = {rule for outcome in drawn for rule in JobGraph(outcome.said).rules.values()}
    assert rules - TARGETS == set(RATES)


def test_a_plan_does_not_read_the_recordings(recordings, tmp_path):
    (tmp_path / "overlay.yaml").write_text(yaml.safe_dump(of_folder(recordings)))
    command = [sys.executable, "-m", "snakemake", "plan", "--cores", "2"]
    command += ["--snakefile", CLONE / "Snakefile", "--directory", tmp_path]
    command += ["--configfile", TINY, tmp_path / "overlay.yaml"]
    subprocess.run(command, check=True, capture_output=True)
    assert not (tmp_path / ".snakemake/recordings").exists()
