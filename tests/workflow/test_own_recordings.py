"""Slow: recordings of one's own, named by a pattern, a table or a data directory; or embeddings."""

import datetime
import re

import numpy as np
import pandas as pd
import pytest
import soundfile
import yaml

from tests.embeddings.conftest import make_model, speech_like
from tests.workflow.finished_runs import merge
from tests.workflow.forked_runs import run_snakemake
from tests.workflow.running import CLONE

pytestmark = pytest.mark.slow

PAGE = (CLONE / "docs/your_recordings.md").read_text()
README = (CLONE / "README.md").read_text()
# The pages leave the front end out, which is that of most models. This one takes waveforms.
WAVEFORMS = {"extractor": {"front_end": "waveform"}}
SPEAKERS = ["anna", "id10270", "Åsa", "jürgen", "bo", "10000"]
TRIALS = ["trials/random", "trials/1das"]


def blocks(page):
    """Return the settings that a page shows."""
    return [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", page, re.S)]


def settings(number):
    """Return the page's settings of one way, over those of the first."""
    found = blocks(PAGE)
    merged = merge(merge(found[0], found[number]), WAVEFORMS)
    if number:
        for source in ("directory", "imported"):
            block = merged["corpus"].get(source, {})
            if "table" in block or "kaldi" in block:
                block.pop("names", None)
    return merged


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with recordings of six speakers over New Year, and what names them."""
    folder = tmp_path_factory.mktemp("mine")
    rows, seed = [], 0
    for speaker in SPEAKERS:
        (folder / "recordings" / speaker).mkdir(parents=True)
        for day in range(7):
            for take in (1, 2, 3):
                moment = datetime.datetime(2019, 12, 28, 9, 30 + take) + datetime.timedelta(day)
                path = f"{speaker}/{moment:%Y-%m-%dT%H%M}_{take}.wav"
                seed += 1
                wave = speech_like(1.2, seed=seed)
                soundfile.write(folder / "recordings" / path, wave, 16000)
                rows.append((path, speaker, f"{moment.isoformat()}+01:00"))
    (folder / "models").mkdir()
    make_model(folder / "models/voxceleb_resnet34.onnx", bins=None)
    table = pd.DataFrame(rows, columns=["path", "speaker", "time"])
    table.sample(frac=1, random_state=1).to_csv(folder / "recordings.csv", index=False)
    data = folder / "data/all"
    data.mkdir(parents=True)
    for name, column in (("wav.scp", "path"), ("utt2spk", "speaker"), ("utt2time", "time")):
        lines = table["path"].str[:-4] + " " + table[column]
        (data / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def results(folder, names):
    return [
        (folder / f"results/{name}{kind}").read_bytes()
        for name in names
        for kind in (".parquet", ".enrolment.parquet")
    ]


@pytest.fixture(scope="module")
def by_pattern(folder):
    """Trials and error rates of the way by a pattern, from the plan to the notebook."""
    planned = run_snakemake(folder, "plan", overlay=settings(0))
    assert re.search(r"6 speakers", planned), planned
    said = run_snakemake(folder, overlay=settings(0))
    summary = pd.read_csv(folder / "results/summary.csv")
    return results(folder, TRIALS), summary, said


def test_the_three_lines_of_the_readme_give_all_results(folder, by_pattern, tmp_path):
    (lines,) = blocks(README)
    for name in ("recordings", "models"):
        (tmp_path / name).symlink_to(folder / name)
    run_snakemake(tmp_path, overlay=merge(lines, WAVEFORMS))
    embeddings = (tmp_path / "results/embeddings/embeddings.npy").read_bytes()
    assert embeddings == (folder / "results/embeddings/embeddings.npy").read_bytes()
    assert results(tmp_path, ["trials/random"]) == results(folder, ["trials/random"])
    summary = pd.read_csv(tmp_path / "results/summary.csv")
    assert {"baseline", "fixed-weight", "multi-head"} <= set(summary["method"])
    assert (tmp_path / "results/analysis/visual_analysis.ipynb").exists()


def test_a_corpus_over_new_year(folder, by_pattern):
    _, summary, _ = by_pattern
    assert (folder / "results/analysis/visual_analysis.ipynb").exists()
    assert set(summary["scenario"]) == {"random", "1das"}
    assert set(summary["method"]) == {"baseline", "fixed-weight"}
    manifest = pd.read_parquet(folder / "results/corpus/manifest.parquet")
    assert set(manifest["speaker"]) == set(SPEAKERS)
    assert (manifest["date"].min(), manifest["date"].max()) == ("2019-12-28", "2020-01-03")
    trials = pd.read_parquet(folder / "results/trials/1das.parquet")
    assert {"2019-12-31", "2020-01-01"} <= set(trials["day"])
    ends = trials["target"].to_numpy() == (
        trials["utterance"].str.split("/").str[0] == trials["speaker"]
    )
    assert ends.all()


@pytest.mark.parametrize("way", [1, 2], ids=["table", "kaldi"])
def test_other_ways_give_the_same_trials(folder, by_pattern, way):
    embeddings = np.load(folder / "results/embeddings/embeddings.npy")
    run_snakemake(folder, "embeddings", "trials", overlay=settings(way))
    assert results(folder, TRIALS) == by_pattern[0]
    np.testing.assert_array_equal(np.load(folder / "results/embeddings/embeddings.npy"), embeddings)


def test_imported_embeddings_give_the_same_trials(folder, by_pattern, tmp_path):
    index = pd.read_parquet(folder / "results/embeddings/index.parquet")
    matrix = np.load(folder / "results/embeddings/embeddings.npy")
    (tmp_path / "embeddings").mkdir()
    np.savez(
        tmp_path / "embeddings/a.npz",
        utterance=index["utterance"].to_numpy(dtype=str),
        embedding=matrix,
    )
    run_snakemake(tmp_path, "embeddings", "trials", overlay=settings(3))
    assert results(tmp_path, TRIALS) == by_pattern[0]
    np.testing.assert_array_equal(np.load(tmp_path / "results/embeddings/embeddings.npy"), matrix)


def test_a_changed_row_extracts_only_the_shard_of_its_speaker(folder, by_pattern):
    overlay = merge(settings(1), {"extractor": {"shards": 3}})
    run_snakemake(folder, "embeddings", overlay=overlay)
    table = folder / "recordings.csv"
    text = table.read_text()
    row = next(line for line in text.splitlines() if line.startswith("anna/"))
    table.write_text(text.replace(row, row.replace("T09:", "T10:")))
    try:
        said = run_snakemake(folder, "--dry-run", "embeddings", overlay=overlay)
        assert not re.search(r"^extract_embeddings ", said, re.M)
        assert re.search(r"^build_manifest +1$", said, re.M)
        table.write_text("\n".join(line for line in text.splitlines() if line != row) + "\n")
        said = run_snakemake(folder, "--dry-run", "embeddings", overlay=overlay)
        assert re.search(r"^extract_embeddings +1$", said, re.M)
    finally:
        table.write_text(text)
