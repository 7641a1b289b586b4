"""The trial protocols: who enrols on which days, and the trials that follow.

Days are those of the published scenarios. A scenario of another unit counts weeks, months or
sessions in their place; the pool is then one of that unit.

Source: Qin, Li, Duan and Li, *Investigating Long-Term and Short-Term Time-Varying Speaker
Verification*, IEEE/ACM T-ASLP 32, 2024, and the trial lists published with it, which settle what
the paper leaves open. A scenario is a row of settings. The family ``as`` tests all utterances of
every N-th day, the family ``1s`` one utterance of every N-th day in several rounds, the family
``random`` a few utterances of days at random distances.

One non-target follows every target. Draws belong to the corpus, not to the scenario. In the family
``as`` each utterance of a speaker has one non-target. In the family ``1s`` each (round, speaker,
day) has one (target, non-target) pair. In the family ``random`` each trajectory of a speaker has
its skips and keys. A scenario only selects days. The draws come from streams named by family and
speaker, and by units other than days, so a scenario made alone is the same as one made among
others.

This module reads and writes no files. Utterances and units are numbers until the tables are made.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from workflow_src.common.errors import InputError
from workflow_src.common.seeds import generator
from workflow_src.settings.generation import Generation, Scenario
from workflow_src.trials.pool import Pool, draw_nontargets, scale_draws
from workflow_src.trials.tables import Pairs, Template, tabulate_pairs, tabulate_templates

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


def make_scenario(
    pool: Pool, scenario: Scenario, settings: Generation, seed: int
) -> ScenarioTrials:
    """Make the trials of one scenario.

    `pool` is one of the scenario's unit. `settings` is the block ``trials.generation``. The
    module's docstring tells which draws of `seed` scenarios share.

    Raises
    ------
    InputError
        No template has both enrolment and trials.
    """
    if pool.unit != scenario.unit:
        raise ValueError(f"{scenario.id} counts {scenario.unit}s, but the pool {pool.unit}s")
    left_out = LeftOut()
    templates: list[Template] = []
    parts: list[Pairs] = []
    for speaker in np.flatnonzero(pool.enrols).tolist():
        if scenario.family == "random":
            own, pairs = _walk(pool, speaker, scenario, settings, seed, left_out)
        else:
            own, template, unit = _select_units(pool, speaker, scenario, settings, left_out)
            if scenario.family == "as":
                pairs = _test_all(pool, speaker, template, unit, seed)
            else:
                rounds = scenario.rounds or settings.rounds
                pairs = _test_one(pool, speaker, template, unit, rounds, seed)
        parts.append(pairs._replace(template=pairs.template + len(templates)))
        templates += own
    if not templates:
        raise InputError(
            f"trials: nothing is left for the scenario {scenario.id}; left out: {left_out}"
        )
    pairs = Pairs(*map(np.concatenate, zip(*parts, strict=True)))
    return ScenarioTrials(
        trials=tabulate_pairs(pool, templates, pairs),
        enrolment=tabulate_templates(pool, templates),
        left_out=left_out,
    )


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

    The test units are two arrays, int64 [n]: places in the list of templates, and units.
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
        visits += [(len(templates), unit) for unit in free]
        templates.append(template)
    template_of, units = np.array(visits, dtype=np.int64).reshape(-1, 2).T
    return templates, template_of, units


def _stream(pool: Pool, speaker: int, family: str) -> tuple[str, ...]:
    """Return the name of a speaker's stream of draws."""
    unit = () if pool.unit == "day" else (pool.unit,)
    return ("trials", family, *unit, pool.speakers[speaker])


def _test_all(pool: Pool, speaker: int, template: np.ndarray, unit: np.ndarray, seed: int) -> Pairs:
    """Return every utterance of every test unit, each with its one non-target."""
    begin, end = pool.utterance_bounds()[speaker : speaker + 2]
    stream = generator(seed, *_stream(pool, speaker, "as"))
    nontarget = draw_nontargets(pool, speaker, stream.random((end - begin, 2)))
    size = np.diff(pool.first_utterance)[unit]
    target = _ranges(pool.first_utterance[unit], size)
    return Pairs(
        template=np.repeat(template, size),
        round=np.zeros(len(target), dtype=np.int64),
        target=target,
        nontarget=nontarget[target - begin],
    )


def _test_one(
    pool: Pool, speaker: int, template: np.ndarray, unit: np.ndarray, rounds: int, seed: int
) -> Pairs:
    """Return one utterance of every test unit and its non-target, drawn again in every round."""
    first, last = pool.first_unit[speaker : speaker + 2]
    stream = generator(seed, *_stream(pool, speaker, "1s"))
    draws = stream.random((rounds, last - first, 3))
    sizes = np.diff(pool.first_utterance[first : last + 1])
    target = pool.first_utterance[first:last] + scale_draws(draws[..., 0], sizes)
    nontarget = draw_nontargets(pool, speaker, draws[..., 1:])
    # By template, then round, then unit.
    number, visit = np.indices((rounds, len(unit))).reshape(2, -1)
    order = np.lexsort((visit, number, template[visit]))
    number, visit = number[order], visit[order]
    return Pairs(
        template=template[visit],
        round=number + 1,
        target=target[number, unit[visit] - first],
        nontarget=nontarget[number, unit[visit] - first],
    )


def _walk(
    pool: Pool,
    speaker: int,
    scenario: Scenario,
    settings: Generation,
    seed: int,
    left_out: LeftOut,
) -> tuple[list[Template], Pairs]:
    """Return trajectories over units at random distances with a few targets each."""
    law, [k] = settings.random, scenario.enrolment
    enrolled = _enrol(pool, speaker, k, "", settings, left_out)
    if enrolled is None:
        return [], Pairs(*np.zeros((4, 0), dtype=np.int64))
    first, last = pool.first_unit[speaker : speaker + 2]
    begin, end = pool.first_utterance[[first, last]]
    # Each trajectory takes one row of each stream: more trajectories do not change earlier ones.
    names = _stream(pool, speaker, "random")
    shape = (law.trajectories, last - first)
    skips = 1 + scale_draws(generator(seed, *names, "skips").random(shape), law.max_skip_days)
    sizes = np.diff(pool.first_utterance[first : last + 1])
    wanted = 1 + scale_draws(generator(seed, *names, "counts").random(shape), law.max_targets)
    pointer = k + 1 + np.cumsum(skips, axis=1)
    targets = np.zeros(shape, dtype=np.int64)
    trajectory, visit = np.nonzero(pointer < last - first)
    visited = pointer[trajectory, visit]
    targets[trajectory, visited] = np.minimum(wanted[trajectory, visited], sizes[visited])
    running = enrolled.earliest_unit - first
    untested = int(np.count_nonzero(targets[:, :running]))
    left_out.add(_RUNNING.format(pool.unit), untested)
    targets[:, :running] = 0
    # Without replacement: the utterances with the smallest of the unit's random keys.
    keys = generator(seed, *names, "targets").random((law.trajectories, end - begin))
    unit_of_utterance = np.repeat(np.arange(last - first), sizes)
    order = np.lexsort((keys, np.broadcast_to(unit_of_utterance, keys.shape)), axis=1)
    rank_in_unit = np.arange(end - begin) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    chosen = np.zeros(keys.shape, dtype=bool)
    np.put_along_axis(chosen, order, rank_in_unit < targets[:, unit_of_utterance], axis=1)
    trajectory, utterance = np.nonzero(chosen)
    draws = generator(seed, *names, "nontargets").random((len(utterance), 2))
    used, which = np.unique(trajectory, return_inverse=True)
    left_out.add(f"trajectories without a test {pool.unit}", law.trajectories - len(used))
    pairs = Pairs(
        template=which,
        round=np.zeros(len(utterance), dtype=np.int64),
        target=begin + utterance,
        nontarget=draw_nontargets(pool, speaker, draws),
    )
    speaker_id = pool.speakers[speaker]
    return [replace(enrolled, name=f"spk{speaker_id}_{n + 1}") for n in used], pairs


def _ranges(first: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return the concatenated ranges of `size[i]` numbers that begin at `first[i]`."""
    before = np.cumsum(size) - size
    return np.repeat(first - before, size) + np.arange(size.sum())
