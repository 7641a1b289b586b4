"""Recordings in a folder, good and bad, through the graph to the embeddings."""

import re
import shutil

import numpy as np
import pandas as pd
import pytest
import soundfile

from tests.workflow.running import run_snakemake


@pytest.fixture(scope="module")
def recordings(finished, tmp_path_factory):
    """A few of the demo's recordings, in a folder whose name is awkward."""
    root = tmp_path_factory.mktemp("re$(touch canary)cordings 'ä'")
    manifest = pd.read_parquet(finished / "results/corpus/manifest.parquet")
    few = manifest.groupby("speaker").head(4)
    for path in few["path"]:
        shutil.copy(finished / "results/corpus/audio" / path, root)
    few[["utterance", "state"]].to_csv(root.parent / "metadata.csv", index=False)
    return root


def overlay(root, **more):
    directory = {"root": str(root), "metadata": str(root.parent / "metadata.csv"), **more}
    return {"corpus": {"source": "directory", "directory": directory}}


def test_bad_recordings_are_listed_and_the_others_go_on(recordings, tmp_path):
    paths = sorted(recordings.glob("*.flac"))
    broken, empty, slow, stereo = paths[:4]
    broken.write_bytes(np.random.default_rng(0).bytes(5000))
    empty.write_bytes(b"")
    audio, rate = soundfile.read(slow)
    soundfile.write(slow, audio[::2], rate // 2)
    audio, rate = soundfile.read(stereo)
    soundfile.write(stereo, np.stack([audio, audio], axis=1), rate)
    run_snakemake(tmp_path, "embeddings", overlay=overlay(recordings))
    rejected = pd.read_csv(tmp_path / "results/embeddings/rejected.csv").set_index("utterance")
    assert rejected["reason"].to_dict() == {
        broken.stem: "not readable as audio",
        empty.stem: "empty file",
    }
    index = pd.read_parquet(tmp_path / "results/embeddings/index.parquet")
    assert set(index["utterance"]) == {path.stem for path in paths[2:]}
    assert not list(tmp_path.rglob("canary"))
    manifest = pd.read_parquet(tmp_path / "results/corpus/manifest.parquet")
    assert manifest["state"].notna().all()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("holiday.wav", "holiday.wav"),
        ("copies/{utterance}.wav", "two recordings have the utterance id {utterance}"),
    ],
)
def test_bad_names_end_in_one_line(recordings, tmp_path, name, says):
    utterance = sorted(recordings.glob("*.flac"))[-1].stem
    added = recordings / name.format(utterance=utterance)
    added.parent.mkdir(exist_ok=True)
    added.write_bytes(b"")
    code, said = run_snakemake(tmp_path, "corpus", overlay=overlay(recordings), check=False)
    added.unlink()
    assert code != 0
    assert says.format(utterance=utterance) in said
    assert "Traceback" not in said
    assert not (tmp_path / "results/corpus/manifest.parquet").exists()


def test_a_new_recording_is_noticed(recordings, tmp_path):
    run_snakemake(tmp_path, "corpus", overlay=overlay(recordings, days=1))
    paths = sorted(recordings.glob("*.flac"))
    copied = paths[-1].with_name(re.sub(r"_\d_(t[id])_", r"_9_\1_", paths[-1].name))
    shutil.copy(paths[-1], copied)
    said = run_snakemake(tmp_path, "corpus", "--dry-run", overlay=overlay(recordings, days=1))
    copied.unlink()
    assert "Job stats" in said
    assert "build_manifest" in said
