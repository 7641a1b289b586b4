"""Extract the embeddings of one shard: the recordings of every n-th speaker id.

The recordings are those of the manifest or, without one, those in the folder. Without a manifest,
a shard does not depend on changes in other shards.

A recording of which no embedding can be made (missing, damaged, empty, too short or too long,
silent, not finite) is listed in a table with the reason; it has no row among the embeddings.
The output does not depend on the number of threads.
"""

import itertools
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from workflow_src.common.directions import NO_DIRECTION, have_directions
from workflow_src.common.errors import InputError
from workflow_src.common.files import read_parquet, write_csv, write_npz
from workflow_src.corpus.listing import list_recordings
from workflow_src.corpus.shards import shard_of_speaker
from workflow_src.embeddings.audio import Rejected, read_audio
from workflow_src.embeddings.extractor import Model, open_model
from workflow_src.embeddings.rejections import REJECTED_COLUMNS
from workflow_src.running.arguments import Input, Output
from workflow_src.running.progress import show_progress
from workflow_src.settings.corpus import DirectoryCorpus
from workflow_src.settings.embeddings import Extractor
from workflow_src.settings.front_ends import FRONT_ENDS, FrontEnd

# The most recordings and seconds of a window, whose features are in memory together (32 kB for each
# second of filter banks). Memory holds two windows: the next one is read meanwhile.
WINDOW = 1024
WINDOW_SECONDS = 3000.0
# Defaults. One thread is faster without batches: a layer's output for one recording stays in the
# core's cache.
BATCH_SIZE = {"cpu": 1, "cuda": 32}
# A full batch has recordings of at most this many numbers (10 s of 80 filter banks); a batch of
# longer recordings has fewer.
FULL_BATCH_NUMBERS = 80_000


def select_shard(manifest: pd.DataFrame, shard: int, shards: int) -> pd.DataFrame:
    """Return the rows of the shard's speakers, in manifest order."""
    part_of = {s: shard_of_speaker(s, shards) for s in manifest["speaker"].unique()}
    return manifest[manifest["speaker"].map(part_of) == shard].reset_index(drop=True)


def extract(
    manifest: pd.DataFrame,
    root: str | Path,
    model: Model,
    settings: Extractor,
    threads: int = 1,
) -> tuple[np.ndarray, pd.DataFrame]:
    """Extract the embeddings of all recordings of a manifest.

    Parameters
    ----------
    manifest
        N rows with the columns utterance, path (relative to `root`) and seconds (only for the order
        of work: recordings of one length share batches; NaN where unknown). With the columns start
        and end, the rows are parts of recordings, seconds.
    root
        Folder of the recordings.
    model
        The extractor.
    settings
        Limits and batch size.
    threads
        How many recordings and, on the CPU, batches are processed side by side.

    Returns
    -------
    embeddings
        float32 [N, D]; zero where a recording is rejected.
    rejected
        utterance, path, reason: the rejected recordings in manifest order.
    """
    embeddings = np.zeros((len(manifest), model.dim), np.float32)
    reasons: list[str | None] = [None] * len(manifest)
    paths = manifest["path"].tolist()
    parts: list[tuple[float, float] | None] = [None] * len(manifest)
    if "start" in manifest:
        parts = list(zip(manifest["start"], manifest["end"], strict=True))

    features: dict[int, np.ndarray] = {}

    def load(row: int) -> np.ndarray | str:
        try:
            limits = settings.min_seconds, settings.max_seconds
            path = Path(root) / paths[row]
            waveform = read_audio(path, model.front_end.sample_rate, *limits, parts[row])
            return model.compute_features(waveform)
        except Rejected as reason:
            return str(reason)

    def run(batch: list[int]) -> np.ndarray:
        return model.embed(np.stack([features[row] for row in batch]))

    size = settings.batch_size or BATCH_SIZE[model.device]
    size = min(size, model.max_batch or size)
    windows = _windows(manifest["seconds"].to_numpy(np.float64), settings.max_seconds)
    with ThreadPoolExecutor(threads) as pool:
        loading = _one_ahead((rows, [pool.submit(load, row) for row in rows]) for rows in windows)
        for rows, futures in show_progress(loading, "extracting, windows", len(windows)):
            features = {}
            for row, future in zip(rows, futures, strict=True):
                found = future.result()
                if isinstance(found, str):
                    reasons[row] = found
                else:
                    features[row] = found
            batches = _batches(features, size)
            # The same threads read and run the model; a GPU takes one batch at a time.
            results = pool.map(run, batches) if model.device == "cpu" else map(run, batches)
            for batch, result in zip(batches, results, strict=True):
                embeddings[batch] = result
    for row in np.flatnonzero(~have_directions(embeddings)):
        reasons[row] = reasons[row] or f"embedding that {NO_DIRECTION}"
    out = np.array([reason is not None for reason in reasons], bool)
    embeddings[out] = 0
    rejected = manifest.loc[out, ["utterance", "path"]].reset_index(drop=True)
    rejected["reason"] = pd.Series([r for r in reasons if r is not None], dtype="str")
    return embeddings, rejected


def _windows(seconds: np.ndarray, max_seconds: float) -> list[list[int]]:
    """Cut all rows, ordered by length, into windows that fit into memory.

    The order keeps recordings of equal length together, so that batches are full. A row of unknown
    length counts as the longest allowed.
    """
    counted = np.where(np.isfinite(seconds), np.minimum(seconds, max_seconds), max_seconds)
    windows: list[list[int]] = []
    total = np.inf
    for row in np.argsort(counted, kind="stable").tolist():
        total += counted[row]
        if total > WINDOW_SECONDS or len(windows[-1]) == WINDOW:
            windows.append([])
            total = counted[row]
        windows[-1].append(row)
    return windows


def _batches(features: dict[int, np.ndarray], size: int) -> list[list[int]]:
    """Group rows whose features have exactly the same shape, so that nothing is padded."""
    of_shape: dict[tuple[int, ...], list[int]] = {}
    for row, found in features.items():
        of_shape.setdefault(found.shape, []).append(row)
    batches = []
    for shape, rows in sorted(of_shape.items()):
        step = max(1, min(size, size * FULL_BATCH_NUMBERS // math.prod(shape)))
        batches += [rows[start : start + step] for start in range(0, len(rows), step)]
    return batches


def _one_ahead(items: Iterator) -> Iterator:
    """Iterate, with the next item fetched in advance."""
    ahead = list(itertools.islice(items, 1))
    while ahead:
        ahead += itertools.islice(items, 1)
        yield ahead.pop(0)


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments."""

    manifest: Input | None = None
    """Table of utterances, parquet; without it, the recordings in the folder are used."""
    listing: DirectoryCorpus = DirectoryCorpus()
    """Without `manifest`: the speakers and days to use."""
    root: str
    """Folder of the recordings."""
    model: Input | None = None
    """Speaker model, ONNX; or what a class of your own reads, if anything."""
    settings: Extractor = Extractor()
    """How recordings are fed to the model; its `model`, `allow_demo`, `front_end` and
    `shards` are ignored."""
    front_end: FrontEnd = FRONT_ENDS[0]
    """The row of the front end on which the model was trained."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """The device; auto takes a GPU where there is one."""
    deterministic: bool = True
    """Whether a GPU uses only algorithms that give the same bytes in every run."""
    shard: int = 0
    """Which shard, from 0."""
    shards: int = 1
    """How many there are."""
    threads: int = 1
    """How many recordings are processed side by side."""
    embeddings: Output
    """The shard's utterance [n] and embedding [n, D], .npz."""
    rejected: Output
    """The shard's rejected recordings, CSV."""


def run(args: Arguments) -> None:
    """Extract the embeddings of one shard."""
    if not 0 <= args.shard < args.shards:
        raise InputError(f"--shard {args.shard}: allowed is 0..{args.shards - 1}")
    if args.threads < 1:
        raise InputError(f"--threads {args.threads}: at least 1 is needed")
    settings = args.settings
    model = open_model(args.model, args.front_end, settings, args.device, args.deterministic)
    print(f"device: {model.device}")
    if not Path(args.root).is_dir():
        raise InputError(f"{args.root}: there is no such folder; it should hold the recordings")
    if args.manifest is not None:
        manifest = read_parquet(args.manifest, ["utterance", "speaker", "path", "seconds"])
        manifest = select_shard(manifest, args.shard, args.shards)
    else:
        manifest = list_recordings(args.root, args.listing, args.shard, args.shards)
    embeddings, rejected = extract(manifest, args.root, model, settings, args.threads)
    kept = ~manifest["utterance"].isin(rejected["utterance"]).to_numpy()
    utterances = manifest["utterance"].to_numpy(dtype=str)
    write_npz(
        args.embeddings,
        utterance=utterances[kept],
        embedding=embeddings[kept],
        extractor=np.array(model.digest),
    )
    write_csv(rejected[REJECTED_COLUMNS], args.rejected)
    print(f"{kept.sum():,} embeddings of {model.dim} numbers, {len(rejected):,} rejected")
