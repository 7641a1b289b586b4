import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from safetensors.numpy import save_file

from workflow_src.common.files import (
    write_csv,
    write_json,
    write_npy,
    write_npz,
    write_parquet,
    write_text,
)
from workflow_src.corpus.scan import SUFFIXES
from workflow_src.running.damage import RECORDINGS, is_damaged

TABLE = pd.DataFrame({"utterance": ["a", "b"], "score": [0.0, 0.5]})
ZEROS = np.zeros((40, 8), np.float32)
# How each kind of result is written; arrays end in zeros, as sound ones may.
WRITERS = {
    "t.csv": lambda path: write_csv(TABLE, path),
    "t.parquet": lambda path: write_parquet(TABLE, path),
    "a.npy": lambda path: write_npy(ZEROS, path),
    "a.npz": lambda path: write_npz(path, embedding=ZEROS),
    "p.safetensors": lambda path: save_file({"weight": ZEROS}, path),
    "p.json": lambda path: write_json({"alpha": 0.1}, path),
    "f.png": lambda path: Figure().savefig(path),
    "f.svg": lambda path: Figure().savefig(path),
    "n.ipynb": lambda path: write_text("{}\n", path),
}
# Of these only the length is known: zeros at their end may be sound.
ARRAYS = {"a.npy", "p.safetensors"}


def zeros(content):
    """What some file systems give for blocks that were never written."""
    return bytes(len(content))


def half(content):
    return content[: len(content) // 2]


def half_then_zeros(content):
    return half(content) + bytes(len(content) - len(half(content)))


def nothing(content):
    return b""


@pytest.mark.parametrize("name", WRITERS)
def test_a_result_is_known_from_a_damaged_one(tmp_path, name):
    path = tmp_path / name
    WRITERS[name](path)
    content = path.read_bytes()
    assert not is_damaged(path)
    spoilers = [nothing, half, zeros, *([] if name in ARRAYS else [half_then_zeros])]
    for spoil in spoilers:
        path.write_bytes(spoil(content))
        assert is_damaged(path), spoil


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_folder_with_an_empty_recording_is_damaged(tmp_path, suffix):
    (tmp_path / "__init__.py").touch()
    (tmp_path / f"a{suffix}").write_bytes(b"RIFF")
    assert not is_damaged(tmp_path)
    (tmp_path / "deep").mkdir()
    (tmp_path / f"deep/b{suffix}").touch()
    assert is_damaged(tmp_path)


def test_all_recordings_that_are_read_are_looked_at():
    assert set(SUFFIXES) == RECORDINGS
