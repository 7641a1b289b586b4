"""Imported embeddings through the graph: no audio, no extractor, another dimension."""

import datetime

import numpy as np
import pandas as pd
import pytest

from tests.workflow.forked_runs import rules_to_run, run_snakemake
from workflow_src.corpus.ids import format_utterance_id

SPEAKERS, DAYS, DIM = 8, 12, 64
SESSIONS = ((2, 10), (3, 12), (4, 18), (5, 21))


def make_embeddings(folder):
    """Write two files of embeddings: a voice and noise, four sessions a day."""
    rng = np.random.default_rng(3)
    first = datetime.datetime(2020, 5, 1)
    content = {}
    for speaker in range(1, SPEAKERS + 1):
        voice = rng.standard_normal(DIM)
        for day in range(DAYS):
            for slot, hour in SESSIONS:
                moment = first + datetime.timedelta(days=day, hours=hour, minutes=speaker)
                name = format_utterance_id(f"{speaker:04d}", moment, slot, 1, "ti", 0)
                content[name] = voice + 1.3 * rng.standard_normal(DIM)
    names = list(content)
    vectors = np.stack(list(content.values()))
    half = {name: content[name][None] for name in names[::2]}
    np.save(folder / "made_up_rank0.npy", half, allow_pickle=True)
    np.savez(folder / "rest.npz", utterance=names[1::2], embedding=vectors[1::2].astype(np.float32))
    return pd.Series(list(vectors.astype(np.float32)), index=names)


def overlay(*files):
    return {
        "corpus": {"source": "imported", "test_speakers": 4, "imported": {"embeddings": [*files]}},
        "extractor": {"model": "no such file.onnx"},
        "trials": {"scenarios": ["random"], "generation": {"random": {"trajectories": 5}}},
        "inference": {
            "methods": ["baseline", "multi-head"],
        },
    }


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    """The folder of a run to the summary, its overlay, and the embeddings that went in."""
    folder = tmp_path_factory.mktemp("imported run")
    given = make_embeddings(folder)
    settings = overlay("made_up_rank*.npy", "rest.npz")
    run_snakemake(folder, "--", "results/summary.csv", overlay=settings)
    return folder, settings, given


def test_imported_embeddings_reach_the_summary(imported):
    folder, _, given = imported
    summary = pd.read_csv(folder / "results/summary.csv")
    assert set(summary["method"]) == {"baseline", "multi-head"}
    # Voices stand this far apart: every method must tell them.
    assert (summary["eer_percent"] < 15).all()
    manifest = pd.read_parquet(folder / "results/corpus/manifest.parquet")
    assert manifest["utterance"].tolist() == sorted(given.index)
    assert manifest["seconds"].isna().all()
    matrix = np.load(folder / "results/embeddings/embeddings.npy")
    np.testing.assert_array_equal(matrix, np.stack(given[manifest["utterance"]].tolist()))


def test_what_filters_by_duration_says_that_it_does_not(imported):
    folder, _, _ = imported
    for log in ("pretrain_policy/0.log", "finetune_policy/multi-head-seed0.log"):
        assert "min_seconds" in (folder / "logs" / log).read_text()


def test_settings_of_other_sources_rerun_nothing(imported):
    folder, settings, _ = imported
    others = {
        **settings,
        "corpus": {**settings["corpus"], "synthetic": {"days": 9}, "directory": {"root": "x"}},
        "extractor": {"model": "another.onnx", "shards": 3},
    }
    # What was not asked for before is all that is left.
    left = {"list_passed_over", "measure_order", "measure_speakers", "sweep_thresholds"}
    left |= {"run_visual_analysis", "record_provenance"}
    assert set(rules_to_run(folder, others)) == left
