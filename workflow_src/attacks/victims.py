"""The victims of attacks: their tests, and the plan of the attempts on some templates at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from workflow_src.attacks.attackers import draw_recordings, list_attackers, mean_voices
from workflow_src.attacks.simulation import Attacker, Plan, plan_attacks
from workflow_src.common.errors import InputError
from workflow_src.settings.attacks import Attacks
from workflow_src.updating.sequences import Task, build_task

# Templates that are attacked side by side: their copies, one for each recording, fit into memory.
TEMPLATES_AT_ONCE = 512


@dataclass(frozen=True)
class Part:
    """Some templates with their tests; all runs have the same.

    Attributes
    ----------
    some
        Which sequences of the task these are.
    speakers
        int64 [V]: their speakers.
    plan
        Tests and attempts.
    attackers
        Name -> attacker.
    """

    some: slice
    speakers: np.ndarray
    plan: Plan
    attackers: dict[str, Attacker]

    def start(self, task: Task) -> Tensor:
        """Return the enrolment templates of these sequences of a task, float32 [V, D]."""
        return task.templates[torch.from_numpy(task.sequences.template[self.some])]


@dataclass(frozen=True)
class Victims:
    """The victims' tests: the target trials of a list, and the input of the scorer for them.

    Attributes
    ----------
    trials, enrolment
        The target trials, and the enrolments of the list.
    task
        The input of the scorer.
    speakers
        int64 [T]: who speaks in each trial, a place in `names`.
    names
        str [S]: the speakers.
    """

    trials: pd.DataFrame
    enrolment: pd.DataFrame
    task: Task
    speakers: np.ndarray
    names: np.ndarray

    @classmethod
    def find(
        cls,
        trials: pd.DataFrame,
        enrolment: pd.DataFrame,
        embeddings: np.ndarray,
        index: pd.DataFrame,
        source: str,
    ) -> Victims:
        """Take the target trials of a list; see `build_task` for the tables.

        Raises
        ------
        InputError
            The trials have no days, or fewer than two speakers, or the tables do not fit together.
            Errors name the file `source`.
        """
        trials = trials[trials["target"]].reset_index(drop=True)
        if not trials["day"].replace("", None).notna().all():
            raise InputError(f"{source}: has trials without a day; attacks go on day by day")
        speakers, names = pd.factorize(trials["speaker"], sort=True)
        if len(names) < 2:
            raise InputError(
                f"{source}: has {len(names)} speakers with targets; attacks need 2 or more"
            )
        task = build_task(trials, enrolment, embeddings, index)
        return cls(trials, enrolment, task, speakers, np.asarray(names))

    def split(self, settings: Attacks, seed: int) -> Iterator[Part]:
        """Plan the attacks on some templates after the other."""
        packed = self.task.sequences
        before = np.cumsum(packed.active) - packed.active
        sequence = np.arange(len(packed.rows)) - np.repeat(before, packed.active)
        speakers = self.speakers[packed.order]
        recordings = draw_recordings(packed.rows, speakers, self.names, settings.recordings, seed)
        voices = mean_voices(recordings, self.task.embeddings)
        for first in range(0, len(packed.template), TEMPLATES_AT_ONCE):
            some = slice(first, min(first + TEMPLATES_AT_ONCE, len(packed.template)))
            own = (sequence >= first) & (sequence < some.stop)
            plan = plan_attacks(
                sequence[own] - first,
                packed.rows[own],
                packed.days[own].astype(np.int64),
                settings.attempts_a_day,
                settings.days,
            )
            # All sequences have a first test, in their order.
            victims = speakers[some]
            attackers = list_attackers(
                self.task.templates[torch.from_numpy(packed.template[some])],
                victims,
                recordings,
                voices,
                settings.attempts_a_day * settings.days,
                seed,
                first // TEMPLATES_AT_ONCE,
            )
            yield Part(some, victims, plan, attackers)
