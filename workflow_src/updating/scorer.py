"""The lockstep sequence scorer: all templates of a scenario meet their next trial together.

A template's trials depend on each other; those of different templates do not. So the k-th trials of
all sequences are one batch: their tests are scored, the rule decides, the templates are updated,
and the (k+1)-th trials follow. The longest sequence comes first, so the sequences that still run
are always the first n, and nothing is padded. A batch holds all variants of the rule side by side.

    score    = cos(template, test)                       before any update
    template = (1 - w) template + w test                 where the rule updates

A rule that normalises scales template and test to unit length in the second line. A rule may also
give the new template itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from workflow_src.common.directions import LEAST_LENGTH
from workflow_src.updating.interface import Memory, Trials, UpdateRule

# State of the templates that run together (float32 numbers, 2 MB): it stays in a core's cache, and
# is large enough to hide the cost of calls. Measured.
STATE_NUMBERS = 1 << 19
# Independent trials that are scored at a time: limits memory, and stays in the cache.
TRIALS_AT_ONCE = 1 << 10
# Enrolment utterances that are summed at a time: limits memory.
ROWS_AT_ONCE = 1 << 16


@dataclass(frozen=True)
class Sequences:
    """The trials of B sequences, packed step by step.

    Attributes
    ----------
    template
        int64 [B]: row of each sequence's enrolment template; the longest sequence first.
    active
        int64 [K]: how many sequences have a k-th trial; never increasing.
    rows
        int64 [T]: embedding rows of the tests: those of step 0 for the first ``active[0]``
        sequences, then those of step 1, and so on.
    order
        int64 [T]: place of each packed trial in the caller's list.
    days
        float32 [T]: days since the enrolment of the trial's template; 0 where unknown.
    targets
        bool [T]: the labels, or None; only rules that mark a limit read them.
    only_scored
        bool [T]: trials that leave no trace: neither the template nor the memory of the rule
        changes. None: there are no such trials.
    """

    template: np.ndarray
    active: np.ndarray
    rows: np.ndarray
    order: np.ndarray
    days: np.ndarray
    targets: np.ndarray | None = None
    only_scored: np.ndarray | None = None

    @property
    def labels(self) -> np.ndarray:
        """The targets of trials that have them."""
        if self.targets is None:
            raise ValueError("the trials have no labels")
        return self.targets

    def part(self, first: int, last: int) -> Sequences:
        """Return only the sequences `first` to `last` (exclusive)."""
        counts = np.clip(self.active - first, 0, last - first)
        counts = counts[: np.count_nonzero(counts)]
        begin = (np.cumsum(self.active) - self.active)[: len(counts)] + first
        packed = np.repeat(begin - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
        return Sequences(
            template=self.template[first:last],
            active=counts,
            rows=self.rows[packed],
            order=self.order[packed],
            days=self.days[packed],
            targets=None if self.targets is None else self.targets[packed],
            only_scored=None if self.only_scored is None else self.only_scored[packed],
        )


@dataclass(frozen=True)
class Scored:
    """The result of T trials under S variants of a rule, in the caller's order of trials.

    Attributes
    ----------
    scores
        float32 [S, T]: cosine of template and test, before the update; NaN where the
        template has no direction. Of a rule with its own back-end, that one's scores.
    updated
        bool [S, T]: whether the template was updated with this test.
    weights
        float32 [S, T]: weight of the test in the update, 0 where there was none.
    """

    scores: Tensor
    updated: Tensor
    weights: Tensor


def pack_sequences(
    sequence: np.ndarray,
    step: np.ndarray,
    rows: np.ndarray,
    template: np.ndarray,
    days: np.ndarray | None = None,
    targets: np.ndarray | None = None,
    only_scored: np.ndarray | None = None,
) -> Sequences:
    """Pack a list of trials, in any order.

    Parameters
    ----------
    sequence
        int64 [T]: number of each trial's sequence, 0..B-1; each has a trial.
    step
        [T]: the order of scoring within a sequence; distinct there.
    rows
        int64 [T]: embedding row of each trial's test.
    template
        int64 [B]: row of each sequence's enrolment template.
    days
        [T]: days since the enrolment of each trial's template; None where unknown.
    targets
        bool [T]: each trial's label; None where unknown.
    only_scored
        bool [T]: trials that leave no trace; None: there are none.
    """
    lengths = np.bincount(sequence, minlength=len(template))
    longest_first = np.argsort(-lengths, kind="stable")
    place = np.empty(len(template), dtype=np.int64)
    place[longest_first] = np.arange(len(template))
    by_sequence = np.lexsort((step, sequence))
    position = np.empty(len(sequence), dtype=np.int64)
    position[by_sequence] = np.arange(len(sequence)) - np.repeat(
        np.cumsum(lengths) - lengths, lengths
    )
    order = np.lexsort((place[sequence], position))
    return Sequences(
        template=np.asarray(template, dtype=np.int64)[longest_first],
        active=np.bincount(position),
        rows=np.asarray(rows, dtype=np.int64)[order],
        order=order,
        days=np.zeros(len(order), np.float32) if days is None else days[order].astype(np.float32),
        targets=None if targets is None else np.asarray(targets, dtype=bool)[order],
        only_scored=None if only_scored is None else np.asarray(only_scored, dtype=bool)[order],
    )


def mean_templates(embeddings: Tensor, rows: np.ndarray, template: np.ndarray) -> Tensor:
    """Return enrolment templates: plain means of raw embeddings.

    Parameters
    ----------
    embeddings
        float32 [N, D].
    rows, template
        int64 [E]: embedding row and template number of each enrolment utterance.

    Returns
    -------
    Tensor
        float32 [M, D]; summed in float64, so that the order of utterances does not matter.

    Raises
    ------
    ValueError
        A template number below the highest has no enrolment utterance.
    """
    which = torch.from_numpy(np.asarray(template, dtype=np.int64))
    chosen = torch.from_numpy(np.asarray(rows, dtype=np.int64))
    counts = torch.bincount(which)
    if not counts.all():
        raise ValueError("a template has no enrolment utterance")
    sums = torch.zeros((len(counts), embeddings.shape[1]), dtype=torch.float64)
    exact = embeddings.double()
    # Templates that share utterances give millions of rows: never hold them all at once.
    for some, of_some in zip(which.split(ROWS_AT_ONCE), chosen.split(ROWS_AT_ONCE), strict=True):
        sums.index_add_(0, some, exact[of_some])
    return (sums / counts[:, None]).float()


@torch.inference_mode()
def score_sequences(
    rule: UpdateRule, templates: Tensor, sequences: Sequences, embeddings: Tensor
) -> Scored:
    """Score all sequences; update templates as the rule decides.

    Parameters
    ----------
    rule
        The method of updating.
    templates
        float32 [M, D]: enrolment templates; not changed.
    sequences
        The trials; ``sequences.template`` are rows of `templates`, ``sequences.rows`` of
        `embeddings`.
    embeddings
        float32 [N, D], as the extractor gave them (not normalised).

    Raises
    ------
    IndexError
        A row of the sequences lies outside `templates` or `embeddings`.
    ValueError
        The rule gives new templates, but carries a map of them, or normalises.
    """
    for rows, among in ((sequences.template, templates), (sequences.rows, embeddings)):
        if len(rows) and not 0 <= rows.min() <= rows.max() < len(among):
            raise IndexError(f"rows {rows.min()}..{rows.max()} of {len(among)}")
    templates, embeddings = templates.contiguous(), embeddings.contiguous()
    if not rule.updates:
        norms = torch.linalg.vector_norm(embeddings, dim=1)
        return _score_without_updates(templates, sequences, embeddings, norms)
    tests, carried = _encode(rule, templates, embeddings)
    shape = (rule.variants, len(sequences.rows))
    scored = Scored(torch.empty(shape), torch.empty(shape, dtype=torch.bool), torch.empty(shape))
    remembered = sum(tensor.numel() for tensor in rule.enrol(templates[:1]).tensors.values())
    numbers = rule.variants * (templates.shape[1] + carried.shape[1]) + remembered
    width = max(16, STATE_NUMBERS // numbers)
    for first in range(0, len(sequences.template), width):
        part = sequences.part(first, min(first + width, len(sequences.template)))
        start = torch.from_numpy(part.template)
        # A template of length zero has no cosine.
        with np.errstate(divide="ignore", invalid="ignore"):
            done = _score_part(rule, templates[start], carried[start], part, tests)
        order = torch.from_numpy(part.order)
        scored.scores[:, order] = done.scores
        scored.updated[:, order] = done.updated
        scored.weights[:, order] = done.weights
    return scored


@dataclass(frozen=True)
class _Tests:
    """Each embedding as a test, float32 [N, ...]."""

    embeddings: np.ndarray
    norms: np.ndarray
    carried: np.ndarray
    offered: np.ndarray


def _score_without_updates(
    templates: Tensor, sequences: Sequences, embeddings: Tensor, norms: Tensor
) -> Scored:
    """Score every trial against its enrolment template, because no trial depends on another."""
    count = len(sequences.rows)
    template_norms = torch.linalg.vector_norm(templates, dim=1)
    # Within a step the sequences are the first ones, in order.
    sequence = np.arange(count) - np.repeat(
        np.cumsum(sequences.active) - sequences.active, sequences.active
    )
    template = torch.from_numpy(sequences.template[sequence])
    rows = torch.from_numpy(sequences.rows)
    packed = torch.empty(count)
    for begin in range(0, count, TRIALS_AT_ONCE):
        some = slice(begin, begin + TRIALS_AT_ONCE)
        which, test = template[some], rows[some]
        dots = np.vecdot(
            templates.index_select(0, which).numpy(), embeddings.index_select(0, test).numpy()
        )
        packed[some] = torch.from_numpy(dots).div_(template_norms[which] * norms[test])
    scores = torch.empty(1, count)
    scores[0, torch.from_numpy(sequences.order)] = packed
    return Scored(scores, torch.zeros(1, count, dtype=torch.bool), torch.zeros(1, count))


def _encode(rule: UpdateRule, templates: Tensor, embeddings: Tensor) -> tuple[_Tests, Tensor]:
    """Compute what a rule needs of the tests, and its linear map of the templates."""
    encoded = rule.encode(embeddings)
    norms = torch.linalg.vector_norm(embeddings, dim=1)
    tests = (embeddings, norms, encoded.carried, encoded.offered)
    # The map is linear: the map of a mean is the mean of the maps.
    carried = rule.encode(templates).carried
    return _Tests(*(values.contiguous().numpy() for values in tests)), carried


def _score_part(
    rule: UpdateRule, start: Tensor, start_carried: Tensor, part: Sequences, tests: _Tests
) -> Scored:
    """Score sequences that fit into the cache together, in packed order."""
    shape = (rule.variants, len(part.rows))
    scores = np.empty(shape, dtype=np.float32)
    updated = np.empty(shape, dtype=bool)
    weights = np.empty(shape, dtype=np.float32)
    template = start.expand(rule.variants, -1, -1).clone()
    carried = start_carried.expand(rule.variants, -1, -1).clone()
    together = Lockstep(rule, template, carried, rule.enrol(start), tests)
    end = 0
    for active in part.active.tolist():
        begin, end = end, end + active
        some = slice(begin, end)
        targets, only_scored = (
            None if flags is None else flags[some] for flags in (part.targets, part.only_scored)
        )
        together.meet(part.rows[some], part.days[some], targets, only_scored)
        scores[:, some] = together.scores
        updated[:, some] = together.updated
        weights[:, some] = together.weights
    return Scored(torch.from_numpy(scores), torch.from_numpy(updated), torch.from_numpy(weights))


class Lockstep:
    """Templates that meet their next tests together, under S variants of a rule.

    A long scenario is thousands of steps of a few dozen templates. Calls cost most there, and
    numpy's calls, above all views, are several times cheaper than torch's. So both see the same
    memory, with new views only when a sequence ends: numpy fetches, multiplies and records; torch
    takes weighted means and calls the rule.

    Attributes
    ----------
    template
        float32 [S, B, D]: the templates as they are now.
    scores, updated, weights
        [S, n], of the n templates that met a test last, as in `Scored`; overwritten at the next.
    """

    def __init__(
        self, rule: UpdateRule, template: Tensor, carried: Tensor, memory: Memory, tests: _Tests
    ) -> None:
        self.template = template
        self._rule, self._carried, self._memory, self._tests = rule, carried, memory, tests
        self._carries, self._offers = carried.shape[-1] > 0, tests.offered.shape[-1] > 0
        self._view: _Views | None = None
        self.scores = self.updated = self.weights = np.empty((len(template), 0))

    @classmethod
    def begin(cls, rule: UpdateRule, templates: Tensor, embeddings: Tensor) -> Lockstep:
        """Start with enrolment templates, float32 [B, D]; tests are rows of `embeddings` [N, D]."""
        tests, carried = _encode(rule, templates, embeddings.contiguous())
        template, carried = (
            one.expand(rule.variants, -1, -1).clone() for one in (templates, carried)
        )
        return cls(rule, template, carried, rule.enrol(templates), tests)

    def fork(self, which: np.ndarray) -> Lockstep:
        """Return copies of some templates and of what is remembered of them; int64 [m].

        The copies go their own way: this tells what a test would do.
        """
        rows = torch.from_numpy(which)
        memory = {name: tensor[:, rows] for name, tensor in self._memory.tensors.items()}
        state = self.template[:, rows], self._carried[:, rows]
        return Lockstep(self._rule, *state, Memory(memory), self._tests)

    def meet(
        self,
        rows: np.ndarray,
        days: np.ndarray,
        targets: np.ndarray | None,
        only_scored: np.ndarray | None = None,
    ) -> None:
        """Score a test of each of the first n templates, and update these as the rule decides.

        Parameters
        ----------
        rows
            int64 [n]: embedding row of each test. n never increases.
        days
            float32 [n]: days since the template's enrolment.
        targets
            bool [n]: the labels, or None.
        only_scored
            bool [n]: tests that leave no trace; None: there are none.

        Raises
        ------
        ValueError
            The rule gives new templates, but carries a map of them, or normalises.
        """
        view, tests = self._view, self._tests
        if view is None or len(rows) != view.n:
            state = (self.template, self._carried, self._memory)
            view = self._view = _Views(*state, tests, len(rows), targets is not None)
        # mode="clip" saves numpy a copy; the rows are valid.
        tests.embeddings.take(rows, axis=0, out=view.test_np, mode="clip")
        tests.norms.take(rows, out=view.test_norms_np, mode="clip")
        if self._carries:
            tests.carried.take(rows, axis=0, out=view.test_carried_np, mode="clip")
        if self._offers:
            tests.offered.take(rows, axis=0, out=view.test_offered_np, mode="clip")
        np.vecdot(view.template_np, view.template_np, out=view.norms_np)
        np.sqrt(view.norms_np, out=view.norms_np)
        np.vecdot(view.template_np, view.test_np, out=view.scores_np)
        np.divide(view.scores_np, view.norms_np, out=view.scores_np)
        np.divide(view.scores_np, view.test_norms_np, out=view.scores_np)
        view.days_np[:] = days
        if targets is not None:
            view.targets_np[:] = targets
        before = None if only_scored is None else view.memory.copy()
        decision = self._rule.decide(view.trials, view.memory)
        accepted = decision.updated.numpy()
        if before is not None and only_scored is not None:
            view.memory.take_back(before, torch.from_numpy(only_scored))
            accepted = accepted & ~only_scored
        view.weights_np.fill(0)
        np.copyto(view.weights_np, decision.weights.numpy(), where=accepted)
        self.scores = view.scores_np if decision.scores is None else decision.scores.numpy()
        # Three times as fast as min().
        if view.norms_np.item(view.norms_np.argmin()) < LEAST_LENGTH:
            self.scores = np.where(view.norms_np < LEAST_LENGTH, np.nan, self.scores)
        self.updated, self.weights = accepted, view.weights_np
        if decision.templates is not None:
            if self._carries or self._rule.normalises:
                raise ValueError("a rule that gives templates carries nothing, nor normalises")
            # The factors 0 and 1 choose exactly, several times faster than a masked copy.
            np.copyto(view.keep_np, accepted)
            view.template.lerp_(decision.templates, view.keep)
            return
        if not self._rule.normalises:
            view.template.lerp_(view.test, view.weights)
            if self._carries:
                view.carried.lerp_(view.trials.test_carried, view.weights)
            return
        # The factors 1 and 0 leave a template that is not updated as it is.
        np.subtract(1, view.weights_np, out=view.keep_np)
        np.divide(view.keep_np, view.norms_np, out=view.keep_np, where=accepted)
        np.divide(view.weights_np, view.test_norms_np, out=view.scaled_np)
        view.template.mul_(view.keep).addcmul_(view.test, view.scaled)
        if self._carries:
            view.carried.mul_(view.keep).addcmul_(view.trials.test_carried, view.scaled)


class _Views:
    """The state of the first n templates, and room for one trial of each.

    A name with ``_np`` is numpy's view of the tensor of that name. `template` is [S, n, D],
    `carried` [S, n, K], `test` [n, D]; `weights`, `scaled` (by the length of the test) and `keep`
    are [S, n, 1]; the rest has its shape in `Trials`.
    """

    def __init__(
        self,
        template: Tensor,
        carried: Tensor,
        memory: Memory,
        tests: _Tests,
        n: int,
        labelled: bool,
    ) -> None:
        self.n, self.memory = n, memory.first(n)
        self.template, self.carried = template[:, :n], carried[:, :n]
        norms, scores, weights, scaled, keep = (torch.empty(len(template), n) for _ in range(5))
        self.test, test_carried, test_offered = (
            torch.empty(n, values.shape[-1])
            for values in (tests.embeddings, tests.carried, tests.offered)
        )
        test_norms, days = torch.empty(n), torch.empty(n)
        targets = torch.empty(n, dtype=torch.bool)
        self.weights, self.scaled, self.keep = (
            factor.unsqueeze(-1) for factor in (weights, scaled, keep)
        )
        self.trials = Trials(
            scores=scores,
            template_norms=norms,
            test_norms=test_norms,
            template_carried=self.carried,
            test_carried=test_carried,
            test_offered=test_offered,
            days=days,
            targets=targets if labelled else None,
            templates=self.template,
            tests=self.test,
        )
        self.template_np, self.test_np = self.template.numpy(), self.test.numpy()
        self.test_norms_np, self.test_carried_np = test_norms.numpy(), test_carried.numpy()
        self.test_offered_np, self.days_np = test_offered.numpy(), days.numpy()
        self.targets_np, self.norms_np = targets.numpy(), norms.numpy()
        self.scores_np, self.weights_np = scores.numpy(), weights.numpy()
        self.scaled_np, self.keep_np = scaled.numpy(), keep.numpy()
