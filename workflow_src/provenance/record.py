"""The record of a run, ``provenance.json``: its fields and its reader."""

import hashlib
import json
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from workflow_src.common.errors import InputError, describe_validation_error
from workflow_src.common.files import read_json
from workflow_src.settings.base import Block

RECORD, CONFIG = "provenance.json", "config.yaml"
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Workflow(Block):
    """The workflow, and the state of its clone when the record was written."""

    name: str
    version: str
    commit: str | None
    dirty: bool | None


class Machine(Block):
    """The kind of the machine that wrote the record, and the devices of steps."""

    system: str
    architecture: str
    cpu: str
    vectors: list[str]
    devices: dict[str, list[str]]


class Step(Block):
    """A step that ran.

    Attributes
    ----------
    packages
        The packages of its environment that can change results.
    given
        The params that all its jobs share, with the digest of its code. A block of settings has its
        name in the config.
    jobs
        Name of a job -> its other params.
    inputs
        Name of an input -> file from outside -> digest.
    folders
        Name of an input -> the folder to which its files are relative: absolute, or relative to the
        working directory or, for ``resources/``, to the workflow.
    """

    packages: list[str]
    given: dict[str, Any]
    jobs: dict[str, dict[str, Any]]
    inputs: dict[str, dict[str, Sha256]]
    folders: dict[str, str] = Field(default_factory=dict)


class Stage(Block):
    """A stage: a file of rules that is also a target.

    Attributes
    ----------
    reads
        The stages whose results it reads.
    steps
        Name ``<room>.<step>`` -> step.
    results
        Path under ``results/`` -> digest.
    """

    reads: list[str]
    steps: dict[str, Step]
    results: dict[str, Sha256]

    @field_validator("results")
    @classmethod
    def _check_results(cls, results: dict[str, str]) -> dict[str, str]:
        for name in results:
            if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
                raise ValueError(f"{name!r} lies outside of the results folder")
        return results


class _Part(BaseModel):
    """A part of a record; other keys may stand beside."""

    model_config = ConfigDict(strict=True)


class _Corpus(_Part):
    source: str


class _Trials(_Part):
    scenarios: list[str]


class _Inference(_Part):
    methods: list[str]
    released: dict[str, str | None]


class _Settings(_Part):
    seed: int
    corpus: _Corpus
    trials: _Trials
    inference: _Inference


class _Versions(_Part):
    python: str


class _Described(_Part):
    """What the description of a run names of parts that differ between runs."""

    settings: _Settings
    versions: _Versions


class Record(Block):
    """The record of a run.

    Attributes
    ----------
    settings
        The settings that can change a result, nested as in the configuration.
    config
        Digest of `CONFIG`, the same settings as YAML.
    versions
        Versions of Python and of the packages that can change results.
    stages
        The stages in the order of the data's flow.
    beside
        Files and folders in the results folder that the workflow makes and that are no results.
    """

    workflow: Workflow
    settings: dict[str, Any]
    config: Sha256
    versions: dict[str, str]
    machine: Machine
    stages: dict[str, Stage]
    beside: list[str]

    @property
    def steps(self) -> dict[str, Step]:
        """The steps of all stages."""
        return {name: step for stage in self.stages.values() for name, step in stage.steps.items()}

    @property
    def results(self) -> dict[str, str]:
        """The digests of the results of all stages."""
        return {
            path: found for stage in self.stages.values() for path, found in stage.results.items()
        }

    @property
    def inputs(self) -> dict[str, dict[str, str]]:
        """``<step>.<input>`` -> the digests of the files from outside."""
        return {
            f"{name.partition('.')[2]}.{kind}": files
            for name, step in self.steps.items()
            for kind, files in step.inputs.items()
        }

    @property
    def folders(self) -> dict[str, str]:
        """``<step>.<input>`` -> the folder to which its files are relative."""
        return {
            f"{name.partition('.')[2]}.{kind}": folder
            for name, step in self.steps.items()
            for kind, folder in step.folders.items()
        }


def read_record(path: str | Path) -> Record:
    """Read a record.

    Raises `InputError` if the file is missing, damaged, or of another version of the workflow.
    """
    content = read_json(path)
    if isinstance(content, dict) and "results" in content:
        raise InputError(f"{path}: an earlier version of the workflow wrote it; use that version")
    try:
        record = Record.model_validate(content)
        _Described.model_validate({"settings": record.settings, "versions": record.versions})
    except ValidationError as error:
        first, *_ = describe_validation_error(error, str(path)).splitlines()
        raise InputError(f"{first} (a record that this version of the workflow wrote?)") from error
    return record


def digest_settings(record: Record) -> str:
    """Return one sha256 over all settings in any order."""
    return _digest(json.dumps(record.settings, sort_keys=True))


def digest_results(record: Record) -> str:
    """Return the sha256 of the output of `sha256sum` on all results, sorted by path."""
    return _digest("".join(f"{record.results[name]}  {name}\n" for name in sorted(record.results)))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
