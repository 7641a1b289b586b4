"""Fit the law of simulated embeddings to the paper's figures, or show both side by side.

    python benchmarks/fit_simulation.py --table [--populations 6]
    python benchmarks/fit_simulation.py [--evaluations 100] [--published TABLE]

Populations of 59 speakers, 58 of whom enrol, are drawn as `corpus.source: simulated` draws them;
their trials are generated and scored without update and with fixed weights. The fit moves the
parameters of the law so that the mean over the populations of EER and minDCF comes close to the
paper's, by damped Gauss-Newton steps; listing, trials and random numbers are the same in every
evaluation. It prints loss and parameters at each evaluation, and at the end the law as YAML, as
`corpus.simulated.law` takes it.

The published table has the columns method, alpha, scenario, eer_percent and min_dcf. Where it has
eer_threshold as well, thresholds are fitted, too; without them little holds the scale of cosines,
so the thresholds of the start are held instead.
"""

import argparse
import functools
import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import yaml

from workflow_src.common.files import read_csv
from workflow_src.evaluation.summary import summarise_scores
from workflow_src.methods.fixed_weight import FixedWeight
from workflow_src.running.threads import use_one_thread
from workflow_src.settings.corpus import SimulatedListing
from workflow_src.settings.generation import Generation
from workflow_src.settings.laws import EmbeddingLaw, read_law
from workflow_src.settings.scenarios import BY_ID
from workflow_src.synthetic.listing import make_listing
from workflow_src.synthetic.simulation import simulate
from workflow_src.trials.pool import build_pool
from workflow_src.trials.protocol import make_scenario
from workflow_src.updating.scorer import Sequences, mean_templates, score_sequences
from workflow_src.updating.sequences import build_task

RESOURCES = Path(__file__).resolve().parents[1] / "resources"
PUBLISHED = RESOURCES / "smiip-tv/published_results.csv"
LAW = RESOURCES / "laws/smiip-tv.yaml"
SCENARIOS = ["random", "1das", "3das", "10das", "1d1s", "10d1s"]
ALPHAS = [0.05, 0.1, 0.2, 0.4]
UPDATE_THRESHOLD = 0.51
SPEAKERS = 59
# Rounds of the 1s scenarios; the paper has 15, whose pooled error rates are the same.
ROUNDS = 4
# A difference of this size counts 1: of logarithms, and of a threshold.
TOLERANCES = {"eer_percent": 0.1, "eer_threshold": 0.015, "min_dcf": 0.2}
# The parameters that are fitted. All are positive, so their logarithms are moved; of the
# correlation, that of what is missing to 1.
FITTED = [
    "speaker_decay",
    "cluster_share",
    "gender",
    "drift",
    "drift_correlation",
    "drift_spread",
    "day",
    "day_spread",
    "settling",
    "settling_days",
    "slot",
    "session",
    "utterance",
    "utterance_spread",
    "noise_spread",
]
STEP = 0.1


def encode(law, names):
    """Write some of a law's parameters as a point that has no bounds."""
    values = law.model_dump()
    values["drift_correlation"] = 1 - values["drift_correlation"]
    return np.log([values[name] for name in names])


def decode(point, names, law):
    """Return the law with these parameters in place of its own."""
    values = dict(zip(names, np.exp(point).tolist(), strict=True))
    if "drift_correlation" in values:
        values["drift_correlation"] = 1 - min(values["drift_correlation"], 1.0)
    if "cluster_share" in values:
        values["cluster_share"] = min(values["cluster_share"], 0.95)
    return EmbeddingLaw(**(law.model_dump() | values))


@dataclass(frozen=True)
class Trials:
    """A scenario's trials, by rows of the embeddings."""

    sequences: Sequences
    tested: torch.Tensor
    enrolled: np.ndarray
    model: np.ndarray
    target: np.ndarray


@functools.cache
def make_trials(seed):
    """Draw a population's listing and its trials; returns the manifest and them by scenario."""
    settings = Generation(rounds=ROUNDS)
    manifest = make_listing(SimulatedListing(speakers=SPEAKERS), seed)
    parts = ["test"] * (SPEAKERS - 1) + ["nontarget-only"]
    split = pd.DataFrame({"speaker": manifest["speaker"].unique(), "part": parts})
    pool = build_pool(manifest, split, [], settings)
    index = manifest[["utterance", "speaker", "date"]].assign(row=np.arange(len(manifest)))
    # Rows, counted from 1, in place of embeddings: what is packed does not depend on the law.
    places = np.arange(1, len(manifest) + 1, dtype=np.float32)[:, None]
    row_of = pd.Index(manifest["utterance"])
    trials = {}
    for name in SCENARIOS:
        made = make_scenario(pool, BY_ID[name], settings, seed)
        task = build_task(made.trials, made.enrolment, places, index)
        trials[name] = Trials(
            task.sequences,
            task.embeddings[:, 0].long() - 1,
            row_of.get_indexer(made.enrolment["utterance"]),
            pd.factorize(made.enrolment["model"])[0],
            made.trials["target"].to_numpy(dtype=bool),
        )
    return manifest, trials


def measure(law, seed):
    """Score one population; returns figures by (method, alpha, scenario)."""
    use_one_thread()
    manifest, scenarios = make_trials(seed)
    embeddings = torch.empty((len(manifest), law.dimension))
    for rows, values in simulate(manifest, law, seed):
        embeddings[rows] = torch.from_numpy(values)
    # No cosine exceeds 1, so the first setting never updates.
    rule = FixedWeight([1.0, *ALPHAS], [1.0] + [UPDATE_THRESHOLD] * len(ALPHAS))
    rows = []
    for name, trials in scenarios.items():
        templates = mean_templates(embeddings, trials.enrolled, trials.model)
        tested = embeddings[trials.tested]
        scores = score_sequences(rule, templates, trials.sequences, tested).scores
        for alpha, of_one in zip([np.nan, *ALPHAS], scores.numpy(), strict=True):
            scored = pd.DataFrame({"score": of_one, "target": trials.target})
            method = "fixed-weight" if alpha > 0 else "baseline"
            key = {"method": method, "alpha": alpha, "scenario": name}
            rows.append(key | summarise_scores(scored))
    return pd.DataFrame(rows).set_index(["method", "alpha", "scenario"])[list(TOLERANCES)]


def measure_all(law, populations, executor):
    """Score populations side by side; returns one table a population."""
    return list(executor.map(measure, [law] * populations, range(1, populations + 1)))


def compare(figures, wanted):
    """Return the differences, each in units of its tolerance, as one vector."""
    differences = [
        (figures[name] - wanted[name]) / size
        if name == "eer_threshold"
        else np.log(figures[name] / wanted[name]) / size
        for name, size in TOLERANCES.items()
    ]
    vector = pd.concat(differences).to_numpy()
    return vector / np.sqrt(len(vector))


def fit(start, names, published, populations, evaluations, executor):
    """Move the parameters by damped Gauss-Newton steps; returns the best law."""
    count = 0
    wanted = published

    def evaluate(point):
        nonlocal count, wanted
        count += 1
        law = decode(point, names, start)
        figures = sum(measure_all(law, populations, executor)) / populations
        if "eer_threshold" not in wanted:
            wanted = wanted.assign(eer_threshold=figures["eer_threshold"])
        vector = compare(figures, wanted.loc[figures.index])
        values = {name: round(getattr(law, name), 3) for name in names}
        print(f"{count:4} loss {vector @ vector:.3f} {json.dumps(values)}", flush=True)
        return vector

    best = encode(start, names)
    at_best = evaluate(best)
    damping = 0.05
    while count + len(best) + 1 <= evaluations:
        slopes = [evaluate(best + STEP * unit) - at_best for unit in np.eye(len(best))]
        jacobian = np.stack(slopes, axis=1) / STEP
        improved = False
        while not improved and count < evaluations:
            square = jacobian.T @ jacobian + damping * np.eye(len(best))
            move = np.clip(np.linalg.solve(square, -jacobian.T @ at_best), -0.5, 0.5)
            there = evaluate(best + move)
            improved = there @ there < at_best @ at_best
            damping *= 0.4 if improved else 4
            if damping > 100:
                return decode(best, names, start)
        if improved:
            best, at_best = best + move, there
    return decode(best, names, start)


def show(tables, published):
    """Print a table: mean and range over populations, and what the paper has."""
    names = ["baseline", *(f"fixed-weight {alpha:g}" for alpha in ALPHAS)]
    for figure, digits in (("eer_percent", 2), ("min_dcf", 3)):
        print(f"\n| {figure} | " + " | ".join(names) + " |")
        print("|---|" + "---:|" * len(names))
        for scenario in SCENARIOS:
            cells = []
            for alpha in [np.nan, *ALPHAS]:
                key = ("fixed-weight" if alpha > 0 else "baseline", alpha, scenario)
                values = [table[figure].loc[[key]].item() for table in tables]
                mean, low, high = np.mean(values), min(values), max(values)
                paper = published[figure].loc[[key]].item()
                cells.append(
                    f"{mean:.{digits}f} ({low:.{digits}f}-{high:.{digits}f}) / {paper:.{digits}f}"
                )
            print(f"| {scenario} | " + " | ".join(cells) + " |")
    thresholds = sum(table["eer_threshold"] for table in tables) / len(tables)
    rows = [row for row in thresholds.index if row[0] == "baseline" or row[1] == ALPHAS[1]]
    said = ", ".join(
        f"{method} {scenario} {thresholds[(method, alpha, scenario)]:.3f}"
        for method, alpha, scenario in rows
    )
    print(f"\nmean thresholds at the EER: {said}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", action="store_true", help="fit nothing, show the comparison")
    parser.add_argument("--law", type=Path, default=LAW, help="where to start, or what to show")
    parser.add_argument("--parameters", nargs="+", default=FITTED, choices=FITTED, metavar="NAME")
    parser.add_argument("--populations", type=int, default=6)
    parser.add_argument("--evaluations", type=int, default=100, help="at most")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--published", type=Path, default=PUBLISHED)
    arguments = parser.parse_args()
    keys = ["method", "alpha", "scenario"]
    published = read_csv(arguments.published, [*keys, "eer_percent", "min_dcf"]).set_index(keys)
    law = read_law(arguments.law, EmbeddingLaw)
    with ProcessPoolExecutor(arguments.processes) as executor:
        if not arguments.table:
            limits = arguments.populations, arguments.evaluations
            law = fit(law, arguments.parameters, published, *limits, executor)
            print(yaml.safe_dump(law.model_dump(), sort_keys=False), end="")
        show(measure_all(law, arguments.populations, executor), published)


if __name__ == "__main__":
    main()
