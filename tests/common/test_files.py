import io
import warnings
import zipfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workflow_src.common.errors import InputError
from workflow_src.common.files import (
    read_csv,
    read_json,
    read_npy,
    read_npz,
    read_parquet,
    write_csv,
    write_npy,
    write_npz,
    write_parquet,
)

TABLE = pd.DataFrame({"speaker": ["0001", "0002"], "score": np.array([0.1, 0.2], np.float32)})


def test_tables_round_trip_and_have_the_same_bytes_each_time(tmp_path):
    for write, read, name in (
        (write_parquet, read_parquet, "t.parquet"),
        (write_csv, lambda path: read_csv(path, text=["speaker"]), "t.csv"),
    ):
        write(TABLE, tmp_path / name)
        first = (tmp_path / name).read_bytes()
        write(TABLE.copy(), tmp_path / name)
        assert (tmp_path / name).read_bytes() == first
        read_back = read(tmp_path / name)
        assert list(read_back["speaker"]) == ["0001", "0002"]
        assert list(read_back["score"].astype(np.float32)) == list(TABLE["score"])


def test_no_column_and_no_array_stands_twice(tmp_path):
    table, arrays = tmp_path / "a.csv", tmp_path / "a.npz"
    table.write_text("utterance,state,,,state\na,b,c,d,e\n")
    with pytest.raises(InputError, match=r"a\.csv: the column 'state' stands there twice"):
        read_csv(table, ["utterance"])
    table.write_text("utterance,state,,\na,b,c,d\n")
    assert len(read_csv(table, ["utterance"])) == 1
    write_npz(arrays, a=np.ones(2))
    content = io.BytesIO()
    np.save(content, np.zeros(2))
    with warnings.catch_warnings(), zipfile.ZipFile(arrays, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("a.npy", content.getvalue())
    with pytest.raises(InputError, match=r"a\.npz: the array 'a' stands there twice"):
        read_npz(arrays, ["a"])


@pytest.mark.parametrize(
    ("read", "name"),
    [(read_parquet, "t.parquet"), (read_csv, "t.csv"), (read_npy, "a.npy"), (read_json, "x.json")],
)
def test_a_missing_or_broken_file_is_named(tmp_path, read, name):
    path = tmp_path / name
    with pytest.raises(InputError, match=name):
        read(path)
    path.write_bytes(b"\x93NUMPY\xff\x00" if name.endswith("npy") else b"\xff\xfe\x00{")
    with pytest.raises(InputError, match=name):
        read(path)


def test_a_truncated_file_is_named(tmp_path):
    write_npy(np.zeros((100, 8), np.float32), tmp_path / "a.npy")
    write_parquet(TABLE, tmp_path / "t.parquet")
    for name, read in (("a.npy", read_npy), ("t.parquet", read_parquet)):
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[: len(content) // 2])
        with pytest.raises(InputError, match=name):
            read(tmp_path / name)


def test_a_text_of_parquet_that_is_no_utf_8_is_refused(tmp_path):
    broken = pa.array([b"0001", b"\xd9"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"speaker": broken}), tmp_path / "t.parquet")
    with pytest.raises(InputError, match=r"t\.parquet: cannot be read as parquet \(.*UTF8"):
        read_parquet(tmp_path / "t.parquet")


def test_a_folder_named_like_a_column_gives_no_column(tmp_path):
    folder = tmp_path / "speaker=0003"
    folder.mkdir()
    write_parquet(TABLE, folder / "t.parquet")
    assert list(read_parquet(folder / "t.parquet")) == ["speaker", "score"]
    assert read_parquet(folder / "t.parquet")["speaker"].tolist() == ["0001", "0002"]


def test_a_pickled_array_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match=r"a\.npy"):
        read_npy(tmp_path / "a.npy")


def test_a_missing_column_is_named_with_those_that_are_there(tmp_path):
    write_csv(TABLE, tmp_path / "t.csv")
    with pytest.raises(InputError, match=r"'target'.*speaker, score"):
        read_csv(tmp_path / "t.csv", ["speaker", "target"])


def test_the_budget_of_a_small_file_suffices_for_arrows_first_use():
    """Arrow's own pool reserves 1 GiB at once."""
    assert pa.default_memory_pool().backend_name == "system"
