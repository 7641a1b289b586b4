"""Slow: embeddings, trial lists and policies that others made, through the graph in one command."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.workflow.forked_runs import run_snakemake
from workflow_src.common.unpickling import read_plain_pickle

PUBLISHED = os.environ.get("PUBLISHED_DIR")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PUBLISHED is None, reason="PUBLISHED_DIR does not name the published files"),
]


def utterances(content):
    """Return all utterance ids in nested dicts and lists."""
    if isinstance(content, str):
        return {content}
    inner = content.values() if isinstance(content, dict) else content
    return set().union(*map(utterances, inner))


def test_published_lists_and_released_policies_on_made_up_embeddings(tmp_path):
    trials = Path(PUBLISHED) / "trials"
    ids = set()
    for scenario in ("random", "3das"):
        ids |= utterances(read_plain_pickle(trials / scenario / "trial.pkl"))
        for line in (trials / scenario / "enroll_model").read_text().splitlines():
            ids |= set(line.split()[1:])
    ids = sorted(ids)
    draw = np.random.default_rng(0)
    # Few directions carry most of the variance, so that some non-targets come close.
    spread = np.exp(-np.arange(128) / 25)
    speakers = {s: spread * draw.normal(size=128) for s in sorted({i[:4] for i in ids})}
    vectors = {
        i: (speakers[i[:4]] + spread * draw.normal(0, 0.9, 128)).astype(np.float32) for i in ids
    }
    for part in range(2):
        chosen = {i: vectors[i] for i in ids[part::2]}
        np.save(tmp_path / f"made_up_rank{part}.npy", chosen, allow_pickle=True)
    policies = Path(PUBLISHED) / "policies"
    overlay = {
        "corpus": {
            "source": "imported",
            "test_speakers": "resources/smiip-tv/test_speakers.txt",
            "imported": {"embeddings": [str(tmp_path / "made_up_rank*.npy")]},
        },
        "trials": {
            "source": "import",
            "imported": {"root": str(trials)},
            "scenarios": ["random", "3das"],
            "nontarget_only": ["0124"],
        },
        "inference": {
            "methods": ["baseline", "fixed-weight"],
            "released": {
                "multi-head": str(policies / "mh_final.pkl"),
                "adaptive-weight": str(policies / "adw_final.pkl"),
            },
        },
        # The published thresholds: among these speakers none trains, so nothing can be tuned.
        "methods": {
            "fixed-weight": {"threshold": 0.51},
            "adaptive-weight": {"threshold": 0.51},
            "multi-head": {"floor": 0.4},
        },
        "analysis": {"compare_published": True},
    }
    run_snakemake(tmp_path, "--cores", "2", overlay=overlay)
    summary = pd.read_csv(tmp_path / "results/summary.csv")
    assert set(summary["order"]) == {"published", "shuffled"}
    summary = summary[summary["order"] == "published"]
    released = summary[summary["run"] == "released-multi-head"].set_index("scenario")
    assert released["target_trials"].to_dict() == {"random": 76819, "3das": 88560}
    assert released.loc["random", "published_eer_percent"] == pytest.approx(1.874536)
    assert summary["published_eer_percent"].notna().sum() == len(summary) - 1
    assert (tmp_path / "results/provenance.json").is_file()
