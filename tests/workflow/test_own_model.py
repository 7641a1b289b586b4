"""Slow: the speaker model of docs/extractors.md, a torch class of one's own, in the graph."""

import hashlib

import numpy as np
import pandas as pd
import pytest
import soundfile

from tests.embeddings.conftest import speech_like
from tests.embeddings.own_model_page import ENTRY, SETTINGS, write_model
from tests.workflow.finished_runs import merge
from tests.workflow.forked_runs import run_snakemake
from tests.workflow.running import count_jobs
from workflow_src.common.digests import digest_entry
from workflow_src.common.tables import read_extractor

pytestmark = pytest.mark.slow

OVERLAY = merge(
    SETTINGS,
    {
        "corpus": {"source": "directory", "directory": {"root": "recordings"}, "test_speakers": 2},
        "extractor": {"shards": 2},
        "trials": {"scenarios": ["1das"]},
        "inference": {"methods": ["baseline"]},
    },
)
MODULE = "my_lab/models.py"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with recordings of three speakers, the class and its embeddings."""
    folder = tmp_path_factory.mktemp("own model")
    write_model(folder)
    (folder / "recordings").mkdir()
    for speaker in (1, 2, 3):
        for number in range(15):
            day, take = divmod(number, 5)
            name = f"{speaker:04d}_050{day + 1}11{take:02d}_2_{take + 1}_ti_0"
            wave = speech_like(0.5, seed=100 * speaker + number)
            soundfile.write(folder / f"recordings/{name}.wav", wave, 16000)
    run_snakemake(folder, "embeddings", overlay=OVERLAY)
    return folder


def left_to_run(folder):
    return count_jobs(run_snakemake(folder, "--dry-run", "embeddings", overlay=OVERLAY))


def test_recordings_are_embedded_and_the_index_names_code_and_weights(folder):
    embeddings = np.load(folder / "results/embeddings/embeddings.npy")
    assert embeddings.shape == (45, 192)
    assert pd.read_csv(folder / "results/embeddings/rejected.csv").empty
    code = digest_entry(ENTRY, str(folder))
    weights = hashlib.sha256((folder / "weights.pt").read_bytes()).hexdigest()
    expected = hashlib.sha256(f"{code} {weights}".encode()).hexdigest()
    assert read_extractor(folder / "results/embeddings/index.parquet") == expected


def test_a_plan_times_the_class(folder):
    said = run_snakemake(folder, "plan", overlay=OVERLAY)
    assert "recordings  45 of 3 speakers" in said
    assert (folder / "logs/plan.log").read_text().startswith("took ")


def test_an_edit_of_code_or_weights_extracts_again(folder):
    assert left_to_run(folder) == {}
    file = folder / MODULE
    good = file.read_text()
    file.write_text(good + "\n# A comment.\n")
    assert left_to_run(folder) == {}
    file.write_text(good + "\nEDITED = True\n")
    assert left_to_run(folder) == {"extract_embeddings": 2, "merge_embeddings": 1}
    file.write_text(good)
    weights = folder / "weights.pt"
    content = weights.read_bytes()
    weights.write_bytes(content + b"\0")
    assert left_to_run(folder) == {"extract_embeddings": 2, "merge_embeddings": 1}
    weights.write_bytes(content)
    assert left_to_run(folder) == {}


def test_faults_end_in_one_line(folder):
    """Before anything runs where it is no Python, in the step's log where it fails."""
    file = folder / MODULE
    good = file.read_text()
    try:
        file.write_text("class :\n")
        code, said = run_snakemake(folder, "-n", "embeddings", overlay=OVERLAY, check=False)
        assert code != 0 and f"{MODULE}: is no Python" in said and "Traceback" not in said
        file.write_text(good.replace("sample_rate = 16000", "rate = 16000"))
        code, _ = run_snakemake(folder, "embeddings", overlay=OVERLAY, check=False)
        assert code != 0
        log = (folder / "logs/extract_embeddings/0.log").read_text()
        assert log.splitlines()[-1].startswith(
            f"error: {ENTRY}: its sample_rate is None; the class"
        )
    finally:
        file.write_text(good)
    file.rename(folder / "elsewhere.py")
    try:
        code, said = run_snakemake(folder, "-n", "embeddings", overlay=OVERLAY, check=False)
        assert (
            code != 0 and f"extractor.front_end: {ENTRY}: there is no module my_lab.models" in said
        )
    finally:
        (folder / "elsewhere.py").rename(file)
