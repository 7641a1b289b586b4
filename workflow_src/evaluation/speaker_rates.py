"""Errors at a threshold set in advance, by speaker and by group of trials.

A mean over all trials hides whom it fails. Doddington et al. (Sheep, goats, lambs and wolves,
ICSLP 1998) name the speakers at the ends: a goat is often rejected, a lamb is easily imitated, and
a wolf is often accepted as others. Here these are three rates of each speaker. This module reads
and writes no files.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from workflow_src.evaluation.bootstrap import ResampledTrials
from workflow_src.evaluation.intervals import Sampled, interval

# Fewer trials of a speaker, or fewer speakers of a group, are too few for a rate.
LEAST_TRIALS = 20
LEAST_SPEAKERS = 5
SPEAKER_RATES = ["frr_percent", "far_percent", "impostor_far_percent"]
SPEAKER_COUNTS = ["target_trials", "nontarget_trials", "impostor_trials"]
GROUP_COLUMNS = [
    "group",
    *("frr_percent", "frr_gap", "frr_gap_low", "frr_gap_high"),
    *("far_percent", "far_gap", "far_gap_low", "far_gap_high"),
    *("speakers", "target_trials", "nontarget_trials"),
]


def rates_by_speaker(who: pd.DataFrame, wrong: Sequence[np.ndarray]) -> list[pd.DataFrame]:
    """Return the error rates of each speaker at several thresholds.

    Parameters
    ----------
    who
        enrolled, tested, target of T trials, of `trial_speakers.find_speakers`.
    wrong
        For each threshold bool [T]: whether the trial was decided wrongly.

    Returns
    -------
    list of DataFrame
        For each threshold a row for each speaker, sorted: speaker; `SPEAKER_RATES`, which are the
        FRR, the FAR of others against the speaker's templates, and the FAR of the speaker against
        others' templates, NaN with fewer than `LEAST_TRIALS` trials; `SPEAKER_COUNTS`, their
        trials.
    """
    target = who["target"].to_numpy()
    both = pd.concat([who["enrolled"], who["tested"]], ignore_index=True)
    codes, speakers = pd.factorize(both, sort=True)
    enrolled, tested = np.split(codes, 2)
    sides = ((target, enrolled[target]), (~target, enrolled[~target]), (~target, tested[~target]))
    trials = [np.bincount(side, minlength=len(speakers)) for _, side in sides]
    counts = dict(zip(SPEAKER_COUNTS, trials, strict=True))
    tables = []
    for errors in wrong:
        rates = {}
        for name, (kind, side), of_side in zip(SPEAKER_RATES, sides, trials, strict=True):
            failed = 100 * np.bincount(side, errors[kind], len(speakers))
            rates[name] = np.where(of_side < LEAST_TRIALS, np.nan, failed / np.maximum(of_side, 1))
        tables.append(pd.DataFrame({"speaker": speakers, **rates, **counts}))
    return tables


def rates_by_group(
    wrong: Sequence[np.ndarray], groups: pd.Series, resampled: ResampledTrials, confidence: float
) -> list[list[tuple]]:
    """Return the error rates of groups of trials, and their gaps, at several thresholds.

    Parameters
    ----------
    wrong
        For each threshold bool [T]: whether the trial was decided wrongly.
    groups
        The group of each trial; missing where unknown.
    resampled
        Resamples of the speakers of these trials.
    confidence
        Of the intervals.

    Returns
    -------
    list of lists of tuples
        For each threshold a tuple of `GROUP_COLUMNS` for each group, sorted. A gap is the rate of
        the group minus the mean rate of the other groups. A group of fewer than `LEAST_SPEAKERS`
        enrolled speakers has no rates, and counts in no gap.
    """
    codes, names = pd.factorize(groups, sort=True)
    # Trials of an unknown group are in a last one, which is left out.
    place = np.where(codes < 0, len(names), codes)
    kinds = np.flatnonzero(resampled.target), np.flatnonzero(~resampled.target)
    speakers = [resampled.count_enrolled(place == group) for group in range(len(names))]
    enough = np.array(speakers) >= LEAST_SPEAKERS
    samples = resampled.means(wrong, place, len(names) + 1)
    sides = []
    for kind, drawn in zip(kinds, samples, strict=True):
        own = place[kind]
        trials = np.bincount(own, minlength=len(names) + 1)[:-1]
        failed = np.stack([np.bincount(own, each[kind], len(names) + 1)[:-1] for each in wrong])
        known = enough & (trials > 0)
        rates = np.where(known, failed / np.maximum(trials, 1), np.nan)
        gaps, drawn_gaps = _gaps(rates), _gaps(np.where(known, drawn[..., :-1], np.nan))
        ends = np.empty((*gaps.shape, 2))
        for which, group in np.ndindex(gaps.shape):
            drawn_gap = drawn_gaps[:, which, group]
            gap = Sampled(float(gaps[which, group]), drawn_gap, speakers[group] - 1)
            ends[which, group] = interval(gap, confidence)
        sides.append((100 * np.dstack([rates, gaps, ends]), trials))
    (frr, targets), (far, nontargets) = sides
    return [
        list(zip(names, *of_frr.T, *of_far.T, speakers, targets, nontargets, strict=True))
        for of_frr, of_far in zip(frr, far, strict=True)
    ]


def _gaps(rates: np.ndarray) -> np.ndarray:
    """Return each rate minus the mean of the others on the last axis; NaN where there are none."""
    known = ~np.isnan(rates)
    total = np.nansum(rates, axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return rates - (total - rates) / (known.sum(axis=-1, keepdims=True) - 1)


def mean_of_worst(rates: np.ndarray, share: float) -> np.ndarray:
    """Return the mean of the largest rates on the last axis: this share of them, at least one."""
    count = max(1, round(share * rates.shape[-1]))
    return np.sort(rates, axis=-1)[..., -count:].mean(axis=-1)
