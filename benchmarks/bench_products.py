"""Sequence scoring with the methods of products against the fixed weight, in the same run.

    python benchmarks/bench_products.py [--dimension 128]

On the made-up embeddings of ``bench_scoring.py``. One thread, processor seconds. What a method
keeps of K vectors should take at most K times as long as the fixed weight.
"""

import argparse
import time

import numpy as np
from bench_scoring import THRESHOLD, make_task

from workflow_src.methods.anchored import Anchored
from workflow_src.methods.fixed_weight import FixedWeight
from workflow_src.methods.gallery import Gallery
from workflow_src.methods.running_mean import RunningMean
from workflow_src.methods.two_template import TwoTemplate
from workflow_src.methods.window import Window
from workflow_src.running.threads import use_one_thread
from workflow_src.updating.scorer import pack_sequences, score_sequences

RULES = {
    "fixed-weight": FixedWeight(0.2, THRESHOLD),
    "running-mean": RunningMean(THRESHOLD, enrolment=5, cap=10),
    "anchored": Anchored(THRESHOLD, alpha=0.3, share=0.2),
    "two-template": TwoTemplate(THRESHOLD, alpha=0.3, score="max"),
    "window of 5": Window(THRESHOLD, size=5),
    "window of 20": Window(THRESHOLD, size=20),
    "gallery of 10, oldest": Gallery(THRESHOLD, size=10, best=5, replace="oldest"),
    "gallery of 10, redundant": Gallery(THRESHOLD, size=10, best=5, replace="redundant"),
    "gallery of 40, oldest": Gallery(THRESHOLD, size=40, best=5, replace="oldest"),
}
REPEATS = 3


def measure(function):
    """Return the processor seconds of the best of some repeats."""
    best = float("inf")
    for _ in range(REPEATS):
        began = time.process_time()
        function()
        best = min(best, time.process_time() - began)
    return best


def report(title, sequences, steps, dimension):
    templates, embeddings, trials = make_task(sequences, steps, dimension)
    total = len(trials["rows"])
    packed = pack_sequences(
        trials["sequence"], trials["step"], trials["rows"], np.arange(sequences)
    )
    print(f"\n{title}: {sequences} sequences, {total} trials, D = {dimension}")
    print(f"{'method':26}{'trials/s':>12}{'x fixed weight':>16}")
    plain = None
    for name, rule in RULES.items():
        seconds = measure(lambda rule=rule: score_sequences(rule, templates, packed, embeddings))
        plain = plain or seconds
        print(f"{name:26}{total / seconds:12,.0f}{seconds / plain:16.1f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dimension", type=int, default=128)
    arguments = parser.parse_args()
    use_one_thread()
    report("random", 58 * 30, 88, arguments.dimension)
    report("1das", 58, 2640, arguments.dimension)


if __name__ == "__main__":
    main()
