"""Published thresholds and fitted ones, on embeddings whose cosines have other scales.

    python benchmarks/compare_thresholds.py [--speakers 120] [--seed 1]

Simulated embeddings are taken as they are, with a common mean added (many speaker models have
one), and with noise added. The thresholds are fitted to three quarters of the speakers. The others
are tested: EER in % over the scenarios random and 3das together, of the fixed weight 0.1.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_src.common.seeds import torch_seed
from workflow_src.evaluation.metrics import equal_error_rate
from workflow_src.methods.baseline import Baseline
from workflow_src.methods.development import Development
from workflow_src.methods.fixed_weight import FixedWeight
from workflow_src.methods.tune_threshold import tune_threshold
from workflow_src.running.threads import use_one_thread
from workflow_src.settings.corpus import SimulatedListing
from workflow_src.settings.finetuning import Episode
from workflow_src.settings.generation import Generation, RandomWalk
from workflow_src.settings.laws import EmbeddingLaw, read_law
from workflow_src.settings.pretraining import Pretraining
from workflow_src.settings.runs import Run
from workflow_src.settings.scenarios import BY_ID
from workflow_src.synthetic.listing import make_listing
from workflow_src.synthetic.simulation import simulate
from workflow_src.training.population import group_embeddings
from workflow_src.training.pretrain_policy import find_impostor_threshold
from workflow_src.training.scalars import fit_thresholds
from workflow_src.trials.pool import build_pool
from workflow_src.trials.protocol import make_scenario
from workflow_src.updating.sequences import build_task

LAW = Path(__file__).resolve().parents[1] / "resources/laws/smiip-tv.yaml"
SCENARIOS, ALPHA, PUBLISHED = ("random", "3das"), 0.1, 0.51


def make_trials(manifest, tested, trajectories, seed):
    """Make the trials of some speakers by scenario, as the workflow makes them."""
    law = Generation(random=RandomWalk(trajectories=trajectories))
    split = pd.DataFrame({"speaker": tested, "part": "test"})
    pool = build_pool(manifest, split, [], law)
    made = {name: make_scenario(pool, BY_ID[name], law, seed) for name in SCENARIOS}
    return {name: (scenario.trials, scenario.enrolment) for name, scenario in made.items()}


def change_scale(embeddings, kind):
    """Return the embeddings with a common mean or noise of a multiple of their mean length."""
    rng, (_, dimension) = np.random.default_rng(0), embeddings.shape
    length = np.linalg.norm(embeddings, axis=1).mean()
    what, _, times = kind.partition(" ")
    if what == "noise":
        spread = float(times) * length / np.sqrt(dimension)
        return (embeddings + spread * rng.standard_normal(embeddings.shape)).astype(np.float32)
    direction = rng.standard_normal(dimension)
    shift = float(times or 0) * length * direction / np.linalg.norm(direction)
    return (embeddings + shift).astype(np.float32)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--speakers", type=int, default=120)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    use_one_thread()
    manifest = make_listing(SimulatedListing(speakers=args.speakers), args.seed)
    law = read_law(LAW, EmbeddingLaw)
    drawn = np.empty((len(manifest), law.dimension), np.float32)
    for rows, values in simulate(manifest, law, args.seed):
        drawn[rows] = values
    index = manifest[["utterance", "speaker", "date"]].assign(row=np.arange(len(manifest)))
    speakers = sorted(manifest["speaker"].unique())
    tested = speakers[: len(speakers) // 4]
    training = ~manifest["speaker"].isin(tested)
    trials = {
        "development": make_trials(manifest, speakers[len(tested) :], 6, args.seed),
        "test": make_trials(manifest, tested, 30, args.seed),
    }
    run = Run("fixed-weight", "fixed-weight", ALPHA)
    print("| embeddings | cosines | baseline | 0.51 | tuned | impostors | episodes |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for kind in ("as drawn", "mean 1.2", "mean 10", "noise 0.8"):
        embeddings = change_scale(drawn, "mean 0" if kind == "as drawn" else kind)
        tasks = {
            part: {name: build_task(*tables, embeddings, index) for name, tables in made.items()}
            for part, made in trials.items()
        }
        development, test = (Development.of(tasks[part]) for part in ("development", "test"))
        tuned, _ = tune_threshold(development, run, development.candidate_thresholds())
        labels = np.concatenate([task.sequences.labels for task in test.tasks.values()])
        rules = [Baseline(), FixedWeight(ALPHA, PUBLISHED), FixedWeight(ALPHA, tuned)]
        scores = [np.concatenate([*test.scores(rule).values()]) for rule in rules]
        rates = [100 * equal_error_rate(found, labels)[0] for found in scores]
        medians = [np.median(scores[0][labels == target]) for target in (False, True)]
        population = group_embeddings(
            embeddings[training], manifest["speaker"][training], manifest["date"][training]
        )
        impostors = find_impostor_threshold(population, Pretraining(), args.seed)
        seed = torch_seed(args.seed, "finetuning", "thresholds")
        episodes = fit_thresholds(population, Episode(), seed).update_threshold
        print(
            f"| {kind} | {medians[0]:.3f}, {medians[1]:.3f} | {rates[0]:.2f} | {rates[1]:.2f} "
            f"| {rates[2]:.2f} (at {tuned:g}) | {impostors:.3f} | {episodes:.3f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
