"""Intervals: how long 1,000 resamples take, and how often a 95 % interval holds the truth.

    python benchmarks/bench_intervals.py [--coverage] [--populations 200]

Speed: 150,000 trials of 58 speakers, processor time of one thread, best of some repeats; the limit
beside it is what the project asks for.
Coverage: populations of speakers are drawn whose true error rates are known, since every trial of
speakers without end has the same law. Each population is a test of its own. The table says in how
many of them the interval holds the true rate, or the true difference of two methods, which is 0.
The last column is the share of populations in which any of the differences between eight methods of
equal error is called resolved.
"""

import argparse
import itertools
import time
from dataclasses import dataclass

import numpy as np

from workflow_src.evaluation.bootstrap import BINS, MEASURES, ResampledTrials, draw_resamples
from workflow_src.evaluation.intervals import (
    difference,
    half_width,
    interval,
    mean_over_seeds,
    rate_interval,
    simultaneous_quantile,
)
from workflow_src.evaluation.metrics import error_rates
from workflow_src.running.threads import use_one_thread

CONFIDENCE = 0.95
LIMIT_S = 1.0


@dataclass(frozen=True)
class Voices:
    """How scores vary: standard deviations, in units of that of trials of the same two speakers."""

    distance: float
    goat: float
    """How easily a speaker is recognised."""
    lamb: float
    """How easily others pass for a speaker."""
    wolf: float
    """How easily a speaker passes for others."""
    pair: float
    """How alike two speakers are."""
    tail: int = 0
    """Degrees of freedom of Student's t, for speakers with heavy tails; 0: normal deviates."""

    def draw(self, rng, size):
        if not self.tail:
            return rng.standard_normal(size)
        return rng.standard_t(self.tail, size) / np.sqrt(self.tail / (self.tail - 2))


VOICES = {
    "speakers rather alike": Voices(3.6, 0.5, 0.3, 0.3, 0.3),
    "speakers unlike": Voices(4.2, 0.9, 0.5, 0.5, 0.3),
    "unlike, few errors": Voices(5.2, 0.9, 0.5, 0.5, 0.4),
    "unlike, heavy tails": Voices(4.2, 0.8, 0.4, 0.4, 0.4, tail=4),
    "pairs alike, not speakers": Voices(3.7, 0.3, 0.1, 0.1, 0.7),
}


def true_rates(voices, trials=1_000_000):
    """Return the measures of speakers without end: every trial has speakers of its own."""
    rng = np.random.default_rng(99)
    targets = voices.distance + voices.goat * voices.draw(rng, trials) + rng.normal(size=trials)
    nontargets = rng.normal(size=trials)
    for spread in (voices.lamb, voices.wolf, voices.pair):
        nontargets += spread * voices.draw(rng, trials)
    rates = error_rates(np.r_[targets, nontargets], np.arange(2 * trials) < trials)
    return {name: measure.exact(rates) for name, measure in MEASURES.items()}


def draw_population(rng, voices, speakers, trials, methods, seed_spread=0.0, seeds=1):
    """Draw a test: names of speakers, targets, and scores [methods * seeds][T].

    All methods have the same law. They agree on much of a trial and of a speaker. A seed moves the
    distance of targets by `seed_spread`.
    """
    enrolled = np.repeat(np.arange(speakers), 2 * trials)
    target = np.tile([True, False], speakers * trials)
    other = (enrolled + rng.integers(1, speakers, len(enrolled))) % speakers
    tested = np.where(target, enrolled, other)
    goat, lamb, wolf = (voices.draw(rng, speakers) for _ in range(3))
    pair = voices.draw(rng, (speakers, speakers))
    common = rng.normal(size=len(target))
    scores = []
    for _ in range(methods):
        own_goat = 0.9 * goat + np.sqrt(1 - 0.9**2) * voices.draw(rng, speakers)
        own = 0.8 * common + 0.6 * rng.normal(size=len(target))
        for _ in range(seeds):
            ease = voices.distance + seed_spread * rng.normal() + voices.goat * own_goat[enrolled]
            similar = voices.lamb * lamb[enrolled] + voices.wolf * wolf[tested]
            similar += voices.pair * pair[enrolled, tested]
            scores.append((np.where(target, ease, similar) + own).astype(np.float32))
    names = np.array([f"{number:04d}" for number in range(speakers)])
    return names[enrolled], names[tested], target, scores


def measure_coverage(voices, speakers, populations, trials=100, resamples=600, methods=2):
    """Return the share of populations whose intervals hold the truth: by measure, and difference.

    `resolved` is the share in which any of the differences between all methods is resolved.
    """
    truth = true_rates(voices)
    held = {name: [] for name in [*MEASURES, "difference"]}
    resolved = []
    rng = np.random.default_rng(1)
    for population in range(populations):
        *sides, target, scores = draw_population(rng, voices, speakers, trials, methods)
        drawn = draw_resamples(sides[0], resamples, population)
        tested = ResampledTrials(*sides, target, drawn)
        sampled = [tested.sample(one) for one in scores]
        for name, true in truth.items():
            low, high = rate_interval(sampled[0][name], CONFIDENCE)
            held[name].append(low <= true <= high)
        pairs = [difference(a["eer"], b["eer"]) for a, b in itertools.combinations(sampled, 2)]
        low, high = interval(pairs[0], CONFIDENCE)
        held["difference"].append(low <= 0 <= high)
        z = simultaneous_quantile(pairs, CONFIDENCE)
        resolved.append(any(abs(pair.value) > half_width(pair, z) for pair in pairs))
    return {name: float(np.mean(which)) for name, which in held.items()} | {
        "resolved": float(np.mean(resolved))
    }


def measure_seeds(voices, speakers, populations, seeds, trials=100, resamples=600):
    """Return the share of populations where the difference of two trained methods holds 0."""
    held = []
    rng = np.random.default_rng(2)
    for population in range(populations):
        *sides, target, scores = draw_population(rng, voices, speakers, trials, 2, 0.3, seeds)
        tested = ResampledTrials(*sides, target, draw_resamples(sides[0], resamples, population))
        sampled = [tested.sample(one)["eer"] for one in scores]
        draws = np.random.default_rng(population)
        one, other = (mean_over_seeds(part, draws) for part in (sampled[:seeds], sampled[seeds:]))
        low, high = interval(difference(one, other), CONFIDENCE)
        held.append(low <= 0 <= high)
    return float(np.mean(held))


def measure_speed(speakers=58, trials=1293, resamples=1000, repeats=3):
    rng = np.random.default_rng(0)
    *sides, target, (scores,) = draw_population(rng, VOICES["speakers unlike"], speakers, trials, 1)
    best = run = np.inf
    for _ in range(repeats):
        began = time.process_time()
        tested = ResampledTrials(*sides, target, draw_resamples(sides[0], resamples, 1))
        prepared = time.process_time()
        tested.sample(scores)
        done = time.process_time()
        best, run = min(best, done - began), min(run, done - prepared)
    print("| trials | speakers | resamples | bins | s | of it for each run | limit s |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    print(
        f"| {len(target):,} | {speakers} | {resamples:,} | {BINS} | {best:.2f} | "
        f"{run:.2f} | {LIMIT_S:.2f} |"
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--coverage", action="store_true")
    parser.add_argument("--populations", type=int, default=200)
    args = parser.parse_args()
    use_one_thread()
    measure_speed()
    if not args.coverage:
        return
    print(f"\n{args.populations} populations, 100 targets for each speaker, in %")
    print("| scores | speakers | EER | FRR at FAR 1 % | FRR at FAR 0.1 % | minDCF | difference |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    names = ["eer", "frr_at_far_1", "frr_at_far_0.1", "min_dcf", "difference"]
    for kind, speakers in itertools.product(VOICES, (8, 16, 58)):
        found = measure_coverage(VOICES[kind], speakers, args.populations)
        cells = " | ".join(f"{100 * found[name]:.1f}" for name in names)
        print(f"| {kind} | {speakers} | {cells} |", flush=True)
    voices = VOICES["speakers unlike"]
    print("\n| | speakers | % |\n|---|---:|---:|")
    for speakers in (16, 58):
        found = measure_coverage(voices, speakers, args.populations, methods=8)
        print(
            f"| eight equal methods, any difference resolved | {speakers} | "
            f"{100 * found['resolved']:.1f} |",
            flush=True,
        )
    for seeds in (2, 3):
        found = measure_seeds(voices, 58, args.populations, seeds)
        print(f"| difference of methods with {seeds} seeds holds 0 | 58 | {100 * found:.1f} |")


if __name__ == "__main__":
    main()
