"""What names recordings and embeddings: patterns, tables, Kaldi data directories."""

from pathlib import Path

from tests.bad_input.case import Case, bad
from tests.bad_input.spoiling import make_loop, write
from tests.bad_input.world import RECORDED

ROWS = "utterance,path,speaker,time\n" + "".join(
    f"{name},deep er/{name}.wav,a,2020-05-01\n" for name in RECORDED
)


def by_table(name: str, content: str | bytes, says: str) -> Case:
    return bad("corpus.build_manifest", f"table: {name}", f"names.csv{says}",
               write("names.csv", content), settings={"table": "names.csv"})  # fmt: skip


def by_pattern(name: str, pattern: str, says: str) -> Case:
    return bad("corpus.build_manifest", f"pattern: {name}", says, settings={"names": pattern})


def by_data(name: str, file: str, content: str, says: str) -> Case:
    def spoil():
        Path("data").mkdir(exist_ok=True)
        ids = {"wav.scp": "deep er/{}.wav", "utt2spk": "a", "utt2time": "2020-05-01"}
        for each, value in ids.items():
            lines = (f"{name} {value.format(name)}\n" for name in RECORDED)
            (Path("data") / each).write_text("".join(lines))
        (Path("data") / file).write_text(content)

    return bad("corpus.build_manifest", f"data directory: {name}", f"data/{file}{says}", spoil,
               settings={"kaldi": "data"})  # fmt: skip


def of_embeddings(name: str, content: str, says: str) -> Case:
    return bad("embeddings.import_embeddings", f"table: {name}", f"ids.csv: {says}",
               write("ids.csv", content), settings={"table": "ids.csv"})  # fmt: skip


CASES = [
    by_table("no column of speakers", "path,time\na.wav,a\n", ": lacks the column 'speaker'"),
    by_table("dates in a column of another name", "path,speaker,date\na.wav,a,2020-05-01\n",
             ": has a column date but no column time"),
    by_table("another encoding", ROWS.encode("utf-16"), ": is not UTF-8 text; in Excel, save it"),
    by_table("no time", ROWS.replace("2020-05-01", "May", 1), ": the time of row 1 is 'May'"),
    by_table("a row too long", ROWS + "a,a.wav,a,2020-05-01,5\n", ":8: has 5 fields, the header 4"),
    by_table("an open quote", ROWS + '"a,a.wav\n', ":8: cannot be read as text with a comma"),
    by_table("paths of another folder", ROWS.replace("deep er/", "x/"), ": none of its 6 paths is"),
    by_table("a row twice", ROWS + ROWS.split("\n")[1] + "\n", ": two recordings have the"),
    by_table("nobody", ROWS.replace(",a,", ",,", 1), ": row 1 has no speaker"),
    bad("corpus.build_manifest", "table: a loop", "names.csv: cannot be read",
        make_loop("names.csv"), settings={"table": "names.csv"}),
    bad("corpus.build_manifest", "table: of no known form", "names.xlsx: is of no known form",
        write("names.xlsx", "PK"), settings={"table": "names.xlsx"}),
    by_pattern("none", "{speaker", "corpus.directory.names: '{speaker' is no pattern"),
    by_pattern("without speaker", "{time}", "corpus.directory.names: '{time}' lacks the field"),
    by_pattern("of other names", "{speaker}/{time}.wav", "recordings: "),
    by_data("a command", "wav.scp", f"{RECORDED[0]} sox x |\n",
            f": {RECORDED[0]} comes from a command"),
    by_data("half a line", "utt2spk", "u\n", ":1: is not <key> <value>"),
    by_data("no time", "utt2time", f"{RECORDED[0]} noon\n", ": has no line of"),
    of_embeddings("other ids", "utterance,speaker,time\nu,a,2020-05-01\n", "has no row of 0001_"),
    of_embeddings("an id twice", "utterance,speaker,time\n" + "u,a,2020-05-01\n" * 2,
                  "the utterance u stands there twice"),
    bad("embeddings.import_embeddings", "pattern: of other names", "given/part_rank0.npy: ",
        settings={"names": "{speaker}/{time}"}),
]  # fmt: skip
