import os

import numpy as np
import pandas as pd
import pytest
import soundfile

from tests.launching import launch
from workflow_src.common.errors import InputError
from workflow_src.common.files import read_parquet, write_parquet
from workflow_src.common.passed_over import gather_passed_over
from workflow_src.corpus.build_manifest import list_folder, list_tables
from workflow_src.corpus.scan import find_recordings
from workflow_src.settings.corpus import DirectoryCorpus

IDS = [
    "0001_05010700_1_1_ti_0",
    "0001_05011300_3_1_ti_0",
    "0001_05031300_3_1_td_2",
    "0002_05021300_3_1_ti_0",
]
ALL = DirectoryCorpus()


def record(path, seconds=0.5, rate=16000):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(int(seconds * rate), np.float32), rate)


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "audio"
    record(folder / "b" / "deep er" / f"{IDS[0]}.WAV", 0.5)
    record(folder / "b" / f"{IDS[1]}.flac", 1.25)
    record(folder / f"{IDS[2]}.wav", 2)
    record(folder / "a" / f"{IDS[3]}.Flac", 0.25, rate=8000)
    (folder / "README.txt").write_text("not a recording")
    (folder / f"._{IDS[2]}.wav").write_text("what some systems leave beside a file")
    return folder


def test_any_nesting(root):
    table = list_folder(root, None, ALL)
    assert table["utterance"].tolist() == IDS
    assert table["path"].tolist() == [
        f"b/deep er/{IDS[0]}.WAV",
        f"b/{IDS[1]}.flac",
        f"{IDS[2]}.wav",
        f"a/{IDS[3]}.Flac",
    ]
    assert table["seconds"].dtype == np.float32
    assert table["seconds"].tolist() == [0.5, 1.25, 2, 0.25]
    assert table["date"].tolist() == ["2020-05-01", "2020-05-01", "2020-05-03", "2020-05-02"]


def test_step_writes_the_same_bytes_again(root, tmp_path):
    metadata = tmp_path / "m.csv"
    metadata.write_text(f"utterance,state,age,speaker\n{IDS[1]},None,023,x\n{IDS[0]},,30,x\n")
    for name in "ab":
        given = ["--root", root, "--metadata", metadata, "--manifest", tmp_path / name]
        launch("corpus.build_manifest", *given)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    table = read_parquet(tmp_path / "a")
    assert list(table.columns)[-4:] == ["path", "seconds", "state", "age"]
    # Metadata stay the text that they are: 023 is no number and "None" no missing value.
    assert table["age"].tolist()[:2] == ["30", "023"]
    assert table["state"].isna().tolist() == [True, False, True, True]


def test_unreadable_headers_stay_listed(root, capsys):
    (root / f"{IDS[2]}.wav").write_bytes(os.urandom(1000))
    (root / "a" / f"{IDS[3]}.Flac").write_bytes(b"")
    (root / f"{IDS[3][:-1]}1.wav").symlink_to("nowhere")
    table = list_folder(root, None, ALL)
    assert table["seconds"].isna().tolist() == [False, False, True, True, True]
    assert "3 recordings" in capsys.readouterr().out


def test_symlink_loops_end(root):
    before = find_recordings(root)
    (root / "a" / "up").symlink_to(root)
    (root / "a" / "self").symlink_to("self")
    (root / "a" / "here").symlink_to(".")
    (root / "0-first").symlink_to(root / "b")
    assert find_recordings(root) == before


def test_linked_folders_are_read(root, tmp_path):
    record(tmp_path / "other" / "0003_05010700_1_1_ti_0.wav")
    (root / "link").symlink_to(tmp_path / "other")
    assert "link/0003_05010700_1_1_ti_0.wav" in find_recordings(root)


def test_subset(root, capsys):
    first = list_folder(root, None, DirectoryCorpus(days=1))
    assert first["utterance"].tolist() == [IDS[0], IDS[1], IDS[3]]
    one = list_folder(root, None, DirectoryCorpus(speakers=["0002"]))
    assert one["utterance"].tolist() == [IDS[3]]
    assert "using 1 of them" in capsys.readouterr().out
    with pytest.raises(InputError, match="'0009' has no recording"):
        list_folder(root, None, DirectoryCorpus(speakers=["0002", "0009"]))


@pytest.mark.parametrize("name", ["speech.wav", "0001_02300700_1_1_ti_0.flac", "日本 $(x)'.wav"])
def test_name_that_does_not_parse(root, name):
    record(root / "odd" / "x.wav")
    (root / "odd" / "x.wav").rename(root / "odd" / name)
    with pytest.raises(InputError) as error:
        list_folder(root, None, ALL)
    assert str(error.value).startswith(f"{root}/odd/{name}: ")
    assert "MMDDhhmm" in str(error.value)


def test_name_with_a_line_end(root):
    record(root / "x.wav")
    (root / "x.wav").rename(root / f"{IDS[0]}\n.wav")
    with pytest.raises(InputError) as error:
        list_folder(root, None, ALL)
    assert "\n" not in str(error.value)


def test_name_that_is_no_utf8(root):
    record(root / "x.wav")
    (root / "x.wav").rename(root / os.fsdecode(b"\xff.wav"))
    with pytest.raises(InputError, match=r"'\\udcff\.wav' is not UTF-8"):
        list_folder(root, None, ALL)


def test_duplicate_id_names_both_files(root):
    record(root / "c" / f"{IDS[0]}.wav")
    with pytest.raises(InputError, match=IDS[0]) as error:
        list_folder(root, None, ALL)
    assert f"b/deep er/{IDS[0]}.WAV" in str(error.value)
    assert f"c/{IDS[0]}.wav" in str(error.value)


def test_missing_and_empty_root(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        find_recordings(tmp_path / "none")
    with pytest.raises(InputError, match=r"no \.wav or .flac"):
        find_recordings(tmp_path)


def test_a_folder_that_cannot_be_read_is_named(root, monkeypatch):
    scandir = os.scandir

    def refuse(folder):
        if str(folder).endswith("deep er"):
            raise PermissionError(13, "Permission denied", folder)
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(InputError, match="Permission denied") as error:
        find_recordings(root)
    assert str(error.value).startswith(f"{root}/b/deep er: ")


def test_a_folder_behind_two_links_has_the_same_place_whatever_the_order(root, tmp_path):
    record(tmp_path / "other" / f"{IDS[0][:-1]}1.wav")
    for link in ("a/z", "b/a", "b/deep er/a"):
        (root / link).symlink_to(tmp_path / "other")
    linked = [path for path in find_recordings(root) if path.endswith("_1.wav")]
    assert linked == [f"a/z/{IDS[0][:-1]}1.wav"]


def test_metadata_counts(root, tmp_path, capsys):
    metadata = tmp_path / "m.csv"
    metadata.write_text(f"utterance,state\n{IDS[1]},sleepy\nunknown,normal\n")
    table = list_folder(root, metadata, ALL)
    assert table["state"].dropna().tolist() == ["sleepy"]
    said = capsys.readouterr().out
    assert "passed over: 1 rows of metadata without an utterance" in said
    assert "passed over: 3 utterances without metadata" in said


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("m.csv", f"\ufeffutterance, state ,room\r\n{IDS[1]}, sleepy,NA\r\n,,\r\n"),
        ("m.csv", f'sep=;\nutterance;state;room\n"{IDS[1]}";sleepy;NA\n'),
        ("m.tsv", f"utterance\tstate\troom\n{IDS[1]}\tsleepy\tNA\n"),
        ("m.jsonl", f'{{"utterance": "{IDS[1]}", "state": "sleepy", "room": "NA"}}\n'),
    ],
)
def test_metadata_in_any_form_of_a_table(root, tmp_path, name, content):
    (tmp_path / name).write_text(content, newline="")
    table = list_folder(root, tmp_path / name, ALL).set_index("utterance")
    assert table[["state", "room"]].dropna().to_dict("index") == {
        IDS[1]: {"state": "sleepy", "room": "NA"}
    }


def test_metadata_keep_the_names_of_their_columns(root, tmp_path):
    """A table of recordings may call the speaker label, as NeMo's do; here it is a condition."""
    (tmp_path / "m.csv").write_text(f"utterance,label,offset\n{IDS[1]},noisy,high\n")
    table = list_folder(root, tmp_path / "m.csv", ALL)
    assert table["label"].dropna().tolist() == ["noisy"]
    assert table["offset"].dropna().tolist() == ["high"]


def test_rows_of_metadata_without_an_id_are_counted(root, tmp_path, capsys):
    (tmp_path / "m.csv").write_text(f"utterance,state\n{IDS[1]},sleepy\n,normal\n,\n")
    list_folder(root, tmp_path / "m.csv", ALL)
    assert "passed over: 1 rows of metadata without an utterance" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f"utterance,state\n{IDS[1]},a\n{IDS[1]},b\n", "twice"),
        ("id,state\nx,a\n", "lacks the column 'utterance'"),
        ("", "lacks the column 'utterance'"),
        ("utterance,state\n", "has no row"),
    ],
)
def test_bad_metadata(root, tmp_path, content, message):
    metadata = tmp_path / "m.csv"
    metadata.write_text(content)
    with pytest.raises(InputError, match=message) as error:
        list_folder(root, metadata, ALL)
    assert str(error.value).startswith(str(metadata))


def table_of(utterances):
    return pd.DataFrame(
        {
            "utterance": utterances,
            "path": [f"{name[:4]}/{name}.flac" for name in utterances],
            "seconds": np.full(len(utterances), 2.5),
            "state": "normal",
        }
    )


def test_tables_of_shards(tmp_path):
    paths = [tmp_path / "0.parquet", tmp_path / "1.parquet"]
    write_parquet(table_of([IDS[3], IDS[0]]), paths[0])
    write_parquet(table_of([IDS[1]]), paths[1])
    table = list_tables(paths)
    assert table["utterance"].tolist() == [IDS[0], IDS[1], IDS[3]]
    assert table["path"].tolist()[1:] == [
        f"shard-1/0001/{IDS[1]}.flac",
        f"shard-0/0002/{IDS[3]}.flac",
    ]
    assert list(table.columns)[-3:] == ["path", "seconds", "state"]
    assert table["seconds"].dtype == np.float32


def test_tables_with_the_same_id(tmp_path):
    paths = [tmp_path / "0.parquet", tmp_path / "1.parquet"]
    for path in paths:
        write_parquet(table_of([IDS[3]]), path)
    with pytest.raises(InputError, match=r"shard-0/.* and shard-1/"):
        list_tables(paths)


def test_metadata_of_no_utterance_is_refused_with_the_cure(root, tmp_path):
    path = tmp_path / "m.csv"
    path.write_text("utterance,state\n" + "".join(f"{name}.wav,cold\n" for name in IDS))
    with pytest.raises(InputError, match=r"m\.csv: no row is of an utterance .* without \.wav$"):
        list_folder(root, path, ALL)


def test_what_is_not_used_is_counted_in_a_table(root, tmp_path):
    path, passed_over = tmp_path / "m.csv", tmp_path / "passed_over.csv"
    # Blanks after a comma are no part of a name or a value.
    path.write_text(f"utterance, state\n{IDS[0]}, cold\n{IDS[1]}.wav, müde\n{IDS[2]}, None\n")
    given = ["--root", root, "--metadata", path, "--settings", '{"days": 1}']
    launch(
        "corpus.build_manifest", *given, "--manifest", tmp_path / "m", "--passed-over", passed_over
    )
    assert read_parquet(tmp_path / "m")["state"].tolist()[0] == "cold"
    assert [(row.what, row.number, row.first) for row in gather_passed_over([passed_over])] == [
        ("recordings of other speakers and days than the settings name", 1, ""),
        ("rows of metadata without an utterance", 2, f"{IDS[1]}.wav"),
        ("utterances without metadata", 2, IDS[1]),
    ]
