"""The check of rules: a good one passes, and one that breaks a clause fails that clause."""

import copy
import dataclasses
import subprocess
import sys

import pytest
import torch

from workflow_src.methods import check
from workflow_src.methods.fixed_weight import FixedWeight
from workflow_src.methods.made_up import make_study
from workflow_src.updating.interface import Decision, Encoded, Memory, UpdateRule

GOOD = """
import torch

from workflow_src.updating.interface import Decision, UpdateRule


class Half(UpdateRule):
    def decide(self, trials, memory):
        return Decision(trials.scores > 0.5, torch.full_like(trials.scores, 0.5))
"""
LOOKS = GOOD.replace("trials.scores > 0.5", "trials.targets[None]")


@pytest.fixture(scope="module")
def task():
    return make_study().partition.every.tasks["random"]


class Counting(UpdateRule):
    """A good rule with all there is: a linear map, memory, days, numbers that are stored."""

    def __init__(self, alpha=0.2):
        self.alpha = alpha

    def encode(self, embeddings):
        return Encoded(embeddings[:, :3] * 2, embeddings[:, 3:4].square())

    def begin(self, templates):
        return Memory({"seen": torch.zeros(1, templates)})

    def decide(self, trials, memory):
        memory.tensors["seen"] += 1
        weight = self.alpha / memory.tensors["seen"] + 1e-4 * trials.days
        weight = weight + 1e-3 * torch.tanh(trials.template_carried.sum(-1))
        return Decision(trials.scores > 0.3 - 1e-3 * trials.test_offered[:, 0], weight)

    def tensors(self):
        return {"alpha": torch.tensor(self.alpha)}

    @classmethod
    def restore(cls, tensors, about):
        return cls(float(tensors["alpha"]))


class Scaling(Counting):
    """Encodes what no linear map gives."""

    def encode(self, embeddings):
        return Encoded(embeddings[:, :3].square(), embeddings[:, 3:4].square())


class Doubling(Counting):
    def encode(self, embeddings):
        encoded = super().encode(embeddings)
        return Encoded(encoded.carried.double(), encoded.offered)


class Transposing(Counting):
    def begin(self, templates):
        return Memory({"seen": torch.zeros(templates, 1)})


class Replacing(Counting):
    def decide(self, trials, memory):
        memory.tensors["seen"] = memory.tensors["seen"] + 1
        return Decision(trials.scores > 0.3, torch.full_like(trials.scores, 0.1))


class Scribbling(Counting):
    def decide(self, trials, memory):
        decision = super().decide(trials, memory)
        trials.scores.fill_(1)
        return decision


class Single(Counting):
    """Decides for all templates at once."""

    def decide(self, trials, memory):
        return Decision(trials.scores.mean() > 0.3, torch.tensor(0.1))


class Flattening(Counting):
    """Gives templates of another shape."""

    def decide(self, trials, memory):
        decision = super().decide(trials, memory)
        return dataclasses.replace(decision, templates=trials.tests)


class Neighbourly(Counting):
    """Lets templates look at each other."""

    def decide(self, trials, memory):
        middle = trials.scores.mean()
        return Decision(trials.scores > middle, torch.full_like(trials.scores, 0.1))


class Peeking(Counting):
    def decide(self, trials, memory):
        return Decision(trials.targets[None], torch.full_like(trials.scores, 0.1))


class Exploding(Counting):
    def decide(self, trials, memory):
        return Decision(trials.scores > 0.3, torch.full_like(trials.scores, torch.inf))


class Remembering(Counting):
    """Remembers in itself."""

    def decide(self, trials, memory):
        self.alpha *= 0.99
        return super().decide(trials, memory)


class Forgetting(Counting):
    def tensors(self):
        return {"alpha": torch.tensor(0.9)}


def faults(make, task):
    return {clause: fault for clause, fault in check.check_rule(make, task).items() if fault}


def test_a_good_rule_has_no_fault(task):
    assert faults(Counting, task) == {}
    assert len(check.check_rule(Counting, task)) == 7


@pytest.mark.parametrize(
    ("make", "clause", "said"),
    [
        (lambda: FixedWeight([0.1, 0.2], 0.3), check.MADE, "2 variants"),
        (lambda: 3, check.MADE, "int"),
        (lambda: Counting(1 / 0), check.MADE, "ZeroDivisionError"),
        (Scaling, check.SHAPES, "no linear map"),
        (Doubling, check.SHAPES, "carried as float64"),
        (Transposing, check.SHAPES, "memory 'seen' is float32"),
        (Replacing, check.SHAPES, "replaces the memory 'seen'"),
        (Scribbling, check.SHAPES, "changes the trials' scores"),
        (Single, check.SHAPES, "updated is bool []"),
        (Flattening, check.SHAPES, "templates is float32"),
        (Neighbourly, check.LOCKSTEP, "differ from those that it has alone"),
        (Peeking, check.LABELS, "where there are others"),
        (Exploding, check.FINITE, "are not all finite"),
        (Remembering, check.TWICE, "scored again"),
        (lambda: Counting(float(torch.rand(()))), check.TWICE, "made again"),
        (Forgetting, check.STORED, "restored from what"),
    ],
)
def test_a_broken_clause_is_told(make, clause, said, task):
    found = faults(make, task)
    assert said in found[clause]
    assert "\n" not in found[clause]


def test_labels_that_are_only_missing_are_missed(task):
    class Depending(Counting):
        def decide(self, trials, memory):
            decision = super().decide(trials, memory)
            return Decision(decision.updated & (trials.targets is not None), decision.weights)

    assert "where there are none" in faults(Depending, task)[check.LABELS]


def test_a_rule_is_not_changed_by_its_check(task):
    rule = Counting()
    before = copy.deepcopy(vars(rule))
    check.check_rule(lambda: rule, task)
    assert vars(rule) == before


def run_check(*words):
    line = [sys.executable, "-m", "workflow_src.methods.check", *words]
    return subprocess.run(line, capture_output=True, text=True, check=False)


def test_the_command_tells_a_line_a_clause(tmp_path):
    (tmp_path / "good.py").write_text(GOOD)
    (tmp_path / "looks.py").write_text(LOOKS)
    good = run_check("good:Half", "--folder", str(tmp_path))
    assert good.returncode == 0, good.stderr
    lines = good.stdout.splitlines()
    assert len(lines) == 7 and all(line.startswith("ok ") for line in lines)
    looks = run_check("looks:Half", "--folder", str(tmp_path))
    assert looks.returncode == 1
    told = [line for line in looks.stdout.splitlines() if line.startswith("FAILS")]
    assert len(told) == 1 and check.LABELS in told[0]


def test_a_rule_that_is_nowhere_is_told_in_one_line():
    nowhere = run_check("nowhere.rules:Half")
    assert nowhere.returncode == 1
    assert nowhere.stderr == "error: nowhere.rules:Half: no module 'nowhere' is installed\n"
