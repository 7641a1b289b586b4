"""The record of a run, ``provenance.json``: its fields, and how it is read."""

import hashlib
import json
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator

from workflow_src.common.errors import InputError, describe_validation_error
from workflow_src.common.files import read_json
from workflow_src.provenance.contract import stage_of
from workflow_src.settings.base import Block

RECORD, CONFIG = "provenance.json", "config.yaml"
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Workflow(Block):
    """The workflow that ran, and the state of its clone when the record was written."""

    name: str
    version: str
    commit: str | None
    dirty: bool | None


class Machine(Block):
    """The kind of machine on which the record was written, and the devices of the heavy steps."""

    system: str
    architecture: str
    cpu: str
    vectors: list[str]
    devices: dict[str, list[str]]


class Record(Block):
    """The record of a run.

    Attributes
    ----------
    workflow
        Name, version, git commit; null outside of a clone.
    settings
        Those that can change a result, nested as in the configuration.
    config
        Digest of `CONFIG`, the same settings as YAML.
    versions
        Of Python and of the packages that results depend on.
    machine
        The kind of machine.
    code
        A digest a step and notebook.
    inputs
        Kind of input -> name of file -> digest.
    results
        Path under ``results/`` -> digest, of every file of the results contract.
    """

    workflow: Workflow
    settings: dict[str, Any]
    config: Sha256
    versions: dict[str, str]
    machine: Machine
    code: dict[str, str]
    inputs: dict[str, dict[str, Sha256]]
    results: dict[str, Sha256]

    @field_validator("results")
    @classmethod
    def _check_results(cls, results: dict[str, str]) -> dict[str, str]:
        for name in results:
            if stage_of(name) is None or ".." in PurePosixPath(name).parts:
                raise ValueError(f"{name!r} is no file of the results contract")
        return results


def read_record(path: str | Path) -> Record:
    """Read a record.

    Raises
    ------
    InputError
        The file is missing, damaged, or no record of this version of the workflow.
    """
    content = read_json(path)
    try:
        return Record.model_validate(content)
    except ValidationError as error:
        first, *_ = describe_validation_error(error, str(path)).splitlines()
        raise InputError(f"{first} (a record that this version of the workflow wrote?)") from error


def digest_settings(record: Record) -> str:
    """Return one sha256 over all settings, whatever their order."""
    return _digest(json.dumps(record.settings, sort_keys=True))


def digest_results(record: Record) -> str:
    """Return one sha256 over all results: of what `sha256sum` prints of them, sorted by path."""
    return _digest("".join(f"{record.results[name]}  {name}\n" for name in sorted(record.results)))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
