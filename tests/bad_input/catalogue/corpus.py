"""Recordings, metadata, lists of speakers, archives."""

import os
from pathlib import Path

from tests.bad_input.case import Case, bad
from tests.bad_input.spoiling import (
    all_of,
    cut,
    edit_parquet,
    make_folder,
    make_loop,
    remove,
    write,
    write_zip,
)
from tests.bad_input.world import MANIFEST, RECORDED, SPLIT

FIRST = RECORDED[0]


def recordings(name: str, says: str, spoil=None, **options) -> Case:
    return bad("corpus.build_manifest", name, says, spoil, **options)


def metadata(name: str, content: str | bytes, says: str) -> Case:
    spoil = write("metadata.csv", content)
    return recordings(f"metadata: {name}", f"metadata.csv: {says}", spoil)


def tested(name: str, content: str | bytes, says: str) -> Case:
    spoil = write("tested.txt", content)
    return bad(
        "corpus.split_speakers", f"test speakers: {name}", says, spoil, test_speakers="tested.txt"
    )


def voices(name: str, says: str, spoil) -> Case:
    return bad("synthetic.synthesize_corpus", f"law: {name}", f"voices.yaml: {says}", spoil)


def odd_name(name: str | bytes) -> object:
    return lambda: Path(f"recordings/{FIRST}.wav").with_name(os.fsdecode(name)).write_bytes(b"")


def one_speaker(table):
    return table[table["speaker"] == table["speaker"].iloc[0]]


CASES = [
    recordings("no such folder", "nowhere: there is no such folder", root="nowhere"),
    recordings("a file for a folder", "model.onnx: there is no such folder", root="model.onnx"),
    recordings("a folder that is a loop", "recordings: there", make_loop("recordings")),
    recordings("no recordings", "given: no .wav or .flac", root="given"),
    recordings("a name that is no id", "recordings/holiday.wav: ", odd_name("holiday.wav")),
    recordings(
        "a name with blanks, quotes and a command",
        "recordings/日本 '$(touch canary)\" `x`.wav: ",
        odd_name("日本 '$(touch canary)\" `x`.wav"),
    ),
    recordings("a name with a line end", "recordings/a\\nb.wav", odd_name("a\nb.wav")),
    recordings("a name that is no UTF-8", "is not UTF-8", odd_name(b"caf\xe9.wav")),
    recordings(
        "a day that is none", "names no moment of 2020", odd_name("0001_02301100_3_1_ti_0.wav")
    ),
    recordings("an id twice", f"two recordings have the utterance id {FIRST}",
               odd_name(f"{FIRST}.flac")),
    recordings("a speaker that is not there", "corpus.directory.speakers: '0009' has no",
               settings={"speakers": ["0009"]}),
    metadata("an utterance twice", f"utterance\n{FIRST}\n{FIRST}\n", f"the utterance '{FIRST}'"),
    metadata("no column of utterances", "id,state\na,b\n", "lacks the column 'utterance'"),
    metadata("a column with a line end", '"utt\nerance",state\na,b\n', "lacks the column"),
    metadata("empty", "", "lacks the column 'utterance'; its columns are: none"),
    metadata("a header alone", "utterance,state\n", "has no row"),
    metadata("no text", b"\x00\xff\xfe" * 50, "is not UTF-8 text; in Excel, save it as"),
    metadata("not UTF-8", b"utterance,state\na,m\xfcde\n", "is not UTF-8 text"),
    recordings("metadata: a quote that never ends", "metadata.csv:3: cannot be read as text",
               write("metadata.csv", 'utterance\n"a\nb\n')),
    recordings("metadata: more fields than columns", "metadata.csv:2: has 2 fields, the header 1",
               write("metadata.csv", "utterance\na,b\nc,d,e\n")),
    recordings("metadata: missing", "none.csv: cannot be read", metadata="none.csv"),
    recordings("metadata: a folder", "given: is of no known form", metadata="given"),
    recordings("metadata: a loop", "metadata.csv: cannot be read", make_loop("metadata.csv")),
    bad("corpus.build_manifest:tables", "a table cut short", "shard-0.parquet: cannot be read",
        cut("demo/shard-0.parquet")),
    bad("corpus.build_manifest:tables", "an id that is none", "shard-0.parquet: 'holiday' is not",
        edit_parquet("demo/shard-0.parquet", lambda table: table.assign(utterance="holiday"))),
    bad("corpus.build_manifest:tables", "a table twice", "two recordings have the utterance id",
        tables=["demo/shard-0.parquet", "demo/shard-0.parquet"]),
    bad("corpus.build_manifest:tables", "no rows", "no table lists any recording",
        edit_parquet("demo/shard-0.parquet", lambda table: table[:0])),
    bad("synthetic.simulate_listing:listed", "no such list", "ids.txt: cannot be read",
        remove("ids.txt")),
    bad("synthetic.simulate_listing:listed", "a line that is no id", "ids.txt:2: 'holiday' is not",
        write("ids.txt", f"{FIRST}\nholiday\n")),
    bad("synthetic.simulate_listing:listed", "an id twice", f"ids.txt:2: {FIRST} stands in line 1",
        write("ids.txt", f"{FIRST}\n{FIRST}\n")),
    bad("synthetic.simulate_listing:listed", "a binary file", "model.onnx: is not UTF-8 text",
        utterances="model.onnx"),
    bad("synthetic.simulate_listing:listed", "an id that no pattern matches", "ids.txt: ",
        settings={"names": "{speaker}/{time}"}),
    bad("synthetic.simulate_listing:listed", "a table without times", "lacks the column 'time'",
        write("ids.csv", "utterance,speaker\na,b\n"), utterances="ids.csv"),
    tested("a line that is no id", "0001\n12\n", "tested.txt: no utterance in the corpus"),
    tested("a speaker twice", "0001\n0002\n0001\n", "tested.txt:3: 0001 stands in line 1"),
    tested("a speaker who never recorded", "0001\n0099\n", "tested.txt: no utterance"),
    tested("an empty list", "# nobody\n", "tested.txt: has no speaker id"),
    tested("a single speaker", "0001\n", "tested.txt: 0001 is the only speaker"),
    tested("no text", b"\xff\xfe\x00", "tested.txt: is not UTF-8 text"),
    bad("corpus.split_speakers", "test speakers: none", "corpus.test_speakers: no speaker is",
        test_speakers="0"),
    bad("corpus.split_speakers", "test speakers: too many", "corpus.test_speakers: 9 test",
        test_speakers="9"),
    bad("corpus.split_speakers", "test speakers: no such file", "nobody.txt: cannot be read",
        test_speakers="nobody.txt"),
    bad("corpus.split_speakers", "one speaker only", "the corpus has 1 speakers",
        edit_parquet(MANIFEST, one_speaker)),
    bad("corpus.split_speakers", "an unknown non-target", "trials.nontarget_only: no utterance",
        nontarget_only="0099"),
    bad("corpus.split_speakers", "a manifest cut short", f"{MANIFEST}: cannot be read",
        cut(MANIFEST)),
    bad("corpus.split_speakers", "a manifest that is missing", f"{MANIFEST}: cannot be read",
        remove(MANIFEST)),
    bad("corpus.split_speakers", "a folder where the split goes", f"{SPLIT}: Is a directory",
        make_folder(SPLIT)),
    bad("corpus.split_speakers", "a file where its folder goes", "model.onnx/split.csv: ",
        split="model.onnx/split.csv"),
    bad("corpus.split_speakers", "a loop where its folder goes", "loop/split.csv: ",
        make_loop("loop"), split="loop/split.csv"),
    bad("synthetic.synthesize_corpus", "a shard beyond the last", "--shard 3: allowed is 0..0",
        shard="3"),
    voices("no such file", "cannot be read (No such file or directory); corpus.synthetic.law names",
           remove("voices.yaml")),
    voices("no YAML", "cannot be read as YAML", write("voices.yaml", "drift: [")),
    voices("a number that is missing", "lacks drift_days, day_offset, ",
           write("voices.yaml", "drift: 0.1")),
    voices("an unknown number", "drft: unknown key; allowed are: drift, ",
           write("voices.yaml", "drft: 0.1")),
    voices("another law", "change_decay: unknown key",
           lambda: Path("law.yaml").rename("voices.yaml")),
    bad("synthetic.synthesize_corpus", "a file where the folder of audio goes", "demo/shard-0: ",
        all_of(remove("demo"), write("demo", "a file"))),
    bad("corpus.fetch_corpus", "no folder named", "corpus.directory.root must name", root=""),
    bad("corpus.fetch_corpus", "no archives", "corpus.directory.archives lists nothing",
        settings={}),
    bad("corpus.fetch_corpus", "a folder of the user's", "recordings: is not empty",
        root="recordings"),
    bad("corpus.fetch_corpus", "a file for a folder", "model.onnx: is no folder",
        root="model.onnx"),
    bad("corpus.fetch_corpus", "an archive of no known form", "'http://host/a.rar' ends in none",
        settings={"archives": [{"url": "http://host/a.rar", "sha256": "0" * 64}]}),
    bad("corpus.fetch_corpus", "a file where downloads go", "fetched.archives: ",
        write("fetched.archives", "a file")),
    bad("extract_archive", "an archive cut short", "http://host/corpus.zip: is damaged",
        cut("corpus.zip")),
    bad("extract_archive", "a member that leads out", "member '../out.wav'",
        write_zip("corpus.zip", {"../out.wav": b"x"})),
    bad("extract_archive", "no archive at all", "model.zip: is damaged",
        lambda: Path("model.onnx").rename("model.zip"), archive="model.zip"),
]  # fmt: skip
