"""Measure how sensitive methods are: one thing changed at a time, in the scenario random.

    shift        what a method knows of the scores' scale lies off (threshold, centre)
    nontargets   more non-targets for each target
    enrolment    fewer or more utterances make a template
    embeddings   of unit length; of unit length and centred by the training speakers' mean; for all
                 methods alike, which are fitted anew

Of the methods that are fitted with a seed, the first seed stands for all. Writes a table of EERs.
"""

from __future__ import annotations

import copy
import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_src.common.files import read_parquet, write_csv
from workflow_src.common.seeds import generator
from workflow_src.common.tables import read_embeddings, read_scenario, read_split
from workflow_src.evaluation.summary import summarise_scores
from workflow_src.inference.scoring import score_task
from workflow_src.methods.baseline import Baseline
from workflow_src.methods.development import read_development
from workflow_src.methods.fixed_weight_tuned import TunedFixedWeight
from workflow_src.methods.oracle import Oracle
from workflow_src.methods.soft import Soft
from workflow_src.methods.storage import load_policy
from workflow_src.methods.study import FittedRule, Study, read_training
from workflow_src.methods.through_time import ThroughTime
from workflow_src.running.steps import add_settings_argument, parse_settings, run_step, step_parser
from workflow_src.settings.comparison import Sensitivity
from workflow_src.settings.trials import Generation
from workflow_src.settings.tuning import Tuning
from workflow_src.trials.protocol import MANIFEST_COLUMNS, build_pool, make_scenario
from workflow_src.updating.interface import UpdateRule
from workflow_src.updating.sequences import build_task

SCENARIO = "random"
# Of each method its run and its rule; the others start from the first.
METHODS: dict[str, tuple[str, type[FittedRule]]] = {
    "fixed-weight-tuned": ("fixed-weight-tuned", TunedFixedWeight),
    "soft": ("soft", Soft),
    "through-time": ("through-time-seed0", ThroughTime),
    "oracle": ("oracle", Oracle),
}


def shift_rule(rule: UpdateRule, shift: float) -> UpdateRule:
    """Return a rule whose idea of the scores' scale lies off by `shift`, as a new object."""
    if isinstance(rule, TunedFixedWeight):
        return TunedFixedWeight(rule.alpha, rule.threshold + shift)
    shifted = copy.copy(rule)
    if hasattr(rule, "scale"):
        scale = rule.scale
        shifted.scale = replace(scale, centre=scale.centre + shift, mean=scale.mean + shift)
    return shifted


def add_nontargets(trials: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
    """Offer `count` non-targets after each target: the one there is, and others of that kind.

    The others are drawn uniformly from the non-target trials of the same model's speaker.
    """
    if count == 1:
        return trials
    table = trials.sort_values(["model", "round", "step"], kind="stable", ignore_index=True)
    nontargets = table[~table["target"]]
    parts = [table.assign(step=table["step"] * count)]
    rng = generator(seed, "comparison", "nontargets", count)
    by_speaker = {
        speaker: part["utterance"].to_numpy() for speaker, part in nontargets.groupby("speaker")
    }
    for extra in range(1, count):
        drawn = np.empty(len(nontargets), dtype=object)
        for speaker, places in nontargets.groupby("speaker").indices.items():
            pool = by_speaker[speaker]
            drawn[places] = pool[rng.integers(0, len(pool), len(places))]
        parts.append(nontargets.assign(utterance=drawn, step=nontargets["step"] * count + extra))
    return pd.concat(parts, ignore_index=True)


def main(argv: list[str] | None = None) -> None:
    """Read the population's results, measure, write."""
    parser = step_parser(__doc__)
    parser.add_argument("--results", type=Path, required=True, help="the population's results/")
    add_settings_argument(parser, Sensitivity)
    parser.add_argument("--tuning", default="{}", metavar="JSON", help="the block tuning")
    parser.add_argument(
        "--generation", default="{}", metavar="JSON", help="the block trials.generation"
    )
    parser.add_argument("--seed", type=int, required=True, help="the population's seed")
    parser.add_argument("--table", type=Path, required=True, help="CSV to write")
    args = parser.parse_args(argv)
    settings = parse_settings(args.settings, Sensitivity, "comparison.sensitivity")
    tuning = parse_settings(args.tuning, Tuning, "tuning")
    law = parse_settings(args.generation, Generation, "trials.generation")
    results = args.results
    embeddings = read_embeddings(results / "embeddings/embeddings.npy", mmap=True)
    index = read_parquet(results / "embeddings/index.parquet", ["row", "utterance"])
    trials, enrolment = read_scenario(results / "trials", SCENARIO)
    rules: dict[str, UpdateRule] = {
        "baseline": Baseline(),
        **{m: load_policy(results / "policies" / run, kind) for m, (run, kind) in METHODS.items()},
    }
    rows: list[dict[str, object]] = []

    def measure(
        changed: str,
        value: object,
        rule_of: dict[str, UpdateRule],
        tables: tuple[pd.DataFrame, pd.DataFrame] = (trials, enrolment),
        vectors: np.ndarray = embeddings,
    ) -> None:
        task = build_task(*tables, vectors, index)
        for method, rule in rule_of.items():
            eer = summarise_scores(score_task(rule, task, tables[0]))["eer_percent"]
            rows.append({"changed": changed, "value": value, "method": method, "eer_percent": eer})
        print(f"{changed} {value}", flush=True)

    for shift in settings.shifts:
        measure("shift", shift, {m: shift_rule(rule, shift) for m, rule in rules.items()})
    for count in settings.nontargets:
        table = add_nontargets(trials, count, args.seed)
        measure("nontargets", count, rules, (table, enrolment))
    manifest = read_parquet(results / "corpus/manifest.parquet", MANIFEST_COLUMNS)
    split = read_split(results / "corpus/split.csv")
    for count in settings.enrolment_utterances:
        own = law.model_copy(update={"enrolment_utterances": count})
        made = make_scenario(build_pool(manifest, split, [], own), SCENARIO, own, args.seed)
        measure("enrolment", count, rules, (made.trials, made.enrolment))

    measure("embeddings", "as they are", rules)
    vectors = np.asarray(embeddings, dtype=np.float32)
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    training = set(split.loc[split["part"] == "train", "speaker"])
    own = manifest.set_index("utterance")["speaker"].reindex(index["utterance"])
    centred = units - units[own.isin(training).to_numpy()].mean(axis=0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    development = results / "trials/development"
    for name, changed in (("unit length", units), ("centred", centred)):
        partition = read_development(development, tuning, changed, index, args.seed)
        study = Study(
            partition=partition,
            tuning=tuning,
            own=tuning.through_time.model_dump(),
            seed=args.seed,
            enrolled=law.enrolment_utterances,
            read_training=functools.partial(
                read_training, changed, index, results / "corpus/split.csv"
            ),
        )
        refitted: dict[str, UpdateRule] = {"baseline": Baseline()}
        for method, (_, kind) in METHODS.items():
            refitted[method], _ = kind.fit(study)
            study = replace(study, starts_from=refitted["fixed-weight-tuned"])
        measure("embeddings", name, refitted, vectors=changed)
    write_csv(pd.DataFrame(rows), args.table)


if __name__ == "__main__":
    run_step(main)
