"""Latency of one trial of an exported method, as a service sees it, against the bare model.

    python benchmarks/bench_online.py [--dimension 128] [--trials 20000]

`score_and_update` checks the template and the test, runs the model and makes the new template.
The floor is onnxruntime's own call with the same inputs. One thread, made-up embeddings and an
untrained policy: the time does not depend on the weights. Also what storing a template costs.
Median and 99th percentile are those of the quietest of ten blocks of trials, since other work may
run beside it.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from workflow_src.exporting.export_method import export_method
from workflow_src.methods.multi_head import MultiHeadNetwork
from workflow_src.methods.storage import write_policy
from workflow_src.running.threads import use_one_thread
from workflow_src.serving import Template, TemplateUpdater
from workflow_src.settings.runs import Run

BLOCKS = 10


def measure(arguments, *functions):
    """Return the seconds of each call, one row a function; they take turns, after a warm-up."""
    seconds = np.empty((len(functions), len(arguments)))
    for number, argument in enumerate([*arguments[:200], *arguments], start=-len(arguments[:200])):
        for row, function in enumerate(functions):
            began = time.perf_counter()
            function(argument)
            seconds[row, number] = time.perf_counter() - began
    return seconds


def report(names, seconds):
    """Print median and 99th percentile of the block of trials with the least median."""
    blocks = np.array_split(seconds, BLOCKS, axis=1)
    quietest = min(blocks, key=lambda block: np.median(block[0]))
    figures = 1e6 * np.percentile(quietest, [50, 99], axis=1).T
    for name, (p50, p99) in zip(names, figures, strict=True):
        print(f"{name:40}{p50:10.1f}{p99:10.1f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dimension", type=int, default=128)
    parser.add_argument("--trials", type=int, default=20_000)
    arguments = parser.parse_args()
    use_one_thread()
    rng = np.random.default_rng(0)
    voice = rng.standard_normal(arguments.dimension, dtype=np.float32)
    noise = rng.standard_normal((arguments.trials, arguments.dimension), dtype=np.float32)
    tests = list(voice + noise)
    print(f"D = {arguments.dimension}, {arguments.trials} trials, microseconds")
    print(f"{'':40}{'p50':>10}{'p99':>10}")
    with tempfile.TemporaryDirectory() as folder:
        torch.manual_seed(0)
        network = MultiHeadNetwork(arguments.dimension)
        network.start_exploring(0.1, 0.05)
        about = {"method": "multi-head", **network.describe()}
        write_policy(Path(folder) / "policy", network.state_dict(), about)
        for run in (
            Run("baseline", "baseline"),
            Run("fixed-weight", "fixed-weight", alpha=0.1, threshold=0.51),
            Run("multi-head", "multi-head", threshold=0.4, checkpoint=f"{folder}/policy"),
        ):
            export_method(run, arguments.dimension, Path(folder) / run.run)
            updater = TemplateUpdater(Path(folder) / run.run)
            start = template = updater.enrol(voice[None])

            def trial(test, updater=updater):
                nonlocal template
                _, template = updater.score_and_update(template, test)

            def bare(test, session=updater._session, start=start):
                days = np.zeros((), np.float32)
                session.run(None, {"template": start.vector, "test": test, "days": days})

            names = [f"{run.run}: score_and_update", f"{run.run}: onnxruntime alone"]
            report(names, measure(tests, trial, bare))
        content, path = template.to_bytes(), Path(folder) / "template"
        storing = {
            "to_bytes": lambda _: template.to_bytes(),
            "from_bytes": lambda _: Template.from_bytes(content),
            "save": lambda _: template.save(path),
        }
        report(storing, measure(tests[:2000], *storing.values()))
        print(f"a stored template has {len(content)} bytes")


if __name__ == "__main__":
    main()
