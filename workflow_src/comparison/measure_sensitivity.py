"""Measure how sensitive methods are to one change at a time: `random`, in independent order.

    shift        the method's scale of scores is off by a number: its threshold, or the centre
                 of its posterior
    nontargets   more or fewer non-targets come for each target
    enrolment    fewer or more utterances make a template
    embeddings   they have unit length; or they are also centred on the training speakers' mean.
                 All methods are fitted anew

The step writes a table of EERs.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workflow_src.common.files import read_parquet, write_csv
from workflow_src.common.tables import read_embeddings, read_index, read_split
from workflow_src.comparison.placed_runs import place_run
from workflow_src.evaluation.summary import summarise_scores
from workflow_src.inference.methods import build_rule
from workflow_src.inference.scoring import score_task
from workflow_src.methods.development import read_development
from workflow_src.methods.entries import load_entry
from workflow_src.methods.study import Study, fit, read_training
from workflow_src.running.arguments import Output
from workflow_src.settings.comparison import Sensitivity
from workflow_src.settings.generation import Generation
from workflow_src.settings.orders import Order
from workflow_src.settings.runs import Run
from workflow_src.settings.scenarios import BY_ID
from workflow_src.settings.tuning import Tuning
from workflow_src.trials.pool import MANIFEST_COLUMNS, build_pool
from workflow_src.trials.protocol import make_scenario
from workflow_src.updating.interface import UpdateRule
from workflow_src.updating.sequences import build_task

SCENARIO = "random"
ORDER: Order = "independent"


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments."""

    results: Path
    """The population's folder results/."""
    settings: Sensitivity
    """What is changed."""
    tuning: Tuning
    """How methods are fitted."""
    runs: list[Run]
    """The runs to measure, one per method, each after the run from which its fitting starts."""
    starts: dict[str, str] = field(default_factory=dict)
    """Method -> the method from which its fitting starts."""
    own: dict[str, Any] = field(default_factory=dict)
    """Method -> its own settings."""
    generation: Generation
    """How trials are made."""
    seed: int
    """The population's seed."""
    table: Output
    """The table of error rates, CSV."""


def run(args: Arguments) -> None:
    """Read the population's results, measure, write."""
    results = args.results
    embeddings = read_embeddings(results / "embeddings/embeddings.npy", mmap=True)
    index = read_index(results / "embeddings/index.parquet")
    manifest = read_parquet(results / "corpus/manifest.parquet", MANIFEST_COLUMNS)
    split = read_split(results / "corpus/split.csv")

    def make_trials(**changes: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
        generation = args.generation.model_copy(update=changes)
        pool = build_pool(manifest, split, [], generation)
        made = make_scenario(pool, BY_ID[SCENARIO], generation, args.seed, ORDER)
        return made.trials, made.enrolment

    unchanged = make_trials()
    runs = {run.method: run for run in (place_run(run, results) for run in args.runs)}
    rules = {method: build_rule(run) for method, run in runs.items()}
    rows: list[dict[str, object]] = []

    def measure(
        changed: str,
        value: object,
        rule_of: dict[str, UpdateRule],
        tables: tuple[pd.DataFrame, pd.DataFrame] = unchanged,
        vectors: np.ndarray = embeddings,
    ) -> None:
        task = build_task(*tables, vectors, index)
        for method, rule in rule_of.items():
            eer = summarise_scores(score_task(rule, task, tables[0]))["eer_percent"]
            rows.append({"changed": changed, "value": value, "method": method, "eer_percent": eer})
        print(f"{changed} {value}", flush=True)

    for shift in args.settings.shifts:
        measure("shift", shift, {m: rule.shift_scale(shift) for m, rule in rules.items()})
    for count in args.settings.nontargets:
        measure("nontargets", f"{count:g}", rules, make_trials(nontargets_per_target=count))
    for count in args.settings.enrolment_utterances:
        measure("enrolment", count, rules, make_trials(enrolment_utterances=count))

    measure("embeddings", "as they are", rules)
    vectors = np.asarray(embeddings, dtype=np.float32)
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    training = set(split.loc[split["part"] == "train", "speaker"])
    centred = units - units[index["speaker"].isin(training).to_numpy()].mean(axis=0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    development = results / "trials/development"
    for name, changed in (("unit length", units), ("centred", centred)):
        partition = read_development(development, args.tuning, changed, index, args.seed)
        study = Study(
            partition=partition,
            tuning=args.tuning,
            seed=args.seed,
            enrolled=args.generation.enrolment_utterances,
            read_training=functools.partial(
                read_training, changed, index, results / "corpus/split.csv"
            ),
        )
        refitted: dict[str, UpdateRule] = {}
        for method, run in runs.items():
            start = refitted.get(args.starts.get(method, ""))
            own_study = replace(
                study,
                own=args.own.get(method, {}),
                policy_seed=run.seed or 0,
                starts_from=start,
            )
            refitted[method], _ = fit(load_entry(run.entry, run.folder), own_study)
        measure("embeddings", name, refitted, vectors=changed)
    write_csv(pd.DataFrame(rows), args.table)
