"""In which stages two runs differ, and what their records say why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from workflow_src.provenance.contract import PACKAGES, STAGES, stage_of
from workflow_src.provenance.finished_run import FinishedRun

# The stages that read a setting, named by its first keys; the longest that fits counts.
READERS = {
    "seed": ("corpus", "embeddings", "trials", "policies"),
    "corpus": ("corpus", "embeddings"),
    "corpus.simulated.law": ("embeddings",),
    "extractor": ("embeddings",),
    "trials": ("trials",),
    "trials.nontarget_only": ("corpus",),
    "pretraining": ("policies",),
    "finetuning": ("policies",),
    "tuning": ("trials", "policies"),
    # Which methods there are says what is fitted, on development trials.
    "inference": ("trials", "policies", "inference"),
    "methods": ("trials", "policies", "inference"),
    "analysis": ("analysis",),
    "analysis.compare_published": ("inference",),
}
# The stages whose results a stage reads.
UPSTREAM = {
    "corpus": (),
    "embeddings": ("corpus",),
    "trials": ("corpus", "embeddings"),
    "policies": ("corpus", "embeddings", "trials"),
    "inference": ("embeddings", "trials", "policies"),
    "analysis": ("corpus", "embeddings", "trials", "policies", "inference"),
}
INPUT_STAGES = {
    "extractor": ("embeddings",),
    "embeddings": ("corpus", "embeddings"),
    "test_speakers": ("corpus",),
    "metadata": ("corpus",),
    "utterances": ("corpus",),
    "law": ("corpus", "embeddings"),
    "trials": ("trials",),
    "policies": ("policies",),
    "published": ("inference",),
}
# Imported embeddings bring the manifest.
IMPORTING = "embeddings.import_embeddings"
_ABSENT = object()


@dataclass(frozen=True)
class Reason:
    """Something recorded that differs, and the stages in whose results that can show."""

    said: str
    stages: tuple[str, ...]


@dataclass
class StageDifference:
    """What differs in the results of a stage, and why.

    Attributes
    ----------
    stage
        The stage.
    changed
        Results that both runs have, with other bytes.
    only
        Results that only the first, and only the second run has.
    reasons
        What can be the cause, most telling first.
    """

    stage: str
    changed: list[str]
    only: tuple[list[str], list[str]]
    reasons: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Difference:
    """What differs between two runs.

    Attributes
    ----------
    stages
        The stages whose results differ, in the order of the data's flow; none where they are the
        same.
    without_effect
        What is recorded as different, but can be the cause of nothing in `stages`.
    """

    stages: list[StageDifference]
    without_effect: list[str]


def find_difference(a: FinishedRun, b: FinishedRun) -> Difference:
    """Find the stages in which two runs differ, and why.

    The files that are at hand count, not what was recorded of them. A reason counts for the
    stages that read it; where none does, a stage differs because one does that it reads from, or
    else without a recorded reason.
    """
    reasons = [*_settings(a, b), *_code(a, b), *_versions(a, b), *_inputs(a, b)]
    stages = [found for stage in STAGES if (found := _compare_stage(stage, a, b))]
    for found in stages:
        found.reasons += _altered(found, a, b)
        found.reasons += [reason.said for reason in reasons if found.stage in reason.stages]
        if upstream := [other.stage for other in stages if other.stage in UPSTREAM[found.stage]]:
            found.reasons.append(f"it reads from what differs: {', '.join(upstream)}")
        if not found.reasons:
            found.reasons += _unexplained(found.stage, a, b)
    differing = {found.stage for found in stages}
    without_effect = [
        reason.said for reason in reasons if not differing.intersection(reason.stages)
    ]
    if not stages:
        without_effect += _machines(a, b)
    return Difference(stages, without_effect)


def _compare_stage(stage: str, a: FinishedRun, b: FinishedRun) -> StageDifference | None:
    there, here = (
        {name: digest for name, digest in run.digests.items() if stage_of(name) == stage}
        for run in (a, b)
    )
    changed = [name for name, digest in there.items() if here.get(name, digest) != digest]
    only = ([n for n in there if n not in here], [n for n in here if n not in there])
    return StageDifference(stage, changed, only) if changed or any(only) else None


def _altered(found: StageDifference, a: FinishedRun, b: FinishedRun) -> Iterator[str]:
    """Tell results that somebody changed or took away after the run."""
    for side, run in (("A", a), ("B", b)):
        for names, what in ((run.changed, "changed"), (run.lost, "removed")):
            mine = [name for name in names if stage_of(name) == found.stage]
            if mine:
                yield f"{what} in {side} after its run: {_some(mine)}"


def _settings(a: FinishedRun, b: FinishedRun) -> Iterator[Reason]:
    for key, one, other in _unequal(a.record.settings, b.record.settings):
        fitting = [known for known in READERS if f"{key}.".startswith(f"{known}.")]
        stages = READERS[max(fitting, key=len)] if fitting else STAGES
        yield Reason(f"setting {key}: {_value(one)} in A, {_value(other)} in B", stages)


def _unequal(
    one: Mapping[str, Any], other: Mapping[str, Any], above: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    """Give the dotted keys at which two nested mappings differ, with both values."""
    for key in [*one, *(key for key in other if key not in one)]:
        mine, theirs = one.get(key, _ABSENT), other.get(key, _ABSENT)
        if isinstance(mine, dict) and isinstance(theirs, dict):
            yield from _unequal(mine, theirs, f"{above}{key}.")
        elif mine != theirs:
            yield above + key, mine, theirs


def _value(value: Any) -> str:
    if value is _ABSENT:
        return "not used"
    return "used" if isinstance(value, dict) else repr(value)


def _code(a: FinishedRun, b: FinishedRun) -> Iterator[Reason]:
    # A step that only one of them ran follows from the settings.
    for name, digest in a.record.code.items():
        if b.record.code.get(name, digest) != digest:
            stage = stage_of(name)
            stages = ("corpus", "embeddings") if name == IMPORTING else (stage,) if stage else ()
            yield Reason(f"code of {name}", stages)


def _versions(a: FinishedRun, b: FinishedRun) -> Iterator[Reason]:
    one, other = a.record.versions, b.record.versions
    for name in [*one, *(name for name in other if name not in one)]:
        if one.get(name) != other.get(name):
            versions = f"{one.get(name, 'none')} in A, {other.get(name, 'none')} in B"
            yield Reason(f"version of {name}: {versions}", PACKAGES.get(name, STAGES))


def _inputs(a: FinishedRun, b: FinishedRun) -> Iterator[Reason]:
    one, other = a.record.inputs, b.record.inputs
    for kind in [*one, *(kind for kind in other if kind not in one)]:
        files, others = one.get(kind, {}), other.get(kind, {})
        differ = sorted(
            name for name in files.keys() | others.keys() if files.get(name) != others.get(name)
        )
        if differ and sorted(files.values()) != sorted(others.values()):
            stages = INPUT_STAGES.get(kind.partition("/")[0], STAGES)
            yield Reason(f"input {kind}: {_some(differ)}", stages)


def _unexplained(stage: str, a: FinishedRun, b: FinishedRun) -> Iterator[str]:
    """Say what is left where no recorded reason is."""
    recordings = stage in {"corpus", "embeddings"} and "directory" in {
        run.record.settings["corpus"]["source"] for run in (a, b)
    }
    if recordings:
        yield "perhaps the recordings: a record holds no digest of them"
    if machines := list(_machines(a, b)):
        yield from machines
        yield "equal bytes are promised on one kind of CPU, and on one kind of device, alone"
    elif not recordings:
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
    """Name the first few, and count the rest."""
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest
