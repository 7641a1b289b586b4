"""Exported embeddings, read by kaldiio and numpy, and imported again."""

import kaldiio
import numpy as np

from tests.launching import launch
from tests.manifests import index_of
from workflow_src.common.files import write_npy, write_parquet
from workflow_src.embeddings.importing import read_part

IDS = [f"000{speaker}_0501{hour}00_3_1_ti_0" for speaker in (1, 2) for hour in (11, 12, 13)]


def test_every_form_has_every_embedding(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    matrix = np.random.default_rng(1).standard_normal((len(IDS), 7)).astype(np.float32)
    write_npy(matrix, "embeddings.npy")
    rows = np.random.default_rng(2).permutation(len(IDS))
    write_parquet(index_of(IDS, rows), "index.parquet")
    launch(
        "embeddings.export_embeddings",
        "--embeddings", "embeddings.npy", "--index", "index.parquet",
        "--npz", "out/a.npz", "--ark", "out/a.ark", "--scp", "out/a.scp",
    )  # fmt: skip
    expected = {name: matrix[row] for name, row in zip(IDS, rows, strict=True)}
    arrays = np.load("out/a.npz")
    forms = {
        "npz": dict(zip(arrays["utterance"].tolist(), arrays["embedding"], strict=True)),
        "ark": dict(kaldiio.load_ark("out/a.ark")),
        "scp": dict(kaldiio.load_scp("out/a.scp")),
    }
    for form, found in forms.items():
        assert list(found) == IDS, form
        for name, vector in expected.items():
            np.testing.assert_array_equal(found[name], vector)
        part = read_part(tmp_path / f"out/a.{form}")
        assert part.utterances == IDS
        np.testing.assert_array_equal(part.embeddings, matrix[rows])
    # Nothing in the files tells where or when they were made.
    first = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert str(tmp_path).encode() not in b"".join(first.values())
