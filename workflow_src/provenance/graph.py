"""The jobs that made a run's results, as the rules describe them."""

from __future__ import annotations

import json
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError

from workflow_src.common.digests import ROOT
from workflow_src.common.errors import InputError, describe_validation_error
from workflow_src.common.files import read_json
from workflow_src.settings.base import Block

# A job with this wildcard makes a part that a later job merges. The part is no result.
PART = "shard"
# These packages read a step's arguments or show its progress.
WITHOUT_EFFECT = {"pydantic", "pyyaml", "threadpoolctl", "tqdm", "tyro"}


class Job(Block):
    """A job.

    Attributes
    ----------
    rule, step, stage
        The rule, its step ``<room>.<step>``, and its stage.
    environment
        The name of its file in ``envs/``.
    gpu
        Whether it can use a GPU.
    wildcards
        The values of its wildcards, sorted by name.
    inputs
        Name of an input -> files.
    outputs
        Its files and folders.
    given
        Its params whose change reruns it. A block of settings has its name in the config, other
        params have their name in the rule.
    """

    rule: str
    step: str
    stage: str
    environment: str
    gpu: bool
    wildcards: dict[str, str]
    inputs: dict[str, list[str]]
    outputs: list[str]
    given: dict[str, Any]

    @property
    def name(self) -> str:
        """The name among the jobs of its rule; empty if the rule has one job."""
        return ".".join(self.wildcards.values())

    def read(self, param: str) -> dict[str, Any]:
        """Return a param that is a JSON object; nothing if there is no such param."""
        value = self.given.get(param)
        return json.loads(value) if isinstance(value, str) and value.startswith("{") else {}

    @property
    def makes_results(self) -> bool:
        """Whether its outputs are results."""
        return PART not in self.wildcards


class Graph(Block):
    """The jobs that made a run's results.

    Attributes
    ----------
    jobs
        The jobs.
    others
        The possible files of other rules.
    given
        Path -> digest of the files from outside, when the run began.
    """

    jobs: list[Job]
    others: list[str]
    given: dict[str, str] = Field(default_factory=dict)

    @property
    def beside(self) -> list[str]:
        """The files and folders that the workflow makes and that are no results."""
        parts = (output for job in self.jobs if not job.makes_results for output in job.outputs)
        return [*{str(Path(part).parent) for part in parts}, *self.others]

    def producers(self) -> dict[str, Job]:
        """Return the job that makes each file."""
        return {output: job for job in self.jobs for output in job.outputs}


def read_graph(path: str | Path) -> Graph:
    """Read the jobs that the workflow wrote at its start.

    Raises `InputError` if the file is missing or damaged.
    """
    content = read_json(path)
    try:
        return Graph.model_validate(content)
    except ValidationError as error:
        first, *_ = describe_validation_error(error, str(path)).splitlines()
        raise InputError(first) from error


def order_stages(graph: Graph) -> dict[str, list[str]]:
    """Return the stages in the order of the data's flow, each with the stages that it reads."""
    made_by = graph.producers()
    reads: dict[str, set[str]] = {job.stage: set() for job in graph.jobs}
    for job in graph.jobs:
        for files in job.inputs.values():
            reads[job.stage] |= {made_by[file].stage for file in files if file in made_by}
        reads[job.stage].discard(job.stage)
    order = list(TopologicalSorter(reads).static_order())
    return {stage: sorted(reads[stage], key=order.index) for stage in order}


def find_files_from_outside(graph: Graph, rule: str) -> dict[str, list[str]]:
    """Return input name -> the files that the jobs of a rule read and that no job makes."""
    made_by = graph.producers()
    found: dict[str, list[str]] = {}
    for job in graph.jobs:
        if job.rule == rule:
            for name, files in job.inputs.items():
                own = [file for file in files if file not in made_by]
                found[name] = list(dict.fromkeys([*found.get(name, []), *own]))
    return {name: files for name, files in found.items() if files}


def list_packages(environment: str) -> list[str]:
    """List the packages of an environment that can change results."""
    text = (ROOT / f"envs/{environment}.yaml").read_text(encoding="utf-8")
    *_, by_pip = yaml.safe_load(text)["dependencies"]
    names = [pin.partition("==")[0] for pin in by_pip["pip"]]
    return [name for name in names if name not in WITHOUT_EFFECT]
