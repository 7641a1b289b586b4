"""Record the settings, the versions, and the digests of code, inputs and results.

The step also writes the settings as YAML. ``snakemake --configfile results/config.yaml`` repeats
the run.
"""

import json
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflow_src.common.digests import ROOT, digest_file, entry_sources
from workflow_src.common.errors import InputError
from workflow_src.common.files import write_json, write_text
from workflow_src.common.whole_files import written_whole
from workflow_src.provenance.effective_settings import effective_settings
from workflow_src.provenance.graph import (
    Graph,
    Job,
    find_files_from_outside,
    list_packages,
    order_stages,
    read_graph,
)
from workflow_src.provenance.machine import describe_cpu, find_commit, find_devices
from workflow_src.provenance.record import Machine, Record, Stage, Step, Workflow
from workflow_src.provenance.versions import find_version, read_project
from workflow_src.running.arguments import Output
from workflow_src.settings.rendering import render_config
from workflow_src.settings.schema import Config

CONFIG_HEAD = """\
# All settings that can change these results. Other settings have their defaults. Repeat the run:
#     snakemake --cores 8 --configfile results/config.yaml
# Relative paths are relative to the working directory.
"""


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments."""

    settings: Config
    """All settings."""
    graph: Path
    """The jobs of the run, JSON, which the workflow wrote at its start."""
    results: Path
    """The results folder."""
    logs: Path
    """The folder of logs, which name the devices of steps."""
    config: Output
    """The settings, YAML."""
    record: Output
    """The record, JSON."""


def describe_stages(graph: Graph, results: Path) -> dict[str, Stage]:
    """Describe the stages of a run, with the digests of results and of files from outside."""
    return {
        stage: Stage(
            reads=reads,
            steps={
                job.step: describe_step(graph, job.rule) for job in graph.jobs if job.stage == stage
            },
            results={
                Path(output).relative_to(results).as_posix(): digest_file(output)
                for job in graph.jobs
                if job.stage == stage and job.makes_results
                for output in job.outputs
            },
        )
        for stage, reads in order_stages(graph).items()
    }


def find_beside(graph: Graph, results: Path) -> list[str]:
    """List the files and folders in the folders of results that are no results."""
    folders = {
        path.parts[0]
        for job in graph.jobs
        for path in (Path(output).relative_to(results) for output in job.outputs)
        if len(path.parts) > 1
    }
    made = (
        Path(path).relative_to(results)
        for path in graph.beside
        if Path(path).is_relative_to(results)
    )
    return sorted(path.as_posix() for path in made if path.parts[0] in folders)


def describe_step(graph: Graph, rule: str) -> Step:
    """Describe the step that a rule runs."""
    jobs = [job for job in graph.jobs if job.rule == rule]
    first, *others = jobs
    files = find_files_from_outside(graph, rule) | find_own_code(jobs)
    alike = {
        name: value
        for name, value in first.given.items()
        if all(name in job.given and job.given[name] == value for job in others)
    }
    return Step(
        packages=list_packages(first.environment),
        given={name: _read(value) for name, value in alike.items()},
        jobs={
            job.name: {name: _read(value) for name, value in job.given.items() if name not in alike}
            for job in jobs
            if job.name
        },
        inputs={name: digest_inputs(paths) for name, paths in files.items()},
        folders={name: _place_of(find_folder(paths)) for name, paths in files.items()},
    )


def find_own_code(jobs: list[Job]) -> dict[str, list[str]]:
    """Return the files of a user's own classes in a folder that jobs load, as more inputs."""
    found: dict[str, set[str]] = {}
    for job in jobs:
        rule, front_end = job.given | job.read("run"), job.read("front end")
        for name, given in (("own_rule", rule), ("own_front_end", front_end)):
            if given.get("folder") and given.get("entry"):
                files = entry_sources(given["entry"], given["folder"]).values()
                found.setdefault(name, set()).update(map(str, files))
    return {name: sorted(files) for name, files in found.items()}


def find_folder(files: list[str]) -> str:
    """Return the folder that files share."""
    return os.path.commonpath([Path(file).parent for file in files])


def _place_of(folder: str) -> str:
    """Return a folder without the place of this clone."""
    path = Path(folder)
    resources = ROOT / "resources"
    return str(path.relative_to(ROOT) if path.is_relative_to(resources) else path)


def _read(value: Any) -> Any:
    """Parse a param that is JSON; return other params as they are."""
    return json.loads(value) if isinstance(value, str) and value[:1] in {"{", "["} else value


def check_given(graph: Graph) -> None:
    """Refuse to record files from outside that are not those with which the run began."""
    for file, digest in graph.given.items():
        if digest and not (Path(file).is_file() and digest_file(file) == digest):
            raise InputError(
                f"{file}: changed during the run, so nobody knows which steps read it before; run "
                "again, and the steps that read it run again"
            )


def digest_inputs(files: list[str]) -> dict[str, str]:
    """Digest files from outside.

    Their names are relative to their common folder, so the same files in another place give the
    same record.
    """
    common = find_folder(files)
    return {Path(os.path.relpath(file, common)).as_posix(): digest_file(file) for file in files}


def run(args: Arguments) -> None:
    """Digest the results; write the settings and the record."""
    graph, settings = read_graph(args.graph), effective_settings(args.settings)
    check_given(graph)
    heavy = list(dict.fromkeys(job.rule for job in graph.jobs if job.gpu))
    project, (commit, dirty), (cpu, vectors) = read_project(), find_commit(), describe_cpu()
    stages = describe_stages(graph, args.results)
    packages = {p for s in stages.values() for step in s.steps.values() for p in step.packages}
    # Both files appear, or neither.
    with written_whole(args.config) as written, written_whole(args.record) as recorded:
        write_text(render_config(args.settings, CONFIG_HEAD, settings), written)
        record = Record(
            workflow=Workflow(
                name=project["name"], version=project["version"], commit=commit, dirty=dirty
            ),
            settings=settings,
            config=digest_file(written),
            versions={"python": platform.python_version()}
            | {name: find_version(name) for name in sorted(packages)},
            machine=Machine(
                system=platform.system(),
                architecture=platform.machine(),
                cpu=cpu,
                vectors=vectors,
                devices=find_devices(args.logs, heavy),
            ),
            stages=stages,
            beside=find_beside(graph, args.results),
        )
        write_json(record.model_dump(), recorded)
