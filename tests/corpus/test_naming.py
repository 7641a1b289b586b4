"""What names, patterns, tables and data directories say about recordings."""

import json

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_src.common.errors import InputError
from workflow_src.corpus.ids import sort_in_corpus_order
from workflow_src.corpus.moments import split_moments
from workflow_src.corpus.naming import KNOWN, describe_utterances, open_naming
from workflow_src.corpus.patterns import compile_pattern
from workflow_src.corpus.shards import shard_of_speaker
from workflow_src.settings.corpus import Corpus, DirectoryCorpus, ImportedCorpus

PATTERN = "{speaker}/{time:%Y-%m-%dT%H%M}_{take}.wav"
PATHS = [
    "anna/2019-12-31T2359_1.wav",
    "anna/2020-01-01T0000_2.wav",
    "id10270/2020-02-29T1200_x.wav",
]
# What all ways of naming `PATHS` say.
EXPECTED = pd.DataFrame(
    {
        "utterance": [path[:-4] for path in PATHS],
        "speaker": ["anna", "anna", "id10270"],
        "date": ["2019-12-31", "2020-01-01", "2020-02-29"],
        "time": ["23:59", "00:00", "12:00"],
        "take": ["1", "2", "x"],
        "path": PATHS,
    },
    dtype="str",
)
TIMES = ["2019-12-31T23:59:30+01:00", "2020-01-01 00:00", "20200229T1200Z"]


def describe(paths=PATHS, **settings):
    table = open_naming(DirectoryCorpus(**settings), "root").describe(list(paths), "root")
    return sort_in_corpus_order(table)


def write_table(path, sep=",", end="\n", encoding="utf-8", blank=""):
    rows = [["path", "speaker", "time", "take"]]
    speakers, takes = EXPECTED["speaker"], EXPECTED["take"]
    rows += [list(row) for row in zip(PATHS, speakers, TIMES, takes, strict=True)]
    text = "".join((sep + blank).join(row) + end for row in rows)
    path.write_bytes(text.encode(encoding))
    return str(path)


def test_a_pattern():
    pd.testing.assert_frame_equal(describe(names=PATTERN), EXPECTED)
    # Without a suffix in the pattern, that of the file does not matter.
    flac = [path.replace(".wav", ".FLAC") for path in PATHS]
    named = describe(flac, names=PATTERN.removesuffix(".wav"))
    pd.testing.assert_frame_equal(named[KNOWN], EXPECTED[KNOWN])


@pytest.mark.parametrize(
    ("pattern", "name", "speaker", "date", "time"),
    [
        ("{speaker}-{time}", "a-2019-12-31", "a", "2019-12-31", ""),
        ("{speaker}-{time}", "a-b-2019-12-31T09:30:00.5+01:00", "a-b", "2019-12-31", "09:30"),
        ("{time:%y%j}{speaker}", "19365x", "x", "2019-12-31", ""),
        (
            "{}/{time:%d.%m.%Y %H%M%S}/{speaker}",
            "a/31.12.2019 093059/é",
            "é",
            "2019-12-31",
            "09:30",
        ),
        ("({speaker}){{{time:%Y%m%d}}}", "(a+){20191231}", "a+", "2019-12-31", ""),
        ("{speaker}/{session}/{take}", "id10001/1zcIwhmdeo4/00001", "id10001", "", ""),
    ],
)
def test_forms_of_patterns(pattern, name, speaker, date, time):
    name = name.replace(" ", "_") if "%d." in pattern else name
    pattern = pattern.replace("%Y %H", "%Y_%H")
    found = describe_utterances([([name], "x.npz")], ImportedCorpus(names=pattern))
    assert found[KNOWN].iloc[0].tolist() == [name, speaker, date, time]


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("{take}", "lacks the field {speaker}"),
        ("{time}.wav", "lacks the field {speaker}"),
        ("{speaker}_{speaker}_{time}", "has the field {speaker} twice"),
        ("{speaker}_{time", "is no pattern"),
        ("{speaker:d}_{time}", "only {time:...} has a format"),
        ("{speaker!r}_{time}", "only {time:...} has a format"),
        ("{speaker}_{time:%A}", "the time has %A; allowed are %Y, %m"),
        ("{speaker}_{time:%Y-%m}", "needs a year, a month and a day"),
        ("{speaker}_{time}_{path}", "{path} is no field"),
        ("{speaker}_{time}_{a-b}", "{a-b} is no field"),
    ],
)
def test_patterns_that_are_none(pattern, says):
    with pytest.raises(InputError) as error:
        open_naming(DirectoryCorpus(names=pattern), "root")
    assert str(error.value).startswith("corpus.directory.names: ")
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("paths", "says"),
    [
        (["anna/x.wav", "y.wav"], "anna/x.wav does not match the pattern .* .nor do 1 more"),
        (["anna/2019-13-31T2359_1.wav"], "the time of row 1 is '2019-13-31T2359'"),
        (["an na/2019-12-31T2359_1.wav"], "'an na/2019-12-31T2359_1' is no utterance id"),
        (["a/2019-12-31T2359_1.wav", "a/2019-12-31T2359_1.WAV"], "share|WAV does not match"),
        (["a/2019-12-31T2359_\udcff.wav"], "is not UTF-8; rename it"),
    ],
)
def test_names_that_do_not_say_it(paths, says):
    with pytest.raises(InputError, match=f"^root: .*({says})"):
        describe(paths, names=PATTERN)


@pytest.mark.parametrize(
    "form",
    [
        {}, {"sep": ";"}, {"sep": "\t"}, {"sep": "|"}, {"end": "\r\n"}, {"blank": " "},
        {"encoding": "utf-8-sig"}, {"sep": ";", "end": "\r\n", "encoding": "utf-8-sig"},
    ],
)  # fmt: skip
def test_tables_of_all_dialects(tmp_path, form):
    table = describe(table=write_table(tmp_path / "t.csv", **form))
    pd.testing.assert_frame_equal(table[EXPECTED.columns], EXPECTED)


def test_tables_of_other_forms(tmp_path, monkeypatch):
    table = pd.read_csv(write_table(tmp_path / "t.csv"))
    write_table(tmp_path / "t.tsv", sep="\t")
    (tmp_path / "excel.csv").write_text(
        "sep=;\n" + (tmp_path / "t.csv").read_text().replace(",", ";")
    )
    table.to_parquet(tmp_path / "t.parquet")
    moments = pd.to_datetime(["2019-12-31T23:59", "2020-01-01T00:00", "2020-02-29T12:00"])
    table.assign(time=moments).to_parquet(tmp_path / "moments.parquet")
    rows = table.rename(columns={"path": "audio_filepath", "speaker": "label"}).to_dict("records")
    (tmp_path / "nemo.json").write_text("".join(json.dumps(row) + "\n" for row in rows))
    brain = table.rename(columns={"path": "wav", "speaker": "spk_id"})
    brain["wav"] = "$data_root/" + brain["wav"]
    brain.insert(0, "ID", EXPECTED["utterance"])
    brain.to_csv(tmp_path / "speechbrain.csv", index=False)
    monkeypatch.chdir(tmp_path)
    table.assign(path=[str(tmp_path / "root" / path) for path in PATHS]).to_csv("absolute.csv")
    for name in (
        "t.tsv",
        "excel.csv",
        "t.parquet",
        "moments.parquet",
        "nemo.json",
        "speechbrain.csv",
    ):
        named = describe(table=name)
        pd.testing.assert_frame_equal(named[EXPECTED.columns], EXPECTED, obj=name)
    assert describe(table="absolute.csv")["path"].tolist() == PATHS


def test_parts_of_recordings_as_nemo_lists_them(tmp_path):
    path = tmp_path / "t.json"
    row = {"audio_filepath": "a.wav", "label": "x", "time": "2020-01-01", "utterance": "u"}
    path.write_text(json.dumps({**row, "offset": 1.5, "duration": 2}))
    (found,) = describe(["a.wav"], table=str(path)).to_dict("records")
    assert (found["speaker"], found["start"], found["end"], found["seconds"]) == ("x", 1.5, 3.5, 2)


def test_other_columns_are_carried_and_ids_are_those_of_the_table(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text('utterance,path,speaker,time,age,note\n007,a.wav,NA,2019-12-31,31,"a, b"\n')
    (row,) = describe(["a.wav"], table=str(path)).to_dict("records")
    assert row == {
        "utterance": "007", "speaker": "NA", "date": "2019-12-31", "time": "", "path": "a.wav",
        "age": "31", "note": "a, b",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("path,time\na.wav,x\n", "lacks the column 'speaker'; its columns are: path, time"),
        (
            "path,speaker,date\na.wav,x,2020-01-01\n",
            "has a column date but no column time; name it",
        ),
        ("path,speaker,time\n", "has no row"),
        ("", "lacks the column"),
        ('path,speaker,time\n"a.wav,x,2019-12-31\n', "cannot be read as text with a comma"),
        ("path,speaker,time\na.wav,,2019-12-31\n", "row 1 has no speaker"),
        (
            "path,speaker,time\na.wav,x,31.12.2019\n",
            "time of row 1 is '31.12.2019'; it needs a date",
        ),
        ("path,speaker,time\na.wav,x,2019-02-29\n", "time of row 1 is '2019-02-29'"),
        ("path,speaker,time\na.wav,x,2019-12-31T25:00\n", "time of row 1 is"),
        (
            "path,speaker,time\nb.wav,x,2019-12-31\n",
            "none of its 1 paths is a recording under root",
        ),
        (
            "path,speaker,time\na.wav,x,2019-12-31\na.wav,x,2019-12-31\n",
            "share|have the utterance id a",
        ),
        (
            "path,speaker,time\na.wav,x,2019-12-31,9\n",
            ":2: has 4 fields, the header 3; they are ",
        ),
        ("path,speaker,time,time\na.wav,x,2019-12-31,9\n", "has the column 'time' twice"),
        ("path,speaker,time,start,end\na.wav,x,2019-12-31,-1,2\n", "start of row 1 is '-1'"),
        ("path,speaker,time,start,end\na.wav,x,2019-12-31,2,1\n", "a ends before it starts"),
        ("path,speaker,time,start\na.wav,x,2019-12-31,2\n", "column start but no column end"),
        ("path,speaker,time,seconds\na.wav,x,2019-12-31,long\n", "seconds of row 1 is 'long'"),
        ("path,speaker,time,utterance\na.wav,x,2019-12-31,a b\n", "'a b' is no utterance id"),
    ],
)
def test_tables_that_are_wrong(tmp_path, content, says):
    path = tmp_path / "t.csv"
    path.write_text(content)
    with pytest.raises(InputError, match=f"^{path}.*({says})"):
        describe(["a.wav"], table=str(path))


def test_a_table_in_utf_16_has_a_cure(tmp_path):
    path = write_table(tmp_path / "t.csv", encoding="utf-16")
    with pytest.raises(InputError, match="is not UTF-8 text; in Excel, save it as 'CSV UTF-8"):
        describe(table=path)
    with pytest.raises(InputError, match=r"is of no known form; allowed are: \.csv, \.tsv"):
        describe(table=str(tmp_path / "t.xlsx"))


def test_what_fits_nothing_is_counted(tmp_path, capsys):
    path = write_table(tmp_path / "t.csv")
    table = describe([PATHS[0], "other.wav", "another.wav"], table=path)
    assert table["path"].tolist() == PATHS[:1]
    printed = capsys.readouterr().out
    assert "passed over: 2 rows of corpus.directory without a .wav or .flac file" in printed
    assert "passed over: 2 recordings that no row of corpus.directory names" in printed


def write_kaldi(folder, **files):
    folder.mkdir(exist_ok=True)
    wav = "".join(f"{path[:-4]} {path}\n" for path in PATHS)
    speakers = "".join(f"{path[:-4]} {path.split('/')[0]}\n" for path in PATHS)
    times = "".join(f"{p[:-4]} {time}\n" for p, time in zip(PATHS, TIMES, strict=True))
    content = {"wav.scp": wav, "utt2spk": speakers, "utt2time": times, **files}
    for name, text in content.items():
        if text is not None:
            (folder / name).write_text(text)
    return str(folder)


def test_a_data_directory(tmp_path):
    folder = write_kaldi(tmp_path / "data", spk2gender="anna f\nid10270 m\n")
    table = describe(kaldi=folder)
    columns = [name for name in EXPECTED.columns if name != "take"]
    pd.testing.assert_frame_equal(table[columns], EXPECTED[columns])
    assert table["gender"].tolist() == ["f", "f", "m"]


def test_segments_are_parts_of_recordings(tmp_path):
    folder = write_kaldi(
        tmp_path / "data",
        **{"wav.scp": "call call.wav\n", "segments": "u1 call 0 1.5\nu2 call 1.5 4\n"},
        utt2spk="u1 a\nu2 b\n",
        utt2time="u1 2020-01-01\nu2 2020-01-01\n",
        utt2dur="u1 1.5\nu2 2.5\n",
    )
    table = describe(["call.wav"], kaldi=folder)
    assert table[["utterance", "speaker", "start", "end", "path", "seconds"]].values.tolist() == [
        ["u1", "a", 0, 1.5, "call.wav", 1.5],
        ["u2", "b", 1.5, 4, "call.wav", 2.5],
    ]
    parts = open_naming(DirectoryCorpus(kaldi=folder), "root").find_parts(["x.wav", "call.wav"])
    assert [(part.row, part.speaker) for part in parts] == [(1, "a"), (1, "b")]
    assert parts[0].detail != parts[1].detail
    # A part that is moved by a moment is another one.
    text = (tmp_path / "data/segments").read_text().replace("1.5 4", "1.5 4.0000001")
    (tmp_path / "data/segments").write_text(text)
    moved = open_naming(DirectoryCorpus(kaldi=folder), "root").find_parts(["x.wav", "call.wav"])
    assert moved[1].detail != parts[1].detail


def test_paths_outside_of_the_root_are_no_recordings(tmp_path, capsys):
    path = tmp_path / "t.csv"
    outside = ["../a.wav", "/a.wav", ".hidden/a.wav"]
    rows = [f"{number},{name},x,2020-01-01\n" for number, name in enumerate(["a.wav", *outside])]
    path.write_text("utterance,path,speaker,time\n" + "".join(rows))
    assert describe(["a.wav"], table=str(path))["path"].tolist() == ["a.wav"]
    assert "passed over: 3 rows" in capsys.readouterr().out


def test_times_need_not_be_known(tmp_path):
    files = {
        "names": "{speaker}/{take}.wav",
        "table": str(tmp_path / "t.csv"),
        "kaldi": write_kaldi(tmp_path / "data", utt2time=None),
    }
    (tmp_path / "t.csv").write_text("path,speaker\n" + "".join(f"{p},{p[:4]}\n" for p in PATHS))
    for key, value in files.items():
        table = describe(**{key: value})
        assert table["path"].tolist() == PATHS, key
        assert table[["date", "time"]].values.tolist() == [["", ""]] * 3
    # Of one recording alone the time is unknown.
    rows = [f"{path},x,{time}\n" for path, time in zip(PATHS, [TIMES[0], "", " "], strict=True)]
    (tmp_path / "t.csv").write_text("path,speaker,time\n" + "".join(rows))
    assert sorted(describe(table=files["table"])["date"]) == ["", "", "2019-12-31"]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("wav.scp", None, "there is no file wav.scp"),
        ("wav.scp", "anna/2019-12-31T2359_1 sox x.mp3 |\n", "comes from a command"),
        ("wav.scp", "other x.wav\n", "has no line of anna/2019-12-31T2359_1 .nor of 2 more"),
        ("utt2spk", "u\n", "utt2spk:1: is not <key> <value>"),
        ("utt2spk", "u a\nu b\n", "utt2spk:2: u stands there twice"),
        ("utt2spk", "", "has no line"),
        (
            "segments",
            "anna/2019-12-31T2359_1 r 1\n",
            "is not <utterance> <recording> <start> <end>",
        ),
        ("utt2time", "anna/2019-12-31T2359_1 noon\n", "has no line of"),
    ],
)
def test_data_directories_that_are_wrong(tmp_path, name, content, says):
    folder = write_kaldi(tmp_path / "data", **{name: content})
    with pytest.raises(InputError, match=says):
        describe(kaldi=folder)


def test_embeddings_are_named_by_a_table(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(
        "utterance,speaker,time,age\nu2,b,2020-01-02,7\nu1,a,2020-01-01,6\nu3,a,2020-01-01,\n"
    )
    settings = ImportedCorpus(table=str(path))
    table = describe_utterances([(["u1"], "x.npz"), (["u2"], "y.npz")], settings)
    assert table.values.tolist() == [
        ["u1", "a", "2020-01-01", "", "6"], ["u2", "b", "2020-01-02", "", "7"],
    ]  # fmt: skip
    with pytest.raises(
        InputError, match=r"has no row of u9, which x.npz has; the column utterance"
    ):
        describe_utterances([(["u1", "u9"], "x.npz")], settings)


def test_only_one_way_of_naming():
    with pytest.raises(ValueError, match="names and table both tell the names"):
        Corpus(source="directory", directory={"names": PATTERN, "table": "t.csv"})
    with pytest.raises(ValueError, match="table and kaldi both tell the names"):
        Corpus(source="directory", directory={"table": "t.csv", "kaldi": "data"})
    with pytest.raises(ValueError, match="names and table both tell the names"):
        Corpus(source="imported", imported={"names": PATTERN, "table": "t.csv"})
    # Of a source that is not in use, any settings are valid.
    Corpus(directory={"names": PATTERN, "table": "t.csv"})


@given(st.datetimes(min_value=pd.Timestamp("1900-01-01"), max_value=pd.Timestamp("2199-01-01")))
def test_every_iso_time_is_read(moment):
    for text in (moment.isoformat(), moment.isoformat(" "), f"{moment:%Y%m%dT%H%M%S}+0530"):
        found = split_moments(pd.Series([text]), None, False, "x")
        assert found.iloc[0].tolist() == [f"{moment:%Y-%m-%d}", f"{moment:%H:%M}"]


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_is_refused(text):
    try:
        found = split_moments(pd.Series([text], dtype="str"), None, False, "x")
    except InputError as error:
        assert str(error).startswith("x: the time of row 1 is ")
        assert str(error).isprintable()
    else:
        assert bool(found["date"][0]) == bool(text.strip())
        pd.Timestamp(found["date"][0])


@given(st.text(max_size=30))
def test_any_text_is_a_pattern_or_is_refused(text):
    try:
        pattern = compile_pattern(text)
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert "speaker" in pattern.expression.groupindex


@given(st.text(min_size=1, max_size=12), st.integers(1, 99))
def test_a_speaker_has_one_shard(speaker, shards):
    assert 0 <= shard_of_speaker(speaker, shards) < shards
    assert shard_of_speaker(speaker, shards) == shard_of_speaker(speaker, shards)
