"""Recordings in a folder, good and bad, through the graph to the embeddings."""

import os
import re
import shutil

import numpy as np
import pandas as pd
import pytest
import soundfile

from tests.workflow.forked_runs import run_snakemake
from tests.workflow.running import CLONE


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
    extractor = {"allow_demo": True}
    return {"corpus": {"source": "directory", "directory": directory}, "extractor": extractor}


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


def test_the_extractor_of_the_demo_is_refused_unless_it_is_allowed(recordings, tmp_path):
    shutil.copy(CLONE / "resources/demo_extractor.onnx", tmp_path / "speaker model.onnx")
    settings = overlay(recordings)
    settings["extractor"] = {"model": "speaker model.onnx"}
    code, said = run_snakemake(tmp_path, "embeddings", "-n", overlay=settings, check=False)
    assert code != 0
    assert said.count("speaker model.onnx: is the extractor of the demo") == 1
    assert "extractor.allow_demo: true" in said
    assert "Traceback" not in said
    settings["extractor"]["allow_demo"] = True
    said = run_snakemake(tmp_path, "embeddings", "-n", overlay=settings)
    assert re.search(r"^extract_embeddings ", said, re.M)


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


@pytest.fixture(scope="module")
def extracted(recordings, tmp_path_factory):
    """A folder with the embeddings of a copy of the recordings, which lies beside it."""
    folder = tmp_path_factory.mktemp("extracted") / "run"
    folder.mkdir()
    shutil.copytree(recordings, folder.parent / "recordings")
    shutil.copy(recordings.parent / "metadata.csv", folder.parent)
    run_snakemake(folder, "embeddings", overlay=of_copy(folder))
    return folder


def of_copy(folder):
    """Settings of the copy: in the demo, speakers 1 to 10 make shards of two or three."""
    settings = overlay(folder.parent / "recordings")
    settings["extractor"]["shards"] = 4
    return settings


def jobs_after(folder):
    """Return how many jobs of each rule would make the embeddings anew."""
    said = run_snakemake(folder, "embeddings", "--dry-run", overlay=of_copy(folder))
    jobs = dict(re.findall(r"^(\w+) +(\d+)$", said, re.M))
    assert jobs or "Nothing to be done" in said
    return {name: int(jobs[name]) for name in jobs if name not in {"embeddings", "total"}}


ONE_SHARD = {"build_manifest": 1, "extract_embeddings": 1, "merge_embeddings": 1}


def recording_of(folder, speaker):
    """Return the last recording of a speaker that is still there."""
    return sorted((folder.parent / "recordings").glob(f"{speaker}_*.flac"))[-1]


def add_recording(folder, speaker="0004"):
    """Record once more, in a take that the demo hasn't."""
    path = recording_of(folder, speaker)
    return shutil.copy(path, path.with_name(re.sub(r"_\d_(t[id])_", r"_9_\1_", path.name)))


def change_recording(folder, speaker="0004"):
    """Change the sound, and neither the size nor the time of modification."""
    path = recording_of(folder, speaker)
    before = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def remove_recording(folder, speaker="0004"):
    recording_of(folder, speaker).unlink()


def touch_everything(folder):
    for path in (folder.parent / "recordings").iterdir():
        path.touch()


@pytest.mark.parametrize(
    ("act", "jobs"),
    [
        (add_recording, ONE_SHARD),
        (change_recording, ONE_SHARD),
        (remove_recording, ONE_SHARD),
        (touch_everything, {}),
    ],
)
def test_only_the_shard_of_a_changed_recording_is_extracted_again(extracted, act, jobs):
    root = extracted.parent / "recordings"
    shutil.copytree(root, extracted.parent / "kept")
    act(extracted)
    would_run = jobs_after(extracted)
    shutil.rmtree(root)
    (extracted.parent / "kept").rename(root)
    assert would_run == jobs


def test_the_metadata_concern_no_embedding(extracted):
    metadata = extracted.parent / "metadata.csv"
    before = metadata.read_text()
    metadata.write_text(before.replace("normal", "hoarse"))
    would_run = jobs_after(extracted)
    metadata.write_text(before)
    assert would_run == {"build_manifest": 1, "merge_embeddings": 1}


def test_a_changed_setting_is_not_missed_where_a_recording_changed_too(extracted):
    """Nothing that is made anew may hide from Snakemake that a shard's settings changed."""
    added = add_recording(extracted)
    settings = of_copy(extracted)
    settings["extractor"]["min_seconds"] = 0.2
    said = run_snakemake(extracted, "embeddings", "--dry-run", overlay=settings)
    added.unlink()
    assert re.search(r"^extract_embeddings +4$", said, re.M)


def test_the_process_of_a_job_does_not_look_at_recordings(extracted):
    assert jobs_after(extracted) == {}
    root = extracted.parent / "recordings"
    root.rename(extracted.parent / "away")
    settings = of_copy(extracted)
    in_job = run_snakemake(extracted, "embeddings", "--dry-run", "--mode", "remote",
                           overlay=settings)  # fmt: skip
    code, in_main = run_snakemake(extracted, "embeddings", "--dry-run",
                                  overlay=settings, check=False)  # fmt: skip
    (extracted.parent / "away").rename(root)
    # Not only does it start: its digests are those that the main process found.
    assert "Nothing to be done" in in_job
    assert code != 0
    assert f"{root}: there is no such folder" in in_main


def test_what_was_extracted_in_parts_is_what_a_new_run_extracts(extracted, tmp_path):
    add_recording(extracted, "0004")
    change_recording(extracted, "0005")
    remove_recording(extracted, "0009")
    shards = sorted((extracted / "results/embeddings/shards").glob("*.npz"))
    before = [path.stat().st_mtime_ns for path in shards]
    run_snakemake(extracted, "embeddings", overlay=of_copy(extracted))
    after = [path.stat().st_mtime_ns for path in shards]
    assert [a != b for a, b in zip(before, after, strict=True)] == [True, True, False, False]
    run_snakemake(tmp_path, "embeddings", overlay=of_copy(extracted))
    for path in (
        "corpus/manifest.parquet",
        "embeddings/embeddings.npy",
        "embeddings/index.parquet",
        "embeddings/rejected.csv",
    ):
        one, other = (folder / "results" / path for folder in (extracted, tmp_path))
        assert one.read_bytes() == other.read_bytes(), path
