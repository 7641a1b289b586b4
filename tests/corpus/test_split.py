import pytest

from tests.launching import launch
from workflow_src.common.errors import InputError
from workflow_src.common.files import read_csv, write_parquet
from workflow_src.corpus.ids import parse_utterance_ids
from workflow_src.corpus.split import PARTS, read_speaker_list, split_speakers

SPEAKERS = [f"{i:04d}" for i in range(20)]


def parts(split):
    return {part: split["speaker"][split["part"] == part].tolist() for part in PARTS}


def test_drawn_by_the_seed():
    split = split_speakers(SPEAKERS[::-1], 6, ["0003"], 1, "config")
    assert split["speaker"].tolist() == SPEAKERS
    assert [len(found) for found in parts(split).values()] == [13, 6, 1]
    assert parts(split)["nontarget-only"] == ["0003"]
    assert split.equals(split_speakers(SPEAKERS, 6, ["0003"], 1, "config"))
    assert not split.equals(split_speakers(SPEAKERS, 6, ["0003"], 2, "config"))


@pytest.mark.parametrize("test", [["0001", "0005"], ["0001", "0003", "0005"]])
def test_listed(test):
    found = parts(split_speakers(SPEAKERS, test, ["0003"], 1, "list.txt"))
    assert found["test"] == ["0001", "0005"]
    assert found["nontarget-only"] == ["0003"]
    assert len(found["train"]) == 17


@pytest.mark.parametrize(
    ("test", "nontarget_only", "message"),
    [
        (21, [], "21 test speakers were asked for, but the corpus has 20"),
        (20, ["0003"], "1 of them non-target only"),
        (0, [], "no speaker is tested"),
        (["0003"], ["0003"], "no speaker is tested"),
        (1, [], "the only speaker of the test pool"),
        (["0001", "0077"], [], "here: no utterance in the corpus is of speaker 0077"),
        (2, ["0088", "0077"], "trials.nontarget_only: .* speaker 0077, 0088"),
    ],
)
def test_impossible_splits(test, nontarget_only, message):
    with pytest.raises(InputError, match=message):
        split_speakers(SPEAKERS, test, nontarget_only, 1, "here")


def test_speaker_list(tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes("\ufeff# the test speakers\r\n0001\r\n\r\n 0002  # moved\r\n".encode())
    assert read_speaker_list(path) == ["0001", "0002"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"0001\n\n0001\n", ":3: 0001 stands in line 1 already"),
        (b"# none\n", "no speaker id"),
        (b"\xff\xfe\x00", "is not UTF-8 text"),
    ],
)
def test_malformed_list(tmp_path, content, message):
    path = tmp_path / "list.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as error:
        read_speaker_list(path)
    assert str(error.value).startswith(str(path))
    with pytest.raises(InputError, match="cannot be read"):
        read_speaker_list(tmp_path / "none.txt")


def test_step(tmp_path, capsys):
    ids = [f"{speaker}_05010700_1_1_ti_0" for speaker in SPEAKERS[:3]]
    write_parquet(parse_utterance_ids(ids, "test"), tmp_path / "manifest.parquet")
    common = ["--manifest", str(tmp_path / "manifest.parquet"), "--seed", "1"]
    drawn = ["--test-speakers", 2, "--split", tmp_path / "a.csv"]
    launch("corpus.split_speakers", *common, *drawn)
    assert "train: 1, test: 2, nontarget-only: 0" in capsys.readouterr().out
    (tmp_path / "list.txt").write_text("0000\n0001\n")
    listed = ["--test-speakers", str(tmp_path / "list.txt"), "--nontarget-only", "0002"]
    launch("corpus.split_speakers", *common, *listed, "--split", tmp_path / "b.csv")
    split = read_csv(tmp_path / "b.csv", text=["speaker"])
    assert split["part"].tolist() == ["test", "test", "nontarget-only"]
    assert split["speaker"].tolist() == SPEAKERS[:3]
    assert "no speaker is left to train on" in capsys.readouterr().out
