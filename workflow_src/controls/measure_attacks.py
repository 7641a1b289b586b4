"""Attack the templates of every run, at a threshold set in advance, and measure what it does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_src.attacks.simulation import Plan, simulate
from workflow_src.attacks.victims import Part, Victims
from workflow_src.common.errors import InputError
from workflow_src.common.files import write_csv
from workflow_src.common.tables import read_scenario
from workflow_src.controls.arguments import RunsArguments, build_rules
from workflow_src.controls.conditions import Bench
from workflow_src.evaluation.attack_measures import Attacked, find_recovery, measure_attack
from workflow_src.evaluation.bootstrap import Resamples, draw_resamples
from workflow_src.evaluation.operating_points import SetPoints
from workflow_src.running.progress import show_progress
from workflow_src.settings.attacks import Attacks
from workflow_src.settings.orders import TrialList
from workflow_src.settings.runs import Run
from workflow_src.updating.interface import UpdateRule
from workflow_src.updating.sequences import Task, build_task


@dataclass(frozen=True, kw_only=True)
class Arguments(RunsArguments):
    """The step's arguments."""

    points: Path
    """Folder with <run>/operating_points.json."""
    trials: Path
    """Folder with <trial list>.parquet and <trial list>.enrolment.parquet."""
    trial_list: TrialList
    """The trial list whose target trials are the victims' tests."""
    settings: Attacks
    """Attempts, days, recordings, and when a victim has recovered."""


def attack(
    rule: UpdateRule, part: Part, task: Task, threshold: float, settings: Attacks
) -> dict[str, Attacked]:
    """Let each attacker attack some templates: name -> what happened."""
    templates, plan = part.start(task), part.plan
    own = plan.without_attempts()
    without = simulate(rule, templates, own, task.embeddings, threshold)[own.after]
    outcomes = {}
    for name, attacker in part.attackers.items():
        accepted = simulate(rule, templates, plan, task.embeddings, threshold, attacker)
        outcomes[name] = _tell_outcome(plan, accepted, without, len(templates), settings)
    return outcomes


def _tell_outcome(
    plan: Plan, accepted: np.ndarray, without: np.ndarray, count: int, settings: Attacks
) -> Attacked:
    """Gather what was accepted by template; `without` are the tests after the attack."""
    made = np.zeros((count, settings.attempts_a_day * settings.days), dtype=bool)
    attempts = made.copy()
    tried = plan.attempt >= 0
    made[plan.sequence[tried], plan.attempt[tried]] = True
    attempts[plan.sequence[tried], plan.attempt[tried]] = accepted[tried]
    sequence, day, own = plan.sequence[plan.after], plan.day[plan.after], accepted[plan.after]
    tests = np.bincount(sequence, minlength=count)
    days, end = np.full(count, np.nan), 0
    for victim, size in enumerate(tests):
        begin, end = end, end + size
        place = find_recovery(own[begin:end], without[begin:end], settings.recovery)
        if place is not None:
            days[victim] = day[begin + place] - day[begin]
    return Attacked(
        attempts,
        made,
        np.bincount(sequence, ~own, count),
        np.bincount(sequence, ~without, count),
        tests,
        tests >= settings.recovery,
        days,
    )


def measure_run(
    run: Run,
    rule: UpdateRule,
    victims: Victims,
    parts: list[Part],
    args: Arguments,
    bench: Bench,
    resamples: Resamples,
) -> list[dict]:
    """Attack the templates of a run; return a row of the table for each attacker."""
    path = args.points / run.run / "operating_points.json"
    chosen = SetPoints.read(path).score
    if chosen is None or not chosen.thresholds:
        raise InputError(f"{path}: has no threshold; it takes development trials, see tuning")
    point, threshold = next(iter(chosen.thresholds.items()))
    task, enrolment = victims.task, rule.choose_enrolment(victims.enrolment, bench.index)
    if enrolment is not victims.enrolment:
        task = build_task(victims.trials, enrolment, bench.embeddings, bench.index)
    outcomes = [attack(rule, part, task, threshold, args.settings) for part in parts]
    speakers = np.concatenate([part.speakers for part in parts])
    rows = []
    for name in parts[0].attackers:
        fields = zip(*(vars(each[name]).values() for each in outcomes), strict=True)
        attacked = Attacked(*map(np.concatenate, fields))
        start = {"run": run.run, **args.trial_list.model_dump(), "point": point, "attacker": name}
        counts = {"speakers": len(victims.names), "templates": len(speakers)}
        told = measure_attack(attacked, speakers, resamples, args.intervals.confidence)
        rows.append({**start, **told, **counts})
    return rows


def run(args: Arguments) -> None:
    """Read the trials, attack every run, and write one table."""
    bench, rules = args.open_bench(), build_rules(args.runs)
    tables = read_scenario(args.trials, args.trial_list.id)
    source = f"{args.trials / args.trial_list.id}.parquet"
    victims = Victims.find(*tables, bench.embeddings, bench.index, source)
    parts = list(victims.split(args.settings, args.seed))
    resamples = draw_resamples(victims.names, args.intervals.resamples, args.seed)
    rows: list[dict] = []
    for one in show_progress(args.runs, "runs"):
        rows += measure_run(one, rules[one.run], victims, parts, args, bench, resamples)
    write_csv(pd.DataFrame(rows), args.table)
