"""Trials: made from the manifest, and imported in the published layout."""

import os

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
from tests.bad_input.world import MANIFEST, PUBLISHED_ENROLMENT, PUBLISHED_TRIALS, REJECTED, SPLIT
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


def name_one(model: str):
    """Write a list with one trial of a model, with the corpus's first utterance, of 0001."""
    utterance = pd.read_parquet(MANIFEST)["utterance"][0]
    write_pickle(PUBLISHED_TRIALS, {model: [utterance]})()


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
    generated("an order that is none", "'reverse'", order="reverse"),
    generated("no non-targets in independent order",
              "trials.generation.nontargets_per_target: 0.0 is not allowed", order="independent",
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
    lists("an id that is none", {"spk0001_0": ["holiday"]}, "1 utterances ('holiday' first) are "),
    imported("a list that begins with a non-target", "'spk0002_0' begins with",
             lambda: name_one("spk0002_0")),
    imported("no non-targets", "none of its 1 trials is a non-target",
             lambda: name_one("spk0001_0")),
    enrolled("a line of four", f"spk0001_0 {' '.join([ID] * 4)}\n", "line 1: 'spk0001_0' has 4"),
    enrolled("no text", b"\xff\xfe\x00", "is not UTF-8 text"),
    enrolled("empty", "\n", "holds no enrolments"),
    imported("utterances of another corpus", "are not in the corpus",
             edit_parquet(MANIFEST, first_days)),
    imported("models that are not tested", "lists/random: ", edit_csv(SPLIT, all_train)),
    imported("utterances without an embedding", "have no embedding", reject_all),
]  # fmt: skip
