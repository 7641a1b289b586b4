# What all rules share: the checked settings, the run table, and functions for params.

import functools
import json
import os
import shlex
from dataclasses import asdict
import sys
from pathlib import Path

from snakemake.logging import logger
from snakemake.utils import update_config

sys.path.insert(0, HOME)

from workflow_src.comparison.populations import population_settings, training_settings
from workflow_src.settings.policy_paths import policy_files
from workflow_src.settings.schema import validate_config
from workflow_src.running.gpu import has_nvidia_gpu
from workflow_src.common.digests import digest_code, digest_entry, digest_notebook
from workflow_src.common.errors import InputError, did_you_mean
from workflow_src.common.yaml_text import check_config_file, check_config_words
from workflow_src.settings.catalogue import BY_ID, GUARDS_BY_ID, find_method
from workflow_src.settings.config_words import read_config_words
from workflow_src.settings.run_table import (
    describe_misfits,
    expand_runs,
    finetuning_start,
    fitted_runs,
    given_policies,
    own_settings,
    ppo_runs,
    pretrained_seeds,
    reference_run,
)
from workflow_src.running.given_files import GivenFiles, check_given
from workflow_src.running.workdir import check_workdir
from workflow_src.corpus.recording_digests import (
    digest_recordings,
    no_digests,
    read_digests,
)
from workflow_src.corpus.kaldi_data import list_files
from workflow_src.corpus.naming import check_pattern
from workflow_src.embeddings.importing import find_files


def stop(said):
    """Stop before anything runs. An exception would add the lines of the Snakefile."""
    logger.error(f"error: {said}")
    sys.exit(1)


def checked(function, *arguments):
    """Call a function; bad input stops the run with a one-line error before anything runs."""
    try:
        return function(*arguments)
    except InputError as error:
        stop(error)


# Snakemake has read these files, and dropped the first of two equal keys.
for _path in workflow.configfiles:
    checked(check_config_file, _path)
# A module's settings are those that it is given.
if workflow.modifier.is_main_snakefile():
    _words = workflow.config_settings.config_args or []
    checked(check_config_words, _words)
    for _block in read_config_words(_words):
        update_config(config, _block)
SETTINGS = checked(validate_config, config, "config")
# Without this check, Snakemake would stop with a traceback.
checked(check_workdir, Path.cwd())

# Each scenario in each order.
TRIAL_LISTS = {one.id: one for one in SETTINGS.trials.lists}
RUNS = {run.run: run for run in checked(expand_runs, SETTINGS)}
TRAINED_RUNS = [run.run for run in ppo_runs(SETTINGS)]
# The runs with which controls compare, also those that the run itself does not have.
REFERENCES = {role: reference_run(SETTINGS, role) for role in ("baseline", "ceiling")}
FITTED_RUNS = {
    run.run: run
    for run in [*fitted_runs(SETTINGS), *REFERENCES.values()]
    if find_method(run.method).origin == "fitted"
}
TUNED_RUNS = {run.run: run for run in RUNS.values() if run.tuned and not run.guards}
TUNED_LIMITS = sorted({file for run in RUNS.values() for file in run.tuned_limits})
GIVEN = given_policies(SETTINGS)
PRETRAINED = "results/policies/pretrained-seed{seed}"
PRETRAINED_SEEDS = pretrained_seeds(SETTINGS)


wildcard_constraints:
    shard=r"\d+",
    seed=r"\d+",
    list="|".join(TRIAL_LISTS),
    run=r"[a-z0-9.+-]+",
    guard="|".join(GUARDS_BY_ID),


def resource_path(path):
    """Find a file: resources/... beside the Snakefile, anything else from the working directory."""
    beside = path.startswith("resources/") and Path(HOME) != Path.cwd()
    return f"{HOME}/{path}" if beside else path


def list_corpus():
    """List the user's folder of recordings or files of embeddings, if the corpus has one."""
    corpus = SETTINGS.corpus
    if corpus.source == "directory":
        return [Path(corpus.directory.root).resolve()]
    return corpus.imported.embeddings if corpus.source == "imported" else []


def given_path(path, key):
    """Find a file that a setting names; Snakemake itself ignores that it is missing once results exist."""
    return checked(check_given, resource_path(path), key)


def as_it_is(value):
    """Return a value for params as a function: Snakemake would take a user's {word} for a wildcard."""
    return lambda wildcards: value


def growing(amount):
    """Ask for an amount of memory or time, and for more at each attempt.

    Jobs need more for a larger corpus, and a cluster ends a job that runs out.
    """
    return lambda wildcards, attempt: amount * attempt


def needs(mem_mb, minutes, **others):
    """Return a rule's resources: memory and run time of the first attempt, and others."""
    return {"mem_mb": growing(mem_mb), "runtime": growing(minutes), **others}


def gpus(wildcards):
    """Return how many GPUs a heavy step asks for: 1 where it will find one, else 0.

    On a cluster it asks for one unless the settings say cpu, because the machine that submits the
    job often has none.
    """
    device = SETTINGS.compute.device
    return int(
        device == "cuda"
        or (device == "auto" and (goes_to_cluster() or has_nvidia_gpu()))
    )


# The device changes no result, so it must not count as a changed setting. Snakemake does not compare
# params that are derived from more than wildcards.
def device(wildcards, input):
    return SETTINGS.compute.device


def given_files(name):
    """List the files that the user gave for a policy in results/policies."""
    return policy_files(resource_path(GIVEN[name].path))


def given_policy(name):
    """List the files of an imported policy, if the user gave it."""
    return policy_files(f"results/policies/{name}") if name in GIVEN else []


def run_policy(run):
    """List the files of the policy of a run, if it has one."""
    return policy_files(run.checkpoint) if run.checkpoint else []


def tuned_files(run):
    """List the files of the tuned threshold and the tuned limits of a run, if it has some."""
    return [*([run.tuned] if run.tuned else []), *run.tuned_limits]


def run_files(runs):
    """List the files of the policies, tuned thresholds and tuned limits of runs."""
    files = [file for run in runs for file in (*run_policy(run), *tuned_files(run))]
    return list(dict.fromkeys(files))


def compared_runs(*roles):
    """List all runs, and before them those of roles that are not among them."""
    more = [REFERENCES[role] for role in roles if REFERENCES[role].run not in RUNS]
    return [*more, *RUNS.values()]


def list_tables(lists):
    """List the tables of trial lists: trials and enrolments."""
    return [
        f"results/trials/{one.id}{kind}.parquet"
        for one in lists
        for kind in ("", ".enrolment")
    ]


def rule_code(runs):
    """Return the digests of the code of runs' rules; an edit of a method reruns its runs."""
    entries = [entry for run in runs for entry in run.entries]
    digests = [checked(digest_entry, *entry) for entry in dict.fromkeys(entries)]
    return " ".join(dict.fromkeys(digests))


for _name, _policy in GIVEN.items():
    for _file in given_files(_name):
        checked(check_given, _file, _policy.key)


# A user's own rule that is no Python stops the run here with a one-line error.
rule_code([*RUNS.values(), *FITTED_RUNS.values()])


# The option that gives the param `settings` to Snakemake.
SETTINGS_FILE = "--configfile {params.as_file:{params.settings}}"


def list_runs(runs):
    """Write runs as JSON, for a step's option."""
    return json.dumps([asdict(run) for run in runs])


def show_methods(runs):
    """Return what tables and figures read about the runs' methods in the catalogue.

    No digest of code counts the catalogue, so rules that read it have this among their params.
    """
    methods = map(find_method, dict.fromkeys(run.method for run in runs))
    return [
        [
            row.id,
            row.label,
            row.origin,
            row.role,
            row.limit,
            row.colour,
            row.marker,
            row.dashes,
        ]
        for row in methods
    ]


def inner_settings(training):
    """Complete the settings of a population's workflow, which runs in its own folder.

    They get the device, which changes no result, and absolute paths of the user's own files.
    """
    folders = [str(Path(folder).resolve()) for folder in SETTINGS.inference.folders]
    inference = training["inference"] | {"folders": folders}
    simulated = dict(training["corpus"]["simulated"])
    if not simulated["law"].startswith("resources/"):
        simulated["law"] = str(Path(simulated["law"]).resolve())
    return training | {
        "compute": SETTINGS.compute.model_dump(),
        "corpus": training["corpus"] | {"simulated": simulated},
        "inference": inference,
    }


def scenario_row(name):
    """Return the row of one scenario as JSON; a change of it reruns no other scenario."""
    return SETTINGS.trials.find(name).model_dump_json()


def write_scenarios(names):
    """Write the rows of scenarios as JSON, for a step's option."""
    return f"[{','.join(map(scenario_row, names))}]"


def list_row(wildcards):
    """Return the row of the scenario of a trial list as JSON."""
    return scenario_row(TRIAL_LISTS[wildcards.list].scenario)


def list_order(wildcards):
    """Return the order of a trial list."""
    return TRIAL_LISTS[wildcards.list].order


def generation(order, unread=()):
    """Return the settings of generation that an order reads, as JSON; some are left out."""
    others = {} if order == "independent" else {"nontargets_per_target": True}
    return SETTINGS.trials.generation.model_dump_json(
        exclude={**dict(unread), **others}
    )


def write_lists(lists):
    """Write trial lists as JSON, for a step's option."""
    return f"[{','.join(one.model_dump_json() for one in lists)}]"


def initial_policy(wildcards):
    """List the files of the policy from which a run's finetuning starts, if any."""
    start = finetuning_start(SETTINGS, RUNS[wildcards.run])
    return policy_files(f"results/policies/{start}") if start else []


def start_policy(wildcards):
    """List the files of the policy from which fitting a run starts, if any."""
    start = find_method(FITTED_RUNS[wildcards.run].method).starts_from
    return policy_files(FITTED_RUNS[start].checkpoint) if start else []


def start_entry(wildcards):
    """Return the entry point of the policy from which fitting a run starts, if any."""
    start = find_method(FITTED_RUNS[wildcards.run].method).starts_from
    return FITTED_RUNS[start].entry if start else ""


def shipped_policy(wildcards):
    """List the files of a policy of this project that fitting a run reads, if any."""
    folder = find_method(FITTED_RUNS[wildcards.run].method).shipped
    return policy_files(resource_path(folder)) if folder else []


def folder_of(files):
    """Return the folder of a policy's files, if there are any."""
    return str(Path(files[0]).parent) if files else ""


def population_training(population):
    """Return the settings for simulating a population and training on it."""
    return training_settings(population_settings(SETTINGS, int(population)))


@functools.cache
def population_code():
    """Return the digests of all code that makes a population, the same for each population."""
    training = population_training(SETTINGS.comparison.populations[0])
    return collect_code(POPULATION_TARGETS, training)


def found_lists(wildcards):
    """Find the user's files of a trial list that is imported."""
    imported, row = SETTINGS.trials.imported, TRIAL_LISTS[wildcards.list]
    return find_lists(imported.root, imported.form, row.scenario)


def estimate_seconds(rules_to_run):
    """Return the seconds of one job of each rule, for the console. It takes seconds itself."""
    from workflow_src.planning.plan import Arguments, make_estimate

    made = {
        "settings": SETTINGS,
        "stages": list_stages(),
        "on_gpu": [],
        "listing": sorted({job["rule"] for job in find_jobs([MANIFEST])}),
        "cores": 1,
        "results": Path("results"),
    }
    given = {name: value or None for name, value in PLANNED.items()}
    given["embeddings"] = IMPORTED
    return make_estimate(Arguments(**made, **given), rules_to_run).seconds()
