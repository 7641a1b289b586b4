"""Trials for training by gradient: training speakers who meet few and many impostors.

A sequence is one template's life. It is enrolled with a speaker's first recordings. Then it meets a
random share of the speaker's other recordings in the order of time, and between them recordings of
other training speakers. Each sequence has its own number of non-targets for each target, drawn
evenly on the scale of its logarithm. So a method cannot learn one number by heart, and has to infer
it from the scores.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from workflow_src.common.errors import InputError
from workflow_src.methods.study import TrainingSpeech

# The least share of a speaker's recordings that a sequence has: long gaps, and short ones.
LEAST_SHARE = 0.1
FEWEST_TARGETS = 2


@dataclass(frozen=True)
class DrawnTrials:
    """W trials of each of B sequences.

    Attributes
    ----------
    tests
        float32 [W, B, D]: the embeddings of the tests.
    days
        float32 [W, B]: days since enrolment.
    targets
        bool [W, B]: the labels.
    weights
        float32 [W, B]: 1/2 over the share of the sequence's trials that have this label, so that
        targets and non-targets count the same; 0 beyond the end of a sequence.
    """

    tests: Tensor
    days: Tensor
    targets: Tensor
    weights: Tensor


class SequenceStream:
    """B sequences that go on from window to window; ended ones are replaced between windows.

    Parameters
    ----------
    speech
        The training speakers.
    enrolled
        Enrolment utterances per template.
    count
        B.
    nontargets
        The least and the largest number of non-targets for each target, on average.
    draw
        Gives the random generator of the new sequences, or of the trials, of a window by its
        number: ``draw("trials", 7)``.

    Attributes
    ----------
    templates
        float32 [B, D]: the enrolment of each sequence.
    begun
        bool [B]: the sequences that begin at the next window.

    Raises
    ------
    InputError
        Fewer than two training speakers have enough recordings.
    """

    def __init__(
        self,
        speech: TrainingSpeech,
        enrolled: int,
        count: int,
        nontargets: tuple[float, float],
        draw: Callable[[str, int], np.random.Generator],
    ) -> None:
        rows = speech.rows_by_speaker()
        able = [own for own in rows if len(own) >= enrolled + FEWEST_TARGETS]
        if len(able) < 2:
            raise InputError(
                f"training speakers: {len(able)} of {len(rows)} have {enrolled + FEWEST_TARGETS} "
                "recordings or more; at least two must have as many"
            )
        self._rows = able
        self._embeddings = torch.from_numpy(speech.embeddings)
        self._days, self._enrolled, self._draw = speech.days, enrolled, draw
        self._range = np.log(nontargets)
        self._pool = np.concatenate(self._rows)
        self._sizes = np.array([len(own) for own in self._rows])
        self._first = np.cumsum(self._sizes) - self._sizes
        longest = int(self._sizes.max()) - enrolled
        self._window = 0
        self._targets = np.zeros((count, longest), dtype=np.int64)
        self._state = {
            name: np.zeros(count, dtype=np.int64)
            for name in ("speaker", "length", "place", "enrolled_on")
        }
        self._rate = np.ones(count)
        self.templates = torch.zeros(count, speech.embeddings.shape[1])
        self.begun = torch.zeros(count, dtype=torch.bool)

    def get_state(self) -> dict[str, Tensor]:
        """Return all on which the rest of the stream depends, for a checkpoint."""
        arrays = {**self._state, "targets": self._targets, "rate": self._rate}
        state = {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}
        return {**state, "templates": self.templates.clone(), "window": torch.tensor(self._window)}

    def set_state(self, state: dict[str, Tensor]) -> None:
        """Continue from a state of `get_state`."""
        self._window = int(state["window"])
        self._targets, self._rate = state["targets"].numpy().copy(), state["rate"].numpy().copy()
        self._state = {name: state[name].numpy().copy() for name in self._state}
        self.templates = state["templates"].clone()

    def renew(self) -> None:
        """Replace the sequences that have ended; at first, all."""
        rng = self._draw("sequences", self._window)
        state = self._state
        ended = state["place"] >= state["length"]
        for slot in np.flatnonzero(ended):
            speaker = rng.integers(len(self._rows))
            own = self._rows[speaker]
            share = math.exp(rng.uniform(math.log(LEAST_SHARE), 0))
            rest = own[self._enrolled :]
            kept = rest[rng.random(len(rest)) < share]
            kept = kept if len(kept) >= FEWEST_TARGETS else rest
            enrolment = own[: self._enrolled]
            self._targets[slot, : len(kept)] = kept
            self._rate[slot] = math.exp(rng.uniform(*self._range))
            self.templates[slot] = self._embeddings[enrolment].mean(dim=0)
            news = (speaker, len(kept), 0, self._days[enrolment].max())
            for name, value in zip(
                ("speaker", "length", "place", "enrolled_on"), news, strict=True
            ):
                state[name][slot] = value
        self.begun = torch.from_numpy(ended)

    def next(self, window: int) -> DrawnTrials:
        """Return the next `window` trials of every sequence."""
        rng = self._draw("trials", self._window)
        self._window += 1
        state, count = self._state, len(self._rate)
        share = 1 / (1 + self._rate)
        targets = rng.random((window, count)) < share
        place = state["place"] + np.cumsum(targets, axis=0) - targets
        running = place < state["length"]
        own = self._targets[np.arange(count), np.minimum(place, state["length"] - 1)]
        away = rng.integers(1, len(self._rows), targets.shape)
        others = (state["speaker"] + away) % len(self._rows)
        within = (rng.random(targets.shape) * self._sizes[others]).astype(np.int64)
        rows = np.where(targets, own, self._pool[self._first[others] + within])
        days = self._days[own] - state["enrolled_on"]
        weights = np.where(targets, 0.5 / share, 0.5 / (1 - share)) * running
        state["place"] = np.minimum(state["place"] + targets.sum(axis=0), state["length"])
        return DrawnTrials(
            tests=self._embeddings[torch.from_numpy(rows)],
            days=torch.from_numpy(days.astype(np.float32)),
            targets=torch.from_numpy(targets),
            weights=torch.from_numpy(weights.astype(np.float32)),
        )
