"""Describe a finished run as a Workflow Run RO-Crate in the results folder.

The step writes ``ro-crate-metadata.json`` and ``workflow/``, a copy of the workflow's files, to the
results folder, which becomes the crate. The profile is Workflow Run Crate 0.5
(https://w3id.org/ro/wfrun/workflow/0.5) over RO-Crate 1.1.
"""

import base64
import shutil
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from workflow_src.common.digests import ROOT, digest_file
from workflow_src.common.errors import InputError
from workflow_src.common.files import read_json, write_json
from workflow_src.common.whole_files import folder_written_whole
from workflow_src.provenance.describe import quote
from workflow_src.provenance.finished_run import FinishedRun, find_run
from workflow_src.provenance.record import CONFIG, RECORD
from workflow_src.provenance.versions import find_version, read_project
from workflow_src.running.arguments import Input, Output

with warnings.catch_warnings():
    # A package that rocrate imports warns.
    warnings.simplefilter("ignore", DeprecationWarning)
    from rocrate.model.contextentity import ContextEntity
    from rocrate.model.entity import Entity
    from rocrate.rocrate import ROCrate

METADATA, WORKFLOW = "ro-crate-metadata.json", "workflow"
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
# The context of RO-Crate 1.1 does not have this term.
TERMS = {"sha256": "https://w3id.org/ro/terms/workflow-run#sha256"}
# The files of the clone that are needed to run the workflow again.
SOURCES = [
    "Snakefile",
    "config.yaml",
    "envs",
    "LICENSE",
    "Makefile",
    "notebooks",
    "profiles",
    "pyproject.toml",
    "README.md",
    "report",
    "requirements.gpu.lock",
    "requirements.lock",
    "requirements.torch.lock",
    "resources",
    "rules",
    "workflow_src",
]
FORMATS = {
    ".csv": "text/csv",
    ".ipynb": "application/x-ipynb+json",
    ".json": "application/json",
    ".parquet": "application/vnd.apache.parquet",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".yaml": "application/yaml",
}
LICENSE = (
    "The workflow is under the MIT license (workflow/LICENSE). "
    "Who publishes these results says under which license they are."
)


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments."""

    record: Input
    """The record, JSON, in the results folder."""
    jobs: Path
    """The folder of Snakemake's records of jobs, which have their times."""
    metadata: Output
    """The description, JSON: ro-crate-metadata.json in the results folder."""
    workflow: Output
    """The copy of the workflow: workflow/ in the results folder."""


def build_crate(run: FinishedRun, period: tuple[float, float] | None) -> ROCrate:
    """Describe a finished run and the copy of the workflow in its results folder.

    `period` is the start of the first job and the end of the last job, in seconds since 1970, or
    None if it is unknown.
    """
    record, results = run.record, run.results
    assert results is not None
    crate = ROCrate(version="1.1")
    crate.metadata.extra_terms.update(TERMS)
    crate.name = f"Results of {record.workflow.name} {record.workflow.version}"
    crate.description = quote(record)
    crate.license = LICENSE
    crate.datePublished = _time(period[1]) if period else datetime.now(UTC).date().isoformat()
    workflow = _add_workflow(crate, run)

    config = _add_file(crate, CONFIG, results / CONFIG, "The settings of the run")
    taken = [config]
    _add_parameter(crate, workflow, "input", "config", "settings, as YAML", [config])
    for kind, inputs in record.inputs.items():
        given = [_add_input(crate, results, name, digest) for name, digest in inputs.items()]
        _add_parameter(crate, workflow, "input", kind, f"what was given: {kind}", given)
        taken += given

    made: list[Entity] = []
    for stage, part in record.stages.items():
        files = [
            _add_file(crate, name, results / name, digest=digest)
            for name, digest in part.results.items()
        ]
        _add_parameter(crate, workflow, "output", stage, f"results of the stage {stage}", files)
        made += files
    _add_file(crate, RECORD, results / RECORD, "The record: versions, digests, kind of machine")

    action = crate.add_action(
        workflow,
        identifier="#run",
        object=_alone(taken),
        result=_alone(made),
        properties={
            "name": f"Run of {record.workflow.name}",
            "description": quote(record),
            "actionStatus": "http://schema.org/CompletedActionStatus",
        },
    )
    if period:
        action["startTime"], action["endTime"] = map(_time, period)
    crate.root_dataset["mentions"] = action
    return crate


def _add_workflow(crate: ROCrate, run: FinishedRun) -> Entity:
    """Add the copy of the workflow with its Snakefile, and the profiles."""
    workflow = crate.add_workflow(
        dest_path=f"{WORKFLOW}/Snakefile",
        main=True,
        lang="snakemake",
        lang_version=find_version("snakemake"),
        properties={
            "name": run.record.workflow.name,
            "description": read_project()["description"],
            "version": run.record.workflow.version,
            "license": {"@id": "https://spdx.org/licenses/MIT"},
            "encodingFormat": "text/plain",
            "conformsTo": {
                "@id": "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
            },
        },
    )
    folder = crate.add_dataset(
        dest_path=WORKFLOW,
        properties={"name": "The workflow", "description": "All that runs it again."},
    )
    folder["hasPart"] = workflow
    if (commit := run.record.workflow.commit) is not None:
        changed = ", with changes" if run.record.workflow.dirty else ""
        folder["description"] = f"All that runs it again; git commit {commit}{changed}."
    crate.root_dataset["conformsTo"] = [
        crate.add(
            ContextEntity(crate, uri, {"@type": "CreativeWork", "name": name, "version": version})
        )
        for uri, (name, version) in PROFILES.items()
    ]
    return workflow


def _add_file(
    crate: ROCrate, name: str, path: Path, said: str | None = None, digest: str | None = None
) -> Entity:
    properties = {
        "name": name,
        "sha256": digest or digest_file(path),
        "contentSize": str(path.stat().st_size),
        "encodingFormat": FORMATS.get(path.suffix, "application/octet-stream"),
    }
    if said:
        properties["description"] = said
    return crate.add_file(dest_path=name, properties=properties)


def _add_input(crate: ROCrate, results: Path, name: str, digest: str) -> Entity:
    """Add an input file. A file outside of the workflow's copy is named by its digest."""
    for path in (results / WORKFLOW / "resources").rglob(Path(name).name):
        if path.is_file() and digest_file(path) == digest:
            return _add_file(crate, path.relative_to(results).as_posix(), path, digest=digest)
    # RFC 6920 names content by an absolute URI without its place.
    code = base64.urlsafe_b64encode(bytes.fromhex(digest)).decode().rstrip("=")
    return crate.add_file(
        f"ni:///sha-256;{code}",
        properties={"name": name, "sha256": digest, "description": "Not part of this crate."},
    )


def _add_parameter(
    crate: ROCrate, workflow: Entity, way: str, name: str, said: str, files: list[Entity]
) -> None:
    """Add an input or output of the workflow, with its files in this run."""
    if not files:
        return
    parameter = crate.add_formal_parameter(
        name, "File", identifier=f"#{way}-{name.replace('/', '-')}", description=said
    )
    parameter["workExample"] = _alone(files)
    for file in files:
        file["exampleOfWork"] = parameter
    workflow.append_to(way, parameter)


def _alone(values: list[Entity]) -> list[Entity] | Entity:
    """Return a list of several values, or one value without a list, as RO-Crate requires."""
    return values if len(values) > 1 else values[0]


def find_period(folder: Path, results: list[str]) -> tuple[float, float] | None:
    """Find the start and the end of a run's jobs in Snakemake's records, in seconds since 1970.

    `folder` has one JSON file per output. Its path is the output's path in base64. A long one is
    cut into folders whose names begin with @. `results` are relative to the working directory.
    Return None if there are no such records.
    """
    wanted, found = set(results), []
    for path in folder.rglob("*"):
        if path.is_file() and _output_of(path.relative_to(folder)) in wanted:
            content = read_json(path)
            times = content.get("starttime"), content.get("endtime")
            if all(isinstance(time, float) for time in times):
                found.append(times)
    return (min(start for start, _ in found), max(end for _, end in found)) if found else None


def _output_of(record: Path) -> str | None:
    code = "".join(part.removeprefix("@") for part in record.parts)
    try:
        return base64.urlsafe_b64decode(code).decode()
    except ValueError:
        return None


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def copy_workflow(target: Path, root: Path = ROOT) -> None:
    """Copy the workflow's files without hidden files and Python's caches."""
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")
    with folder_written_whole(target) as part:
        for name in SOURCES:
            if (root / name).is_dir():
                shutil.copytree(root / name, part / name, ignore=ignored)
            else:
                shutil.copy(root / name, part / name)


def run(args: Arguments) -> None:
    """Copy the workflow and write the crate's description."""
    results = args.record.parent
    finished = find_run(results)
    if wrong := [*finished.changed, *finished.lost]:
        raise InputError(
            f"{results / wrong[0]}: is not as {RECORD} says; run the workflow again first"
        )
    copy_workflow(args.workflow)
    outputs = [f"{results.name}/{name}" for name in finished.record.results]
    crate = build_crate(finished, find_period(args.jobs, outputs))
    write_json(crate.metadata.generate(), args.metadata)
