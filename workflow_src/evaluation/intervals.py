"""How sure a number is: confidence intervals from resamples, and which differences are resolved.

The standard deviation of a number over the resamples estimates how far it is from the truth. An
interval is the number plus and minus that standard deviation times a quantile of Student's t. Its
degrees of freedom are those of the speakers, since few speakers tell little about how much speakers
differ. An interval of a rate is taken on the scale of log-odds, on which a rate cannot leave 0..1,
and on which rates of speakers are less skew. Percentiles of the resamples are not used: with 16
speakers, the truth lies above them too often (benchmarks/bench_intervals.py).

A method that is trained with several seeds is the mean over its seeds. A resample draws seeds, too:
K - 1 of the K, since the mean of K - 1 draws has the variance of the mean of K seeds (McCarthy and
Snowden, The bootstrap and finite population sampling, 1985). The degrees of freedom are then those
of Welch and Satterthwaite.

Of many differences, some look large by chance. So they have a common critical value: the quantile
of the largest of them in each resample, each in units of its standard deviation (max-t: Westfall
and Young, Resampling-based multiple testing, 1993; Romano and Wolf, Econometrica 73, 2005). Holm's
method would need more resamples than there are: with 1,000 of them, no p-value is below 1/1000, and
it asks for 0.05/1000 and less. It also takes nothing from the fact that methods err on the same
trials.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit, logit, ndtr, ndtri, stdtrit

# An interval is not given if more resamples than this lack one kind of trial.
MOST_LACKING = 0.05


@dataclass(frozen=True)
class Sampled:
    """A number, and what it is in each of R resamples.

    Attributes
    ----------
    value
        The number itself, of all trials.
    samples
        float64 [R]; NaN where a resample lacks one kind of trial.
    freedom
        Degrees of freedom of the speakers: one less than their number.
    step
        Of a rate, what one trial counts; rates nearer to 0 or 1 are not told from these.
    seeds
        For each trained method in the number, the variance that its seeds add, and their degrees of
        freedom.
    """

    value: float
    samples: np.ndarray
    freedom: float
    step: float = 0.0
    seeds: tuple[tuple[float, float], ...] = ()


def mean_over_seeds(runs: Sequence[Sampled], rng: np.random.Generator) -> Sampled:
    """Return the mean of the runs of one method; resamples draw from their seeds.

    With one run, this is the run: nothing tells how much seeds differ.
    """
    count = len(runs)
    if count == 1:
        return runs[0]
    drawn = rng.multinomial(count - 1, np.full(count, 1 / count), len(runs[0].samples))
    values = [run.value for run in runs]
    return Sampled(
        value=float(np.mean(values)),
        samples=np.sum([run.samples for run in runs] * drawn.T, axis=0) / (count - 1),
        freedom=runs[0].freedom,
        step=runs[0].step,
        seeds=((float(np.var(values, ddof=1)) / count, count - 1),),
    )


def mean_over_populations(parts: Sequence[Sampled]) -> Sampled:
    """Return the mean of one number over populations, whose speakers are drawn independently."""
    return Sampled(
        value=float(np.mean([part.value for part in parts])),
        samples=np.mean([part.samples for part in parts], axis=0),
        freedom=sum(part.freedom for part in parts),
        step=parts[0].step / len(parts),
        seeds=tuple(
            (variance / len(parts) ** 2, freedom)
            for part in parts
            for variance, freedom in part.seeds
        ),
    )


def difference(one: Sampled, other: Sampled) -> Sampled:
    """Return `one` minus `other`, resample by resample; seeds of two methods are independent."""
    return Sampled(
        value=one.value - other.value,
        samples=one.samples - other.samples,
        freedom=min(one.freedom, other.freedom),
        seeds=one.seeds + other.seeds,
    )


def rate_interval(rate: Sampled, confidence: float) -> tuple[float, float]:
    """Return the interval of a rate in 0..1, on the scale of log-odds.

    Both ends are NaN where resamples tell nothing: the rate is 0 or 1, or there are too few
    speakers.
    """
    least = rate.step / 2
    if not 0 < rate.value < 1:
        return math.nan, math.nan
    slope = 1 / (rate.value * (1 - rate.value))
    odds = replace(
        rate,
        value=float(logit(rate.value)),
        samples=logit(np.clip(rate.samples, least, 1 - least)),
        seeds=tuple((variance * slope**2, freedom) for variance, freedom in rate.seeds),
    )
    low, high = interval(odds, confidence)
    return float(expit(low)), float(expit(high))


def ratio_interval(one: Sampled, other: Sampled, confidence: float) -> tuple[float, float]:
    """Return the interval of the ratio of two rates, on the scale of its logarithm.

    Both ends are NaN where resamples tell nothing.
    """
    if not (one.value > 0 and other.value > 0):
        return math.nan, math.nan
    logs = [
        replace(
            rate,
            value=math.log(rate.value),
            samples=np.log(np.maximum(rate.samples, rate.step / 2)),
            seeds=tuple((variance / rate.value**2, freedom) for variance, freedom in rate.seeds),
        )
        for rate in (one, other)
    ]
    low, high = interval(difference(*logs), confidence)
    return math.exp(low), math.exp(high)


def interval(number: Sampled, confidence: float) -> tuple[float, float]:
    """Return the interval of a number of any size; see `rate_interval` for a rate."""
    half = half_width(number, normal_quantile(confidence))
    return number.value - half, number.value + half


def simultaneous_quantile(numbers: Sequence[Sampled], confidence: float) -> float:
    """Return the quantile z of a normal deviate at which intervals hold all numbers at once.

    With the probability `confidence`, each number plus and minus its `half_width` at z holds its
    truth.
    """
    single = normal_quantile(confidence)
    known = [number.samples for number in numbers if _is_known(number)]
    if not known:
        return single
    samples = np.array(known)
    samples = samples[:, ~np.isnan(samples).any(axis=0)]
    spread = samples.std(axis=1, keepdims=True)
    samples, spread = samples[spread[:, 0] > 0], spread[spread[:, 0] > 0]
    if not samples.size:
        return single
    largest = np.abs((samples - samples.mean(axis=1, keepdims=True)) / spread).max(axis=0)
    return max(single, float(np.quantile(largest, confidence)))


def half_width(number: Sampled, z: float) -> float:
    """Return half the width of a number's interval; NaN where resamples tell nothing.

    `z` is a quantile of a normal deviate. Taken is the quantile of Student's t of the same
    probability, at the degrees of freedom of the number.
    """
    if not _is_known(number):
        return math.nan
    total = float(number.samples[~np.isnan(number.samples)].var())
    speakers = max(total - sum(variance for variance, _ in number.seeds), 0.0)
    parts = [(speakers, number.freedom), *number.seeds]
    spread = sum(variance**2 / freedom for variance, freedom in parts)
    freedom = total**2 / spread if spread else number.freedom
    return float(stdtrit(freedom, ndtr(z))) * math.sqrt(total)


def normal_quantile(confidence: float) -> float:
    """Return the quantile of a normal deviate that holds a share `confidence` on both sides."""
    return float(ndtri((1 + confidence) / 2))


def _is_known(number: Sampled) -> bool:
    lacking = np.isnan(number.samples).mean()
    return number.freedom >= 1 and math.isfinite(number.value) and bool(lacking <= MOST_LACKING)
