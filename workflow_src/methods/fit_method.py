"""Fit a method on development trials: a tuned fixed weight, soft, kalman, through-time, a limit.

Writes policy.safetensors, policy.json and training.csv (what was tried, or the learning curve) to
--out-dir. No test speaker has a part in any of it.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_src.common.digests import digest_code
from workflow_src.common.errors import InputError, blamed_on
from workflow_src.common.files import read_json, read_parquet
from workflow_src.common.tables import read_embeddings, read_scenario, read_split
from workflow_src.corpus.ids import parse_utterance_ids
from workflow_src.methods.development import Partition, make_partition
from workflow_src.methods.fitted import FITTED, restore_fitted, write_fitted
from workflow_src.methods.fixed_weight import TunedFixedWeight, fit_fixed_weight
from workflow_src.methods.kalman import Kalman, SphericalPlda, estimate_variances, fit_kalman
from workflow_src.methods.oracle import fit_oracle
from workflow_src.methods.soft import fit_soft
from workflow_src.methods.storage import DESCRIPTION
from workflow_src.methods.through_time import ThroughTime, fit_through_time
from workflow_src.running.checkpoint import add_checkpoint_arguments, open_checkpoint
from workflow_src.running.steps import add_settings_argument, parse_settings, run_step, step_parser
from workflow_src.settings.tuning import Fitting as Tuning

MODULE = "workflow_src.methods.fit_method"


def read_development(
    folder: Path, settings: Tuning, embeddings: np.ndarray, index: pd.DataFrame, seed: int
) -> Partition:
    """Read the development trials of all scenarios.

    Parameters
    ----------
    folder
        With ``<scenario>.parquet`` and ``<scenario>.enrolment.parquet``.
    settings
        The config's block ``tuning``.
    embeddings, index
        The matrix [N, D], may be memory-mapped, and its utterance index.
    seed
        The config's seed.
    """
    trials = {
        scenario: read_scenario(folder, scenario) for scenario in settings.development.scenarios
    }
    with blamed_on(folder):
        return make_partition(trials, embeddings, index, settings.validation_share, seed)


def training_variances(
    embeddings: np.ndarray, index: pd.DataFrame, split: Path
) -> tuple[dict[str, float], float]:
    """Estimate the variances of `workflow_src.methods.kalman` on all training speakers."""
    parts = read_split(split)
    training = set(parts.loc[parts["part"] == "train", "speaker"])
    ids = parse_utterance_ids(index["utterance"], "embedding index")
    own = ids["speaker"].isin(training).to_numpy()
    if not own.any():
        raise InputError(f"{split}: no speaker of part 'train' has an embedding")
    rows = index["row"].to_numpy()[own]
    days = ids["date"].to_numpy(dtype="datetime64[D]")[own].astype(np.int64)
    vectors = np.asarray(embeddings[rows], dtype=np.float32)
    if not np.isfinite(vectors).all():
        raise InputError("embeddings: one of a training speaker is not finite")
    return estimate_variances(vectors, pd.factorize(ids["speaker"][own])[0], days)


def main(argv: list[str] | None = None) -> None:
    """Read the development trials, fit, write the rule."""
    parser = step_parser(__doc__)
    parser.add_argument("--method", choices=list(FITTED), required=True)
    parser.add_argument(
        "--development", type=Path, required=True, help="folder of the development trials"
    )
    parser.add_argument("--embeddings", type=Path, required=True, help=".npy, [N, D]")
    parser.add_argument("--index", type=Path, required=True, help="parquet: row, utterance")
    parser.add_argument("--split", type=Path, required=True, help="CSV: speaker, part")
    parser.add_argument(
        "--fixed", type=Path, help="folder of fixed-weight-tuned, from which most methods start"
    )
    add_settings_argument(parser, Tuning)
    parser.add_argument("--seed", type=int, required=True, help="the config's seed")
    parser.add_argument("--policy-seed", type=int, default=0, help="this policy's")
    parser.add_argument("--out-dir", type=Path, required=True, help="folder to write to")
    add_checkpoint_arguments(parser)
    args = parser.parse_args(argv)
    settings = parse_settings(args.settings, Tuning, "tuning")
    embeddings = read_embeddings(args.embeddings, mmap=True)
    index = read_parquet(args.index, ["row", "utterance"])
    partition = read_development(args.development, settings, embeddings, index, args.seed)
    checkpoint = None
    if args.method == TunedFixedWeight.method:
        rule, tried = fit_fixed_weight(partition, settings)
    elif args.method == "oracle":
        rule, tried = fit_oracle(partition, settings)
    else:
        fixed = _read_fixed(args.fixed)
        if args.method == "soft":
            rule, tried = fit_soft(partition, settings, fixed)
        elif args.method == ThroughTime.method:
            digest = hashlib.sha256(
                repr(
                    (
                        settings.model_dump_json(),
                        args.seed,
                        args.policy_seed,
                        fixed.describe(),
                        digest_code(MODULE),
                        _digest_partition(partition),
                    )
                ).encode()
            ).hexdigest()
            checkpoint = open_checkpoint(args, digest)
            rule, tried = fit_through_time(
                partition, settings, args.seed, args.policy_seed, fixed, checkpoint
            )
        else:
            variances, norm = training_variances(embeddings, index, args.split)
            kind = Kalman if args.method == Kalman.method else SphericalPlda
            first = next(iter(settings.development.scenarios))
            table = read_parquet(args.development / f"{first}.enrolment.parquet")
            enrolled = int(table.groupby("model").size().iloc[0])
            rule, tried = fit_kalman(partition, variances, norm, enrolled, fixed, kind)
    costs = {
        part: float(getattr(partition, part).cost(rule)[0]) for part in ("every", "validation")
    }
    print(
        f"{args.method}: EER relative to the baseline's, mean of "
        f"{', '.join(settings.development.scenarios)}: {costs['every']:.3f} "
        f"(validation speakers: {costs['validation']:.3f})"
    )
    description = {
        "training": "fitted",
        "seed": args.seed,
        "policy_seed": args.policy_seed if args.method == ThroughTime.method else None,
        "relative_error": costs,
        "settings": settings.read_by(args.method),
    }
    write_fitted(args.out_dir, rule, embeddings.shape[1], description, tried)
    if checkpoint:
        checkpoint.remove()


def _read_fixed(folder: Path | None) -> TunedFixedWeight:
    if folder is None:
        raise InputError("--fixed is missing: the folder of fixed-weight-tuned")
    about = read_json(folder / DESCRIPTION)
    if not isinstance(about, dict) or about.get("method") != TunedFixedWeight.method:
        raise InputError(f"{folder / DESCRIPTION}: is not a policy of {TunedFixedWeight.method}")
    return restore_fitted(folder, about)


def _digest_partition(partition: Partition) -> str:
    digest = hashlib.sha256()
    for part in (partition.fitting, partition.validation):
        for task in part.tasks.values():
            sequences = task.sequences
            for array in (sequences.rows, sequences.targets, sequences.days, sequences.template):
                digest.update(np.ascontiguousarray(array))
            digest.update(task.templates.numpy())
            digest.update(task.embeddings.numpy())
    return digest.hexdigest()


if __name__ == "__main__":
    run_step(main)
