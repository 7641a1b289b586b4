"""Record where the results come from: settings, versions, digests of code, inputs and results.

The settings are written as YAML, too: ``snakemake --configfile results/config.yaml`` runs them
again.
"""

import os
import platform
from pathlib import Path
from typing import Any

from workflow_src.common.digests import digest_code, digest_file, digest_notebook
from workflow_src.common.files import write_json, write_text
from workflow_src.common.whole_files import written_whole
from workflow_src.provenance.contract import (
    NOTEBOOKS,
    PACKAGES,
    effective_settings,
    list_results,
    list_steps,
)
from workflow_src.provenance.machine import describe_cpu, find_commit, find_devices
from workflow_src.provenance.record import Machine, Record, Workflow
from workflow_src.provenance.versions import find_version, read_project
from workflow_src.running.steps import parse_json, run_step, step_parser
from workflow_src.settings.rendering import render_config
from workflow_src.settings.schema import Config, validate_config

CONFIG_HEAD = """\
# The settings of these results, all that can change one; what is left out has its default:
#     snakemake --cores 8 --configfile results/config.yaml
# runs them again. Relative paths are relative to the working directory.
"""


def describe_run(settings: Config, results: Path, **others: Any) -> Record:
    """Return the record of a finished run.

    Parameters
    ----------
    settings
        The settings.
    results
        The results folder.
    **others
        The record's fields config, machine and inputs.
    """
    files = [path for pattern in list_results(settings) for path in sorted(results.glob(pattern))]
    project = read_project()
    commit, dirty = find_commit()
    return Record(
        workflow=Workflow(
            name=project["name"], version=project["version"], commit=commit, dirty=dirty
        ),
        settings=effective_settings(settings),
        versions={"python": platform.python_version()}
        | {name: find_version(name) for name in PACKAGES},
        code={step: digest_code(f"workflow_src.{step}") for step in list_steps(settings)}
        | {path: digest_notebook(path) for path in NOTEBOOKS},
        results={path.relative_to(results).as_posix(): digest_file(path) for path in files},
        **others,
    )


def describe_machine(logs: Path) -> Machine:
    """Return the kind of this machine, and the devices that a run's logs name."""
    cpu, vectors = describe_cpu()
    return Machine(
        system=platform.system(),
        architecture=platform.machine(),
        cpu=cpu,
        vectors=vectors,
        devices=find_devices(logs),
    )


def digest_inputs(inputs: dict[str, list[str]]) -> dict[str, dict[str, str]]:
    """Digest the files of each kind of input.

    They are named from the folder that they have in common: a record of the same files elsewhere
    is the same record.
    """
    digests = {}
    for kind, files in inputs.items():
        common = os.path.commonpath([Path(file).parent for file in files])
        digests[kind] = {
            Path(os.path.relpath(file, common)).as_posix(): digest_file(file) for file in files
        }
    return digests


def main(argv: list[str] | None = None) -> None:
    """Digest the results; write the settings and the record."""
    parser = step_parser(__doc__)
    parser.add_argument("--settings", required=True, metavar="JSON", help="all settings")
    parser.add_argument(
        "--inputs",
        default="{}",
        metavar="JSON",
        help="what was given from outside: an object of kind -> list of files",
    )
    parser.add_argument("--results", type=Path, required=True, help="the results folder")
    parser.add_argument(
        "--logs", type=Path, required=True, help="folder of logs, which say the device of a step"
    )
    parser.add_argument("--config", type=Path, required=True, help="YAML to write")
    parser.add_argument("--provenance", type=Path, required=True, help="JSON to write")
    args = parser.parse_args(argv)
    config = validate_config(parse_json(args.settings, "--settings"))
    # Both or neither.
    with written_whole(args.config) as written, written_whole(args.provenance) as recorded:
        write_text(render_config(config, CONFIG_HEAD, effective_settings(config)), written)
        record = describe_run(
            config,
            args.results,
            config=digest_file(written),
            machine=describe_machine(args.logs),
            inputs=digest_inputs(parse_json(args.inputs, "--inputs")),
        )
        write_json(record.model_dump(), recorded)


if __name__ == "__main__":
    run_step(main)
