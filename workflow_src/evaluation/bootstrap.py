"""Speakers drawn again: what error measures would be with other speakers.

Trials of one speaker are alike, so a bootstrap draws speakers, not trials. A resample has as many
speakers as the test, drawn with replacement. Each of their trials counts as often as its speakers
were drawn:

    a target        w[enrolled]
    a non-target    w[enrolled] * w[impostor]

This is the pigeonhole bootstrap (Owen, Annals of Applied Statistics 1, 2007), with one draw for
both sides, since both sides are the same speakers. Davezies, D'Haultfoeuille and Guyonvarch (Annals
of Statistics 49, 2021) prove that it holds for pairs of units of one population. Poh, Martin and
Bengio (IEEE TPAMI 29, 2007) draw the enrolled speakers only.

- A speaker who is drawn twice is no impostor of himself: a trial of a speaker with himself is a
  target, and there is no other. The two copies make no pair.
- A speaker who only serves as an impostor is drawn with all others. He is another voice of the same
  population, and only his role differs. If he were kept, the interval would not hold the luck of
  having had just him.

Weighted trials are counted in bins of the score, which are the same for all resamples. All counts
are whole numbers, so the results have the same bytes on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.sparse import csr_array

from workflow_src.common.seeds import generator
from workflow_src.evaluation.intervals import Sampled
from workflow_src.evaluation.metrics import ErrorRates, error_rates

BINS = 2048
"""Cuts at which resamples are counted, at most; with fewer distinct scores, the rates are exact."""
# Resamples that are counted side by side: their counts fit the processor's cache, and the weights
# of all pairs of speakers take little memory.
BLOCK = 128
MOST_WEIGHTS = 2**24


@dataclass(frozen=True)
class Resamples:
    """How often each of R resamples has each speaker.

    Attributes
    ----------
    speakers
        str [S]: all speakers of the trials, enrolled or impostors, sorted.
    weights
        int32 [R, S]; a row adds up to S.
    """

    speakers: np.ndarray
    weights: np.ndarray


def draw_resamples(
    speakers: Collection[str], count: int, seed: int, *names: str | int
) -> Resamples:
    """Draw `count` resamples of the speakers.

    The draws depend on the seed, the names and the speakers. So all runs on the same trials have
    the same resamples, and their differences can be taken resample by resample.
    """
    known = np.array(sorted(set(speakers)))
    rng = generator(seed, "evaluation", "speakers", *names)
    weights = rng.multinomial(len(known), np.full(len(known), 1 / len(known)), count)
    return Resamples(known, weights.astype(np.int32))


@dataclass(frozen=True)
class ResampledRates:
    """Error counts of R resamples at C cuts, by rising threshold.

    Attributes
    ----------
    misses, false_alarms
        int32 [C, R]: weighted counts, as of `ErrorRates`.
    targets, nontargets
        int64 [R]: the weighted number of trials. Where it is 0, all rates are NaN.
    """

    misses: np.ndarray
    false_alarms: np.ndarray
    targets: np.ndarray
    nontargets: np.ndarray

    def equal_error_rate(self) -> np.ndarray:
        """Return the EER (a share), float64 [R]."""

        def gap(cut: np.ndarray) -> np.ndarray:
            misses, false_alarms = self._counts(cut)
            return misses * self.nontargets - false_alarms * self.targets

        # The gap rises with the threshold.
        cut = self._first(lambda cut: gap(cut) >= 0)
        before = np.maximum(cut - 1, 0)
        frr, far = self._rates(np.where(np.abs(gap(before)) <= np.abs(gap(cut)), before, cut))
        return (frr + far) / 2

    def min_dcf(self, p_target: float = 0.01) -> np.ndarray:
        """Return the minimum of the normalised detection cost, float64 [R]."""
        with np.errstate(divide="ignore", invalid="ignore"):
            cost = self.misses * (p_target / self.targets)
            cost += self.false_alarms * ((1 - p_target) / self.nontargets)
        return cost.min(axis=0) / min(p_target, 1 - p_target)

    def frr_at_far(self, far: float | np.ndarray) -> np.ndarray:
        """Return the FRR at the lowest cut whose FAR is at most `far`.

        Parameters
        ----------
        far
            One FAR, or float [F].

        Returns
        -------
        ndarray
            float64 [R], or [R, F].
        """
        if np.ndim(far):
            return np.stack([self.frr_at_far(one) for one in np.asarray(far)], axis=-1)
        allowed = far * self.nontargets
        return self._rates(self._first(lambda cut: self._counts(cut)[1] <= allowed))[0]

    def _first(self, holds: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Return for each resample the first cut that `holds`; it holds for all cuts after it."""
        low = np.zeros(len(self.targets), dtype=np.intp)
        high = np.full_like(low, len(self.misses) - 1)
        while (low < high).any():
            middle = (low + high) // 2
            found = holds(middle)
            low, high = np.where(found, low, middle + 1), np.where(found, middle, high)
        return low

    def _counts(self, cut: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        place = cut, np.arange(len(cut))
        return self.misses[place].astype(np.int64), self.false_alarms[place].astype(np.int64)

    def _rates(self, cut: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        misses, false_alarms = self._counts(cut)
        # A resample may lack one kind of trial, when speakers are few.
        lacking = (self.targets == 0) | (self.nontargets == 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            frr, far = misses / self.targets, false_alarms / self.nontargets
        return np.where(lacking, np.nan, frr), np.where(lacking, np.nan, far)


class Measure(NamedTuple):
    """An error measure: of all trials, and of resamples.

    Attributes
    ----------
    exact, resampled
        How it is taken; shares, not per cent.
    column
        Its column in tables.
    scale
        What tables multiply it by.
    nontargets
        The fewest non-targets of which it can be taken: those that one false acceptance needs.
    """

    exact: Callable[[ErrorRates], float]
    resampled: Callable[[ResampledRates], np.ndarray]
    column: str
    scale: float = 100
    nontargets: int = 1


MEASURES = {
    "eer": Measure(
        lambda rates: rates.equal_error_rate()[0], ResampledRates.equal_error_rate, "eer_percent"
    ),
    "min_dcf": Measure(
        lambda rates: rates.min_dcf()[0], ResampledRates.min_dcf, "min_dcf", scale=1
    ),
    "frr_at_far_1": Measure(
        lambda rates: rates.frr_at_far(0.01)[0],
        lambda rates: rates.frr_at_far(0.01),
        "frr_at_far_1",
        nontargets=100,
    ),
    "frr_at_far_0.1": Measure(
        lambda rates: rates.frr_at_far(0.001)[0],
        lambda rates: rates.frr_at_far(0.001),
        "frr_at_far_0.1",
        nontargets=1000,
    ),
}
"""The FAR in a name is in per cent, and so is the FRR in tables."""


class ResampledTrials:
    """The trials of a scenario, and how often each counts in each resample.

    Parameters
    ----------
    enrolled, tested
        str [T]: the speaker of the model, and the speaker of the test utterance.
    target
        bool [T].
    resamples
        Resamples of all these speakers.

    Attributes
    ----------
    target
        As given.
    enrolled_speakers
        The number of speakers that have target trials.
    """

    def __init__(
        self, enrolled: ArrayLike, tested: ArrayLike, target: ArrayLike, resamples: Resamples
    ) -> None:
        self.target = np.asarray(target, dtype=bool)
        known = pd.Index(resamples.speakers)
        rows, others = (known.get_indexer(pd.Index(side)) for side in (enrolled, tested))
        if min(rows.min(initial=0), others.min(initial=0)) < 0:
            raise KeyError("trials have a speaker whom the resamples lack")
        self._own, self._own_cell = np.unique(rows[self.target], return_inverse=True)
        pairs, self._pair_cell = np.unique(
            rows[~self.target] * len(known) + others[~self.target], return_inverse=True
        )
        self._pairs = pairs // len(known), pairs % len(known)
        self.enrolled_speakers = len(self._own)
        size = int(np.clip(MOST_WEIGHTS // max(1, len(pairs)), 1, BLOCK))
        # [S, r], so that the weights of a speaker in all resamples lie together.
        self._blocks = [
            np.ascontiguousarray(resamples.weights[first : first + size].T)
            for first in range(0, len(resamples.weights), size)
        ]

    def count_enrolled(self, rows: np.ndarray) -> int:
        """Return the number of speakers that have target trials among some rows, bool [T]."""
        return len(np.unique(self._own_cell[rows[self.target]]))

    def _weigh(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield for each block the weights of target cells and of pairs, int32 [cells, r]."""
        enrolled, impostor = self._pairs
        for block in self._blocks:
            yield block[self._own], block[enrolled] * block[impostor]

    def resample(
        self, scores: ArrayLike, measures: Mapping[str, Callable[[ResampledRates], np.ndarray]]
    ) -> dict[str, np.ndarray]:
        """Take measures of all resamples.

        Parameters
        ----------
        scores
            float [T], finite.
        measures
            Name -> function of `ResampledRates` of r resamples, which gives an array [r, ...].

        Returns
        -------
        dict
            Name -> array [R, ...].
        """
        scores = np.asarray(scores)
        cuts = choose_cuts(scores, self.target)
        place = np.searchsorted(cuts, scores, side="left")
        targets = _count(place[self.target], self._own_cell, len(cuts), len(self._own))
        nontargets = _count(place[~self.target], self._pair_cell, len(cuts), len(self._pairs[0]))
        found: dict[str, list[np.ndarray]] = {name: [] for name in measures}
        for own, pair in self._weigh():
            misses = np.cumsum(targets @ own, axis=0, dtype=np.int32)
            rejected = np.cumsum(nontargets @ pair, axis=0, dtype=np.int32)
            rates = ResampledRates(
                misses=misses,
                false_alarms=rejected[-1] - rejected,
                targets=misses[-1].astype(np.int64),
                nontargets=rejected[-1].astype(np.int64),
            )
            for name, measure in measures.items():
                found[name].append(measure(rates))
        return {name: np.concatenate(parts) for name, parts in found.items()}

    def sample(
        self, scores: ArrayLike, names: Collection[str] = tuple(MEASURES)
    ) -> dict[str, Sampled]:
        """Return error measures of all trials and of the resamples: name -> `Sampled`.

        The values are exact; NaN with fewer non-targets than the measure needs. `scores` is float
        [T], `names` are keys of `MEASURES`; raises as `error_rates` does.
        """
        scores = np.asarray(scores)
        rates = error_rates(scores, self.target)
        measures = {name: MEASURES[name] for name in names}
        samples = self.resample(scores, {name: one.resampled for name, one in measures.items()})
        return {
            name: Sampled(
                value=measure.exact(rates) if rates.nontargets >= measure.nontargets else np.nan,
                samples=samples[name],
                freedom=self.enrolled_speakers - 1,
                step=1 / rates.targets,
            )
            for name, measure in measures.items()
        }

    def means(
        self, values: Sequence[np.ndarray], group: np.ndarray, groups: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return means over the targets and over the non-targets of groups, in each resample.

        This gives whatever is a mean over trials: a rate at a threshold that is set in advance, an
        actual cost, the Cllr.

        Parameters
        ----------
        values
            V values of each trial, float or bool [T].
        group, groups
            int64 [T]: the group of each trial, 0 to `groups` - 1.

        Returns
        -------
        targets, nontargets
            float64 [R, V, groups]; NaN where a resample has no such trial.
        """
        kinds = (
            (self.target, self._own_cell, len(self._own)),
            (~self.target, self._pair_cell, len(self._pairs[0])),
        )
        # [cells, 1 + V, groups]: the counts, and the sums of the values.
        sums = []
        for kind, cell, cells in kinds:
            place, size = cell * groups + group[kind], cells * groups
            weighed = [np.bincount(place, value[kind], size) for value in values]
            each = [np.bincount(place, minlength=size), *weighed]
            sums.append(np.stack(each).reshape(-1, cells, groups).swapaxes(0, 1))
        means: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
        for weights in self._weigh():
            for side, own in enumerate(weights):
                total = np.tensordot(own.T.astype(np.float64), sums[side], axes=1)
                with np.errstate(divide="ignore", invalid="ignore"):
                    means[side].append(total[:, 1:] / total[:, :1])
        return np.concatenate(means[0]), np.concatenate(means[1])


def choose_cuts(scores: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Choose at most `BINS` cuts, by rising threshold; the last one rejects all.

    Half of the cuts are quantiles of the target scores. The others are quantiles of the upper half
    of the non-target scores: below it no useful threshold lies.
    """
    distinct = np.unique(scores)
    if len(distinct) <= BINS:
        return distinct
    nontargets = np.sort(scores[~target])
    sides = np.sort(scores[target]), nontargets[len(nontargets) // 2 :]
    places = [np.linspace(0, len(side) - 1, BINS // 2 - 1).astype(np.intp) for side in sides]
    return np.unique(
        np.r_[*(side[place] for side, place in zip(sides, places, strict=True)), distinct[-1]]
    )


def _count(place: np.ndarray, cell: np.ndarray, bins: int, cells: int) -> csr_array:
    """Count the trials of each bin and cell: int32 [bins, cells]. A cell's trials weigh alike."""
    return csr_array((np.ones(len(cell), dtype=np.int32), (place, cell)), shape=(bins, cells))
