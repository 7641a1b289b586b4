# Code that depends on undocumented internals of Snakemake 9. The comments tell what breaks where they
# change.

import base64
import contextlib
import functools
import re
import shlex
import shutil
from pathlib import Path

from snakemake.io import is_flagged
from snakemake.modules import WorkflowModifier
from snakemake.persistence import MetadataRecord
from snakemake.persistence.file import FilePersistence
from snakemake.settings.types import DeploymentMethod

from workflow_src.common.files import write_json
from workflow_src.common.whole_files import remove_parts, sync, written_whole
from workflow_src.running.as_file import MARK, AsFile
from workflow_src.running.console import Console
from workflow_src.running.damage import is_damaged
from workflow_src.running.held_corpus import keep_corpus
from workflow_src.running.lock import LOCK, PARENT, hold_folder, join_run, live_with_run
from workflow_src.running.signature import read_signature

LAUNCHER = "python -m workflow_src.run "
# The jobs of a run, for its record.
GRAPH = ".snakemake/graph.json"
GIVEN_FILES = GivenFiles(Path(".snakemake/given.json"))


# A command names in a file whatever grows with the user's data. Where Snakemake no longer formats a
# command as it starts it, such a file is missing, and its step ends.
AS_FILE = AsFile(".snakemake/as_file", writes=not workflow.dryrun)


def step(name, without=(), printed="> {log} 2>&1"):
    """Return the command of a step, ``<room>.<step>``, with an option for each of its arguments.

    The options are in a file, since all files of a corpus may be among them. The value is the input,
    output or param of the same name. Arguments in `without` keep their defaults. `printed` redirects
    the step's output.
    """
    words = []
    for argument in read_signature(name):
        if argument.name in without:
            continue
        place = (
            "threads"
            if argument.name == "threads"
            else f"{argument.place}.{argument.name}"
        )
        words.append(f"{argument.option}{' ' if argument.many else '='}{{{place}:q}}")
    # The last blank keeps the format from ending in q, which Snakemake would take for itself.
    return f"{LAUNCHER}{name} {MARK}{{params.as_file:{' '.join(words)} }} {printed}"


def finish_rules():
    """Give each rule that runs a step the digest of its code, its log and its benchmark.

    A rule whose command names files that it writes gets the param `as_file`. Where `set_params`,
    `set_log` or `benchmark` of Snakemake's rules change, one of the three is missing. Then tests
    fail: logs are missing, or an edit of the code reruns nothing.
    """
    for made in workflow.rules:
        if "{params.as_file:" in (made.shellcmd or ""):
            made.set_params(as_file=lambda wildcards, input: AS_FILE)
        if not find_step(made):
            continue
        made.set_params(
            code=digest_code(f"workflow_src.{find_step(made)}"),
            given=_digest_given(made),
        )
        wildcards = ".".join(f"{{{name}}}" for name in sorted(made.wildcard_names))
        stem = str(Path("logs", made.name, wildcards))
        made.log_modifier = made.benchmark_modifier = workflow.modifier.path_modifier
        if not made.log:
            made.set_log(f"{stem}.log")
        if made.output:
            made.benchmark = f"{stem}.benchmark.tsv"


def _digest_given(made):
    """Return the function of a job's wildcards that digests the inputs which no rule makes."""

    def digest(wildcards):
        inputs, *_ = made.expand_input(wildcards)
        files = [str(file) for file in inputs if is_given(str(file))]
        return " ".join(GIVEN_FILES.digest(files))

    return digest


@functools.cache
def is_given(file):
    """Whether no rule makes a file."""
    return not any(
        output.match(file) for made in workflow.rules for output in made.output
    )


def check_options():
    """Refuse a run that would keep results of other settings, code or files beside its record.

    Where Snakemake's settings change, every run ends here at its start.
    """
    dag, execution = workflow.dag_settings, workflow.execution_settings
    asked = {str(trigger) for trigger in dag.rerun_triggers}
    lacking = sorted({"code", "input", "mtime", "params"} - asked)
    refused = {
        f"--rerun-triggers lacks {', '.join(lacking)}": lacking,
        "--allowed-rules keeps what other rules made": dag.allowed_rules,
        "--batch looks at a part of the inputs": dag.batch,
        "--drop-metadata leaves no record of what a result was made with": not execution.keep_metadata,
        "--ignore-incomplete keeps what is half made": execution.ignore_incomplete,
        "--trust-io-cache does not look at the files": dag.trust_io_cache,
    }
    if found := [said for said, is_asked in refused.items() if is_asked]:
        stop(
            f"{'; '.join(found)}: results of other settings would stay, and the record would name "
            "settings that they were not made with; leave the option out"
        )


def check_targets():
    """Refuse a target that is no rule, no result and no file, and list the targets there are.

    Where `targets` of Snakemake's settings changes, every run ends here at its start.
    """
    named = [made.name for made in workflow.rules if not made.wildcard_names]
    for target in map(str, workflow.dag_settings.targets or []):
        if target in named or os.path.lexists(target):
            continue
        if not any(out.match(target) for made in workflow.rules for out in made.output):
            stages = [made.name for made in workflow.rules if not find_step(made)]
            others = [name for name in named if name not in stages]
            stop(
                f"{target}: there is no such target; targets are {', '.join(stages)}; single "
                f"steps: {', '.join(others)}; or a file of results/{did_you_mean(target, named)}"
            )


def find_step(made):
    """Return the step that a rule runs, ``<room>.<step>``, if any."""
    found = re.search(re.escape(LAUNCHER) + r"([\w.]+)", made.shellcmd or "")
    return found[1] if found else ""


def find_stage(made):
    """Return the stage of a rule: the name of its file."""
    return Path(made.snakefile).stem


def uses_gpu(made):
    return "gpu" in made.resources


def list_stages():
    """Return the stage of each rule that runs a step, in the order of the files."""
    return {made.name: find_stage(made) for made in workflow.rules if find_step(made)}


def list_gpu_rules():
    """List the rules that can use a GPU."""
    return [made.name for made in workflow.rules if uses_gpu(made)]


def find_jobs(wanted, made_by=None):
    """Find the jobs that make the files `wanted`, and all jobs on whose results they depend.

    The jobs are in the order of their rules, each a dict in the form of
    `workflow_src.provenance.graph.Job`. `made_by` are the rules to search; by default all.

    Where `expand_input`, `expand_output` or `expand_params` of Snakemake's rules change, every run
    ends here at its start.
    """
    making = [made for made in made_by or workflow.rules if made.output]
    found, known, waiting = [], set(), list(map(str, wanted))
    while waiting:
        file = waiting.pop()
        for place, made in enumerate(making):
            if file not in known and any(output.match(file) for output in made.output):
                job = _describe_job(made, made.get_wildcards(file))
                known |= set(job["outputs"])
                waiting += [path for files in job["inputs"].values() for path in files]
                found.append((place, list(job["wildcards"].values()), job))
    return [job for *_, job in sorted(found, key=lambda entry: entry[:2])]


def _describe_job(made, wildcards):
    inputs, *_ = made.expand_input(wildcards)
    outputs, _ = made.expand_output(wildcards)
    params, _ = made.expand_params(wildcards, inputs, outputs, None)
    signature = read_signature(find_step(made)) if find_step(made) else []
    keys = {argument.name: argument.key for argument in signature}
    return {
        "rule": made.name,
        "step": find_step(made),
        "stage": find_stage(made),
        "environment": Path(made.conda_env or "").stem,
        "gpu": uses_gpu(made),
        "wildcards": {name: wildcards[name] for name in sorted(wildcards)},
        "inputs": {
            name: [files] if isinstance(files, str) else list(map(str, files))
            for name, files in inputs.items()
        },
        "outputs": list(map(str, outputs)),
        # Params derived from more than wildcards only tell where or how a job runs.
        "given": {
            keys.get(name) or name: params[name]
            for name, value in made.params._allitems()
            if name != "given" and not made._is_deriving_function(value)
        },
    }


def write_graph(wanted, path):
    """Write the jobs that make some files, in the form of `workflow_src.provenance.graph.Graph`."""
    jobs = find_jobs(wanted)
    rules_there = {job["rule"] for job in jobs}
    others = [
        str(output)
        for made in workflow.rules
        if made.name not in rules_there
        for output in made.output
        if not made.wildcard_names
    ]
    inputs = {
        file for job in jobs for files in job["inputs"].values() for file in files
    }
    files = sorted(file for file in inputs if is_given(file))
    given = dict(zip(files, GIVEN_FILES.digest(files)))
    write_json({"jobs": jobs, "others": others, "given": given}, path)


def collect_code(targets, settings):
    """Return by rule the digests of the code on which targets depend with other settings.

    The Snakefile is read again, as Snakemake reads a module. Where modules change,
    `benchmark_methods` ends before anything runs.
    """
    snakefile, kept = f"{HOME}/Snakefile", workflow._rules
    # A dict, because Snakemake takes a line that begins with `pathvars` for a directive.
    options = {"pathvars": workflow.pathvars, "skip_global_report_caption": True}
    try:
        workflow._rules = type(kept)()
        with WorkflowModifier(
            workflow, config=settings, base_snakefile=snakefile, **options
        ):
            workflow.include(snakefile)
        made_by = list(workflow.rules)
    finally:
        workflow._rules = kept
    wanted = [file for made in made_by if made.name in targets for file in made.input]
    found = {}
    for job in find_jobs(wanted, made_by):
        digests = {
            value for name, value in job["given"].items() if name.endswith("code")
        }
        found[job["rule"]] = sorted(digests.union(found.get(job["rule"], [])))
    return found


# Steps run as `python -m workflow_src.run` from any working directory. Without conda they use the
# Python that runs Snakemake, even if its environment is not activated. Where the deployment settings
# change, steps find another Python.
# What bash runs before a command, and Python before a job on a node, is the user's: it stays away. The
# rest of the environment is chosen by `workflow_src.running.surroundings`.
os.environ.pop("BASH_ENV", None)
os.environ.update(PYTHONSAFEPATH="1")
_steps_lock = Path.cwd() / ".snakemake/steps.lock"
_setup = "set -euo pipefail; unset ${{!PYTHON@}}; unset -f python snakemake; "
_setup += f"export PYTHONSAFEPATH=1 PYTHONPATH={shlex.quote(HOME)}; "
_setup += f"export {PARENT}=$PPID {LOCK}={shlex.quote(str(_steps_lock))}; "
if DeploymentMethod.CONDA not in workflow.deployment_settings.deployment_method:
    _setup += f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH; "
shell.prefix(_setup)


# Records and markers of jobs appear whole and are on the disk, like results: a marker before its job
# begins, a record after its results. Without a readable record, nobody knows with what a result was
# made: it counts as half made. Where FilePersistence changes, tests of power cuts fail.
def _write_record_file(persistence, folder, content, key):
    with written_whole(persistence._record_path(folder, key)) as part:
        part.write_text(json.dumps(content))


def _write_record(persistence, key, record):
    # With --touch nothing is made: a result keeps the record of what it was made with.
    if persistence.dag.workflow.touch:
        return
    for path in (key, *(record.log or [])):
        if Path(path).exists():
            sync(path)
    persistence._io_write(persistence._metadata_path, dict(record.items()), key)


def _find_half_made(persistence, keys):
    keys = list(keys)
    marked = _find_marked(persistence, keys)
    if not persistence.dag.workflow.is_main_process:
        return marked
    return marked | {key for key in keys if persistence._read_record(key) is None}


# Once in a process: `collect_code` reads this file again.
IS_FIRST = "_build_dag" not in vars(workflow)
if IS_FIRST:
    _find_marked = FilePersistence._filter_incomplete_keys
    FilePersistence._io_write = _write_record_file
    FilePersistence._write_record = _write_record
    FilePersistence._filter_incomplete_keys = _find_half_made


def mend_folder(persistence):
    """Remove what an earlier run left half made or damaged, so that it is made again."""
    remove_parts("results")
    again = {output for _, output in _list_records(persistence._incomplete_path)}
    for record, output in _list_records(persistence._metadata_path):
        if not _is_record(record) or _is_damaged(Path(output)):
            again.add(output)
    again = {output for output in again if not is_given(output)}
    there = [Path(output) for output in again if os.path.lexists(output)]
    for path in there:
        is_folder = path.is_dir() and not path.is_symlink()
        shutil.rmtree(path) if is_folder else path.unlink()
    for output in again:
        persistence._delete_record(output)
        persistence._unmark_incomplete(output)
    if there:
        print(
            f"results: {len(there)} were half made, empty or unreadable after an earlier run; "
            "they are made again",
            file=sys.stderr,
        )


def _list_records(folder):
    """List Snakemake's records or markers in a folder, each with the output that its name encodes."""
    paths = (path for path in Path(folder).rglob("*") if path.is_file())
    for path in paths:
        parts = path.relative_to(folder).parts
        code = "".join(part.removeprefix("@") for part in parts)
        with contextlib.suppress(ValueError):
            yield path, base64.urlsafe_b64decode(code).decode()


def _is_record(path):
    """Whether Snakemake can read the record of an output."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return bool(content and MetadataRecord.model_validate(content))
    except ValueError:
        return False


def _is_damaged(path):
    return (
        path.exists()
        and is_damaged(path)
        and not any(
            output.match(str(path)) and is_flagged(output, "touch")
            for made in workflow.rules
            for output in made.output
        )
    )


def begin_run():
    """Begin a run: nothing half made, and one run in a folder.

    An inner run (benchmark_methods) ends with its outer run.
    """
    live_with_run()
    check_options()
    # Where nothing can be written, nothing is made: a finished run in a folder that is read-only.
    if not os.access(_steps_lock.parent, os.W_OK):
        return
    checked(hold_folder, _steps_lock.parent, _steps_lock)
    if not is_planning():
        corpus = [SETTINGS.corpus.source, *map(str, list_corpus())]
        note, replace = _steps_lock.with_name("corpus"), SETTINGS.corpus.replace
        checked(keep_corpus, note, Path("results"), " ".join(corpus), replace)
    shutil.rmtree(AS_FILE, ignore_errors=True)
    workflow.dag_settings.force_incomplete = True
    makes = not is_planning() and not workflow.touch
    if makes and isinstance(workflow.persistence, FilePersistence):
        mend_folder(workflow.persistence)
    write_graph(rules.record_provenance.input, GRAPH)
    if makes:
        CONSOLE.learn_seconds(estimate_seconds)


def makes_results():
    """Whether jobs run. Snakemake knows it only after it has read this file."""
    return workflow.executor_plugin is not None and not workflow.dryrun


def _begin_and_build():
    check_targets()
    if makes_results() and workflow.is_main_process:
        begin_run()
    _build_dag()


# Snakemake's `onstart` would be too late, because the jobs are chosen before it; and --no-hooks would
# leave it out. Where `_build_dag` changes, tests of two runs in a folder fail.
if IS_FIRST:
    _build_dag = workflow._build_dag
    workflow._build_dag = _begin_and_build


# The console shows what people look at; Snakemake's file of the run has all. Where the handler's name
# changes, the console shows all of it, too.
CONSOLE = Console()


def show_on_console():
    """Write what a run says by `CONSOLE`, unless it is asked for more."""
    asked = workflow.output_settings
    if asked.verbose or asked.printshellcmds:
        return
    for handler in logger.handlers:
        if handler.name == "DefaultStreamHandler":
            handler.setFormatter(CONSOLE.replace(handler.formatter, makes_results))
            handler.addFilter(functools.partial(_leave_no_blank_line, handler))


def _leave_no_blank_line(handler, record):
    handler.last_msg_was_job_info = True
    return True


if workflow.modifier.is_main_snakefile() and workflow.is_main_process:
    show_on_console()


# Each job of a cluster reads this file again; then `workflow.remote_exec` is true.
if workflow.remote_exec:
    checked(join_run, _steps_lock)
    # Such a job does not get --resources, and would ask for the CPUs of all its steps at once.
    workflow.register_resource("turn", 1)


# With --resources turn=1, the steps of a group run one after another. Slurm's plugin runs them so, and
# must ask for the time of all steps and the memory of the largest.
resource_scopes:
    turn="local",


def main_snakefile(wildcards, output):
    """Return this workflow's Snakefile; as a function's value, its path counts for no change."""
    return f"{HOME}/Snakefile"


def is_planning():
    """Whether this is `snakemake plan ...`, or the dry run within it.

    Snakemake itself knows its targets only after it has read this file.
    """
    return sys.argv[1:2] == ["plan"] or "WORKFLOW_PLANNING" in os.environ


def is_asked_for(*names):
    """Whether one of these targets is that of the run."""
    return bool({*names} & set(workflow.dag_settings.targets or ["all"]))


def goes_to_cluster():
    """Whether jobs run on other machines."""
    return not workflow.local_exec
