"""Every row of the catalogue against its rule: what the row says, and the contract of rules."""

import ast
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from workflow_src.common.digests import ROOT, reached_modules
from workflow_src.inference.methods import build_rule
from workflow_src.methods.check import LABELS, STORED, check_rule
from workflow_src.methods.entries import load_entry
from workflow_src.methods.fixed_weight_tuned import TunedFixedWeight
from workflow_src.methods.made_up import DIMENSION, make_study
from workflow_src.methods.policy_rule import PolicyRule
from workflow_src.methods.study import FittedRule, fit
from workflow_src.settings.catalogue import METHODS
from workflow_src.settings.run_table import expand_runs
from workflow_src.settings.schema import validate_config
from workflow_src.updating.interface import UpdateRule
from workflow_src.updating.score_history import ScoreScale

SCALE = ScoreScale(centre=0.4, slope=12.0, mean=0.7, spread=0.1)
SHORT = {"updates": 4, "sequences": 8, "window": 8, "hidden": 4}
OWN = {"through-time": SHORT, "multi-rate": SHORT}
by_id = pytest.mark.parametrize("row", METHODS, ids=lambda row: row.id)


@pytest.fixture(scope="module")
def study():
    own = make_study()
    return replace(own, starts_from=TunedFixedWeight.fit(own)[0])


def make(row, study):
    """Make a rule of a row as the workflow does, a policy with random weights."""
    kind = load_entry(row.entry)
    if issubclass(kind, PolicyRule):
        torch.manual_seed(0)
        network = kind.make_network(dimension=DIMENSION, scale=SCALE)
        network.start_exploring(0.3, 0.1)
        return kind(network)
    if row.origin == "fitted":
        return fit(kind, replace(study, own=OWN.get(row.id, {})))[0]
    block = {row.settings: {row.threshold: 0.3}} if row.threshold else {}
    config = validate_config({"inference": {"methods": [row.id]}, "methods": block})
    return build_rule(expand_runs(config)[0])


@by_id
def test_a_row_names_a_rule_of_its_kind(row):
    kind = load_entry(row.entry)
    assert issubclass(kind, UpdateRule)
    assert issubclass(kind, FittedRule) == (row.origin == "fitted")
    assert issubclass(kind, PolicyRule) == (row.origin in {"ppo", "given"})


@by_id
def test_a_rule_keeps_the_contract(row, study):
    """But the oracle looks at labels, and the run table holds all that an untrained rule is."""
    found = check_rule(lambda: make(row, study), study.partition.every.tasks["random"])
    broken = {clause for clause, fault in found.items() if fault}
    in_run_table = row.origin == "nothing" and row.threshold
    expected = {STORED} if in_run_table else {LABELS} if row.id == "oracle" else set()
    assert broken == expected, found


@by_id
def test_a_rule_stands_in_a_file_of_its_own(row):
    """Rows may share a rule, but no file holds two; and methods.* reach no other method's rule."""
    module = row.entry.partition(":")[0]
    tree = ast.parse(Path(ROOT, *module.split(".")).with_suffix(".py").read_text())
    rules = {r.entry.partition(":")[2] for r in METHODS if r.entry.startswith(f"{module}:")}
    defined = {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    assert len(rules) == 1 and rules <= defined


# Steps and notebooks load rules by their entry points.
@pytest.mark.parametrize(
    "module",
    [
        "methods.fit_method",
        "methods.tune_threshold",
        "methods.import_policy",
        "training.finetune_policy",
        "inference.methods",
    ],
)
def test_what_loads_rules_reaches_none(module):
    """But the baseline, to which costs are relative."""
    own = {row.entry.partition(":")[0] for row in METHODS}
    reached = own & set(reached_modules(f"workflow_src.{module}"))
    assert reached <= {"workflow_src.methods.baseline"}
    assert not reached or "methods." in module


def test_no_method_reaches_another_but_what_it_is_made_of():
    made_of = {
        "fixed_weight_tuned": {"fixed_weight"},
        "ready_made": {"multi_rate"},
        "scalar_multi_head": {"multi_head"},
        "speaker_mean": {"baseline"},
    }
    own = {row.entry.partition(":")[0].rpartition(".")[2] for row in METHODS}
    for name in own:
        reached = {m.rpartition(".")[2] for m in reached_modules(f"workflow_src.methods.{name}")}
        assert (own & reached) - {name, "baseline"} == made_of.get(name, set()) - {"baseline"}
