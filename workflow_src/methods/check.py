"""Check that an update rule keeps the contract of `workflow_src.updating.interface`.

    python -m workflow_src.methods.check my_lab.rules:Decay --folder .

The rule scores synthetic development trials. A rule with `fit` is fitted on them first. The check
prints one line for each clause of the contract. The exit status is 1 if the rule breaks a clause.
"""

from __future__ import annotations

import functools
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import tyro

from workflow_src.common.errors import first_line
from workflow_src.methods.entries import load_entry
from workflow_src.methods.fixed_weight_tuned import TunedFixedWeight
from workflow_src.methods.made_up import make_study
from workflow_src.methods.storage import load_policy, write_policy
from workflow_src.methods.study import fit
from workflow_src.running.launcher import end_well
from workflow_src.running.threads import use_one_thread
from workflow_src.updating.interface import Memory, Trials, UpdateRule
from workflow_src.updating.scorer import Scored, Sequences, score_sequences
from workflow_src.updating.sequences import Task

# Sequences alone and sequences in lockstep are summed in different orders.
TOLERANCE = 1e-4

MADE = "it can be made"
SHAPES = "shapes and memory are as they should be"
LOCKSTEP = "in lockstep, each template fares as it does alone"
LABELS = "no label is looked at"
FINITE = "scores and weights are finite"
TWICE = "the same comes out twice"
STORED = "stored and restored, it is the same"


class BrokenError(Exception):
    """A clause of the contract is broken; the message says how."""


@dataclass(frozen=True)
class Subject:
    """A function that makes the rule, one such rule, and the trials that it scores."""

    make: Callable[[], UpdateRule]
    rule: UpdateRule
    task: Task


def check_rule(make: Callable[[], UpdateRule], task: Task) -> dict[str, str | None]:
    """Check an update rule on trials with days and labels.

    `make` returns the rule, with a single variant. It is called twice. The result holds for each
    clause None, or one line on what breaks it.
    """
    made: list[UpdateRule] = []
    found = {MADE: _try(lambda: made.append(_make_one(make)))}
    for rule in made:
        subject = Subject(make, rule, task)
        found |= {clause: _try(functools.partial(check, subject)) for clause, check in CLAUSES}
    return found


def _try(check: Callable[[], object]) -> str | None:
    try:
        check()
    except BrokenError as error:
        return str(error)
    # A user's rule can raise any error.
    except Exception as error:
        return f"{type(error).__name__}: {first_line(error)}"
    return None


def _make_one(make: Callable[[], UpdateRule]) -> UpdateRule:
    rule = make()
    if not isinstance(rule, UpdateRule):
        raise BrokenError(f"fit returns a {type(rule).__name__}, which is no UpdateRule")
    if rule.variants != 1:
        raise BrokenError(f"it holds {rule.variants} variants; one is scored")
    return rule


@torch.inference_mode()
def _check_shapes(subject: Subject) -> None:
    """Play the first trials, and check shapes, types and writes."""
    rule, task = subject.rule, subject.task
    n = int(task.sequences.active[0])
    templates = task.templates[torch.from_numpy(task.sequences.template)]
    tests = task.embeddings[torch.from_numpy(task.sequences.rows[:n])]
    encoded, own = rule.encode(tests), rule.encode(templates).carried
    for name, tensor in (("carried", encoded.carried), ("offered", encoded.offered)):
        if tensor.dtype != torch.float32 or tensor.ndim != 2 or len(tensor) != n:
            raise BrokenError(f"encode gives {name} as {_show(tensor)}, not float32 [{n}, any]")
    mean = rule.encode((templates + tests) / 2).carried
    if not torch.allclose(mean, (own + encoded.carried) / 2, atol=TOLERANCE):
        raise BrokenError("what encode carries is no linear map: of a mean it is not the mean")
    memory = rule.enrol(templates)
    for name, tensor in memory.tensors.items():
        if tuple(tensor.shape[:2]) != (1, n):
            raise BrokenError(f"memory {name!r} is {_show(tensor)}, not [1, {n}, ...]")
    norms, test_norms = (torch.linalg.vector_norm(x, dim=1) for x in (templates, tests))
    targets = task.sequences.targets
    trials = Trials(
        scores=torch.cosine_similarity(templates, tests)[None],
        template_norms=norms[None],
        test_norms=test_norms,
        template_carried=own[None],
        test_carried=encoded.carried,
        test_offered=encoded.offered,
        days=torch.from_numpy(task.sequences.days[:n].copy()),
        targets=None if targets is None else torch.from_numpy(targets[:n].copy()),
        templates=templates[None].clone(),
        tests=tests,
    )
    before = {name: tensor.clone() for name, tensor in vars(trials).items() if tensor is not None}
    seen = Memory(dict(memory.tensors))
    decision = rule.decide(trials, seen)
    if decision.updated.dtype != torch.bool or tuple(decision.updated.shape) != (1, n):
        raise BrokenError(f"updated is {_show(decision.updated)}, not bool [1, {n}]")
    for name, given in (("weights", decision.weights), ("scores", decision.scores)):
        if given is None:
            continue
        if given.dtype != torch.float32 or torch.broadcast_shapes(given.shape, (1, n)) != (1, n):
            raise BrokenError(f"{name} is {_show(given)}, not float32 [1, {n}]")
    new, shape = decision.templates, trials.templates.shape
    if new is not None and (new.dtype != torch.float32 or new.shape != shape):
        raise BrokenError(f"templates is {_show(new)}, not float32 {list(shape)}")
    for name, tensor in before.items():
        if not torch.equal(getattr(trials, name), tensor):
            raise BrokenError(f"decide changes the trials' {name}")
    for name, tensor in memory.tensors.items():
        if seen.tensors.get(name) is not tensor:
            raise BrokenError(f"decide replaces the memory {name!r}; it must write in place")


def _check_lockstep(subject: Subject) -> None:
    together, sequences = _score(subject.rule, subject.task), subject.task.sequences
    for number in range(len(sequences.template)):
        part = sequences.part(number, number + 1)
        order = torch.from_numpy(part.order)
        alone = replace(part, order=np.arange(len(part.order)))
        scored = _score(subject.rule, subject.task, alone)
        for name in ("scores", "updated", "weights"):
            ours, theirs = getattr(together, name)[0, order], getattr(scored, name)[0]
            if not torch.allclose(ours.float(), theirs.float(), atol=TOLERANCE, equal_nan=True):
                raise BrokenError(
                    f"{name} of a template differ from those that it has alone, by up to "
                    f"{float((ours.float() - theirs.float()).abs().max()):.2g}"
                )


def _check_labels(subject: Subject) -> None:
    labelled, sequences = _score(subject.rule, subject.task), subject.task.sequences
    if sequences.targets is None:
        raise BrokenError("the trials have no labels to check with")
    for what, targets in (("others", ~sequences.targets), ("none", None)):
        scored = _score(subject.rule, subject.task, replace(sequences, targets=targets))
        if not _same(labelled, scored):
            raise BrokenError(f"where there are {what}, it decides otherwise")


def _check_finite(subject: Subject) -> None:
    scored = _score(subject.rule, subject.task)
    for name in ("scores", "weights"):
        if not torch.isfinite(getattr(scored, name)).all():
            raise BrokenError(f"{name} are not all finite")


def _check_repetition(subject: Subject) -> None:
    first = _score(subject.rule, subject.task)
    if not _same(first, _score(subject.rule, subject.task)):
        raise BrokenError("scored again, it decides otherwise")
    if not _same(first, _score(subject.make(), subject.task)):
        raise BrokenError("made again, it decides otherwise")


def _check_storage(subject: Subject) -> None:
    rule = subject.rule
    about = {"method": "checked", "dimension": subject.task.templates.shape[1], **rule.describe()}
    with tempfile.TemporaryDirectory() as folder:
        write_policy(Path(folder), rule.tensors(), about)
        stored = load_policy(folder, type(rule))
    if not _same(_score(rule, subject.task), _score(stored, subject.task)):
        raise BrokenError("restored from what tensors and describe return, it decides otherwise")


CLAUSES: list[tuple[str, Callable[[Subject], None]]] = [
    (SHAPES, _check_shapes),
    (LOCKSTEP, _check_lockstep),
    (LABELS, _check_labels),
    (FINITE, _check_finite),
    (TWICE, _check_repetition),
    (STORED, _check_storage),
]


def _score(rule: UpdateRule, task: Task, sequences: Sequences | None = None) -> Scored:
    return score_sequences(rule, task.templates, sequences or task.sequences, task.embeddings)


def _same(a: Scored, b: Scored) -> bool:
    pairs = ((getattr(a, name), getattr(b, name)) for name in ("scores", "updated", "weights"))
    return all(torch.equal(ours.nan_to_num(), theirs.nan_to_num()) for ours, theirs in pairs)


def _show(tensor: torch.Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"


def main(entry: Annotated[str, tyro.conf.Positional], folder: str = "") -> None:
    """Check the rule of an entry point.

    Parameters
    ----------
    entry
        The class of the rule, module:Class.
    folder
        The folder that holds the module, if it is not installed.
    """
    use_one_thread()
    kind = load_entry(entry, folder)
    study = make_study()

    def make() -> UpdateRule:
        start, _ = TunedFixedWeight.fit(study)
        return fit(kind, replace(study, starts_from=start))[0]

    found = check_rule(make, study.partition.every.tasks["random"])
    for clause, fault in found.items():
        print(f"FAILS  {clause}: {fault}" if fault else f"ok     {clause}")
    if any(found.values()):
        sys.exit(1)


if __name__ == "__main__":
    sys.exit(end_well(lambda: tyro.cli(main, description=__doc__)))
