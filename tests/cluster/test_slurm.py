"""Slow: the tiny configuration on a real Slurm, through a cancelled job, a lost node and a kill."""

import collections
import contextlib
import os
import re
import signal
import subprocess
import time
from datetime import datetime
from pathlib import Path

import pytest
import yaml

from tests.cluster.private_slurm import GPUS, NODE, private_slurm, wait_for
from tests.workflow.running import CLONE, FEW, TINY, command_line
from tests.workflow.test_reproducible import digests

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cluster")]

# What a site would set, and short waits.
SITE = ["--slurm-no-account", "--slurm-keep-successful-logs", "--jobs", "6"]
SITE += ["--slurm-init-seconds-before-status-checks", "2"]
WAITS = ["--seconds-between-status-checks", "2", "--latency-wait", "10"]
ON_GPU = {"extract_embeddings", "pretrain_policy", "finetune_policy"}


@pytest.fixture(scope="module")
def slurm():
    """A real Slurm of one node with one GPU; nothing of it is left behind."""
    done = subprocess.run(
        [Path(__file__).with_name("install.sh")], capture_output=True, text=True, check=False
    )
    problem = done.stderr.strip() if done.returncode else None
    if problem is None and os.geteuid() != 0:
        problem = "Slurm's daemons are started by root"
    if problem is not None:
        # CI must not pass by leaving this out.
        assert "CI" not in os.environ, problem
        pytest.skip(problem)
    with private_slurm() as running:
        yield running


def start(slurm, folder, profile, *arguments):
    """Start the workflow by a profile, as on a login node."""
    (folder / "few.yaml").write_text(yaml.safe_dump(FEW))
    command = command_line(folder, [TINY, folder / "few.yaml"], "--cores", "8", *arguments)
    command += ["--workflow-profile", str(CLONE / "profiles" / profile)]
    said = (folder / "said.txt").open("a")
    return subprocess.Popen(
        command, env=slurm.environment, stdout=said, stderr=said, start_new_session=True
    )


@contextlib.contextmanager
def ending(run):
    """End a run with the block, whatever happens in it."""
    try:
        yield run
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)
        run.wait()


def steps_of(job):
    """Return the name of the rule or the group of a job."""
    # The name of a group ends in dots where more than five rules are in it.
    found = re.match(r"(?:rule|group)_([a-z_.]+?)(?:_wildcards_.*)?$", job["Comment"])
    assert found, job["Comment"]
    return found[1]


def jobs_of(slurm, rule, state):
    """Return the jobs of a rule that are in a state, the first first."""
    jobs = [job for job in slurm.jobs() if steps_of(job) == rule and job["JobState"] == state]
    return sorted(jobs, key=lambda job: int(job["JobId"]))


def has_begun(job):
    """Tell whether the step of a job has begun, after Snakemake's own start within it."""
    log = Path(job["StdOut"])
    return log.exists() and "Reason: Forced execution" in log.read_text()


def gpus_asked(job):
    return int(re.search(r"gpu:(\d+)", job.get("TresPerJob", "gpu:0"))[1])


def most_gpus_at_once(jobs):
    """Return how many GPUs jobs held at the same time, at most."""
    changes = collections.Counter()
    for job in jobs:
        if job["StartTime"] != "Unknown" and job["StartTime"] != job["EndTime"]:
            changes[datetime.fromisoformat(job["StartTime"])] += gpus_asked(job)
            changes[datetime.fromisoformat(job["EndTime"])] -= gpus_asked(job)
    held, most = 0, 0
    for moment in sorted(changes):
        held += changes[moment]
        most = max(most, held)
    return most


def test_the_whole_graph_by_slurm_through_all_that_fails(slurm, finished_few, tmp_path):
    said = tmp_path / "said.txt"

    def explain():
        return said.read_text()[-3000:] + slurm.logs()

    def wait_for_job(rule, state):
        wait_for(lambda: run.poll() is not None or jobs_of(slurm, rule, state), explain)
        assert run.poll() is None, explain()
        return jobs_of(slurm, rule, state)[0]["JobId"]

    def trainings(state):
        jobs = jobs_of(slurm, "pretrain_policy", state) + jobs_of(slurm, "finetune_policy", state)
        return [job["JobId"] for job in jobs if state == "PENDING" or has_begun(job)]

    begin = time.monotonic()
    with ending(start(slurm, tmp_path, "slurm", *SITE, *WAITS)) as run:
        # The node is lost and comes back: Slurm, or the run, submits its jobs again.
        lost = wait_for_job("synthesize_corpus", "RUNNING")
        slurm.tell("scontrol", "update", f"NodeName={NODE}", "State=DOWN", "Reason=test")
        wait_for(lambda: not jobs_of(slurm, "synthesize_corpus", "RUNNING"), explain)
        slurm.tell("scontrol", "update", f"NodeName={NODE}", "State=RESUME")
        # A job is cancelled: the run submits it again, and asks for more.
        cancelled = wait_for_job("extract_embeddings", "RUNNING")
        slurm.tell("scancel", cancelled)
        # The run is killed while one training is at work and the next waits for the GPU.
        wait_for(lambda: run.poll() is not None or trainings("PENDING"), explain)
        wait_for(lambda: run.poll() is not None or trainings("RUNNING"), explain)
        assert run.poll() is None, explain()
        queued, at_work = trainings("PENDING")[0], trainings("RUNNING")[0]
        slurm.tell("scontrol", "hold", queued)
        slurm.tell("scontrol", "suspend", at_work)
        os.killpg(run.pid, signal.SIGKILL)
    assert not (tmp_path / "results/provenance.json").exists()
    # A second run does not start beside the job at work.
    with ending(start(slurm, tmp_path, "slurm", *SITE, *WAITS)) as run:
        assert run.wait(timeout=300) == 1
    assert "a step of an earlier run is still at work in this folder" in said.read_text()
    for job in slurm.jobs():
        if job["JobState"] in {"RUNNING", "SUSPENDED"}:
            slurm.tell("scancel", job["JobId"])
    wait_for(lambda: not any(state == "RUNNING" for state, _ in slurm.queue().values()), explain)
    with ending(start(slurm, tmp_path, "slurm", *SITE, *WAITS)) as run:
        # The job that waited in the queue finds that it is no longer wanted.
        wait_for(lambda: run.poll() is not None or trainings("RUNNING"), explain)
        slurm.tell("scontrol", "release", queued)
        run.wait(timeout=1200)
    print(f"{time.monotonic() - begin:.0f} s under Slurm")

    assert run.returncode == 0, explain()
    assert digests(tmp_path) == digests(finished_few)
    provenance = "results/provenance.json"
    assert (tmp_path / provenance).read_bytes() == (finished_few / provenance).read_bytes()

    jobs = slurm.jobs()
    by_id = {job["JobId"]: job for job in jobs}
    print(f"{len(jobs)} jobs: {dict(collections.Counter(map(steps_of, jobs)))}")
    assert by_id[lost]["Restarts"] != "0" or by_id[lost]["JobState"] == "NODE_FAIL"
    assert by_id[cancelled]["JobState"] == "CANCELLED"
    again = [job for job in jobs if job["Comment"] == by_id[cancelled]["Comment"]][-1]
    assert megabytes(again) == 2 * megabytes(by_id[cancelled])
    assert minutes(again) == 2 * minutes(by_id[cancelled])
    assert again["JobState"] == "COMPLETED"
    assert by_id[queued]["JobState"] == "FAILED"
    assert "has taken this folder over" in Path(by_id[queued]["StdOut"]).read_text()

    # Every rule of the graph ran in a job of Slurm: its log was kept, and names the job.
    submitted = set(re.findall(r"has been submitted with SLURM jobid (\d+)", said.read_text()))
    assert submitted == set(by_id)
    done = [Path(job["StdOut"]).read_text() for job in jobs if job["JobState"] == "COMPLETED"]
    ran = {rule for log in done for rule in re.findall(r"--allowed-rules ((?:\w+ )+)", log)}
    assert {name for names in ran for name in names.split()} == rules_that_ran(tmp_path)
    assert len(done) < len(list((finished_few / "logs").rglob("*.benchmark.tsv")))

    # GPU rules, and they only, asked for the GPU; the node was never asked for more than it has.
    for job in jobs:
        assert gpus_asked(job) == (1 if steps_of(job) in ON_GPU else 0), job["Comment"]
    assert {steps_of(job) for job in jobs if gpus_asked(job)} == ON_GPU
    assert most_gpus_at_once(jobs) == GPUS


def rules_that_ran(folder):
    """Return the rules of which a run left a benchmark: all that run something."""
    files = (folder / "logs").rglob("*.benchmark.tsv")
    return {file.relative_to(folder / "logs").parts[0].split(".")[0] for file in files}


def megabytes(job):
    amount, unit = re.match(r"(\d+)([MG])", job["MinMemoryNode"]).groups()
    return int(amount) * {"M": 1, "G": 1024}[unit]


def minutes(job):
    days, hours, rest, _ = re.match(r"(?:(\d+)-)?(\d+):(\d+):(\d+)", job["TimeLimit"]).groups()
    return (int(days or 0) * 24 + int(hours)) * 60 + int(rest)


def test_the_generic_profile_submits_by_the_command_that_it_names(slurm, finished_few, tmp_path):
    before = len(slurm.jobs())
    with ending(start(slurm, tmp_path, "cluster-generic", "corpus", *WAITS)) as run:
        run.wait(timeout=600)
    assert run.returncode == 0, (tmp_path / "said.txt").read_text()[-3000:]
    # Two shards, and manifest and split in one job.
    assert len(slurm.jobs()) - before == 3
    for name in ("manifest.parquet", "split.csv"):
        result = Path("results/corpus") / name
        assert (tmp_path / result).read_bytes() == (finished_few / result).read_bytes()
