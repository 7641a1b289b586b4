"""Measure all runs with few and with many impostors, in independent order.

A method that is tuned with as many impostors as targets may accept too many of them where there are
more. So beside the EER, whose threshold is chosen on these very trials, the table has the errors at
thresholds that were chosen before, with other shares: those of acceptance, and those of updates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from workflow_src.common.errors import InputError, blamed_on
from workflow_src.common.files import write_csv
from workflow_src.controls.arguments import NewTrialsArguments, build_rules
from workflow_src.controls.conditions import Condition, Measured, name_list
from workflow_src.evaluation.operating_points import SetPoints
from workflow_src.running.arguments import Inputs
from workflow_src.settings.orders import TrialList
from workflow_src.trials.protocol import make_scenario


@dataclass(frozen=True, kw_only=True)
class Arguments(NewTrialsArguments):
    """The step's arguments."""

    chosen: Inputs
    """Operating points of runs, <run>/operating_points.json; runs without have no thresholds."""
    rates: list[float]
    """Non-targets for each target, on average."""


def count_errors(scored: pd.DataFrame, thresholds: dict[str, float]) -> dict[str, float]:
    """Return error rates in per cent at thresholds set in advance, and those of updates.

    Parameters
    ----------
    scored
        Columns score, updated, target.
    thresholds
        Name of an operating point -> its threshold. A trial with a higher score is accepted.

    Returns
    -------
    dict
        ``far_percent_at_<point>`` and ``frr_percent_at_<point>``. Then, of the decisions to update:
        update_far_percent (the non-targets that updated a template) and update_frr_percent (the
        targets that updated none).
    """
    target = scored["target"].to_numpy(dtype=bool)
    score = scored["score"].to_numpy()

    def rates(accepted: np.ndarray) -> tuple[float, float]:
        return 100 * float(accepted[~target].mean()), 100 * float((~accepted)[target].mean())

    cells: dict[str, float] = {}
    for name, threshold in thresholds.items():
        far, frr = rates(score > threshold)
        cells |= {f"far_percent_at_{name}": far, f"frr_percent_at_{name}": frr}
    far, frr = rates(scored["updated"].to_numpy(dtype=bool))
    return cells | {"update_far_percent": far, "update_frr_percent": frr}


def run(args: Arguments) -> None:
    """Make the trials of all rates, measure all runs, write one table."""
    bench, rules = args.open_bench(), build_rules(args.runs)
    chosen = {path.parent.name: SetPoints.read(path) for path in args.chosen}
    thresholds = {run: set_.score.thresholds for run, set_ in chosen.items() if set_.score}

    def describe(measured: Measured[float]) -> dict[str, float]:
        kinds = measured.scored["target"].value_counts()
        return {
            "target_trials": int(kinds[True]),
            "nontarget_trials": int(kinds[False]),
            **count_errors(measured.scored, thresholds.get(measured.run, {})),
        }

    usual = args.generation.nontargets_per_target
    for rate in args.rates:
        if not rate > 0:
            raise InputError(f"--rates: {rate} is not allowed; a rate is a number above 0")
    tables = []
    for scenario in args.scenarios:
        pool = args.build_pool(scenario)
        one = TrialList(scenario=scenario.id, order="independent")
        conditions = {}
        for rate in dict.fromkeys([usual, *sorted(args.rates)]):
            generation = args.generation.model_copy(update={"nontargets_per_target": rate})
            made = make_scenario(pool, scenario, generation, args.seed, one.order)
            conditions[rate] = Condition(made.trials, made.enrolment, rules)
        with blamed_on(args.index):
            table = bench.tabulate(
                conditions, one.id, "nontargets_per_target", args.baseline, describe
            )
        table = table.sort_values("nontargets_per_target", kind="stable")
        tables.append(name_list(table, one))
    write_csv(pd.concat(tables), args.table)
