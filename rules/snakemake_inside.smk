# Whatever leans on the inside of Snakemake, which its documentation does not promise. Written for
# Snakemake 9; what breaks where this changes stands beside each.

import shlex
from pathlib import Path

from snakemake.settings.types import DeploymentMethod

from workflow_src.running.lock import LOCK, PARENT, hold_folder, join_run, live_with_run
from workflow_src.running.signature import read_signature

LAUNCHER = "python -m workflow_src.run "


def step(name, without=()):
    """Return the command of a step, ``<room>.<step>``, with an option for each of its arguments.

    An argument is the input, output or param of the same name; `without` names those that are left
    to their defaults.
    """
    words = [LAUNCHER + name]
    for argument in read_signature(name):
        if argument.name in without:
            continue
        place = (
            "threads"
            if argument.name == "threads"
            else f"{argument.place}.{argument.name}"
        )
        words.append(f"{argument.option}{' ' if argument.many else '='}{{{place}:q}}")
    return " ".join(words) + " > {log} 2>&1"


def finish_rules():
    """Complete what runs a step with the digest of its code, its log and its benchmark.

    Where `set_params`, `set_log` or `benchmark` of Snakemake's rules change, one of the three is
    missing: then tests fail for want of logs, or because an edit of the code reruns nothing.
    """
    for made in workflow.rules:
        if not (made.shellcmd or "").startswith(LAUNCHER):
            continue
        made.set_params(code=digest_code(f"workflow_src.{made.shellcmd.split()[3]}"))
        wildcards = ".".join(f"{{{name}}}" for name in sorted(made.wildcard_names))
        stem = str(Path("logs", made.name, wildcards))
        made.log_modifier = made.benchmark_modifier = made.output_modifier
        if not made.log:
            made.set_log(f"{stem}.log")
        if made.output:
            made.benchmark = f"{stem}.benchmark.tsv"


# Steps run as `python -m workflow_src.run` from any working directory, and without conda with the
# Python that runs Snakemake, whether or not its environment is activated. Where the deployment
# settings change, steps find another Python.
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


# On a cluster this file is read again by each job: `workflow.remote_exec` tells.
if workflow.remote_exec:
    checked(join_run, _steps_lock)
    # Such a job is not told of --resources; without, it would ask for the CPUs of all steps at once.
    workflow.register_resource("turn", 1)


# Steps of a group take turns where --resources turn=1 says so: Slurm's plugin runs the steps of a job
# one after another, and must ask for the time of all and the memory of the largest.
resource_scopes:
    turn="local",


def main_snakefile(wildcards, output):
    """Return the Snakefile that was named; a function, so that its place counts for no change."""
    return str(workflow.main_snakefile)


def is_planning():
    """Tell `snakemake plan ...`, and the dry run within it, from all that may run a job.

    Snakemake itself knows its targets only after this file is read.
    """
    return sys.argv[1:2] == ["plan"] or "WORKFLOW_PLANNING" in os.environ


def goes_to_cluster():
    """Whether jobs run elsewhere than on this machine."""
    return not workflow.local_exec
