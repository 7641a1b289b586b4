"""Trials: made from the manifest, and imported in the published layout."""

import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from tests.bad_input.case import Case, bad
from tests.bad_input.spoiling import (
    cut,
    edit_csv,
    edit_parquet,
    make_folder,
    make_loop,
    remove,
    write,
    write_pickle,
)
from tests.bad_input.world import (
    ENROLMENT_MAP,
    MANIFEST,
    PAIRS,
    PUBLISHED_ENROLMENT,
    PUBLISHED_TRIALS,
    REJECTED,
    SPLIT,
)
from workflow_src.settings.scenarios import BY_ID

ID = "0001_05031200_3_1_ti_0"


def generated(name: str, says: str, spoil=None, **options) -> Case:
    return bad("trials.generate_trials", name, says, spoil, **options)


def developed(name: str, says: str, spoil=None, **options) -> Case:
    return bad("trials.generate_development_trials", name, says, spoil, **options)


def imported(name: str, says: str, spoil=None, **options) -> Case:
    return bad("trials.import_trials", name, says, spoil, **options)


def lists(name: str, content, says: str) -> Case:
    return imported(name, f"{PUBLISHED_TRIALS}: {says}", write_pickle(PUBLISHED_TRIALS, content))


def name_one(utterance: str | None = None):
    """Write a list with one trial of the first model that is enrolled: a target, if not given."""
    line = Path(PUBLISHED_ENROLMENT).read_text().splitlines()[0]
    model, *own = line.split()
    write_pickle(PUBLISHED_TRIALS, {model: [utterance or own[0]]})()
    Path(PUBLISHED_ENROLMENT).write_text(f"{line}\n")


def paired(name: str, says: str, spoil=None, **options) -> Case:
    return bad("trials.import_trials:pairs", name, says, spoil, **options)


def pairs(name: str, change: Callable[[list[str]], list[str]], says: str, path=PAIRS) -> Case:
    """Change the lines of a list."""

    def spoil():
        lines = change(Path(path).read_text().splitlines())
        Path(path).write_text("".join(f"{line}\n" for line in lines))

    return paired(name, f"{path}: {says}", spoil)


def tabled(name: str, says: str, spoil=None, **options) -> Case:
    return bad("trials.import_trials:tables", name, says, spoil, **options)


def tables(name: str, edit: Callable[[pd.DataFrame], pd.DataFrame], says: str, kind="") -> Case:
    """Change the table of trials, or of enrolments."""
    path = f"results/trials/random{kind}.parquet"
    return tabled(name, f"{path}: {says}", edit_parquet(path, edit))


def enrolled(name: str, content: str | bytes, says: str) -> Case:
    return imported(name, f"{PUBLISHED_ENROLMENT}: {says}", write(PUBLISHED_ENROLMENT, content))


def first_days(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["date"] == table["date"].min()]


def all_train(split: pd.DataFrame) -> pd.DataFrame:
    return split.assign(part="train")


def one_tested(split: pd.DataFrame) -> pd.DataFrame:
    first = split.index == split.index[0]
    return split.assign(part=pd.Series(["train"] * len(split)).mask(first, "test"))


def reject_all():
    manifest = pd.read_parquet(MANIFEST)
    manifest.assign(path="", reason="silent")[["utterance", "path", "reason"]].to_csv(REJECTED)


class Touch:
    """Pickles as a command."""

    def __reduce__(self):
        return os.system, ("touch canary",)


def row(scenario: str) -> str:
    return BY_ID[scenario].model_dump_json()


BY_SESSION = '{"id": "visits", "every": 1, "targets": "all", "unit": "session"}'

CASES = [
    generated("no test speaker", "trials: the split names no test speaker",
              edit_csv(SPLIT, all_train)),
    generated("no non-target possible", "is the only speaker of the pool",
              edit_csv(SPLIT, one_tested)),
    generated("test speakers without recordings", "trials: none of the test speakers",
              edit_csv(SPLIT, lambda split: split.assign(speaker="9" + split["speaker"].str[1:]))),
    generated("speakers with one day", "trials: nothing is left for the scenario random",
              edit_parquet(MANIFEST, first_days)),
    generated("days that nobody knows", "trials: generating trials needs the day of each utterance",
              edit_parquet(MANIFEST, lambda t: t.assign(date=""))),
    generated("too few days for a scenario", "trials: nothing is left for the scenario 10das",
              edit_parquet(MANIFEST, lambda t: t[t["date"] < "2020-05-04"]), scenario=row("10das")),
    generated("sessions of a corpus that has none", "trials: the corpus tells no sessions, which",
              edit_parquet(MANIFEST, lambda t: t.drop(columns="slot")), scenario=BY_SESSION),
    generated("recordings without a session", " utterances have no session, which unit: session",
              edit_parquet(MANIFEST, lambda t: t.assign(session="")), scenario=BY_SESSION),
    generated("sessions that go by one name", "trials: two sessions of speaker 0002 overlap: ",
              edit_parquet(MANIFEST, lambda t: t.assign(session=t["slot"].astype(str))),
              scenario=BY_SESSION),
    generated("a speaker twice in the split", "0001",
              edit_csv(SPLIT, lambda split: pd.concat([split, split[:1]]))),
    generated("a split without parts", f"{SPLIT}: lacks the column 'part'",
              edit_csv(SPLIT, lambda split: split[["speaker"]])),
    generated("a manifest cut short", f"{MANIFEST}: cannot be read", cut(MANIFEST)),
    generated("a table of the rejected that is none", f"{REJECTED}: cannot be read",
              write(REJECTED, b"\xff\xfe")),
    generated("a folder where enrolments go", "random.enrolment.parquet: Is a directory",
              make_folder("results/trials/random.enrolment.parquet")),
    generated("a file where their folder goes", "model.onnx/e.parquet: ",
              enrolment="model.onnx/e.parquet"),
    generated("no non-targets in independent order",
              "trials.generation: nontargets_per_target: 0.0 is not allowed", order="independent",
              settings='{"nontargets_per_target": 0.0}'),
    generated("too few days for a scenario in independent order", "scenario 10das; left out: ",
              edit_parquet(MANIFEST, lambda t: t[t["date"] < "2020-05-04"]), scenario=row("10das"),
              order="independent"),
    developed("a manifest that is a loop", f"{MANIFEST}: cannot be read", make_loop(MANIFEST)),
    bad("trials.export_trials", "no trials", "random.parquet: cannot be read",
        remove("results/trials/random.parquet")),
    bad("trials.export_trials", "trials of other columns", "lacks the column 'round'",
        edit_parquet("results/trials/random.parquet", lambda t: t.drop(columns="round"))),
    bad("trials.export_trials", "a file where lists go", "model.onnx/random/trial.pkl: ",
        trial_lists="model.onnx/random/trial.pkl"),
    bad("trials.export_trials", "two scenarios, one table", "there are 1, 1, 1, 1 files for 2",
        scenarios=f"[{row('random')},{row('1das')}]"),
    imported("no such folder", "nowhere/random/trial.pkl: cannot be read",
             trial_list="nowhere/random/trial.pkl"),
    imported("a list cut short", f"{PUBLISHED_TRIALS}: cannot be read as a pickle",
             cut(PUBLISHED_TRIALS)),
    imported("a folder for a list", f"{PUBLISHED_TRIALS}: cannot be read",
             make_folder(PUBLISHED_TRIALS)),
    imported("no enrolments", f"{PUBLISHED_ENROLMENT}: cannot be read",
             remove(PUBLISHED_ENROLMENT)),
    imported("the list of another scenario", f"{PUBLISHED_TRIALS}: a list stands where",
             write_pickle(PUBLISHED_TRIALS, {"spk0001_0": [ID]}), scenario=row("1das")),
    imported("a scenario that is no row", "scenario: ", scenario="1das"),
    imported("lists in independent order", "order: is 'independent', but lists do not tell",
             order="independent"),
    lists("a command", Touch(), "refused, because the pickle names"),
    lists("no dict", [1], "a list stands where"),
    lists("nothing", {}, "holds no trials"),
    lists("a model that is none", {"0001": [ID]}, "'0001' is no model"),
    lists("a model with a line end", {"spk\n": [ID]}, "'spk\\n' is no model"),
    imported("an id that is none", ": 'holiday' is not in the corpus", lambda: name_one("holiday")),
    imported("no non-targets", "none of its 1 trials is a non-target", name_one),
    enrolled("a line of four", f"spk0001_0 {' '.join([ID] * 4)}\n", "line 1: 'spk0001_0' has 4"),
    enrolled("no text", b"\xff\xfe\x00", "is not UTF-8 text"),
    enrolled("empty", "\n", "holds no enrolments"),
    imported("utterances of another corpus", "is not in the corpus",
             edit_parquet(MANIFEST, first_days)),
    imported("models that are not tested", " is not tested; ", edit_csv(SPLIT, all_train)),
    imported("utterances without an embedding", "has no embedding", reject_all),
    imported("nothing that is not left out", "nothing is left of its ", reject_all,
             settings={"missing": "leave-out"}),
    imported("no such form", "trials.imported: form: 'pears' is not allowed",
             settings={"form": "pears"}),
    imported("no list of enrolments", "has no list of enrolments", enrolment_list=None),
    bad("trials.export_pairs", "no trials", "random.parquet: cannot be read",
        remove("results/trials/random.parquet")),
    bad("trials.export_pairs", "models with blanks", "'anna maria_0' has white space, which",
        edit_parquet("results/trials/random.parquet", lambda t: t.assign(model="anna maria_0"))),
    bad("trials.export_pairs", "two tables, one list", "there are 2, 1, 1, 1 files; each needs one",
        trials=["results/trials/random.parquet"] * 2),
    paired("no such list", "nowhere.txt: cannot be read", trial_list="nowhere.txt"),
    paired("a list that is a loop", f"{PAIRS}: cannot be read", make_loop(PAIRS)),
    paired("no text", f"{PAIRS}: is not UTF-8 text", write(PAIRS, b"\xff\xfe\x00")),
    paired("models without a map", "line 1: 'spk0002_1' is not in the corpus", enrolment_list=None),
    paired("utterances of another corpus", f"{ENROLMENT_MAP}: line 1: '0",
           edit_parquet(MANIFEST, lambda t: t[-9:])),
    paired("speakers who train", " is not tested; ", edit_csv(SPLIT, all_train)),
    paired("utterances without an embedding", f"{ENROLMENT_MAP}: line 1: '0", reject_all),
    paired("an order of days that nobody knows", f"{PAIRS}: the order shuffled needs the day",
           edit_parquet(MANIFEST, lambda t: t.assign(date="")), order="shuffled"),
    pairs("no label", lambda lines: [*lines, "a b"], "line "),
    pairs("another label", lambda lines: [lines[0].replace("target", "same")], "line 1: is 'spk"),
    pairs("a model that is not enrolled", lambda lines: [*lines, f"x {ID} 1"], "line "),
    pairs("another label than the corpus says",
          lambda lines: [lines[1], lines[0].replace(" target", " 0")], "line 2: '0"),
    pairs("empty", lambda lines: ["", " "], "has no line"),
    pairs("one kind of trial", lambda lines: lines[:1], "none of its 1 trials is a non-target"),
    pairs("a model without utterances", lambda lines: [*lines, "x"], "line ", ENROLMENT_MAP),
    pairs("a model twice", lambda lines: [*lines, lines[0]], "line ", ENROLMENT_MAP),
    pairs("an empty map", lambda lines: [], "has no line", ENROLMENT_MAP),
    tables("no column of models", lambda t: t.drop(columns="model"), "lacks the column 'model'"),
    tables("no rows", lambda t: t[:0], "has no row"),
    tables("half a step", lambda t: t.assign(step=0.5), "the column step is float64; whole"),
    tables("a step twice", lambda t: t.assign(step=0), "row 2: the step 0 of 'spk"),
    tables("a day that is none", lambda t: t.assign(day="May"), "row 1: the day is 'May'; a date"),
    tables("other targets than the corpus's", lambda t: t.assign(target=True), "row 2: '0"),
    tables("an order twice", lambda t: t.assign(order=0), "row 2: ", ".enrolment"),
    tables("a model of another speaker", lambda t: t.assign(speaker="0099"), "row 1: ",
           ".enrolment"),
    tables("models without trials", lambda t: pd.concat([t, t[:5].assign(model="x")]), "row ",
           ".enrolment"),
    tabled("a table cut short", "random.parquet: cannot be read as parquet",
           cut("results/trials/random.parquet")),
    tabled("a table of no known form", "trials.xlsx: is of no known form",
           write("trials.xlsx", "PK"), trial_list="trials.xlsx"),
]  # fmt: skip
