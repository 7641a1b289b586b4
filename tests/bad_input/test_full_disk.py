"""A disk that is full: one line, and neither a half nor a part of a file.

A limit on the size of files stands for it: what goes beyond fails as on a full disk, when it is
written or when the file is closed.
"""

import resource

import pytest

from tests.bad_input.case import bad, files_below, run_to_the_end, spoiled

# Each has a writer of its own: FLAC, parquet, .npz, .npy whole and in parts, CSV, JSON, pickle,
# safetensors, checkpoints, ONNX, figures.
CASES = [
    bad("synthetic.synthesize_corpus", "flac", "demo/shard-0: File too large"),
    bad("corpus.build_manifest", "parquet", "recorded/manifest.parquet: "),
    bad("corpus.split_speakers", "csv", "results/corpus/split.csv: File too large"),
    bad("embeddings.extract_embeddings", "npz", "recorded/0.npz: "),
    bad("embeddings.merge_embeddings", "npy in parts", "recorded/embeddings.npy: "),
    bad("embeddings.import_embeddings", "npy", "imported/embeddings.npy: "),
    bad("trials.export_trials", "pickle", "lists/random/trial.pkl: File too large"),
    bad("methods.import_policy", "safetensors", "policy.safetensors: File too large"),
    bad("training.pretrain_policy", "checkpoint", "pretrained-seed0.checkpoint: File too large",
        checkpoint_seconds="0"),
    bad("exporting.export_method", "onnx", "export/method.onnx: File too large"),
    bad("comparison.summarise_comparison", "figures", "comparison/comparison.png: "),
    bad("provenance.record_provenance", "yaml", "results/config.yaml: File too large"),
]  # fmt: skip
# These are written in many blocks, of which the first ones find room.
LARGE = {"flac", "safetensors", "checkpoint", "onnx", "figures"}


@pytest.fixture
def small_files():
    """Let no file grow beyond a few bytes, while the test runs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    ("case", "size"),
    [(case, 16) for case in CASES] + [(case, 1024) for case in CASES if case.name in LARGE],
    ids=lambda value: getattr(value, "name", value),
)
def test_a_full_disk_ends_in_one_line(case, size, world, capsys, small_files):
    run = spoiled(case)
    before = files_below(world)
    small_files(size)
    status, said = run_to_the_end(run, capsys)
    assert status == 1
    assert len(said) == 1, said
    assert said[0].startswith("error: ") and case.says in said[0]
    assert files_below(world) == before
