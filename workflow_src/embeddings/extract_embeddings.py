"""Extract the embeddings of one shard: the recordings of every n-th speaker id.

Its recordings are taken from the manifest of all (--manifest), or are those that lie in the folder
(--listing): then the shard does not depend on what changes in others.

A recording that no embedding can be made of (missing, damaged, empty, too short or too long,
silent, not finite) is listed with the reason in a table and has no row among the embeddings.
The output does not depend on the number of threads.
"""

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_src.common.errors import InputError
from workflow_src.common.files import read_parquet, write_csv, write_npz
from workflow_src.corpus.listing import list_recordings
from workflow_src.corpus.shards import shard_of_speaker
from workflow_src.embeddings.audio import Rejected, read_audio
from workflow_src.embeddings.extractor import SpeakerModel
from workflow_src.embeddings.features import compute_fbank
from workflow_src.running.steps import (
    add_device_arguments,
    add_settings_argument,
    parse_settings,
    run_step,
    show_progress,
    step_parser,
)
from workflow_src.settings.corpus import DirectoryCorpus
from workflow_src.settings.embeddings import Extractor

REJECTED_COLUMNS = ["utterance", "path", "reason"]
# Recordings whose features are held at once, and their seconds, at 32 kB a second. Twice that is
# held in all: the next window is read meanwhile.
WINDOW = 1024
WINDOW_SECONDS = 3000.0
# Unless set. One thread runs recordings one by one faster than in batches: a layer's output of
# one recording stays in the core's cache.
BATCH_SIZE = {"cpu": 1, "cuda": 32}
# A batch has so many recordings of at most this many frames (10 s); of longer ones it has fewer.
FULL_BATCH_FRAMES = 1000


def select_shard(manifest: pd.DataFrame, shard: int, shards: int) -> pd.DataFrame:
    """Return the rows of the shard's speakers, in manifest order."""
    part_of = {s: shard_of_speaker(s, shards) for s in manifest["speaker"].unique()}
    return manifest[manifest["speaker"].map(part_of) == shard].reset_index(drop=True)


def extract(
    manifest: pd.DataFrame,
    root: str | Path,
    model: SpeakerModel,
    settings: Extractor,
    threads: int = 1,
) -> tuple[np.ndarray, pd.DataFrame]:
    """Extract the embeddings of all recordings of a manifest.

    Parameters
    ----------
    manifest
        N rows with the columns utterance, path (relative to `root`) and seconds (for the order
        of work only: recordings of one length share batches; NaN where unknown).
    root
        Folder of the recordings.
    model
        The extractor.
    settings
        Limits and batch size.
    threads
        Recordings and, on the CPU, batches that are worked on side by side.

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

    features: dict[int, np.ndarray] = {}

    def load(row: int) -> np.ndarray | str:
        try:
            file = Path(root) / paths[row]
            return compute_fbank(read_audio(file, settings.min_seconds, settings.max_seconds))
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
            # The same threads read and run the model; only a GPU takes one batch at a time.
            results = pool.map(run, batches) if model.device == "cpu" else map(run, batches)
            for batch, result in zip(batches, results, strict=True):
                embeddings[batch] = result
    for row in np.flatnonzero(~np.isfinite(embeddings).all(axis=1)):
        reasons[row] = "embedding that is not finite"
    for row in np.flatnonzero(~embeddings.any(axis=1)):
        reasons[row] = reasons[row] or "embedding that is zero"
    out = np.array([reason is not None for reason in reasons], bool)
    embeddings[out] = 0
    rejected = manifest.loc[out, ["utterance", "path"]].reset_index(drop=True)
    rejected["reason"] = pd.Series([r for r in reasons if r is not None], dtype="str")
    return embeddings, rejected


def _windows(seconds: np.ndarray, max_seconds: float) -> list[list[int]]:
    """Cut all rows, ordered by length, into windows that fit into memory.

    Rows of equal length end up beside each other, so that batches are full; a row of unknown
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
    """Group rows with exactly the same number of frames: nothing is ever padded."""
    of_length: dict[int, list[int]] = {}
    for row, found in features.items():
        of_length.setdefault(len(found), []).append(row)
    batches = []
    for frames, rows in sorted(of_length.items()):
        step = max(1, min(size, size * FULL_BATCH_FRAMES // frames))
        batches += [rows[start : start + step] for start in range(0, len(rows), step)]
    return batches


def _one_ahead(items: Iterator) -> Iterator:
    """Iterate, with the next item always fetched already."""
    ahead = list(itertools.islice(items, 1))
    while ahead:
        ahead += itertools.islice(items, 1)
        yield ahead.pop(0)


def main(argv: list[str] | None = None) -> None:
    """Extract the embeddings of one shard."""
    parser = step_parser(__doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--manifest", type=Path, help="parquet table of utterances")
    source.add_argument(
        "--listing",
        metavar="JSON",
        help="in place of a manifest: which recordings of the folder are used, a JSON object with "
        "keys of: speakers, days",
    )
    parser.add_argument("--root", required=True, help="folder that paths are relative to")
    parser.add_argument("--model", required=True, help="ONNX speaker model")
    parser.add_argument("--sha256", default="", help="digest of the model; over the settings' one")
    parser.add_argument("--shard", type=int, default=0, help="which shard, from 0")
    parser.add_argument("--shards", type=int, default=1, help="how many there are")
    add_device_arguments(parser)
    parser.add_argument("--threads", type=int, default=1, help="recordings side by side")
    parser.add_argument("--out", type=Path, required=True, help=".npz: utterance, embedding")
    parser.add_argument("--rejected", type=Path, required=True, help="CSV of what was rejected")
    add_settings_argument(parser, Extractor)
    args = parser.parse_args(argv)
    if not 0 <= args.shard < args.shards or args.threads < 1:
        parser.error("0 <= --shard < --shards and --threads >= 1 are needed")
    settings = parse_settings(args.settings, Extractor, "extractor")
    digest = args.sha256 or settings.sha256
    model = SpeakerModel(args.model, digest, args.device, args.deterministic)
    print(f"device: {model.device}")
    if not Path(args.root).is_dir():
        raise InputError(f"{args.root}: there is no such folder; it should hold the recordings")
    if args.manifest:
        manifest = read_parquet(args.manifest, ["utterance", "speaker", "path", "seconds"])
        manifest = select_shard(manifest, args.shard, args.shards)
    else:
        listing = parse_settings(args.listing, DirectoryCorpus, "corpus.directory")
        manifest = list_recordings(args.root, listing, args.shard, args.shards)
    embeddings, rejected = extract(manifest, args.root, model, settings, args.threads)
    kept = ~manifest["utterance"].isin(rejected["utterance"]).to_numpy()
    utterances = manifest["utterance"].to_numpy(dtype=str)
    write_npz(args.out, utterance=utterances[kept], embedding=embeddings[kept])
    write_csv(rejected[REJECTED_COLUMNS], args.rejected)
    print(f"{kept.sum():,} embeddings of {model.dim} numbers, {len(rejected):,} rejected")


if __name__ == "__main__":
    run_step(main)
