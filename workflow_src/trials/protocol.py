"""The trial protocols: who enrols on which days, and the trials that follow.

Days are those of the published scenarios. A scenario of another unit counts weeks, months or
sessions in their place; the pool is then one of that unit.

Source: Qin, Li, Duan and Li, *Investigating Long-Term and Short-Term Time-Varying Speaker
Verification*, IEEE/ACM T-ASLP 32, 2024, and the trial lists published with it, which settle what
the paper leaves open. A scenario is a row of settings. The family ``as`` tests all utterances of
every N-th day, the family ``1s`` one utterance of every N-th day in several rounds, the family
``random`` a few utterances of days at random distances.

In published order one non-target follows every target. `workflow_src.trials.orders` has the other
orders, which do not tell the label.

Draws belong to the corpus, not to the scenario. In the family ``as`` each utterance of a speaker
has one non-target. In the family ``1s`` each (round, speaker, day) has one (target, non-target)
pair. In the family ``random`` each trajectory of a speaker has its skips and keys. In independent
order each (speaker, day) of the family ``as``, each (round, speaker, day) and each (trajectory,
day) has one list. A scenario only selects days. The draws come from streams named by family and
speaker, and by units other than days, so a scenario made alone is the same as one made among
others.

This module reads and writes no files. Utterances and units are numbers until the tables are made.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from workflow_src.common.errors import AbsentError
from workflow_src.common.seeds import generator
from workflow_src.settings.generation import Generation, Scenario
from workflow_src.settings.orders import Order
from workflow_src.trials.orders import choose_smallest, draw_independent, shuffle_days
from workflow_src.trials.pool import Pool, draw_nontargets, scale_draws
from workflow_src.trials.tables import (
    Template,
    Tests,
    tabulate_templates,
    tabulate_tests,
    take_turns,
)

_RUNNING = "test {}s during enrolment"


@dataclass
class LeftOut:
    """What a scenario could not use, counted by reason."""

    counts: dict[str, int] = field(default_factory=dict)

    def add(self, reason: str, count: int = 1) -> None:
        """Count `count` more for `reason`."""
        if count:
            self.counts[reason] = self.counts.get(reason, 0) + count

    def __str__(self) -> str:
        return ", ".join(f"{count} {reason}" for reason, count in self.counts.items()) or "nothing"


@dataclass(frozen=True)
class ScenarioTrials:
    """The trials of one scenario.

    Attributes
    ----------
    trials
        Columns `workflow_src.common.tables.TRIAL_COLUMNS`. Within (model, round) the steps give the
        order of scoring. Models are sorted by speaker, then k.
    enrolment
        Columns `workflow_src.common.tables.ENROLMENT_COLUMNS`, models in the same order.
    left_out
        What could not be used.
    """

    trials: pd.DataFrame
    enrolment: pd.DataFrame
    left_out: LeftOut


class _Visits(NamedTuple):
    """The test units of templates, in the order of scoring.

    Attributes
    ----------
    template
        int64 [n]: place in the list of templates.
    row
        int64 [n]: round or trajectory from 0, which tells rows of draws; 0 in the family ``as``.
    unit
        int64 [n]: among the units of the speaker, from 0.
    """

    template: np.ndarray
    row: np.ndarray
    unit: np.ndarray


def make_scenario(
    pool: Pool,
    scenario: Scenario,
    settings: Generation,
    seed: int,
    order: Order = "published",
) -> ScenarioTrials:
    """Make the trials of one scenario.

    `pool` is one of the scenario's unit. `settings` is the block ``trials.generation``. The
    module's docstring tells which draws of `seed` scenarios share.

    Raises
    ------
    AbsentError
        No template has both enrolment and trials.
    """
    if pool.unit != scenario.unit:
        raise ValueError(f"{scenario.id} counts {scenario.unit}s, but the pool {pool.unit}s")
    left_out = LeftOut()
    templates: list[Template] = []
    parts: list[Tests] = []
    for speaker in np.flatnonzero(pool.enrols).tolist():
        own, visits, targets = _plan(pool, speaker, scenario, settings, seed, left_out)
        if order == "independent":
            stream = _stream(pool, speaker, scenario.family)
            ratio = settings.nontargets_per_target
            tests = _test_independently(pool, speaker, visits, targets, ratio, seed, stream)
        elif scenario.family == "as":
            tests = _test_all(pool, speaker, visits, seed)
        elif scenario.family == "1s":
            tests = _test_one(pool, speaker, visits, len(targets), seed)
        else:
            tests = _test_few(pool, speaker, visits, targets, seed)
        if scenario.family == "1s":
            tests = tests._replace(round=tests.round + 1)
        else:
            tests = tests._replace(round=np.zeros_like(tests.round))
        used, which = np.unique(tests.template, return_inverse=True)
        left_out.add("templates without a trial", len(own) - len(used))
        parts.append(tests._replace(template=which + len(templates)))
        templates += [own[place] for place in used]
    if not templates:
        raise AbsentError(
            f"trials: nothing is left for the scenario {scenario.id}; left out: {left_out}"
        )
    tests = Tests(*map(np.concatenate, zip(*parts, strict=True)))
    trials = tabulate_tests(pool, templates, tests)
    if order == "shuffled":
        trials = shuffle_days(trials, scenario.id, seed)
    return ScenarioTrials(
        trials=trials, enrolment=tabulate_templates(pool, templates), left_out=left_out
    )


def _plan(
    pool: Pool,
    speaker: int,
    scenario: Scenario,
    settings: Generation,
    seed: int,
    left_out: LeftOut,
) -> tuple[list[Template], _Visits, np.ndarray]:
    """Return the templates of a speaker, their test units, and how many targets these have.

    The targets are int64 [rows, units of the speaker], those of the published order.
    """
    if scenario.family == "random":
        return _walk(pool, speaker, scenario, settings, seed, left_out)
    templates, template, unit = _select_units(pool, speaker, scenario, settings, left_out)
    sizes = _unit_sizes(pool, speaker)
    if scenario.family == "as":
        return templates, _Visits(template, np.zeros_like(template), unit), sizes[None]
    rounds = scenario.rounds or settings.rounds
    row, visit = np.indices((rounds, len(unit))).reshape(2, -1)
    in_order = np.lexsort((visit, row, template[visit]))
    row, visit = row[in_order], visit[in_order]
    targets = np.ones((rounds, len(sizes)), dtype=np.int64)
    return templates, _Visits(template[visit], row, unit[visit]), targets


def _enrol(
    pool: Pool, speaker: int, k: int, name: str, settings: Generation, left_out: LeftOut
) -> Template | None:
    """Enrol a speaker from unit k on, with utterances of later units where needed."""
    first, last = pool.first_unit[speaker : speaker + 2]
    if first + k >= last:
        left_out.add(f"enrolment {pool.unit}s that the speaker did not reach")
        return None
    begin, end = pool.first_utterance[[first + k, last]]
    within_hours = np.flatnonzero(pool.for_enrolment[begin:end])[: settings.enrolment_utterances]
    if len(within_hours) < settings.enrolment_utterances:
        left_out.add(f"enrolment {pool.unit}s without {settings.enrolment_utterances} utterances")
        return None
    utterances = begin + within_hours
    # An enrolment utterance must not be tested. In a sparse corpus, enrolment may reach the first
    # test unit; in the published lists it does not.
    last_unit = int(np.searchsorted(pool.first_utterance, utterances[-1], side="right")) - 1
    return Template(name, speaker, utterances, last_unit + 1)


def _select_units(
    pool: Pool, speaker: int, scenario: Scenario, settings: Generation, left_out: LeftOut
) -> tuple[list[Template], np.ndarray, np.ndarray]:
    """Return the templates of a speaker who is tested every N units, and their test units.

    The test units are two arrays, int64 [n]: places in the list of templates, and units among those
    of the speaker.
    """
    assert isinstance(scenario.every, int)  # no random walk
    first, last = pool.first_unit[speaker : speaker + 2]
    templates: list[Template] = []
    visits: list[tuple[int, int]] = []
    for k in scenario.enrolment:
        name = f"spk{pool.speakers[speaker]}_{k}"
        template = _enrol(pool, speaker, k, name, settings, left_out)
        if template is None:
            continue
        tests = range(first + k + scenario.every + 1, last, scenario.every)
        free = [unit for unit in tests if unit >= template.earliest_unit]
        left_out.add(_RUNNING.format(pool.unit), len(tests) - len(free))
        if not free:
            left_out.add(f"enrolment {pool.unit}s without a test {pool.unit}")
            continue
        visits += [(len(templates), unit - first) for unit in free]
        templates.append(template)
    template_of, units = np.array(visits, dtype=np.int64).reshape(-1, 2).T
    return templates, template_of, units


def _stream(pool: Pool, speaker: int, family: str) -> tuple[str, ...]:
    """Return the name of a speaker's stream of draws."""
    unit = () if pool.unit == "day" else (pool.unit,)
    return ("trials", family, *unit, pool.speakers[speaker])


def _unit_sizes(pool: Pool, speaker: int) -> np.ndarray:
    """Return int64 [units of the speaker]: the utterances of each unit."""
    first, last = pool.first_unit[speaker : speaker + 2]
    return np.diff(pool.first_utterance[first : last + 1])


def _test_all(pool: Pool, speaker: int, visits: _Visits, seed: int) -> Tests:
    """Return every utterance of every test unit, each with its one non-target."""
    begin, end = pool.utterance_bounds()[speaker : speaker + 2]
    stream = generator(seed, *_stream(pool, speaker, "as"))
    nontarget = draw_nontargets(pool, speaker, stream.random((end - begin, 2)))
    size = _unit_sizes(pool, speaker)[visits.unit]
    target = _ranges(pool.first_utterance[pool.first_unit[speaker] + visits.unit], size)
    template, row = np.repeat(visits.template, size), np.repeat(visits.row, size)
    return take_turns(template, row, target, nontarget[target - begin])


def _test_one(pool: Pool, speaker: int, visits: _Visits, rounds: int, seed: int) -> Tests:
    """Return one utterance of every test unit and its non-target, drawn again in every round."""
    first, last = pool.first_unit[speaker : speaker + 2]
    stream = generator(seed, *_stream(pool, speaker, "1s"))
    draws = stream.random((rounds, last - first, 3))
    sizes = _unit_sizes(pool, speaker)
    target = pool.first_utterance[first:last] + scale_draws(draws[..., 0], sizes)
    nontarget = draw_nontargets(pool, speaker, draws[..., 1:])
    at = (visits.row, visits.unit)
    return take_turns(visits.template, visits.row, target[at], nontarget[at])


def _walk(
    pool: Pool,
    speaker: int,
    scenario: Scenario,
    settings: Generation,
    seed: int,
    left_out: LeftOut,
) -> tuple[list[Template], _Visits, np.ndarray]:
    """Return trajectories over units at random distances, and their numbers of targets."""
    law, [k] = settings.random, scenario.enrolment
    enrolled = _enrol(pool, speaker, k, "", settings, left_out)
    sizes = _unit_sizes(pool, speaker)
    shape = (law.trajectories, len(sizes))
    targets = np.zeros(shape, dtype=np.int64)
    if enrolled is None:
        return [], _Visits(*np.zeros((3, 0), dtype=np.int64)), targets
    # Each trajectory takes one row of each stream: more trajectories do not change earlier ones.
    names = _stream(pool, speaker, "random")
    skips = 1 + scale_draws(generator(seed, *names, "skips").random(shape), law.max_skip_days)
    wanted = 1 + scale_draws(generator(seed, *names, "counts").random(shape), law.max_targets)
    pointer = k + 1 + np.cumsum(skips, axis=1)
    trajectory, visit = np.nonzero(pointer < len(sizes))
    visited = pointer[trajectory, visit]
    targets[trajectory, visited] = np.minimum(wanted[trajectory, visited], sizes[visited])
    running = enrolled.earliest_unit - pool.first_unit[speaker]
    untested = int(np.count_nonzero(targets[:, :running]))
    left_out.add(_RUNNING.format(pool.unit), untested)
    targets[:, :running] = 0
    trajectory, unit = np.nonzero(targets)
    used, which = np.unique(trajectory, return_inverse=True)
    left_out.add(f"trajectories without a test {pool.unit}", law.trajectories - len(used))
    speaker_id = pool.speakers[speaker]
    templates = [replace(enrolled, name=f"spk{speaker_id}_{n + 1}") for n in used]
    return templates, _Visits(which, trajectory, unit), targets


def _test_few(pool: Pool, speaker: int, visits: _Visits, targets: np.ndarray, seed: int) -> Tests:
    """Return a few utterances of every test unit of trajectories, each with its non-target."""
    begin, end = pool.utterance_bounds()[speaker : speaker + 2]
    names = _stream(pool, speaker, "random")
    # Without replacement: the utterances with the smallest of the unit's random keys.
    keys = generator(seed, *names, "targets").random((len(targets), end - begin))
    trajectory, utterance = np.nonzero(choose_smallest(keys, targets, _unit_sizes(pool, speaker)))
    draws = generator(seed, *names, "nontargets").random((len(utterance), 2))
    nontarget = draw_nontargets(pool, speaker, draws)
    template_of = np.zeros(len(targets), dtype=np.int64)
    template_of[visits.row] = visits.template
    return take_turns(template_of[trajectory], trajectory, begin + utterance, nontarget)


def _test_independently(
    pool: Pool,
    speaker: int,
    visits: _Visits,
    targets: np.ndarray,
    ratio: float,
    seed: int,
    stream: tuple[str, ...],
) -> Tests:
    """Return the trials of every test unit in independent order."""
    drawn = draw_independent(pool, speaker, targets, ratio, seed, stream)
    number = visits.row * targets.shape[1] + visits.unit
    size = np.diff(drawn.first)[number]
    which = _ranges(drawn.first[number], size)
    return Tests(
        template=np.repeat(visits.template, size),
        round=np.repeat(visits.row, size),
        utterance=drawn.utterance[which],
        dated=drawn.dated[which],
        target=drawn.target[which],
    )


def _ranges(first: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return the concatenated ranges of `size[i]` numbers that begin at `first[i]`."""
    before = np.cumsum(size) - size
    return np.repeat(first - before, size) + np.arange(size.sum())
