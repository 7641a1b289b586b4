"""Measure the run that never updates with longer enrolments, beside all runs with the usual one.

If a longer enrolment without updates reaches what a method reaches, then the method needs not be
run: it is enough to ask for more utterances on the first day.

All sizes and runs have the same tests. They are those of the longest enrolment, since an enrolment
utterance must not be tested.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd

from workflow_src.common.errors import InputError, blamed_on
from workflow_src.common.files import write_csv
from workflow_src.controls.arguments import NewTrialsArguments, build_rules
from workflow_src.controls.conditions import Condition, describe_difference, describe_eer
from workflow_src.settings.generation import Generation, Scenario
from workflow_src.settings.orders import Order, TrialList
from workflow_src.trials.pool import Pool
from workflow_src.trials.protocol import make_scenario


@dataclass(frozen=True, kw_only=True)
class Arguments(NewTrialsArguments):
    """The step's arguments."""

    lists: list[TrialList]
    """The trial lists, each of one of the scenarios."""
    utterances: list[int]
    """The utterances of the longer enrolments; only the run that never updates has them."""


def enrol_longer(
    pool: Pool,
    scenario: Scenario,
    settings: Generation,
    seed: int,
    order: Order,
    sizes: Collection[int],
) -> tuple[pd.DataFrame, dict[int, pd.DataFrame]]:
    """Make trials of a scenario, and enrolments of several sizes for them.

    Parameters
    ----------
    pool, scenario, settings, seed, order
        As for `workflow_src.trials.protocol.make_scenario`.
    sizes
        Numbers of utterances.

    Returns
    -------
    DataFrame
        The trials of the largest size.
    dict
        Size -> the enrolments of their models.

    Raises
    ------
    AbsentError
        No template has as many utterances and trials.
    """
    made = {
        size: make_scenario(
            pool, scenario, settings.model_copy(update={"enrolment_utterances": size}), seed, order
        )
        for size in sorted(sizes)
    }
    trials = made[max(sizes)].trials
    models = set(trials["model"])
    enrolments = {
        size: one.enrolment[one.enrolment["model"].isin(models)] for size, one in made.items()
    }
    return trials, enrolments


def run(args: Arguments) -> None:
    """Make the trials, measure all runs, write one table."""
    bench, rules = args.open_bench(), build_rules(args.runs)
    if args.baseline not in rules:
        raise InputError(f"--baseline: {args.baseline!r} is none of the runs")
    scenarios = {scenario.id: scenario for scenario in args.scenarios}
    usual = args.generation.enrolment_utterances
    baseline = {args.baseline: rules[args.baseline]}
    sizes = {usual, *args.utterances}
    rows = []
    for one in args.lists:
        if one.scenario not in scenarios:
            raise InputError(f"--lists: the scenario {one.scenario!r} is none of --scenarios")
        scenario = scenarios[one.scenario]
        trials, enrolments = enrol_longer(
            args.build_pool(scenario), scenario, args.generation, args.seed, one.order, sizes
        )
        conditions = {
            size: Condition(trials, own, rules if size == usual else baseline)
            for size, own in enrolments.items()
        }
        with blamed_on(args.index):
            measured = list(bench.measure(conditions, one.id))
        frozen = {each.condition: each.eer for each in measured if each.run == args.baseline}
        for each in measured:
            cells = {"enrolment_utterances": each.condition, "run": each.run}
            cells |= describe_eer(each.eer, args.intervals)
            for name, size in (("gain", usual), ("gain_over_longest", max(sizes))):
                cells |= describe_difference(name, frozen[size], each.eer, args.intervals)
            rows.append({**one.model_dump(), **cells})
    write_csv(pd.DataFrame(rows), args.table)
