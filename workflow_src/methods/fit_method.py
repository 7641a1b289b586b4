"""Fit a method on development trials.

The step writes policy.safetensors, policy.json and training.csv (the candidates, or the learning
curve) to --out-dir. It uses no data of test speakers. A rule without `fit` is stored as it is.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from workflow_src.common.digests import digest_code, digest_entry
from workflow_src.common.files import read_parquet
from workflow_src.common.tables import read_embeddings, read_index
from workflow_src.methods.development import Partition, read_development
from workflow_src.methods.entries import load_entry
from workflow_src.methods.storage import load_policy, write_policy
from workflow_src.methods.study import Study, fit, read_training
from workflow_src.running.arguments import Input
from workflow_src.running.checkpoint import CheckpointArguments
from workflow_src.settings.tuning import Tuning
from workflow_src.updating.interface import UpdateRule

MODULE = "workflow_src.methods.fit_method"


@dataclass(frozen=True, kw_only=True)
class Arguments(CheckpointArguments):
    """The step's arguments."""

    method: str
    """The method's name, for policy.json."""
    entry: str
    """The class of its update rule, module:Class."""
    folder: str = ""
    """The folder of the module, if it is not installed."""
    development: Path
    """The folder of the development trials."""
    embeddings: Input
    """The embeddings, .npy, [N, D]."""
    index: Input
    """The utterance of each row, parquet: row, utterance."""
    split: Input
    """The part of each speaker, CSV: speaker, part."""
    start: Path | None = None
    """The folder of the policy that fitting starts from; most methods need one."""
    start_entry: str = ""
    """The class of that policy's rule, module:Class."""
    settings: Tuning
    """The settings of fitting."""
    own: dict[str, Any] = field(default_factory=dict)
    """The method's own settings."""
    seed: int
    """The config's seed."""
    policy_seed: int | None = None
    """The seed of this policy, if its method has one."""


def count_enrolled(folder: Path, scenarios: list[str]) -> int:
    """Return the enrolment utterances of a template; a scenario can have no templates."""
    tables = (read_parquet(folder / f"{name}.enrolment.parquet", ["model"]) for name in scenarios)
    return next(int(table.groupby("model").size().iloc[0]) for table in tables if len(table))


def run(args: Arguments) -> None:
    """Read the development trials, fit the method and write its rule."""
    kind = load_entry(args.entry, args.folder)
    embeddings = read_embeddings(args.embeddings, mmap=True)
    index = read_index(args.index)
    partition = read_development(args.development, args.settings, embeddings, index, args.seed)
    start = load_policy(args.start, load_entry(args.start_entry)) if args.start else None
    checkpoint = functools.cache(lambda: args.open_checkpoint(_digest(args, partition, start)))
    study = Study(
        partition=partition,
        tuning=args.settings,
        own=args.own,
        seed=args.seed,
        policy_seed=args.policy_seed or 0,
        enrolled=count_enrolled(args.development, args.settings.development.scenarios),
        read_training=lambda: read_training(embeddings, index, args.split),
        starts_from=start,
        open_checkpoint=checkpoint,
    )
    rule, tried = fit(kind, study)
    costs = {
        part: float(getattr(partition, part).cost(rule)[0]) for part in ("every", "validation")
    }
    print(
        f"{args.method}: EER relative to the baseline's, mean of "
        f"{', '.join(args.settings.development.scenarios)}: {costs['every']:.3f} "
        f"(validation speakers: {costs['validation']:.3f})"
    )
    description = {
        "method": args.method,
        "dimension": embeddings.shape[1],
        **rule.describe(),
        "training": "fitted",
        "seed": args.seed,
        "policy_seed": args.policy_seed,
        "relative_error": costs,
        "settings": args.settings.model_dump() | ({args.method: args.own} if args.own else {}),
    }
    write_policy(args.out_dir, rule.tensors(), description, tried)
    if checkpoint.cache_info().currsize:
        checkpoint().remove()


def _digest(args: Arguments, partition: Partition, start: UpdateRule | None) -> str:
    """Return a digest of everything that a fit depends on, for its checkpoint."""
    digest = hashlib.sha256()
    for part in (partition.fitting, partition.validation):
        for task in part.tasks.values():
            sequences = task.sequences
            for array in (sequences.rows, sequences.labels, sequences.days, sequences.template):
                digest.update(np.ascontiguousarray(array).data)
            digest.update(task.templates.numpy().data)
            digest.update(task.embeddings.numpy().data)
    code = digest_code(MODULE), digest_entry(args.entry, args.folder)
    settings = args.settings.model_dump_json(), args.own, args.seed, args.policy_seed
    described = start.describe() if start else None
    return hashlib.sha256(
        repr((code, settings, described, digest.hexdigest())).encode()
    ).hexdigest()
