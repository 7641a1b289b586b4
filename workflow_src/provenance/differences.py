"""The stages in which two runs differ, and the reasons that their records give."""

from __future__ import annotations

import textwrap
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from workflow_src.provenance.finished_run import FinishedRun
from workflow_src.provenance.record import Stage, Step

# The ending of names of code digests. Their values are not shown.
CODE = "code"
# Characters of a value that are shown.
WIDTH = 60
_ABSENT = object()


@dataclass(frozen=True)
class Reason:
    """A recorded difference, and the stages whose results it can change."""

    said: str
    stages: tuple[str, ...]


@dataclass
class StageDifference:
    """The difference in the results of a stage.

    Attributes
    ----------
    changed
        Results that both runs have, with different bytes.
    only
        Results that only the first run has, and results that only the second run has.
    reasons
        Possible causes, the most specific first.
    """

    stage: str
    changed: list[str]
    only: tuple[list[str], list[str]]
    reasons: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Difference:
    """The difference between two runs.

    Attributes
    ----------
    stages
        The stages whose results differ, in the order of the data's flow.
    without_effect
        Recorded differences that cannot be the cause of a difference in `stages`.
    """

    stages: list[StageDifference]
    without_effect: list[str]


def list_stages(a: FinishedRun, b: FinishedRun) -> list[str]:
    """List the stages of two runs in the order of the data's flow."""
    return list(dict.fromkeys([*a.record.stages, *b.record.stages]))


def list_settings(a: FinishedRun, b: FinishedRun) -> list[str]:
    """Return a line for each setting that two runs do not share."""
    return [
        f"{key}: {_both(one, other)}"
        for key, one, other in _unequal(a.record.settings, b.record.settings)
    ]


def find_difference(a: FinishedRun, b: FinishedRun) -> Difference:
    """Find the stages in which two runs differ, and why.

    The comparison uses the existing files, not their recorded digests. A reason applies to the
    stages whose steps got it. A stage also differs if it reads from a stage that differs.
    """
    reasons = [*_jobs(a, b), *_given(a, b), *_versions(a, b), *_inputs(a, b)]
    stages = [found for stage in list_stages(a, b) if (found := _compare_stage(stage, a, b))]
    for found in stages:
        found.reasons += _altered(found, a, b)
        found.reasons += [reason.said for reason in reasons if found.stage in reason.stages]
        reads = {read for _, side in _sides(found.stage, a, b) for read in side.reads}
        if upstream := [other.stage for other in stages if other.stage in reads]:
            found.reasons.append(f"it reads from what differs: {', '.join(upstream)}")
        if not found.reasons:
            found.reasons += _unexplained(a, b)
    differing = {found.stage for found in stages}
    without_effect = [
        reason.said for reason in reasons if not differing.intersection(reason.stages)
    ]
    if not stages:
        without_effect += _machines(a, b)
    return Difference(stages, without_effect)


def _sides(stage: str, a: FinishedRun, b: FinishedRun) -> list[tuple[str, Stage]]:
    """Return the record of a stage in each run that has it."""
    both = (("A", a), ("B", b))
    return [(side, run.record.stages[stage]) for side, run in both if stage in run.record.stages]


def _names(stage: str, a: FinishedRun, b: FinishedRun) -> set[str]:
    """Return the results of a stage. If A and B give a result different stages, A's counts."""
    others = {
        name for other, part in a.record.stages.items() if other != stage for name in part.results
    }
    return {name for _, part in _sides(stage, a, b) for name in part.results} - others


def _compare_stage(stage: str, a: FinishedRun, b: FinishedRun) -> StageDifference | None:
    names = _names(stage, a, b)
    there, here = (
        {name: digest for name, digest in run.digests.items() if name in names} for run in (a, b)
    )
    changed = [name for name, digest in there.items() if here.get(name, digest) != digest]
    only = ([n for n in there if n not in here], [n for n in here if n not in there])
    return StageDifference(stage, changed, only) if changed or any(only) else None


def _altered(found: StageDifference, a: FinishedRun, b: FinishedRun) -> Iterator[str]:
    """Yield a line on results that were changed or removed after their run."""
    own = _names(found.stage, a, b)
    for side, run in (("A", a), ("B", b)):
        for names, what in ((run.changed, "changed"), (run.lost, "removed")):
            if mine := [name for name in names if name in own]:
                yield f"{what} in {side} after its run: {_some(mine)}"


def _steps_of_both(a: FinishedRun, b: FinishedRun) -> Iterator[tuple[str, str, Step, Step]]:
    """Yield the stage, the name and both records of each step that both runs have."""
    others = b.record.steps
    for stage, part in a.record.stages.items():
        for name, step in part.steps.items():
            if name in others:
                yield stage, name, step, others[name]


def _jobs(a: FinishedRun, b: FinishedRun) -> Iterator[Reason]:
    """Yield the steps and jobs that only one run has."""
    for side, mine, theirs in (("A", a, b), ("B", b, a)):
        for stage, part in mine.record.stages.items():
            for name in part.steps:
                if name not in theirs.record.steps:
                    yield Reason(f"only {side} ran {name}", (stage,))
        for stage, name, step, other in _steps_of_both(mine, theirs):
            if only := [job for job in step.jobs if job not in other.jobs]:
                yield Reason(f"only {side} ran {name} for {_some(only)}", (stage,))


def _given(a: FinishedRun, b: FinishedRun) -> Iterator[Reason]:
    """Yield differences in the params and in the code of steps."""
    readers: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for stage, name, step, other in _steps_of_both(a, b):
        for said, jobs in _compare_jobs(step, other).items():
            short = name.partition(".")[2]
            if said.endswith(CODE):
                yield Reason(f"{said.replace('_', ' ')} of {name}", (stage,))
            else:
                readers[said] += [(stage, f"{short} {job}".strip()) for job in jobs]
    for said, by in readers.items():
        stages = tuple(dict.fromkeys(stage for stage, _ in by))
        yield Reason(f"{said} ({_some([reader for _, reader in by])})", stages)


def _compare_jobs(step: Step, other: Step) -> dict[str, list[str]]:
    """Return param difference -> the jobs of a step that have it; [""] stands for all jobs."""
    both = [job for job in step.jobs if job in other.jobs] or [""]
    found: dict[str, list[str]] = defaultdict(list)
    for job in both:
        mine, theirs = (one.given | one.jobs.get(job, {}) for one in (step, other))
        for key, value, others in _unequal(mine, theirs):
            found[key if key.endswith(CODE) else f"{key}: {_both(value, others)}"].append(job)
    return {said: [""] if len(jobs) == len(both) else jobs for said, jobs in found.items()}


def _unequal(
    one: Mapping[str, Any], other: Mapping[str, Any], above: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    """Yield the dotted keys at which two nested mappings differ, with both values."""
    for key in dict.fromkeys([*one, *other]):
        mine, theirs = one.get(key, _ABSENT), other.get(key, _ABSENT)
        if isinstance(mine, dict) and isinstance(theirs, dict):
            yield from _unequal(mine, theirs, f"{above}{key}.")
        elif mine != theirs:
            yield above + key, mine, theirs


def _both(one: Any, other: Any) -> str:
    return f"{_value(one)} in A, {_value(other)} in B"


def _value(value: Any) -> str:
    if value is _ABSENT:
        return "not used"
    return "used" if isinstance(value, dict) else textwrap.shorten(repr(value), WIDTH)


def _versions(a: FinishedRun, b: FinishedRun) -> Iterator[Reason]:
    one, other = a.record.versions, b.record.versions
    for name in dict.fromkeys([*one, *other]):
        if one.get(name) != other.get(name):
            stages = tuple(
                stage
                for stage in list_stages(a, b)
                for _, part in _sides(stage, a, b)
                for step in part.steps.values()
                if name in {"python", *step.packages}
            )
            versions = f"{one.get(name, 'none')} in A, {other.get(name, 'none')} in B"
            yield Reason(f"version of {name}: {versions}", stages)


def _inputs(a: FinishedRun, b: FinishedRun) -> Iterator[Reason]:
    for stage, name, step, other in _steps_of_both(a, b):
        for kind in dict.fromkeys([*step.inputs, *other.inputs]):
            files, others = step.inputs.get(kind, {}), other.inputs.get(kind, {})
            differ = sorted(
                n for n in files.keys() | others.keys() if files.get(n) != others.get(n)
            )
            if differ and sorted(files.values()) != sorted(others.values()):
                yield Reason(f"{kind} of {name}: {_some(differ)}", (stage,))


def _unexplained(a: FinishedRun, b: FinishedRun) -> Iterator[str]:
    """Yield the remaining explanations of a difference without a recorded reason."""
    if machines := list(_machines(a, b)):
        yield from machines
        yield "equal bytes are promised on one kind of CPU, and on one kind of device, alone"
    else:
        yield "nothing that is recorded differs: the computation is not deterministic (a fault)"


def _machines(a: FinishedRun, b: FinishedRun) -> Iterator[str]:
    one, other = a.record.machine, b.record.machine
    for name, what in (("cpu", "kind of CPU"), ("system", "system"), ("architecture", "machine")):
        if getattr(one, name) != getattr(other, name):
            yield f"{what}: {getattr(one, name)} in A, {getattr(other, name)} in B"
    if one.vectors != other.vectors:
        sets = (set(one.vectors), set(other.vectors))
        only = [" ".join(sorted(mine - theirs)) or "none" for mine, theirs in (sets, sets[::-1])]
        yield f"vector instructions of the CPU: only in A {only[0]}, only in B {only[1]}"
    for step in sorted(one.devices.keys() & other.devices.keys()):
        if one.devices[step] != other.devices[step]:
            devices = " in A, ".join(", ".join(m.devices[step]) for m in (one, other))
            yield f"device of {step}: {devices} in B"


def _some(names: list[str], most: int = 3) -> str:
    """Return the first few names, and the number of the rest."""
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest
