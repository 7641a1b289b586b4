"""The nine trial protocols: who enrols on which days, and which trials follow.

Source: Qin, Li, Duan and Li, *Investigating Long-Term and Short-Term Time-Varying Speaker
Verification*, IEEE/ACM T-ASLP 32, 2024, and the trial lists published with it, from which the
parts that the paper leaves open were worked out. ``as`` scenarios test all utterances of every
N-th day, ``1s`` scenarios one utterance of every N-th day in several rounds, ``random`` a few
utterances of days at random distances.

Every target is followed by one non-target. What is drawn is drawn for the corpus, not for the
scenario: in the ``as`` family each utterance of a speaker has its one non-target, in the ``1s``
family each (round, speaker, day) its one (target, non-target) pair, and a scenario only selects
days. So the draws come from streams named by family and speaker, and a scenario made alone is
the same as one made among others.

Nothing here reads or writes files; utterances and days are numbers until the tables are made.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from workflow_src.common.errors import InputError
from workflow_src.common.seeds import generator
from workflow_src.corpus.ids import sort_in_corpus_order
from workflow_src.settings.trials import Generation

MANIFEST_COLUMNS = ["utterance", "speaker", "date", "time", "slot", "take"]

# Day indices on which the templates of a scenario enrol, by the distance N of its test days.
ENROLMENT_DAYS = {
    1: [0],
    3: [0, 12, 27, 48, 62],
    5: [0, 14, 25, 36, 47, 58, 69],
    10: [0, 5, 11, 16, 22, 27, 33, 38, 44, 49, 55, 66, 77],
}


@dataclass(frozen=True)
class Pool:
    """The usable utterances of all who may be heard in a trial, in corpus order.

    Utterances are numbered 0..U-1 by speaker, then in corpus order; days of all speakers are
    numbered 0..V-1 alike, a day index k of a speaker being number ``first_day[speaker] + k``.

    Attributes
    ----------
    utterances
        U utterance ids.
    days
        V dates (ISO).
    speakers
        P speaker ids, sorted.
    enrols
        bool [P]: the speaker enrols; else serves only as a non-target.
    first_day
        int64 [P + 1]: number of each speaker's first day; V at the end.
    first_utterance
        int64 [V + 1]: number of each day's first utterance; U at the end.
    for_enrolment
        bool [U]: recorded within the hours of enrolment.
    """

    utterances: pd.Series
    days: pd.Series
    speakers: list[str]
    enrols: np.ndarray
    first_day: np.ndarray
    first_utterance: np.ndarray
    for_enrolment: np.ndarray

    def utterance_bounds(self) -> np.ndarray:
        """Return int64 [P + 1]: number of each speaker's first utterance; U at the end."""
        return self.first_utterance[self.first_day]


@dataclass
class LeftOut:
    """What a scenario could not use, by reason."""

    counts: dict[str, int] = field(default_factory=dict)

    def add(self, reason: str, count: int = 1) -> None:
        """Count `count` more for `reason`."""
        if count:
            self.counts[reason] = self.counts.get(reason, 0) + count

    def __str__(self) -> str:
        return ", ".join(f"{count} {reason}" for reason, count in self.counts.items()) or "nothing"


@dataclass(frozen=True)
class Scenario:
    """The trials of one scenario.

    Attributes
    ----------
    trials
        Table with the columns `tables.TRIAL_COLUMNS`: the order of scoring within (model, round) is
        that of step; models stand by speaker, then k.
    enrolment
        Table with the columns `tables.ENROLMENT_COLUMNS`, models in the same order.
    left_out
        What could not be used.
    """

    trials: pd.DataFrame
    enrolment: pd.DataFrame
    left_out: LeftOut


@dataclass(frozen=True)
class _Template:
    """One template: its name, speaker, enrolment utterances and first day free for tests."""

    name: str
    speaker: int
    enrolment: np.ndarray
    earliest_day: int


@dataclass(frozen=True)
class _Pairs:
    """Target and non-target, in the order of scoring; int64 arrays of one length, and what for."""

    template: np.ndarray
    round: np.ndarray
    day: np.ndarray
    target: np.ndarray
    nontarget: np.ndarray


def build_pool(
    manifest: pd.DataFrame, split: pd.DataFrame, rejected: Iterable[str], settings: Generation
) -> Pool:
    """Gather the usable utterances of the speakers that are tested or serve as non-targets.

    Parameters
    ----------
    manifest
        One row an utterance with the columns `MANIFEST_COLUMNS`.
    split
        Columns speaker and part; the parts ``test`` and ``nontarget-only`` make the pool.
    rejected
        Utterances without an embedding; they are in no trial, and a day of which nothing is left
        does not count among the speaker's days.
    settings
        The block ``trials.generation``: the hours of enrolment.

    Raises
    ------
    InputError
        No test speaker has a usable utterance, or nobody else is there to be a non-target.
    """
    parts = split.set_index("speaker")["part"]
    members = parts.index[parts.isin(["test", "nontarget-only"])]
    if not (parts == "test").any():
        raise InputError("trials: the split names no test speaker, so nobody can enrol")
    table = manifest.loc[
        manifest["speaker"].isin(members) & ~manifest["utterance"].isin(set(rejected)),
        MANIFEST_COLUMNS,
    ]
    table = sort_in_corpus_order(table)
    speakers, speaker_of_utterance = np.unique(
        table["speaker"].to_numpy(dtype=object), return_inverse=True
    )
    enrols = (parts.reindex(speakers) == "test").to_numpy()
    if not enrols.any():
        raise InputError("trials: none of the test speakers of the split has a usable utterance")
    if len(speakers) < 2:
        raise InputError(
            f"trials: {speakers[0]} is the only speaker of the pool with usable utterances; a "
            "non-target needs a second one, tested or listed in trials.nontarget_only"
        )
    date = table["date"].to_numpy(dtype=object)
    new_day = np.r_[
        True, (speaker_of_utterance[1:] != speaker_of_utterance[:-1]) | (date[1:] != date[:-1])
    ]
    first_utterance = np.flatnonzero(new_day)
    first_day = np.searchsorted(speaker_of_utterance[first_utterance], np.arange(len(speakers) + 1))
    time = table["time"]
    return Pool(
        utterances=table["utterance"],
        days=table["date"].iloc[first_utterance].reset_index(drop=True),
        speakers=list(speakers),
        enrols=enrols,
        first_day=first_day,
        first_utterance=np.r_[first_utterance, len(table)],
        for_enrolment=(
            (time > settings.enrolment_after) & (time < settings.enrolment_before)
        ).to_numpy(dtype=bool),
    )


def make_scenario(pool: Pool, scenario: str, settings: Generation, seed: int) -> Scenario:
    """Make the trials of one scenario.

    Parameters
    ----------
    pool
        From `build_pool`.
    scenario
        ``random``, ``<N>das`` or ``<N>d1s``.
    settings
        The block ``trials.generation``.
    seed
        Of all draws; see the module's docstring for what scenarios share.

    Raises
    ------
    InputError
        No template is left that has both enrolment and trials.
    """
    left_out = LeftOut()
    if scenario == "random":
        templates, pairs = _random_scenario(pool, settings, seed, left_out)
    else:
        distance, family = int(scenario[:-3]), scenario[-2:]
        templates, days = _select_days(pool, distance, settings, left_out)
        chosen = _all_sessions if family == "as" else _one_session
        pairs = chosen(pool, templates, days, settings, seed)
    if not templates:
        raise InputError(
            f"trials: nothing is left for the scenario {scenario}; left out: {left_out}"
        )
    return Scenario(
        trials=_trial_table(pool, templates, pairs),
        enrolment=_enrolment_table(pool, templates),
        left_out=left_out,
    )


def draw_nontargets(pool: Pool, speaker: int, draws: np.ndarray) -> np.ndarray:
    """Turn uniform draws into non-targets: a uniform other speaker, then one of its utterances.

    Parameters
    ----------
    pool
        The pool.
    speaker
        Number of the speaker that is not to be drawn.
    draws
        float64 [..., 2] in [0, 1).

    Returns
    -------
    ndarray
        int64 [...]: numbers of utterances.
    """
    other = _uniform(draws[..., 0], len(pool.speakers) - 1)
    other += other >= speaker
    bounds = pool.utterance_bounds()
    return bounds[other] + _uniform(draws[..., 1], bounds[other + 1] - bounds[other])


def _uniform(draws: np.ndarray, sizes: np.ndarray | int) -> np.ndarray:
    """Map draws of [0, 1) to whole numbers below `sizes`.

    One draw is spent on every number whatever its range, so that a longer list of draws only
    adds to a shorter one.
    """
    return np.minimum((draws * sizes).astype(np.int64), np.asarray(sizes) - 1)


def _enrol(
    pool: Pool, speaker: int, k: int, name: str, settings: Generation, left_out: LeftOut
) -> _Template | None:
    """Enrol a speaker from day index `k` on, into later days when needed."""
    first, last = pool.first_day[speaker : speaker + 2]
    if first + k >= last:
        left_out.add("enrolment days that the speaker did not reach")
        return None
    begin, end = pool.first_utterance[[first + k, last]]
    within_hours = np.flatnonzero(pool.for_enrolment[begin:end])[: settings.enrolment_utterances]
    if len(within_hours) < settings.enrolment_utterances:
        left_out.add(f"enrolment days without {settings.enrolment_utterances} utterances")
        return None
    utterances = begin + within_hours
    # No published enrolment reaches its first test day; in a sparse corpus one may, and an
    # utterance that enrolled must not be tested.
    last_day = int(np.searchsorted(pool.first_utterance, utterances[-1], side="right")) - 1
    return _Template(name, speaker, utterances, last_day + 1)


def _select_days(
    pool: Pool, distance: int, settings: Generation, left_out: LeftOut
) -> tuple[list[_Template], list[np.ndarray]]:
    """Return the templates of an ``as`` or ``1s`` scenario and the days on which each is tested."""
    templates, days = [], []
    for speaker in np.flatnonzero(pool.enrols):
        first, last = pool.first_day[speaker : speaker + 2]
        for k in ENROLMENT_DAYS[distance]:
            name = f"spk{pool.speakers[speaker]}_{k}"
            template = _enrol(pool, speaker, k, name, settings, left_out)
            if template is None:
                continue
            tests = np.arange(first + k + distance + 1, last, distance)
            free = tests[tests >= template.earliest_day]
            left_out.add("test days on which enrolment still runs", len(tests) - len(free))
            if not len(free):
                left_out.add("enrolment days without a test day")
                continue
            templates.append(template)
            days.append(free)
    return templates, days


def _all_sessions(
    pool: Pool, templates: list[_Template], days: list[np.ndarray], settings: Generation, seed: int
) -> _Pairs:
    """Return every utterance of every test day, each with its one non-target."""
    partner = np.zeros(len(pool.utterances), dtype=np.int64)
    bounds = pool.utterance_bounds()
    for speaker in sorted({template.speaker for template in templates}):
        begin, end = bounds[speaker : speaker + 2]
        stream = generator(seed, "trials", "as", pool.speakers[speaker])
        partner[begin:end] = draw_nontargets(pool, speaker, stream.random((end - begin, 2)))
    tested = np.concatenate([*days, np.zeros(0, dtype=np.int64)])
    template = np.repeat(np.arange(len(templates)), [len(of_one) for of_one in days])
    begin, size = pool.first_utterance[tested], np.diff(pool.first_utterance)[tested]
    target = _ranges(begin, size)
    return _Pairs(
        template=np.repeat(template, size),
        round=np.zeros(len(target), dtype=np.int64),
        day=np.repeat(tested, size),
        target=target,
        nontarget=partner[target],
    )


def _one_session(
    pool: Pool, templates: list[_Template], days: list[np.ndarray], settings: Generation, seed: int
) -> _Pairs:
    """Return one utterance of every test day and its non-target, anew in every round."""
    rounds = settings.rounds
    sizes = np.diff(pool.first_utterance)
    target = np.zeros((rounds, len(sizes)), dtype=np.int64)
    nontarget = np.zeros_like(target)
    for speaker in sorted({template.speaker for template in templates}):
        first, last = pool.first_day[speaker : speaker + 2]
        stream = generator(seed, "trials", "1s", pool.speakers[speaker])
        draws = stream.random((rounds, last - first, 3))
        target[:, first:last] = pool.first_utterance[first:last] + _uniform(
            draws[..., 0], sizes[first:last]
        )
        nontarget[:, first:last] = draw_nontargets(pool, speaker, draws[..., 1:])
    template, number, day = [], [], []
    for which, tested in enumerate(days):
        template.append(np.full(rounds * len(tested), which))
        number.append(np.repeat(np.arange(rounds), len(tested)))
        day.append(np.tile(tested, rounds))
    empty = np.zeros(0, dtype=np.int64)
    number, day = np.concatenate([*number, empty]), np.concatenate([*day, empty])
    return _Pairs(
        template=np.concatenate([*template, empty]),
        round=number + 1,
        day=day,
        target=target[number, day],
        nontarget=nontarget[number, day],
    )


def _random_scenario(
    pool: Pool, settings: Generation, seed: int, left_out: LeftOut
) -> tuple[list[_Template], _Pairs]:
    """Return trajectories over days at random distances with a few targets each."""
    law = settings.random
    templates: list[_Template] = []
    parts: dict[str, list[np.ndarray]] = {"day": [], "target": [], "nontarget": [], "template": []}
    for speaker in np.flatnonzero(pool.enrols):
        enrolled = _enrol(pool, speaker, 0, "", settings, left_out)
        if enrolled is None:
            continue
        first, last = pool.first_day[speaker : speaker + 2]
        begin, end = pool.first_utterance[[first, last]]
        # One array a trajectory from each stream: more trajectories leave the earlier ones alone.
        names = ("trials", "random", pool.speakers[speaker])
        shape = (law.trajectories, last - first)
        skips = 1 + _uniform(generator(seed, *names, "skips").random(shape), law.max_skip_days)
        sizes = np.diff(pool.first_utterance[first : last + 1])
        wanted = 1 + _uniform(generator(seed, *names, "counts").random(shape), law.max_targets)
        pointer = 1 + np.cumsum(skips, axis=1)
        targets = np.zeros(shape, dtype=np.int64)
        trajectory, visit = np.nonzero(pointer < last - first)
        visited = pointer[trajectory, visit]
        targets[trajectory, visited] = np.minimum(wanted[trajectory, visited], sizes[visited])
        running = enrolled.earliest_day - first
        left_out.add(
            "test days on which enrolment still runs", np.count_nonzero(targets[:, :running])
        )
        targets[:, :running] = 0
        # Without replacement: the utterances with the smallest of the day's random keys.
        keys = generator(seed, *names, "targets").random((law.trajectories, end - begin))
        day_of_utterance = np.repeat(np.arange(last - first), sizes)
        order = np.lexsort((keys, np.broadcast_to(day_of_utterance, keys.shape)), axis=1)
        rank_in_day = np.arange(end - begin) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        chosen = np.zeros(keys.shape, dtype=bool)
        np.put_along_axis(chosen, order, rank_in_day < targets[:, day_of_utterance], axis=1)
        trajectory, utterance = np.nonzero(chosen)
        draws = generator(seed, *names, "nontargets").random((len(utterance), 2))
        used, which = np.unique(trajectory, return_inverse=True)
        left_out.add("trajectories without a test day", law.trajectories - len(used))
        parts["template"].append(len(templates) + which)
        parts["day"].append(first + day_of_utterance[utterance])
        parts["target"].append(begin + utterance)
        parts["nontarget"].append(draw_nontargets(pool, speaker, draws))
        templates += [
            _Template(
                f"spk{pool.speakers[speaker]}_{number + 1}",
                speaker,
                enrolled.enrolment,
                enrolled.earliest_day,
            )
            for number in used
        ]
    empty = np.zeros(0, dtype=np.int64)
    joined = {name: np.concatenate([*arrays, empty]) for name, arrays in parts.items()}
    return templates, _Pairs(round=np.zeros(len(joined["day"]), dtype=np.int64), **joined)


def _ranges(first: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return ``first[0], first[0] + 1, ...`` (`size[0]` numbers), then the same of the next."""
    before = np.cumsum(size) - size
    return np.repeat(first - before, size) + np.arange(size.sum())


def _trial_table(pool: Pool, templates: list[_Template], pairs: _Pairs) -> pd.DataFrame:
    """Write pairs as two rows each, the target first, numbered within (model, round)."""
    count = len(pairs.target)
    model = np.repeat(pairs.template, 2)
    begins = np.r_[
        True,
        (pairs.template[1:] != pairs.template[:-1]) | (pairs.round[1:] != pairs.round[:-1]),
    ]
    begin = np.flatnonzero(begins)
    step = np.arange(2 * count) - np.repeat(2 * begin, 2 * np.diff(np.r_[begin, count]))
    utterance = np.column_stack([pairs.target, pairs.nontarget]).ravel()
    speakers = [pool.speakers[template.speaker] for template in templates]
    return pd.DataFrame(
        {
            "model": _texts([template.name for template in templates], model),
            "speaker": _texts(speakers, model),
            "round": np.repeat(pairs.round, 2).astype(np.int16),
            "step": step.astype(np.int32),
            "day": _texts(pool.days, np.repeat(pairs.day, 2)),
            "utterance": _texts(pool.utterances, utterance),
            "target": np.tile([True, False], count),
        }
    )


def _enrolment_table(pool: Pool, templates: list[_Template]) -> pd.DataFrame:
    """Write one row for each enrolment utterance of each template."""
    size = len(templates[0].enrolment)
    template = np.repeat(np.arange(len(templates)), size)
    return pd.DataFrame(
        {
            "model": _texts([template.name for template in templates], template),
            "speaker": _texts([pool.speakers[t.speaker] for t in templates], template),
            "order": np.tile(np.arange(size), len(templates)).astype(np.int8),
            "utterance": _texts(
                pool.utterances, np.concatenate([template.enrolment for template in templates])
            ),
        }
    )


def _texts(values: list[str] | pd.Series, which: np.ndarray) -> pd.Series:
    """Return ``values[which]`` as a text column; takes from Arrow memory, not from objects."""
    return pd.Series(pd.array(values, dtype="str").take(which))
