"""Sequence scoring in lockstep against a plain torch loop over trials, in the same run.

    python benchmarks/bench_scoring.py [--speakers 58] [--trajectories 30] [--dimension 128]

On made-up embeddings at the size of the published scenario ``random`` and, fewer and longer
sequences, of ``1das``. One thread. The limit beside each figure is what moving the bytes that a
trial needs would allow, at the rate at which this machine copies memory: fetch the test, read and
write the template (and, for a policy, its carried product). For a policy it is also what the
arithmetic of its second layer at every trial, and of its first at every tested utterance, would
allow at the rate of a large matrix product.
"""

import argparse
import time

import numpy as np
import torch

from workflow_src.methods.baseline import Baseline
from workflow_src.methods.fixed_weight import FixedWeight
from workflow_src.methods.multi_head import MultiHead, MultiHeadNetwork
from workflow_src.running.threads import use_one_thread
from workflow_src.updating.scorer import pack_sequences, score_sequences

UTTERANCES = 75_000
ALPHAS = [0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5]
THRESHOLD = 0.51
FLOOR = 0.4


def make_task(sequences, steps, dimension):
    """Speakers with a mean each; half of a sequence's trials are its own speaker's."""
    rng = np.random.default_rng(0)
    speaker = rng.standard_normal((58, dimension), dtype=np.float32)
    spread = rng.standard_normal((UTTERANCES, dimension), dtype=np.float32)
    own = np.arange(UTTERANCES) % 58
    embeddings = torch.from_numpy(speaker[own] + 0.8 * spread)
    lengths = 2 * rng.integers(int(0.4 * steps), int(0.6 * steps) + 1, sequences)
    sequence = np.repeat(np.arange(sequences), lengths)
    step = np.concatenate([np.arange(length) for length in lengths])
    rows = rng.integers(0, UTTERANCES, len(sequence))
    rows = np.where(step % 2, rows, rows // 58 * 58 + sequence % 58).clip(max=UTTERANCES - 1)
    templates = torch.from_numpy(speaker[np.arange(sequences) % 58])
    trials = {"sequence": sequence, "step": step, "rows": rows}
    return templates, embeddings, trials


def one_by_one(templates, embeddings, trials, count, decide):
    """Score the first `count` trials as most scripts do; returns scores and seconds."""
    scores = torch.empty(count)
    began = time.perf_counter()
    with torch.inference_mode():
        template, current = None, -1
        for trial in range(count):
            if trials["sequence"][trial] != current:
                current = trials["sequence"][trial]
                template = templates[current]
            test = embeddings[trials["rows"][trial]]
            score = torch.cosine_similarity(template, test, dim=0)
            scores[trial] = score
            weight = decide(score, template, test)
            if weight is not None:
                template = (1 - weight) * template + weight * test
    return scores, time.perf_counter() - began


def measure(function, repeats=3):
    """Return the result and the seconds of the best of some repeats."""
    best = float("inf")
    for _ in range(repeats):
        began = time.perf_counter()
        result = function()
        best = min(best, time.perf_counter() - began)
    return result, best


def copy_rate():
    """Bytes per second that one thread reads and writes in copying memory."""
    source = torch.zeros(1 << 26, dtype=torch.uint8)
    target = torch.empty_like(source)
    return 2 * len(source) / measure(lambda: target.copy_(source), 7)[1]


def product_rate():
    """Multiply-adds per second of a large matrix product."""
    a = torch.rand(1024, 1024)
    return 1024**3 / measure(lambda: a @ a, 7)[1]


def find_rules(dimension, tested_share, bytes_per_second, products_per_second):
    """Return (name, rule, decision of the plain loop, limit in trials/s) of each method.

    `tested_share` is the number of tested utterances over that of trials.
    """
    number = 4 * dimension
    move = {"baseline": 2 * number, "fixed": 3 * number}

    def fixed(score, template, test):
        return 0.1 if score > THRESHOLD else None

    few, many = FixedWeight(0.1, THRESHOLD), FixedWeight(ALPHAS, THRESHOLD)
    rules = [
        ("baseline", Baseline(), lambda *trial: None, bytes_per_second / move["baseline"]),
        ("fixed-weight", few, fixed, bytes_per_second / move["fixed"]),
        ("fixed-weight, 7 alphas", many, fixed, bytes_per_second / (2 * number + number / 7)),
    ]
    torch.manual_seed(0)
    network = MultiHeadNetwork(dimension)

    def policy(score, template, test):
        logits, weight = network(torch.cat([template, test]))
        return weight if logits[1] > logits[0] and score > FLOOR else None

    hidden = [module.out_features for module in network.trunk if hasattr(module, "out_features")]
    products = hidden[0] * hidden[1] + 2 * dimension * hidden[0] * tested_share
    arithmetic = products_per_second / products
    moving = bytes_per_second / (move["fixed"] + 4 * 4 * hidden[0])
    return [
        *rules,
        ("multi-head", MultiHead(network, FLOOR), policy, 1 / (1 / arithmetic + 1 / moving)),
    ]


def report(title, sequences, steps, arguments, rates):
    templates, embeddings, trials = make_task(sequences, steps, arguments.dimension)
    total = len(trials["rows"])
    print(f"\n{title}: {sequences} sequences, {total} trials, D = {arguments.dimension}")
    print(f"{'method':24}{'trials/s':>12}{'one by one':>12}{'faster':>8}{'limit':>14}{'of it':>7}")
    packed, seconds = measure(
        lambda: pack_sequences(
            trials["sequence"], trials["step"], trials["rows"], np.arange(sequences)
        )
    )
    print(f"{'(packing the sequences)':24}{total / seconds:12,.0f}")
    tested_share = len(np.unique(trials["rows"])) / total
    for name, rule, decide, limit in find_rules(arguments.dimension, tested_share, *rates):
        scored, seconds = measure(
            lambda rule=rule: score_sequences(rule, templates, packed, embeddings)
        )
        count = min(arguments.plain, total)
        scores, plain = one_by_one(templates, embeddings, trials, count, decide)
        setting = ALPHAS.index(0.1) if rule.variants > 1 else 0
        difference = (scored.scores[setting, :count] - scores).abs().max()
        if difference > 1e-4:
            raise SystemExit(f"{name}: scores differ from the plain loop's by {difference:.1e}")
        speed, slow = total * rule.variants / seconds, count / plain
        print(
            f"{name:24}{speed:12,.0f}{slow:12,.0f}{speed / slow:7.0f}x{limit:14,.0f}"
            f"{speed / limit:7.0%}"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speakers", type=int, default=58)
    parser.add_argument("--trajectories", type=int, default=30)
    parser.add_argument("--steps", type=int, default=88, help="mean trials of a trajectory")
    parser.add_argument("--long-steps", type=int, default=2640, help="the same of 1das")
    parser.add_argument("--dimension", type=int, default=128)
    parser.add_argument("--plain", type=int, default=3000, help="trials of the plain loop")
    arguments = parser.parse_args()
    use_one_thread()
    rates = copy_rate(), product_rate()
    print(
        f"one thread; copying moves {rates[0] / 1e9:.1f} GB/s, a large matrix product makes "
        f"{rates[1] / 1e9:.0f} billion multiply-adds/s; speed counts trials x settings"
    )
    wide = arguments.speakers * arguments.trajectories
    report("random", wide, arguments.steps, arguments, rates)
    report("1das", arguments.speakers, arguments.long_steps, arguments, rates)


if __name__ == "__main__":
    main()
