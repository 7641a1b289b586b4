"""A simulated corpus through the graph: no audio, no extractor, and what a change reruns."""

import re

import pandas as pd
import pytest

from tests.workflow.forked_runs import run_snakemake
from tests.workflow.running import CLONE

TRIALS = ("--", "trials", "embeddings")


LAW = CLONE / "resources/laws/smiip-tv.yaml"


def overlay(listing=None):
    listing = {"speakers": 8, "days": 14, **(listing or {})}
    simulated = {"listing": listing, "law": "law.yaml"}
    return {
        "corpus": {"source": "simulated", "simulated": simulated},
        "extractor": {"model": "no such file.onnx"},
        "trials": {"scenarios": ["random"]},
    }


def jobs(folder, settings):
    said = run_snakemake(folder, "--dry-run", *TRIALS, overlay=settings)
    steps = ["simulate_listing", "simulate_embeddings", "split_speakers", "generate_trials"]
    return [name for name in steps if re.search(rf"^{name} +[0-9]+$", said, re.M)]


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """The folder of a run to embeddings and trials."""
    folder = tmp_path_factory.mktemp("simulated run")
    (folder / "law.yaml").write_text(LAW.read_text())
    run_snakemake(folder, *TRIALS, overlay=overlay())
    return folder


def test_a_simulated_corpus_reaches_embeddings_and_trials(simulated):
    results = simulated / "results"
    manifest = pd.read_parquet(results / "corpus/manifest.parquet")
    index = pd.read_parquet(results / "embeddings/index.parquet")
    assert manifest["speaker"].nunique() == 8
    assert index["utterance"].tolist() == manifest["utterance"].tolist()
    assert set(pd.read_parquet(results / "trials/random.parquet")["utterance"]) < set(
        index["utterance"]
    )


def test_a_change_of_the_law_lists_nothing_anew(simulated):
    assert jobs(simulated, overlay()) == []
    law = simulated / "law.yaml"
    law.write_text(re.sub(r"^drift: .*", "drift: 0.5", law.read_text(), flags=re.M))
    # Trials are made of what has an embedding.
    assert jobs(simulated, overlay()) == ["simulate_embeddings", "generate_trials"]


def test_a_number_of_a_law_that_is_not_allowed_ends_in_one_line(tmp_path):
    (tmp_path / "law.yaml").write_text(LAW.read_text() + "drft: 0.5\n")
    code, said = run_snakemake(tmp_path, "embeddings", overlay=overlay(), check=False)
    assert code != 0
    assert "error: law.yaml: drft: unknown key; allowed are: dimension, " in said
    assert "Traceback" not in said


def test_a_bad_list_of_utterances_ends_in_one_line(tmp_path):
    (tmp_path / "law.yaml").write_bytes(LAW.read_bytes())
    (tmp_path / "ids.txt").write_text("0001_05010612_1_1_ti_0\nholiday\n")
    settings = overlay(listing={"utterances": "ids.txt"})
    code, said = run_snakemake(tmp_path, "corpus", overlay=settings, check=False)
    assert code != 0
    assert "ids.txt:2: 'holiday' is not an utterance id" in said
    assert "Traceback" not in said
