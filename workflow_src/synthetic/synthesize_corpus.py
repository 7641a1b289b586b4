"""Synthesise the recordings of the demo corpus: one shard of its speakers.

Writes <audio>/<speaker>/<utterance id>.flac (16 kHz, 16 bit) and a table with a row a recording.
A recording depends on the seed, the settings and its id, never on how the work is divided.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

from workflow_src.common.errors import InputError
from workflow_src.common.files import write_parquet
from workflow_src.common.whole_files import folder_written_whole
from workflow_src.running.steps import (
    add_settings_argument,
    parse_settings,
    run_step,
    show_progress,
    step_parser,
)
from workflow_src.settings.corpus import SyntheticCorpus
from workflow_src.synthetic.synthesis import SAMPLE_RATE, synthesize_recording
from workflow_src.synthetic.voices import draw_recordings

# The random stream of the demo's speakers.
POPULATION = "demo"

COLUMNS = {
    "utterance": "str",
    "path": "str",
    "seconds": "float32",
    "state": "str",
    "noise": "str",
    "device": "str",
    "gender": "str",
}


def speaker_ids(count: int) -> list[str]:
    """Return the ids of the demo's speakers: 0001, 0002, ..."""
    return [f"{number:04d}" for number in range(1, count + 1)]


def synthesize_speaker(
    seed: int, speaker: str, settings: SyntheticCorpus, folder: Path
) -> pd.DataFrame:
    """Write one speaker's recordings to ``<folder>/<speaker>/`` and return their rows."""
    (folder / speaker).mkdir()
    rows = []
    for recording in draw_recordings(seed, POPULATION, speaker, settings):
        wave = synthesize_recording(seed, POPULATION, recording, settings)
        path = f"{speaker}/{recording.utterance}.flac"
        # Rounded here: libsndfile's own conversion of floats differs between its versions.
        samples = np.rint(wave * 32767).astype(np.int16)
        # Encoded in memory: of a full disk, libsndfile does not say that it is one.
        file = io.BytesIO()
        soundfile.write(file, samples, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
        (folder / path).write_bytes(file.getvalue())
        rows.append(
            (
                recording.utterance,
                path,
                len(wave) / SAMPLE_RATE,
                recording.state,
                recording.noise,
                recording.device,
                recording.gender,
            )
        )
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


def main(argv: list[str] | None = None) -> None:
    """Synthesise one shard."""
    parser = step_parser(__doc__)
    add_settings_argument(parser, SyntheticCorpus)
    parser.add_argument("--seed", type=int, required=True, help="the workflow's seed")
    parser.add_argument("--shard", type=int, required=True, help="this shard, from 0")
    parser.add_argument("--shards", type=int, required=True, help="number of shards")
    parser.add_argument("--audio", type=Path, required=True, help="folder to make")
    parser.add_argument("--table", type=Path, required=True, help="parquet table to write")
    args = parser.parse_args(argv)
    settings = parse_settings(args.settings, SyntheticCorpus, "corpus.synthetic")
    if not 0 <= args.shard < args.shards:
        raise InputError(f"--shard {args.shard}: allowed is 0..{args.shards - 1}")

    speakers = speaker_ids(settings.speakers)[args.shard :: args.shards]
    with folder_written_whole(args.audio) as folder:
        tables = [
            synthesize_speaker(args.seed, speaker, settings, folder)
            for speaker in show_progress(speakers, "speakers", len(speakers))
        ]
    empty = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in COLUMNS.items()})
    table = pd.concat(tables, ignore_index=True) if tables else empty
    write_parquet(table, args.table)
    print(f"{len(table)} recordings of {len(speakers)} speakers, {table['seconds'].sum():.0f} s")


if __name__ == "__main__":
    run_step(main)
