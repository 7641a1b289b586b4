"""Synthesise the demo corpus for one shard of its speakers.

The step writes <audio>/<speaker>/<utterance id>.flac (16 kHz, 16 bit) and a table with one row per
recording. A recording depends on the seed, the settings, the law and its id, but not on the shards.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

from workflow_src.common.errors import InputError
from workflow_src.common.files import write_parquet
from workflow_src.common.whole_files import folder_written_whole
from workflow_src.running.arguments import Input, Output
from workflow_src.running.progress import show_progress
from workflow_src.settings.corpus import SyntheticCorpus
from workflow_src.settings.laws import VoiceLaw, read_law
from workflow_src.synthetic.synthesis import SAMPLE_RATE, synthesize_recording
from workflow_src.synthetic.voices import POPULATION, draw_recordings, speaker_ids

COLUMNS = {
    "utterance": "str",
    "path": "str",
    "seconds": "float32",
    "state": "str",
    "noise": "str",
    "device": "str",
    "gender": "str",
}


def synthesize_speaker(
    seed: int, speaker: str, settings: SyntheticCorpus, law: VoiceLaw, folder: Path
) -> pd.DataFrame:
    """Write one speaker's recordings to ``<folder>/<speaker>/`` and return their rows."""
    (folder / speaker).mkdir()
    rows = []
    for recording in draw_recordings(seed, POPULATION, speaker, settings, law):
        wave = synthesize_recording(seed, POPULATION, recording, settings)
        path = f"{speaker}/{recording.utterance}.flac"
        # The conversion of floats differs between versions of libsndfile.
        samples = np.rint(wave * 32767).astype(np.int16)
        # libsndfile does not report a full disk, so it encodes to memory.
        file = io.BytesIO()
        soundfile.write(file, samples, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
        (folder / path).write_bytes(file.getvalue())
        metadata = recording.state, recording.noise, recording.device, recording.gender
        rows.append((recording.utterance, path, len(wave) / SAMPLE_RATE, *metadata))
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments."""

    settings: SyntheticCorpus = SyntheticCorpus()
    """The size of the corpus; `law` in it is not used."""
    law: Input
    """How voices change, YAML."""
    seed: int
    """The config's seed."""
    shard: int
    """The number of the shard, from 0."""
    shards: int
    """The number of shards."""
    audio: Output
    """Folder of the recordings."""
    table: Output
    """Table of the recordings, parquet."""


def run(args: Arguments) -> None:
    """Synthesise one shard."""
    if not 0 <= args.shard < args.shards:
        raise InputError(f"--shard {args.shard}: allowed is 0..{args.shards - 1}")
    law = read_law(args.law, VoiceLaw)
    speakers = speaker_ids(args.settings.speakers)[args.shard :: args.shards]
    with folder_written_whole(args.audio) as folder:
        tables = [
            synthesize_speaker(args.seed, speaker, args.settings, law, folder)
            for speaker in show_progress(speakers, "speakers", len(speakers))
        ]
    empty = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in COLUMNS.items()})
    table = pd.concat(tables, ignore_index=True) if tables else empty
    write_parquet(table, args.table)
    print(f"{len(table)} recordings of {len(speakers)} speakers, {table['seconds'].sum():.0f} s")
