"""Use the records of runs: compare two runs, verify one run, or describe one run.

RUN is a results folder, the folder that holds results/, or a provenance.json alone.
Exit status: 0 if the results are the same or as recorded; 1 if they are not; 2 for wrong arguments
or a missing or damaged file.
"""

import argparse
import sys
from pathlib import Path
from typing import NoReturn

from workflow_src.common.errors import InputError, clean_line, describe_os_error
from workflow_src.provenance.describe import describe_record
from workflow_src.provenance.differences import (
    StageDifference,
    find_difference,
    list_settings,
    list_stages,
)
from workflow_src.provenance.distances import measure_distances
from workflow_src.provenance.finished_run import FinishedRun, find_run
from workflow_src.provenance.given import compare_given
from workflow_src.provenance.record import CONFIG


def compare(a: FinishedRun, b: FinishedRun) -> int:
    """Print the stages that differ, with reasons and distances; return the exit status."""
    for side, run in (("A", a), ("B", b)):
        _say(f"{side}: {run.path} (commit {run.record.workflow.commit or 'not known'})")
    if settings := list_settings(a, b):
        _say("Settings that differ:")
        _say("".join(f"  {said}\n" for said in settings))
    difference = find_difference(a, b)
    if not difference.stages:
        _say(f"The results are the same: {len(a.digests)} files.")
    else:
        _say(f"The results differ, from the stage {difference.stages[0].stage} on.")
    differing = {found.stage: found for found in difference.stages}
    for stage in list_stages(a, b) if differing else ():
        if stage in differing:
            _print_stage(differing[stage], a, b)
        else:
            _say(f"{stage}: the same")
    if difference.without_effect:
        _say("Different, without an effect on results:")
        _say("".join(f"  {said}\n" for said in difference.without_effect))
    return 1 if difference.stages else 0


def _say(text: str) -> None:
    """Print lines; a record may be anybody's."""
    for line in text.splitlines():
        print(clean_line(line))


def _print_stage(found: StageDifference, a: FinishedRun, b: FinishedRun) -> None:
    only_a, only_b = found.only
    counts = ((found.changed, "differ"), (only_a, "only in A"), (only_b, "only in B"))
    said = ", ".join(f"{len(names)} {what}" for names, what in counts if names)
    _say(f"{found.stage}: {said}; first {[*found.changed, *only_a, *only_b][0]}")
    _say("".join(f"  why: {reason}\n" for reason in found.reasons))
    if a.results and b.results:
        far = measure_distances(found.changed, a.results, b.results)
        _say("".join(f"  how far: {line}\n" for line in far))


def verify(run: FinishedRun) -> int:
    """Print the results and given files that differ from the record; return the exit status."""
    if run.results is None:
        raise InputError(f"{run.path}: is a record alone; name the folder of the results")
    changed = [*run.changed, *([CONFIG] if run.config_changed else [])]
    for names, what in ((changed, "changed"), (run.lost, "lost"), (run.added, "not recorded")):
        _say("".join(f"{what}: {name}\n" for name in names))
    given = compare_given(run)
    for said, what in ((given.changed, "changed"), (given.lost, "missing")):
        _say("".join(f"given file {what}: {name}\n" for name in said))
    kept = len(run.digests) - len(run.changed)
    _say(f"{kept} of {len(run.record.results)} results are as recorded.")
    # Beside a copy of results there are no given files.
    lost_given = given.lost and given.is_place
    return 1 if changed or run.lost or given.changed or lost_given else 0


def describe(run: FinishedRun) -> int:
    """Print a record as text; return the exit status.

    A later run of a part of the workflow, with other settings, leaves the record of the whole.
    """
    altered = len(run.changed) + len(run.lost)
    if altered:
        _say(f"{altered} of {len(run.record.results)} results are not those of this record.\n\n")
    _say(describe_record(run.record))
    return 1 if altered else 0


def main(argv: list[str] | None = None) -> NoReturn:
    """Run one of the commands and exit."""
    parser = argparse.ArgumentParser(
        prog="python -m workflow_src.provenance",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command, runs, said in (
        (compare, ("A", "B"), "print the stages in which two runs differ, and why"),
        (verify, ("RUN",), "print the results and given files that differ from the record"),
        (describe, ("RUN",), "print a record as text, with a line to quote"),
    ):
        one = commands.add_parser(command.__name__, help=said, description=said)
        one.set_defaults(command=command)
        for run in runs:
            one.add_argument(f"run_{run.lower()}", metavar=run, type=Path)
    args = vars(parser.parse_args(argv))
    command = args.pop("command")
    try:
        sys.exit(command(*map(find_run, args.values())))
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
    except OSError as error:
        print(f"error: {describe_os_error(error)}", file=sys.stderr)
    except RecursionError:
        print("error: a record is nested too deeply", file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main()
