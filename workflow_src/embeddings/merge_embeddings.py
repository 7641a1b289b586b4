"""Merge the shards' embeddings into one matrix in manifest order, with its utterance index."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_src.common.errors import InputError
from workflow_src.common.files import (
    read_csv,
    read_npz,
    read_parquet,
    write_csv,
    write_npy_in_parts,
)
from workflow_src.common.tables import INDEX_COLUMNS, write_index
from workflow_src.embeddings.rejections import REJECTED_COLUMNS
from workflow_src.running.arguments import Input, Inputs, Output


def merge_rejected(paths: list[Path], utterances: pd.Series) -> pd.DataFrame:
    """Merge the shards' tables of rejected recordings: utterance, path, reason, in manifest order.

    `utterances` are all ids of the manifest, in its order.

    Raises
    ------
    InputError
        A table cannot be read, or lists an utterance that the manifest lacks or that is listed
        before.
    """
    parts = [read_csv(path, REJECTED_COLUMNS, all_text=True) for path in paths]
    row_of = pd.Index(utterances)
    seen: set[str] = set()
    for path, part in zip(paths, parts, strict=True):
        for utterance in part["utterance"]:
            if utterance in seen or utterance not in row_of:
                raise InputError(
                    f"{path}: rejects {utterance}, which the manifest lacks or another shard "
                    "rejects as well; extract the shards anew"
                )
            seen.add(utterance)
    rejected = pd.concat(parts, ignore_index=True)[REJECTED_COLUMNS].astype("str")
    order = np.argsort(row_of.get_indexer(rejected["utterance"]))
    return rejected.iloc[order].reset_index(drop=True)


def place_rows(
    utterances: pd.Series, rejected: pd.Series, shards: list[tuple[Path, np.ndarray]]
) -> tuple[pd.Series, list[np.ndarray]]:
    """Find the place of every shard's rows in the matrix.

    Parameters
    ----------
    utterances
        All ids of the manifest, in its order.
    rejected
        Ids that have no embedding.
    shards
        Each shard's file, for errors, and its ids, str [n].

    Returns
    -------
    index
        The N ids of the matrix's rows, in manifest order.
    places
        For each shard int64 [n]: the rows of its embeddings.

    Raises
    ------
    InputError
        Shards and rejections together do not hold each utterance of the manifest once.
    """
    index = utterances[~utterances.isin(rejected)].reset_index(drop=True)
    row_of = pd.Index(index)
    places = []
    taken = np.zeros(len(index), bool)
    for path, ids in shards:
        rows = row_of.get_indexer(ids)
        wrong = (rows < 0) | pd.Series(ids).duplicated().to_numpy()
        wrong[~wrong] = taken[rows[~wrong]]
        if wrong.any():
            raise InputError(
                f"{path}: has an embedding of {ids[wrong][0]}, which the manifest lacks or which "
                "stands in the shards twice; extract the shards anew"
            )
        taken[rows] = True
        places.append(rows)
    if not taken.all():
        raise InputError(
            f"{(~taken).sum():,} utterances of the manifest are neither in a shard nor rejected, "
            f"first {index[~taken].iloc[0]}; extract the shards anew"
        )
    return index, places


def describe_rejected(rejected: pd.DataFrame) -> str:
    """Count rejected recordings by reason, the most common first."""
    counts = rejected["reason"].value_counts().sort_index().sort_values(ascending=False)
    return ", ".join(f"{count:,} {reason}" for reason, count in counts.items())


def read_shards_extractor(paths: list[Path]) -> str:
    """Return the sha256 of the speaker model that made all shards.

    Raises
    ------
    InputError
        A shard cannot be read, or is of another model than the first one.
    """
    digests = [str(read_npz(path, ["extractor"])[0]) for path in paths]
    for path, digest in zip(paths, digests, strict=True):
        if digest != digests[0]:
            raise InputError(
                f"{path}: is of the speaker model {digest[:12]}, {paths[0]} of {digests[0][:12]}; "
                "extract the shards anew"
            )
    return digests[0]


def _read_parts(
    paths: list[Path], places: list[np.ndarray], dim: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Give each shard's rows and embeddings, with one shard in memory at a time."""
    for path, rows in zip(paths, places, strict=True):
        embeddings = _read_embeddings(path, len(rows))
        if embeddings.shape[1] != dim:
            raise InputError(
                f"{path}: has embeddings of {embeddings.shape[1]} numbers, {paths[0]} of {dim}; "
                "extract the shards anew"
            )
        yield rows, embeddings


def _read_embeddings(path: Path, rows: int) -> np.ndarray:
    (embeddings,) = read_npz(path, ["embedding"])
    if embeddings.ndim != 2 or len(embeddings) != rows:
        raise InputError(f"{path}: embedding is {list(embeddings.shape)}; [{rows}, D] is needed")
    if not np.isfinite(embeddings).all():
        raise InputError(f"{path}: has embeddings with numbers that are not finite")
    return embeddings


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments."""

    manifest: Input
    """Table of utterances, parquet."""
    shards: Inputs
    """The shards' embeddings, .npz."""
    rejections: Inputs
    """The shards' rejected recordings, CSV."""
    embeddings: Output
    """Matrix of embeddings, .npy, float32 [N, D]."""
    index: Output
    """The utterance, speaker and date of each embedding, parquet; its metadata name the model."""
    rejected: Output
    """All rejected recordings, CSV."""


def run(args: Arguments) -> None:
    """Merge the shards."""
    manifest = read_parquet(args.manifest, INDEX_COLUMNS[1:])
    rejected = merge_rejected(args.rejections, manifest["utterance"])
    ids = [(path, read_npz(path, ["utterance"])[0]) for path in args.shards]
    index, places = place_rows(manifest["utterance"], rejected["utterance"], ids)
    if index.empty:
        raise InputError(
            f"{args.manifest}: no recording has an embedding; "
            f"rejected are: {describe_rejected(rejected) or 'none'}"
        )
    extractor = read_shards_extractor(args.shards)
    dim = _read_embeddings(args.shards[0], len(places[0])).shape[1]
    parts = _read_parts(args.shards, places, dim)
    write_npy_in_parts((len(index), dim), np.float32, parts, args.embeddings)
    kept = manifest[~manifest["utterance"].isin(rejected["utterance"])]
    write_index(kept, args.index, extractor)
    write_csv(rejected, args.rejected)
    print(f"{len(index):,} embeddings of {dim} numbers")
    print(f"{len(rejected):,} recordings rejected: {describe_rejected(rejected) or 'none'}")
