# What all rules share: the checked settings, the run table, and what a rule's params are made of.

import json
import os
import shlex
from dataclasses import asdict
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.settings.types import DeploymentMethod

sys.path.insert(0, str(workflow.basedir))

from workflow_src.settings.inference import LIMITS
from workflow_src.settings.policy_paths import policy_files
from workflow_src.settings.schema import validate_config
from workflow_src.running.gpu import has_nvidia_gpu
from workflow_src.common.digests import digest_code, digest_notebook
from workflow_src.common.errors import InputError
from workflow_src.running.lock import (
    LOCK,
    PARENT,
    hold_folder,
    join_run,
    live_with_run,
)
from workflow_src.settings.run_table import (
    EMBEDDING_POLICIES,
    expand_runs,
    fitted_runs,
    given_policies,
    needs_fixed,
    population_settings,
    ppo_runs,
    pretrained_seeds,
    training_settings,
)
from workflow_src.settings.runs import FIXED
from workflow_src.running.workdir import check_workdir
from workflow_src.corpus.recording_digests import (
    digest_recordings,
    no_digests,
    read_digests,
)
from workflow_src.embeddings.importing import find_files


def checked(function, *arguments):
    """Call a function; tell a user's mistake in one line, before anything runs."""
    try:
        return function(*arguments)
    except InputError as error:
        raise WorkflowError(str(error)) from None


SETTINGS = checked(validate_config, config, "config")
# Snakemake itself would stop with a traceback.
checked(check_workdir, Path.cwd())

RUNS = {run.run: run for run in expand_runs(SETTINGS)}
TRAINED_RUNS = [run.run for run in ppo_runs(SETTINGS)]
FITTED_RUNS = {run.run: run for run in fitted_runs(SETTINGS)}
TUNED_RUNS = {run.run: run for run in RUNS.values() if run.tuned}
GIVEN = given_policies(SETTINGS)
PRETRAINED = "results/policies/pretrained-seed{seed}"
PRETRAINED_SEEDS = pretrained_seeds(SETTINGS)


wildcard_constraints:
    shard=r"\d+",
    seed=r"\d+",
    scenario="|".join(SETTINGS.trials.scenarios),
    run=r"[a-z0-9.-]+",


# Steps run as `python -m workflow_src...` from any working directory, and without conda with the
# Python that runs Snakemake, whether or not its environment is activated.
_steps_lock = Path.cwd() / ".snakemake/steps.lock"
_setup = f"set -euo pipefail; export PYTHONPATH={shlex.quote(str(workflow.basedir))}; "
_setup += f"export {PARENT}=$PPID {LOCK}={shlex.quote(str(_steps_lock))}; "
if DeploymentMethod.CONDA not in workflow.deployment_settings.deployment_method:
    _setup += f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH; "
# glibc gives every large array's memory back to the kernel at once, to be cleared and mapped anew
# for the next; kept, synthesis and extraction take a tenth less time.
_setup += "export MALLOC_MMAP_THRESHOLD_=33554432 MALLOC_TRIM_THRESHOLD_=268435456; "
shell.prefix(_setup)


# One run in a folder; a run within a run (benchmark_methods) ends with it.
onstart:
    live_with_run()
    checked(hold_folder, _steps_lock.parent, _steps_lock)


# On a cluster this file is read again by each job.
if workflow.remote_exec:
    checked(join_run, _steps_lock)
    # Such a job is not told of --resources; without, it would ask for the CPUs of all steps at once.
    workflow.register_resource("turn", 1)


def settings(*keys):
    """Return a block of the checked settings, or one value, as JSON for a rule's params."""
    value = SETTINGS
    for key in keys:
        value = getattr(value, key)
    return (
        value.model_dump_json()
        if hasattr(value, "model_dump_json")
        else json.dumps(value)
    )


def option(name, value):
    """Write an option of a command line, quoted; nothing where it has no value."""
    return f"{name} {shlex.quote(value)}" if value else ""


def code(step):
    """Return the digest of all code that a step reaches, for its rule's params."""
    return digest_code(f"workflow_src.{step}")


def resource_path(path):
    """Find a file: resources/... beside the Snakefile, anything else from the working directory."""
    beside = path.startswith("resources/") and Path(workflow.basedir) != Path.cwd()
    return f"{workflow.basedir}/{path}" if beside else path


# Steps of a group take turns where --resources turn=1 says so: Slurm's plugin runs the steps of a job
# one after another, and must ask for the time of all and the memory of the largest.
resource_scopes:
    turn="local",


def growing(amount):
    """Ask for an amount of memory or time, and for as much more at each further attempt.

    What a job needs grows with the corpus; on a cluster, one that runs out is ended.
    """
    return lambda wildcards, attempt: amount * attempt


def gpus(wildcards):
    """Return how many GPUs a heavy step asks for: 1 where it will find one, else 0.

    A job that goes to a cluster asks for one unless the settings say cpu: the machine that
    submits it often has none.
    """
    device = SETTINGS.compute.device
    return int(
        device == "cuda"
        or (device == "auto" and (not workflow.local_exec or has_nvidia_gpu()))
    )


# Where a step computes changes no result, so it must not count as a changed setting: Snakemake
# does not compare params that are derived from more than wildcards.
def device(wildcards, input):
    return SETTINGS.compute.device


def deterministic(wildcards, input):
    return "--deterministic" if SETTINGS.compute.deterministic else "--no-deterministic"


def main_snakefile(wildcards, output):
    return str(workflow.main_snakefile)


def given_files(name):
    """List the files that the user gave for a policy of results/policies."""
    return policy_files(resource_path(GIVEN[name].path))


def given_policy(name):
    """List the files of an imported policy; none where the user gave none."""
    return policy_files(f"results/policies/{name}") if name in GIVEN else []


def initial_policy(wildcards):
    """List the files of the policy from which a run's finetuning starts: given, pretrained, none."""
    run = RUNS[wildcards.run]
    if run.method not in EMBEDDING_POLICIES:
        return given_policy(f"initial-{run.method}")
    if run.seed in PRETRAINED_SEEDS:
        return policy_files(PRETRAINED.format(seed=run.seed))
    return given_policy("initial-multi-head")


def initial_option(wildcards, input):
    """Write the option that names the folder of the initial policy; nothing without one."""
    return f"--initial {Path(input.initial[0]).parent}" if input.initial else ""


def run_policy(run):
    """List the files of the policy of a run; none where it has none."""
    return policy_files(run.checkpoint) if run.checkpoint else []


def is_planning():
    """Tell `snakemake plan ...`, and the dry run within it, from all that may run a job.

    Snakemake itself knows its targets only after this file is read.
    """
    return sys.argv[1:2] == ["plan"] or "WORKFLOW_PLANNING" in os.environ


def population_training(wildcards):
    """Return the settings with which the workflow of a population simulates and trains."""
    population = int(wildcards.population)
    return training_settings(population_settings(SETTINGS, population))
