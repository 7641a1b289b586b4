"""Files that settings name: missing or changed, in a folder that has results."""

import os
import shutil

import numpy as np
import pandas as pd

from tests.workflow.finished_runs import FinishedRun
from tests.workflow.forked_runs import Command, rules_to_run, run_all, run_snakemake
from tests.workflow.reruns import World
from tests.workflow.running import TINY, arguments
from workflow_src.settings.base import Block, GivenPath
from workflow_src.settings.schema import Config

NOWHERE = "no_such_thing"
DIRECTORY = {"source": "directory"}
MISSING = {
    "corpus.test_speakers": {"corpus": {"test_speakers": NOWHERE}},
    "corpus.synthetic.law": {"corpus": {"synthetic": {"law": NOWHERE}}},
    "corpus.directory.root": {"corpus": {**DIRECTORY, "directory": {"root": NOWHERE}}},
    "corpus.directory.metadata": {
        "corpus": {**DIRECTORY, "directory": {"root": "results/corpus/audio", "metadata": NOWHERE}}
    },
    **{
        f"corpus.directory.{key}": {
            "corpus": {**DIRECTORY, "directory": {"root": "results/corpus/audio", key: NOWHERE}}
        }
        for key in ("table", "kaldi")
    },
    "corpus.imported.table": {
        "corpus": {
            "source": "imported",
            "imported": {"embeddings": ["results/embeddings/embeddings.npy"], "table": NOWHERE},
        }
    },
    "corpus.imported.embeddings": {
        "corpus": {"source": "imported", "imported": {"embeddings": [NOWHERE]}}
    },
    "corpus.simulated.listing.utterances": {
        "corpus": {"source": "simulated", "simulated": {"listing": {"utterances": NOWHERE}}}
    },
    "corpus.simulated.law": {"corpus": {"source": "simulated", "simulated": {"law": NOWHERE}}},
    "extractor.model": {"extractor": {"model": NOWHERE}},
    "extractor.folders": {
        "extractor": {"front_end": "its:Model", "model": None, "folders": [NOWHERE]}
    },
    "trials.imported.root": {"trials": {"source": "import", "imported": {"root": NOWHERE}}},
    "inference.folders": {"inference": {"methods": ["its:Rule"], "folders": [NOWHERE]}},
    **{
        f"{block}.{method}": {
            block.split(".")[0]: {block.split(".")[1]: {method: f"{NOWHERE}.pkl"}}
        }
        for block in ("inference.released", "finetuning.checkpoint")
        for method in ("multi-head", "adaptive-weight")
    },
    "pretraining.checkpoint": {"pretraining": {"checkpoint": f"{NOWHERE}.pkl"}},
}


def list_paths(block, start=""):
    """List the keys of all settings that are paths."""
    mark = GivenPath.__metadata__[-1]
    for name, field in block.model_fields.items():
        key = f"{start}{field.alias or name}"
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Block):
            yield from list_paths(kind, f"{key}.")
        elif repr(mark) in repr(kind) + repr(field.metadata):
            yield key


def test_every_setting_that_is_a_path_is_tried():
    assert set(MISSING) == set(list_paths(Config))


def test_a_path_that_is_not_there_ends_in_one_line_though_results_are(finished):
    run = FinishedRun(World("", {}, [], [], {}), finished)
    outcomes = run_all([run.dry_run(overlay) for overlay in MISSING.values()])
    for key, outcome in zip(MISSING, outcomes, strict=True):
        assert outcome.code != 0, key
        assert NOWHERE in outcome.said, key
        assert key in outcome.said
        assert "Traceback" not in outcome.said, key


def test_an_older_file_in_the_place_of_another_is_noticed(finished, tmp_path):
    index = pd.read_parquet(finished / "results/embeddings/index.parquet")
    embeddings = np.load(finished / "results/embeddings/embeddings.npy")
    ids = index["utterance"].to_numpy(str)
    for name, made in (("given", embeddings), ("other", embeddings[::-1])):
        np.savez(tmp_path / f"{name}.npz", utterance=ids, embedding=made)
    split = pd.read_csv(finished / "results/corpus/split.csv", dtype="str")["speaker"]
    (tmp_path / "given.txt").write_text("".join(f"{speaker}\n" for speaker in split[:4]))
    (tmp_path / "other.txt").write_text("".join(f"{speaker}\n" for speaker in split[4:8]))
    source = {"source": "imported", "test_speakers": "given.txt"}
    overlay = {"corpus": {**source, "imported": {"embeddings": ["given.npz"]}}}
    run_snakemake(tmp_path, "corpus", "embeddings", overlay=overlay)
    assert rules_to_run_of(tmp_path, overlay) == {}
    for name, rerun in ((".txt", {"split_speakers"}), (".npz", {"import_embeddings"})):
        os.utime(tmp_path / f"other{name}", (0, 0))
        shutil.copy(tmp_path / f"given{name}", tmp_path / "kept")
        shutil.move(tmp_path / f"other{name}", tmp_path / f"given{name}")
        assert rerun <= set(rules_to_run_of(tmp_path, overlay))
        shutil.move(tmp_path / "kept", tmp_path / f"given{name}")


def rules_to_run_of(folder, overlay):
    said = run_snakemake(folder, "corpus", "embeddings", "--dry-run", overlay=overlay)
    return {name for name in ("split_speakers", "import_embeddings") if f"{name} " in said} or {}


def test_a_run_that_would_keep_results_of_other_settings_is_refused(finished_few, tmp_path):
    folder = shutil.copytree(finished_few, tmp_path / "run", symlinks=True)
    before = (folder / "results/provenance.json").read_bytes()
    refused = {
        "--rerun-triggers lacks code, input, params": ["--rerun-triggers", "mtime"],
        "--allowed-rules": ["--allowed-rules", "record_provenance"],
        "--batch": ["--batch", "record_provenance=2/2"],
        "--drop-metadata": ["--drop-metadata"],
        "--ignore-incomplete": ["--ignore-incomplete"],
        "--trust-io-cache": ["--trust-io-cache"],
    }
    # Hooks are Snakemake's own way to begin a run.
    others = ["--no-hooks", "--config", "seed=3", "--forcerun", "record_provenance"]
    given = [arguments(folder, [TINY], *options, *others) for options in refused.values()]
    for said, outcome in zip(refused, run_all([Command(each) for each in given]), strict=True):
        assert outcome.code != 0, said
        assert said in outcome.said
    assert (folder / "results/provenance.json").read_bytes() == before
    assert rules_to_run(folder)
