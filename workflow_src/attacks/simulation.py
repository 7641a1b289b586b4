"""Attacks on templates: attempts between the tests of a victim, and what the template does.

The victim is tested as in a list of trials, by its target trials alone. After the tests of each of
the first days, an attacker makes attempts. Every test is scored, and the template is updated as the
rule decides, whoever spoke. An attacker chooses the recording of each attempt; one that adapts sees
the template as it is then. This module reads and writes no files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from workflow_src.updating.interface import UpdateRule
from workflow_src.updating.scorer import Lockstep, Sequences, pack_sequences


@dataclass(frozen=True)
class Plan:
    """The tests and attempts of V templates, in the order of scoring of each.

    Attributes
    ----------
    sequence
        int64 [T]: the template of each test.
    rows
        int64 [T]: embedding row of the test; -1 for an attempt.
    attempt
        int64 [T]: the number of the attempt on this template, from 0; -1 for a test of the victim.
    day
        int64 [T]: the day, as days since the template's enrolment.
    after
        bool [T]: tests of the victim after the last day with attempts.
    """

    sequence: np.ndarray
    rows: np.ndarray
    attempt: np.ndarray
    day: np.ndarray
    after: np.ndarray

    def pack(self) -> Sequences:
        """Pack the tests for the scorer; a template's sequence has the template's number."""
        return pack_sequences(
            self.sequence,
            np.arange(len(self.sequence)),
            self.rows,
            np.arange(self.sequence.max() + 1),
            self.day,
            self.attempt < 0,
        )

    def without_attempts(self) -> Plan:
        """Return the tests of the victims alone."""
        own = self.attempt < 0
        return Plan(
            self.sequence[own], self.rows[own], self.attempt[own], self.day[own], self.after[own]
        )


@dataclass(frozen=True)
class Moment:
    """What an attacker may know before an attempt.

    Attributes
    ----------
    together
        The templates as they are now.
    which
        int64 [m]: the place in `together` of the m attacked templates.
    victims
        int64 [m]: their numbers.
    attempt
        int64 [m]: the number of the attempt, from 0.
    heard
        int64 [m]: embedding row of the last test of the victim that was accepted; before any, of
        the first test.
    days
        float32 [m]: days since enrolment.
    """

    together: Lockstep
    which: np.ndarray
    victims: np.ndarray
    attempt: np.ndarray
    heard: np.ndarray
    days: np.ndarray


Attacker = Callable[[Moment], np.ndarray]
"""Chooses the embedding row of each attempt, int64 [m]."""


def plan_attacks(
    sequence: np.ndarray, rows: np.ndarray, day: np.ndarray, attempts_a_day: int, days: int
) -> Plan:
    """Put attempts behind the tests of each of the first days of each template.

    Parameters
    ----------
    sequence, rows, day
        int64 [T]: template, embedding row and day of the victims' tests; those of a template in
        their order.
    attempts_a_day, days
        How many attempts, and on how many days on which there are tests.
    """
    tests = pd.DataFrame({"sequence": sequence, "rows": rows, "day": day, "attempt": -1})
    seen = tests[["sequence", "day"]].drop_duplicates().sort_values(["sequence", "day"])
    seen["rank"] = seen.groupby("sequence").cumcount()
    attacked = seen[seen["rank"] < days]
    attempts = attacked.loc[attacked.index.repeat(attempts_a_day)].assign(rows=-1)
    place = np.tile(np.arange(attempts_a_day), len(attacked))
    attempts["attempt"] = attempts["rank"] * attempts_a_day + place
    tests = tests.merge(seen, on=["sequence", "day"], how="left")
    # A stable sort keeps the order of tests, and puts attempts behind those of their day.
    table = pd.concat([tests, attempts], ignore_index=True)
    table = table.sort_values(["sequence", "day"], kind="stable")
    own = table["attempt"] < 0
    return Plan(
        table["sequence"].to_numpy(),
        table["rows"].to_numpy(),
        table["attempt"].to_numpy(),
        table["day"].to_numpy(),
        (own & (table["rank"] >= days)).to_numpy(),
    )


@torch.inference_mode()
def simulate(
    rule: UpdateRule,
    templates: Tensor,
    plan: Plan,
    embeddings: Tensor,
    threshold: float,
    attacker: Attacker | None = None,
) -> np.ndarray:
    """Score all tests and attempts in lockstep; return bool [T]: what was accepted.

    Parameters
    ----------
    rule
        The method of updating, a single variant.
    templates
        float32 [V, D]: the enrolment templates.
    plan
        The tests and attempts.
    embeddings
        float32 [N, D].
    threshold
        A score above it is accepted.
    attacker
        Chooses recordings; None where the plan has no attempts.
    """
    packed = plan.pack()
    together = Lockstep.begin(rule, templates[torch.from_numpy(packed.template)], embeddings)
    accepted = np.empty(len(packed.rows), dtype=bool)
    heard = packed.rows[: len(packed.template)].copy()
    attempt, end = plan.attempt[packed.order], 0
    for n in packed.active.tolist():
        begin, end = end, end + n
        rows, days, number = (
            packed.rows[begin:end].copy(),
            packed.days[begin:end],
            attempt[begin:end],
        )
        which = np.flatnonzero(number >= 0)
        if attacker is not None and len(which):
            victims = packed.template[which]
            now = Moment(together, which, victims, number[which], heard[which], days[which])
            rows[which] = attacker(now)
        together.meet(rows, days, packed.labels[begin:end])
        accepted[begin:end] = together.scores[0] > threshold
        known = np.flatnonzero(accepted[begin:end] & (number < 0))
        heard[known] = rows[known]
    told = np.empty_like(accepted)
    told[packed.order] = accepted
    return told


def replay(moment: Moment) -> np.ndarray:
    """Play the victim's last accepted test again."""
    return moment.heard


def play(rows: np.ndarray) -> Attacker:
    """Return an attacker that plays what was chosen before.

    `rows` is int64 [V, A]: the embedding row of each attempt on each template.
    """
    return lambda moment: rows[moment.victims, moment.attempt]


def adapt(recordings: np.ndarray, voices: Tensor) -> Attacker:
    """Return an attacker that plays what moves the template most towards the own voice.

    It knows the rule: it tries every recording on a copy of the template. Where none would move
    the template, it plays the one with the highest score.

    Parameters
    ----------
    recordings
        int64 [V, M]: embedding rows of the recordings of each template's attacker.
    voices
        float32 [V, D]: the attacker's mean voice.
    """

    def choose(moment: Moment) -> np.ndarray:
        own = recordings[moment.victims]
        count = own.shape[1]
        tried = moment.together.fork(np.repeat(moment.which, count))
        targets = np.zeros(own.size, dtype=bool)
        tried.meet(own.ravel(), np.repeat(moment.days, count), targets)
        voice = voices[torch.from_numpy(np.repeat(moment.victims, count))]
        near = torch.cosine_similarity(tried.template[0], voice).numpy().reshape(own.shape)
        moved = tried.updated[0].reshape(own.shape)
        best = np.where(
            moved.any(axis=1),
            np.where(moved, near, -np.inf).argmax(axis=1),
            tried.scores[0].reshape(own.shape).argmax(axis=1),
        )
        return own[np.arange(len(own)), best]

    return choose
