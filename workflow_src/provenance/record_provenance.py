"""Record where the results come from: settings, versions, digests of code, inputs and results.

The settings are written as YAML, too: ``snakemake --configfile results/config.yaml`` runs them
again.
"""

import json
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflow_src.common.digests import digest_file
from workflow_src.common.files import write_json, write_text
from workflow_src.common.whole_files import written_whole
from workflow_src.provenance.effective_settings import effective_settings
from workflow_src.provenance.graph import (
    Graph,
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
# The settings of these results, all that can change one; what is left out has its default:
#     snakemake --cores 8 --configfile results/config.yaml
# runs them again. Relative paths are relative to the working directory.
"""


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments."""

    settings: Config
    """All settings."""
    graph: Path
    """The jobs of the run, JSON, as the workflow wrote them when it began."""
    results: Path
    """The results folder."""
    logs: Path
    """The folder of logs, which say the device of a step."""
    config: Output
    """The settings, YAML."""
    record: Output
    """The record, JSON."""


def describe_run(
    settings: Config, graph: Graph, results: Path, config: str, machine: Machine
) -> Record:
    """Return the record of a finished run.

    Parameters
    ----------
    settings
        The settings.
    graph
        The jobs.
    results
        The results folder.
    config, machine
        The record's fields of these names.
    """
    project = read_project()
    commit, dirty = find_commit()
    stages = describe_stages(graph, results)
    packages = sorted(
        {p for s in stages.values() for step in s.steps.values() for p in step.packages}
    )
    return Record(
        workflow=Workflow(
            name=project["name"], version=project["version"], commit=commit, dirty=dirty
        ),
        settings=effective_settings(settings),
        config=config,
        versions={"python": platform.python_version()}
        | {name: find_version(name) for name in packages},
        machine=machine,
        stages=stages,
        beside=find_beside(graph, results),
    )


def describe_stages(graph: Graph, results: Path) -> dict[str, Stage]:
    """Describe the stages of a run and digest its results and what was given from outside."""
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
    """List what the workflow makes in the folders of its results without its being one."""
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
        inputs={
            name: digest_inputs(files)
            for name, files in find_files_from_outside(graph, rule).items()
        },
    )


def _read(value: Any) -> Any:
    """Read what is given as JSON; other values stay as they are."""
    return json.loads(value) if isinstance(value, str) and value[:1] in {"{", "["} else value


def describe_machine(logs: Path, heavy: list[str]) -> Machine:
    """Return the kind of this machine, and the devices that the logs of some rules name."""
    cpu, vectors = describe_cpu()
    return Machine(
        system=platform.system(),
        architecture=platform.machine(),
        cpu=cpu,
        vectors=vectors,
        devices=find_devices(logs, heavy),
    )


def digest_inputs(files: list[str]) -> dict[str, str]:
    """Digest files from outside.

    They are named from the folder that they have in common: a record of the same files elsewhere
    is the same record.
    """
    common = os.path.commonpath([Path(file).parent for file in files])
    return {Path(os.path.relpath(file, common)).as_posix(): digest_file(file) for file in files}


def run(args: Arguments) -> None:
    """Digest the results; write the settings and the record."""
    config, graph = args.settings, read_graph(args.graph)
    heavy = list(dict.fromkeys(job.rule for job in graph.jobs if job.gpu))
    # Both or neither.
    with written_whole(args.config) as written, written_whole(args.record) as recorded:
        write_text(render_config(config, CONFIG_HEAD, effective_settings(config)), written)
        record = describe_run(
            config, graph, args.results, digest_file(written), describe_machine(args.logs, heavy)
        )
        write_json(record.model_dump(), recorded)
