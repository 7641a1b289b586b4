"""Choose the limit of a guard of a run, on development trials under attack.

Limits to choose from are quantiles of what the guard measures at the updates of the run on
development trials: such a limit refuses about a given share of these updates. A limit is allowed if
it keeps the gain of updating,

    cost(guarded) <= cost(run) + share (1 - cost(run)),

where a cost is the EER relative to that without updates (`Development.cost`), and nobody attacks.
Of the allowed limits, the one with the least half total error under attack is chosen: the mean of

- the share of attempts that are accepted, and
- the share of the victims' later tests that are rejected,

both at the threshold of the guarded run's EER. The attacker is the nearest speaker, whose attempts
do not depend on the guard (`workflow_src.attacks.attackers`). A gradual attacker plays the best
recording where a guard lets none move the template, so what is accepted then tells of this choice.
If errors are equal, the laxer limit wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from workflow_src.attacks.simulation import simulate
from workflow_src.attacks.victims import Victims
from workflow_src.common.errors import InputError
from workflow_src.common.files import write_csv, write_json
from workflow_src.common.tables import read_embeddings, read_index, read_scenario
from workflow_src.evaluation.metrics import equal_error_rate
from workflow_src.inference.methods import build_rule
from workflow_src.inference.tuned import resolve_tuned
from workflow_src.methods.development import Development, read_development
from workflow_src.methods.guarded import GUARDS, Guard, Guarded, Kept, Update
from workflow_src.running.arguments import Input, Output
from workflow_src.running.progress import show_progress
from workflow_src.settings.attacks import Attacks
from workflow_src.settings.runs import Run
from workflow_src.settings.tuning import Tuning
from workflow_src.updating.interface import UpdateRule

ATTACKER = "nearest"
REFUSED = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7)
"""The shares of updates on development trials that the limits to choose from would refuse."""
# Errors of rounding in sums of rates.
TINY = 1e-9


class _Listener(Guard):
    """Refuses nothing, and lists what a guard measures at each update."""

    def __init__(self, guard: Guard) -> None:
        self.guard, self.vectors = guard, guard.vectors
        self.heard: list[np.ndarray] = []

    def begin(self, shape: tuple[int, int]) -> dict[str, Tensor]:
        return self.guard.begin(shape)

    def measure(self, update: Update, kept: Kept) -> Tensor:
        return self.guard.measure(update, kept)

    def refuses(self, measured: Tensor) -> Tensor:
        return torch.zeros_like(measured, dtype=torch.bool)

    def remember(self, update: Update, measured: Tensor, updated: Tensor, kept: Kept) -> None:
        self.heard.append(measured[updated].numpy())
        self.guard.remember(update, measured, updated, kept)


def propose_limits(rule: UpdateRule, guard: str, development: Development) -> list[float]:
    """Return limits of a guard, the laxest first; it refuses no update on development trials.

    The list is empty if the rule updates on none of these trials.
    """
    watched = Guarded(rule, {guard: 0.0})
    below = watched.guards[guard].below
    listener = watched.guards[guard] = _Listener(watched.guards[guard])
    development.scores(watched)
    measured = np.concatenate([*listener.heard, np.empty(0, np.float32)])
    if not len(measured):
        return []
    at = np.array(REFUSED) if below else 1 - np.array(REFUSED)
    limits = np.quantile(measured, at, method="lower" if below else "higher")
    return list(dict.fromkeys(limits.tolist()))


def measure_error(
    rule: UpdateRule,
    development: Development,
    victims: Mapping[str, Victims],
    attacks: Attacks,
    seed: int,
) -> float:
    """Return the half total error of a rule under attack, over the victims of all scenarios."""
    accepted, rejected = [], []
    for name, scores in development.scores(rule).items():
        sequences = development.tasks[name].sequences
        labels = np.empty(len(scores), dtype=bool)
        labels[:] = sequences.labels
        threshold = equal_error_rate(scores, labels)[1]
        task = victims[name].task
        for part in victims[name].split(attacks, seed):
            told = simulate(
                rule,
                part.start(task),
                part.plan,
                task.embeddings,
                threshold,
                part.attackers[ATTACKER],
            )
            accepted.append(told[part.plan.attempt >= 0])
            rejected.append(~told[part.plan.after])
    # Without later tests, only acceptances count.
    shares = [each.mean() for each in map(np.concatenate, (accepted, rejected)) if len(each)]
    return float(np.mean(shares))


def tune_guard(
    rule: UpdateRule,
    guard: str,
    development: Development,
    victims: Mapping[str, Victims],
    attacks: Attacks,
    share: float,
    seed: int,
) -> pd.DataFrame:
    """Try limits of a guard around a rule, a single variant.

    Parameters
    ----------
    rule
        The rule.
    guard
        The id of the guard.
    development
        The trials without attackers.
    victims
        Scenario -> the victims, of the same trials.
    attacks
        Attempts, days, and recordings of the attackers.
    share
        The share of the gain that a limit may cost.
    seed
        The config's seed.

    Returns
    -------
    DataFrame
        A row for each limit, the laxest first: limit; cost; allowed (bool); error: the half total
        error under attack, NaN where not allowed. Empty if the rule updates on no trial.
    """
    cost = float(development.cost(rule)[0])
    most = cost + share * max(0.0, 1 - cost) + TINY
    rows = []
    for limit in show_progress(propose_limits(rule, guard, development), "limits"):
        guarded = Guarded(rule, {guard: limit})
        own = float(development.cost(guarded)[0])
        error = np.nan
        if own <= most:
            error = measure_error(guarded, development, victims, attacks, seed)
        rows.append((limit, own, own <= most, error))
    return pd.DataFrame(rows, columns=["limit", "cost", "allowed", "error"])


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments."""

    run: Run
    """The run, without guards: a row of the run table."""
    guard: str
    """The id of the guard."""
    development: Path
    """The folder of the development trials."""
    embeddings: Input
    """The embeddings, .npy, [N, D]."""
    index: Input
    """The utterance of each row, parquet: row, utterance, date."""
    settings: Tuning
    """The scenarios to choose on."""
    attacks: Attacks
    """Attempts, days, and recordings of the attackers."""
    cost: float
    """The share of the gain that the limit may cost."""
    seed: int
    """The config's seed."""
    limit: Output
    """The chosen limit, JSON."""
    tried: Output
    """The limits to choose from, CSV."""


def run(args: Arguments) -> None:
    """Read the development trials and the run's rule, then choose and write the limit."""
    if args.guard not in GUARDS:
        raise InputError(f"--guard: {args.guard!r} is no guard; allowed: {', '.join(GUARDS)}")
    embeddings = read_embeddings(args.embeddings, mmap=True)
    index = read_index(args.index)
    partition = read_development(args.development, args.settings, embeddings, index, args.seed)
    development = partition.every
    victims = {}
    for name in development.tasks:
        tables = read_scenario(args.development, name)
        source = f"{args.development / name}.parquet"
        victims[name] = Victims.find(*tables, embeddings, index, source)
    rule = build_rule(resolve_tuned(args.run))
    tried = tune_guard(rule, args.guard, development, victims, args.attacks, args.cost, args.seed)
    if tried.empty:
        raise InputError(
            f"{args.development}: {args.run.run} updates on no development trial, so no limit can "
            f"be chosen; set guards.{args.guard} to a number"
        )
    limit = float(tried["limit"].iloc[int(np.nanargmin(tried["error"]))])
    write_csv(tried, args.tried)
    write_json({"limit": limit}, args.limit)
    print(f"{args.run.run}: {args.guard} {limit:g}")
