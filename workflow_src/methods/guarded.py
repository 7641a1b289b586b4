"""Guards: limits on updates, around any method.

A guard judges an update that a method is about to make. It measures one number and compares it with
its limit. Where a limit is passed, there is no update: the template stays, and the method's memory
is what it was before this test. So a refused test leaves no trace, neither in what the method holds
nor in its history of scores. The test is scored as always.

With e the enrolment, x the test, and t and t' the template before and after the update:

=================  =========================================  =======================
guard              measure                                    refuses
=================  =========================================  =======================
``far-test``       cos(e, x)                                  below the limit
``far-template``   cos(e, t')                                 below the limit
``way``            sum of abs(t' - t) over all updates        above the limit
``direction``      cos(t' - t, last move of the template)     above the limit
``daily``          updates on this day, with this one         above the limit
``low-norm``       abs(x), as the extractor gave it           below the limit
=================  =========================================  =======================

Here t and t' have unit length, so a move is a chord of the unit sphere. The template of a method
that holds further vectors is the mean of all of them, with its template.

Lovisotto, Eberz and Martinovic (*Biometric Backdoors*, EuroS&P 2020) detect poisoning by the
direction: updates of an attacker go the same way, those of a user here and there. That an update
should stay near the enrolment is common practice.
"""

from __future__ import annotations

import copy
import functools
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import pandas as pd
import torch
from torch import Tensor

from workflow_src.updating.interface import (
    HELD,
    Decision,
    Encoded,
    Memory,
    Trials,
    UpdateRule,
)

# The names of what guards remember begin so.
OWN = "guard."
# A shorter move has no direction: so long are errors of rounding.
SHORTEST = 1e-5


@dataclass(frozen=True)
class Update:
    """Updates that a rule asks for, under S variants, of n templates.

    Attributes
    ----------
    rule, decision
        The rule, and what it decided.
    trials
        The trials.
    held_before, held_after
        float32 [S, n, H, D]: what the rule holds before and after; None if it holds nothing.
    """

    rule: UpdateRule
    decision: Decision
    trials: Trials
    held_before: Tensor | None
    held_after: Tensor | None

    @functools.cached_property
    def before(self) -> Tensor:
        """The templates before the updates, of unit length, float32 [S, n, D]."""
        return _average(self.trials.templates, self.held_before)

    @functools.cached_property
    def after(self) -> Tensor:
        """The templates after the updates, of unit length, float32 [S, n, D]."""
        new, trials = self.decision.templates, self.trials
        if new is None:
            weights = self.decision.weights.expand(trials.scores.shape)[..., None]
            old, tests = trials.templates, trials.tests
            if self.rule.normalises:
                old = old / trials.template_norms[..., None]
                tests = tests / trials.test_norms[..., None]
            new = old + weights * (tests - old)
        return _average(new, self.held_after)


class Kept(NamedTuple):
    """What a guard keeps of n templates, as views: a guard writes in place.

    Attributes
    ----------
    vectors
        float32 [S, n, `Guard.vectors`, D].
    numbers
        float32 [S, n] each, by the names of `Guard.begin`.
    """

    vectors: Tensor
    numbers: Mapping[str, Tensor]


class Guard(ABC):
    """A limit on updates.

    Parameters
    ----------
    limit
        The limit of the measure.

    Attributes
    ----------
    vectors
        How many vectors it keeps of each template. At enrolment, all are the template.
    below
        Whether it refuses what is below the limit; otherwise what is above.
    """

    vectors: int = 0
    below: bool = False

    def __init__(self, limit: float) -> None:
        # In float32, as what is measured.
        self.limit = torch.tensor(limit, dtype=torch.float32)

    def begin(self, shape: tuple[int, int]) -> dict[str, Tensor]:
        """Return the numbers it keeps of templates [S, B], at enrolment; by default none."""
        return {}

    @abstractmethod
    def measure(self, update: Update, kept: Kept) -> Tensor:
        """Measure updates, which may be asked for or not: float32 [S, n]."""

    def refuses(self, measured: Tensor) -> Tensor:
        """Return which updates it refuses, bool [S, n]."""
        return measured < self.limit if self.below else measured > self.limit

    def remember(  # noqa: B027 - most guards remember nothing
        self, update: Update, measured: Tensor, updated: Tensor, kept: Kept
    ) -> None:
        """Write to what it keeps, given what was measured and updated, bool [S, n]."""


class FarTest(Guard):
    """No update with a test that is too far from the enrolment. It holds the enrolment."""

    vectors, below = 1, True

    def measure(self, update: Update, kept: Kept) -> Tensor:
        """Return the cosine of enrolment and test."""
        trials = update.trials
        return (_unit(kept.vectors[..., 0, :]) * trials.tests).sum(-1) / trials.test_norms


class FarTemplate(Guard):
    """No update after which the template is too far from the enrolment. It holds the enrolment."""

    vectors, below = 1, True

    def measure(self, update: Update, kept: Kept) -> Tensor:
        """Return the cosine of enrolment and new template."""
        return (_unit(kept.vectors[..., 0, :]) * update.after).sum(-1)


class Way(Guard):
    """A cap on the total way of the template."""

    def begin(self, shape: tuple[int, int]) -> dict[str, Tensor]:
        """Remember the way so far."""
        return {"total": torch.zeros(shape)}

    def measure(self, update: Update, kept: Kept) -> Tensor:
        """Return the way with this move."""
        return kept.numbers["total"] + torch.linalg.vector_norm(
            update.after - update.before, dim=-1
        )

    def remember(self, update: Update, measured: Tensor, updated: Tensor, kept: Kept) -> None:
        """Add the move."""
        kept.numbers["total"].copy_(torch.where(updated, measured, kept.numbers["total"]))


class Direction(Guard):
    """No update in the direction of the last one. It holds the template before the last one."""

    vectors = 1

    def measure(self, update: Update, kept: Kept) -> Tensor:
        """Return the cosine of this move and the last; -1 where there was none."""
        move = update.after - update.before
        last = update.before - _unit(kept.vectors[..., 0, :])
        length = torch.linalg.vector_norm(last, dim=-1)
        lengths = length * torch.linalg.vector_norm(move, dim=-1)
        cosines = (move * last).sum(-1) / lengths.clamp(min=SHORTEST**2)
        return torch.where(length > SHORTEST, cosines, -torch.ones(()))

    def remember(self, update: Update, measured: Tensor, updated: Tensor, kept: Kept) -> None:
        """Hold the template before this update."""
        last = kept.vectors[..., 0, :]
        last.copy_(torch.where(updated[..., None], update.before, last))


class Daily(Guard):
    """At most so many updates on a day. Without dates, all tests are of one day."""

    def begin(self, shape: tuple[int, int]) -> dict[str, Tensor]:
        """Remember the day of the last update, and how many there were on it."""
        return {"day": torch.zeros(shape), "count": torch.zeros(shape)}

    def measure(self, update: Update, kept: Kept) -> Tensor:
        """Return the number of updates on this day, with this one."""
        return 1 + kept.numbers["count"] * (kept.numbers["day"] == update.trials.days)

    def remember(self, update: Update, measured: Tensor, updated: Tensor, kept: Kept) -> None:
        """Count the update."""
        kept.numbers["count"].copy_(torch.where(updated, measured, kept.numbers["count"]))
        kept.numbers["day"].copy_(torch.where(updated, update.trials.days, kept.numbers["day"]))


class LowNorm(Guard):
    """No update with a test whose embedding is short, as of noise or of little speech."""

    below = True

    def measure(self, update: Update, kept: Kept) -> Tensor:
        """Return the length of the test's embedding."""
        return update.trials.test_norms.expand(update.trials.scores.shape)


GUARDS: dict[str, type[Guard]] = {
    "far-test": FarTest,
    "far-template": FarTemplate,
    "way": Way,
    "direction": Direction,
    "daily": Daily,
    "low-norm": LowNorm,
}
"""Guards by their ids in the catalogue."""


class Guarded(UpdateRule):
    """A rule whose updates guards judge. All of them must let an update pass.

    Parameters
    ----------
    rule
        The rule.
    limits
        Id of a guard -> its limit.
    """

    def __init__(self, rule: UpdateRule, limits: Mapping[str, float]) -> None:
        self.rule = rule
        self.guards = {name: GUARDS[name](limit) for name, limit in limits.items()}
        self.variants, self.updates = rule.variants, rule.updates
        self.normalises = rule.normalises
        self.held = rule.held + sum(guard.vectors for guard in self.guards.values())

    def encode(self, embeddings: Tensor) -> Encoded:
        """Return what the rule needs of the embeddings."""
        return self.rule.encode(embeddings)

    def begin(self, templates: int) -> Memory:
        """Remember what the rule does, and what the guards do."""
        own = {
            f"{OWN}{name}.{key}": tensor
            for name, guard in self.guards.items()
            for key, tensor in guard.begin((self.variants, templates)).items()
        }
        return Memory({**self.rule.begin(templates).tensors, **own})

    def decide(self, trials: Trials, memory: Memory) -> Decision:
        """Let the rule decide; refuse its update where a guard does."""
        inner = self._part(memory)
        before = inner.copy()
        decision = self.rule.decide(trials, inner)
        update = Update(
            self.rule, decision, trials, before.tensors.get(HELD), inner.tensors.get(HELD)
        )
        judged = [
            (guard, guard.measure(update, kept), kept) for guard, kept in self._memories(memory)
        ]
        refused = functools.reduce(
            torch.logical_or, (guard.refuses(measured) for guard, measured, _ in judged)
        )
        updated = decision.updated & ~refused
        for guard, measured, kept in judged:
            guard.remember(update, measured, updated, kept)
        inner.take_back(before, decision.updated & refused)
        return replace(decision, updated=updated)

    def _part(self, memory: Memory) -> Memory:
        """Return what the rule itself remembers, as views."""
        own = {name: tensor for name, tensor in memory.tensors.items() if not name.startswith(OWN)}
        held = own.pop(HELD, None)
        if held is not None and self.rule.held:
            own = {HELD: held[:, :, : self.rule.held], **own}
        return Memory(own)

    def _memories(self, memory: Memory) -> Iterator[tuple[Guard, Kept]]:
        """Yield each guard with what it keeps."""
        held, end = memory.tensors.get(HELD, torch.empty(0)), self.rule.held
        for name, guard in self.guards.items():
            begin, end = end, end + guard.vectors
            start = f"{OWN}{name}."
            numbers = {
                key.removeprefix(start): tensor
                for key, tensor in memory.tensors.items()
                if key.startswith(start)
            }
            yield guard, Kept(held[:, :, begin:end] if guard.vectors else held, numbers)

    def choose_enrolment(self, enrolment: pd.DataFrame, index: pd.DataFrame) -> pd.DataFrame:
        """Return the utterances that the rule chooses."""
        return self.rule.choose_enrolment(enrolment, index)

    @property
    def chooses(self) -> bool:
        """Whether the rule chooses them."""
        return self.rule.chooses

    def take_threshold(self, threshold: float) -> None:
        """Give the rule the threshold of a run."""
        self.rule.take_threshold(threshold)

    def shift_scale(self, shift: float) -> Self:
        """Return the rule with a shifted scale, and the same guards."""
        shifted = copy.copy(self)
        shifted.rule = self.rule.shift_scale(shift)
        return shifted


def _unit(vectors: Tensor) -> Tensor:
    """Scale vectors [..., D] to unit length."""
    return vectors / torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)


def _average(templates: Tensor, held: Tensor | None) -> Tensor:
    """Return the direction of templates [S, n, D] and of what is held beside them [S, n, H, D]."""
    return _unit(templates if held is None else templates + held.sum(2))
