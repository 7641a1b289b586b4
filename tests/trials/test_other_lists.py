"""Lists of pairs and tables of trials: what is read, what is refused, and round trips."""

import datetime

import numpy as np
import pandas as pd
import pytest

from tests.trials.trial_corpus import make_manifest, make_split
from workflow_src.common.errors import InputError
from workflow_src.common.files import write_csv, write_parquet
from workflow_src.settings.generation import Generation
from workflow_src.settings.imported_trials import ImportedTrials
from workflow_src.settings.scenarios import BY_ID, SCENARIOS
from workflow_src.settings.schema import Config
from workflow_src.trials.lists import check_lists, find_lists, read_lists
from workflow_src.trials.pair_lists import list_enrolment_map, list_pairs
from workflow_src.trials.pool import build_pool
from workflow_src.trials.protocol import make_scenario
from workflow_src.trials.tabulating import Utterances, tabulate_lists

# No times, as in VoxCeleb: three speakers of four utterances.
IDS = [f"id{speaker}/video-{n}/0000{n}" for speaker in (1, 2, 3) for n in range(4)]
A, B, C = (IDS[first : first + 4] for first in (0, 4, 8))
MANIFEST = pd.DataFrame({"utterance": IDS, "speaker": [n[:3] for n in IDS], "date": "", "time": ""})
SPLIT = pd.DataFrame({"speaker": ["id1", "id2", "id3"], "part": ["test", "test", "nontarget-only"]})


def tabulate(folder, form, *, manifest=MANIFEST, split=SPLIT, rejected=(), **settings):
    """Read and check the lists of the scenario ``s`` in a folder, as the step does."""
    imported = ImportedTrials(form=form, **settings)
    listed, enrolled = read_lists(find_lists(folder, form, "s"), form, BY_ID["random"])
    pairs = form == "pairs"
    return tabulate_lists(
        listed,
        enrolled,
        Utterances(manifest, list(rejected)),
        split,
        scenario="s",
        leave_out=imported.missing == "leave-out",
        apart=pairs and not imported.sequences,
        spare=pairs,
    )


def write_pairs(folder, *lines, models=None):
    (folder / "s.txt").write_text("".join(f"{line}\n" for line in lines))
    if models is not None:
        (folder / "s.enrolment.txt").write_text("".join(f"{line}\n" for line in models))


PAIRS = [(A[0], A[1], True), (A[0], B[1], False), (B[2], C[0], False), (A[0], A[1], True)]


@pytest.mark.parametrize(
    "form",
    [
        "{label} {enrol}.wav {test}.wav",
        "{enrol} {test} {label}",
        "{enrol}.FLAC\t{test} {word}",
        " {enrol}   {test}.m4a {word}\r\n\n",
        "{word} {enrol} {test}",
    ],
)
def test_pairs_in_all_forms(tmp_path, form):
    write_pairs(
        tmp_path,
        *(
            form.format(enrol=e, test=t, label=int(y), word="target" if y else "nontarget")
            for e, t, y in PAIRS
        ),
    )
    trials, enrolment = tabulate(tmp_path, "pairs")
    # By model, in the order of the list; each trial has its own round.
    expected = [
        (A[0], "id1", 1, 0, "", A[1], True),
        (A[0], "id1", 2, 0, "", B[1], False),
        (A[0], "id1", 3, 0, "", A[1], True),
        (B[2], "id2", 1, 0, "", C[0], False),
    ]
    assert list(trials.itertuples(index=False, name=None)) == expected
    assert trials.dtypes[["round", "step", "target"]].tolist() == [np.int16, np.int32, bool]
    assert list(enrolment.itertuples(index=False, name=None)) == [
        (A[0], "id1", 0, A[0]), (B[2], "id2", 0, B[2]),
    ]  # fmt: skip


def test_the_corpus_may_have_suffixes_too(tmp_path):
    write_pairs(tmp_path, f"1 {A[0]} {A[1]}.flac", f"0 {A[0]}.wav {B[1]}")
    manifest = MANIFEST.assign(utterance=MANIFEST["utterance"] + ".wav")
    trials, _ = tabulate(tmp_path, "pairs", manifest=manifest)
    assert trials["model"].tolist() == [f"{A[0]}.wav"] * 2
    assert trials["utterance"].tolist() == [f"{A[1]}.wav", f"{B[1]}.wav"]
    # Two recordings of one name: which one is meant, nobody knows.
    twice = pd.concat([manifest, manifest[1:2].replace(f"{A[1]}.wav", f"{A[1]}.mp3")])
    with pytest.raises(InputError, match=r"s.txt: line 1: '.*00001.flac' is not in the corpus"):
        tabulate(tmp_path, "pairs", manifest=twice.reset_index(drop=True))


def test_an_enrolment_map(tmp_path, capsys):
    models = [f"m1 {A[0]} {A[3]}.wav", f"spare {B[0]}", f"m2 {B[1]}"]
    write_pairs(tmp_path, f"m2 {A[1]} 0", f"m1 {A[1]} 1", f"m1 {C[0]} 0", models=models)
    trials, enrolment = tabulate(tmp_path, "pairs", sequences=True)
    assert trials["model"].tolist() == ["m2", "m1", "m1"]
    assert trials["round"].tolist() == [0, 0, 0] and trials["step"].tolist() == [0, 0, 1]
    assert enrolment[["model", "order"]].values.tolist() == [["m1", 0], ["m1", 1], ["m2", 0]]
    assert enrolment["utterance"].tolist() == [A[0], A[3], B[1]]
    assert "passed over: 1 enrolled models without a trial (s)\n" in capsys.readouterr().out


def test_the_days_of_sequences(tmp_path):
    """A target's is its date; a non-target's that of the target before it, or else after it."""
    dates = {A[1]: "2020-02-01", A[2]: "2020-03-01", B[1]: "2001-01-01", B[2]: "2002-01-01"}
    manifest = MANIFEST.assign(date=MANIFEST["utterance"].map(dates).fillna(""))
    tests = [B[1], A[1], B[1], B[2], A[2], B[2]]
    lines = [f"{A[0]} {test} {int(test in A)}" for test in tests]
    write_pairs(tmp_path, *lines, f"{B[0]} {A[1]} 0", f"{B[0]} {A[2]} 0")
    sequences, _ = tabulate(tmp_path, "pairs", manifest=manifest, sequences=True)
    assert sequences["day"].tolist() == [
        "2020-02-01", "2020-02-01", "2020-02-01", "2020-02-01", "2020-03-01", "2020-03-01",
        "2020-02-01", "2020-03-01",
    ]  # fmt: skip
    apart, _ = tabulate(tmp_path, "pairs", manifest=manifest)
    assert apart["day"].tolist() == [dates[name] for name in [*tests, A[1], A[2]]]


LINES = [f"{A[0]} {A[1]} 1", f"{A[0]} {B[1]} 0"]


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([], "has no line"),
        ([*LINES, f"{A[0]} {A[1]}"], r"line 3: is '.*'; a line is '<enrol> <test> <label>' or"),
        ([*LINES, f"{A[0]} {A[1]} yes"], "line 3: is '.* yes'; a line is"),
        ([*LINES, f"1 {A[0]} {A[1]}"], "line 3: is '1 .*, all lines alike"),
        ([f"1 {A[0]} {A[1]}", *LINES], "line 2: is '.*, all lines alike"),
        ([*LINES, f"{A[0]} id9/x 0", "id8/x id9/x 0"], "line 4: 'id8/x' is not in the corpus"),
        ([*LINES, f"{A[0]} id9/x 0", f"{A[0]} id9/x 0"], r"line 3: 'id9/x' is not .*\(and 1 more"),
        (
            [*LINES, f"{A[0]} {A[3]} 0"],
            "listed as a non-target of .*; by the corpus it is of 'id1'",
        ),
        ([*LINES, f"{A[0]} {C[3]} 1"], "line 3: '.*' is listed as a target of "),
        ([*LINES, f"{C[0]} {C[3]} 1"], "line 3: the speaker 'id3' is not tested; corpus.test_spea"),
        (LINES[:1], "none of its 1 trials is a non-target; both are needed"),
        (LINES[1:], "none of its 1 trials is a target; both are needed"),
        (["0 1 1 0"], "line 1: is '0 1 1 0'"),
    ],
)
def test_pairs_that_are_wrong(tmp_path, lines, says):
    write_pairs(tmp_path, *lines)
    with pytest.raises(InputError, match=f"^{tmp_path}/s.txt: .*{says}"):
        tabulate(tmp_path, "pairs")


@pytest.mark.parametrize(
    ("models", "file", "says"),
    [
        ([f"m {A[0]}"], "s.txt: line 2", "the model 'n' has no enrolment in .*s.enrolment.txt"),
        ([f"m {A[0]}", "n"], "s.enrolment.txt: line 2", "n'? has no utterance; a line is <model>"),
        ([f"m {A[0]}", f"m {A[1]}"], "s.enrolment.txt: line 2", "m'? stands in line 1 already"),
        ([f"m\x01 {A[0]}"], "s.enrolment.txt: line 1", "holds a control character"),
        (
            [f"m {A[0]} {A[1]} {A[0]}.wav", f"n {B[0]}"],
            "s.enrolment.txt: line 1",
            "enrols with .*tw",
        ),
        (
            [f"m {A[0]} {B[0]}", f"n {B[0]}"],
            "s.enrolment.txt: line 1",
            "is of the speaker 'id2', bu",
        ),
        ([f"m {A[0]}", f"n {B[0]} x"], "s.enrolment.txt: line 2", "'x' is not in the corpus"),
    ],
)
def test_enrolment_maps_that_are_wrong(tmp_path, models, file, says):
    write_pairs(tmp_path, f"m {A[2]} 1", f"n {A[2]} 0", models=models)
    with pytest.raises(InputError, match=f"^{tmp_path}/{file}: .*{says}"):
        tabulate(tmp_path, "pairs")


def test_missing_utterances_are_left_out_if_asked(tmp_path, capsys):
    gone = [*LINES, f"{A[0]} id9/x 0", f"{B[0]} {A[3]} 0", f"id8/x {A[1]} 0", f"{A[2]} {A[3]} 1"]
    write_pairs(tmp_path, *gone)
    with pytest.raises(InputError, match=r"line 6: '.*' has no embedding; rejected.csv says why"):
        tabulate(tmp_path, "pairs", rejected=[A[2]], manifest=pd.concat(
            [MANIFEST, MANIFEST[:2].assign(utterance=["id9/x", "id8/x"], speaker=["id3", "id2"])],
            ignore_index=True,
        ))  # fmt: skip
    trials, enrolment = tabulate(tmp_path, "pairs", rejected=[A[2], A[3]], missing="leave-out")
    assert trials[["model", "utterance"]].values.tolist() == [[A[0], A[1]], [A[0], B[1]]]
    assert enrolment["model"].tolist() == [A[0]]
    printed = capsys.readouterr().out
    for said in (
        "2 listed utterances that are not in the corpus (s)",
        "2 listed utterances that have no embedding (s)",
        "2 models without an enrolment utterance (s)",
        "4 trials of what is left out (s)",
    ):
        assert f"passed over: {said}\n" in printed


def test_a_model_of_more_trials_than_int16_holds(tmp_path):
    write_pairs(tmp_path, *LINES, *[LINES[1]] * 40_000)
    trials, _ = tabulate(tmp_path, "pairs")
    assert trials["round"].dtype == np.int32
    assert trials["round"].tolist() == list(range(1, 40_003))


# --- tables -------------------------------------------------------------------------------------

ENROLMENT = pd.DataFrame({"model": ["n", "m", "m"], "utterance": [B[0], A[0], A[1]]})
TRIALS = pd.DataFrame({"model": ["m", "n", "m"], "utterance": [A[2], A[2], C[0]]})


def write_tables(folder, trials=TRIALS, enrolment=ENROLMENT, suffix=".csv"):
    for name, table in (("s", trials), ("s.enrolment", enrolment)):
        path = folder / f"{name}{suffix}"
        table.to_csv(path, index=False) if suffix == ".csv" else table.to_parquet(path)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_tables_need_models_and_utterances_only(tmp_path, suffix):
    write_tables(tmp_path, suffix=suffix)
    trials, enrolment = tabulate(tmp_path, "tables")
    assert list(trials.itertuples(index=False, name=None)) == [
        ("m", "id1", 0, 0, "", A[2], True),
        ("m", "id1", 0, 1, "", C[0], False),
        ("n", "id2", 0, 0, "", A[2], False),
    ]
    assert list(enrolment.itertuples(index=False, name=None)) == [
        ("n", "id2", 0, B[0]), ("m", "id1", 0, A[0]), ("m", "id1", 1, A[1]),
    ]  # fmt: skip


def test_what_tables_tell_counts(tmp_path, capsys):
    trials = TRIALS.assign(round=[2, 0, 1], step=[5, 7, 3], day="2020-12-31", target=[1, 0, 0])
    write_tables(tmp_path, trials.assign(note="x"), ENROLMENT.assign(order=[0, 9, 2]))
    made, enrolment = tabulate(tmp_path, "tables")
    assert "not used are the columns note\n" in capsys.readouterr().out
    assert made[["utterance", "round", "step"]].values.tolist() == [
        [C[0], 1, 0], [A[2], 2, 0], [A[2], 0, 0],
    ]  # fmt: skip
    assert set(made["day"]) == {"2020-12-31"}
    assert enrolment["utterance"].tolist() == [B[0], A[1], A[0]]


def test_types_of_other_programs(tmp_path):
    trials = TRIALS.assign(
        model=TRIALS["model"].astype("category"),
        day=pd.to_datetime(["2020-12-31", None, "2020-12-30"]),
        target=[True, False, False],
        round=np.array([0, 0, 0], np.uint8),
    )
    write_tables(tmp_path, trials, suffix=".parquet")
    made, _ = tabulate(tmp_path, "tables")
    assert made["day"].tolist() == ["2020-12-31", "2020-12-30", ""]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"model": ["m", "", "m"]}, "row 2: the model is missing"),
        ({"model": ["m", "n", "a b"]}, "row 3: 'a b' is no model"),
        ({"model": ["m", "n", "o"]}, "row 3: the model 'o' has no enrolment in .*s.enrolment"),
        ({"utterance": [A[2], "x", A[3]]}, "row 2: 'x' is not in the corpus"),
        ({"round": [0, -1, 0]}, "row 2: the round is .*-1.*; a whole number from 0 is needed"),
        ({"round": [0, 2**40, 0]}, "row 2: the round is .*; a whole number from 0"),
        ({"step": [1, 0, 1]}, "row 3: the step 1 of 'm' comes again"),
        (
            {"target": [True, True, False]},
            "row 2: '.*' is listed as a target of 'n'; by the corpus",
        ),
        (
            {"speaker": ["id1", "id1", "id1"]},
            "row 2: 'id1' stands there as the speaker of 'n', whos",
        ),
        ({"day": ["2020-02-30", "", ""]}, "row 1: the day is '2020-02-30'; a date as"),
        ({"day": ["20200201", "", ""]}, "row 1: the day is '20200201'; a date as"),
    ],
)
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_tables_that_are_wrong(tmp_path, change, says, suffix):
    write_tables(tmp_path, TRIALS.assign(**change), suffix=suffix)
    with pytest.raises(InputError, match=f"^{tmp_path}/s{suffix}: {says}"):
        tabulate(tmp_path, "tables")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"model": [1, 2, 3]}, "the column model is int64; texts are needed"),
        ({"round": [0.5, 1, 2]}, "the column round is float64; whole numbers are needed"),
        ({"target": [0.5, 1, 2]}, "the column target is float64; true and false are needed"),
        ({"target": [0, 1, 2]}, "row 3: target is '2'; allowed are 1, target"),
        ({"day": [1, 2, 3]}, "the column day is int64; texts as 2020-12-31 are needed"),
        (
            {"day": [datetime.time(1)] * 3},
            "the column day is object; texts as 2020-12-31 are needed",
        ),
        ({"model": [["m"]] * 3}, "the column model is object; texts are needed"),
    ],
)
def test_columns_of_another_type(tmp_path, change, says):
    write_tables(tmp_path, TRIALS.assign(**change), suffix=".parquet")
    with pytest.raises(InputError, match=f"^{tmp_path}/s.parquet: {says}"):
        tabulate(tmp_path, "tables")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"order": [0, 1, 1]}, "row 3: 'm' has the order 1 twice"),
        (
            {"speaker": ["id2", "id1", "id2"]},
            "row 3: '.*' is of the speaker 'id1', but 'm' is a mod",
        ),
        ({"model": ["n", "m", "o"]}, "row 3: the model 'o' has no trial in .*s.csv"),
        ({"utterance": [B[0], A[0], A[0]]}, "row 3: 'm' enrols with '.*' twice"),
        (
            {"utterance": [B[0], A[0], B[1]], "speaker": ["id2", "id1", "id2"]},
            "row 3: the utterances of 'm' are of several speakers",
        ),
    ],
)
def test_enrolments_that_are_wrong(tmp_path, change, says):
    write_tables(tmp_path, enrolment=ENROLMENT.assign(**change))
    with pytest.raises(InputError, match=f"^{tmp_path}/s.enrolment.csv: {says}"):
        tabulate(tmp_path, "tables")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("model\nm\n", "lacks the column 'utterance'; its columns are: model"),
        ("model,utterance\n", "has no row"),
        ("model,utterance\nm,a,b\n", ":2: has 3 fields, the header 2"),
    ],
)
def test_files_that_are_no_tables(tmp_path, content, says):
    write_tables(tmp_path)
    (tmp_path / "s.csv").write_text(content)
    with pytest.raises(InputError, match=f"^{tmp_path}/s.csv.*{says}"):
        tabulate(tmp_path, "tables")


def test_the_files_of_each_form(tmp_path):
    for form, first, second in (
        ("pairs", "s.txt", None),
        ("tables", "s.parquet", "s.enrolment.parquet"),
        ("published", "s/trial.pkl", "s/enroll_model"),
    ):
        for name in filter(None, (first, second)):
            with pytest.raises(InputError, match=f"^trials.imported.root: .*/{name}; in the form"):
                check_lists(tmp_path, form, ["s"])
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).touch()
        check_lists(tmp_path, form, ["s"])
    (tmp_path / "s.csv").touch()
    with pytest.raises(InputError, match=r"there are both .*/s.parquet and s.csv; remove one"):
        check_lists(tmp_path, "tables", ["s"])


def test_settings_of_lists():
    given = {
        "source": "import",
        "imported": {"root": "x", "form": "pairs"},
        "scenarios": ["vox1-o"],
    }
    assert Config(trials=given).trials.find("vox1-o").id == "vox1-o"
    for other in ({"source": "generate"}, {"imported": {"root": "x", "form": "published"}}):
        with pytest.raises(ValueError, match="scenarios has 'vox1-o', which is no scenario"):
            Config(trials={**given, **other})


# --- round trips --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made():
    """Generated trials of every published scenario, their manifest and split."""
    manifest, split = make_manifest(days=30), make_split()
    pool = build_pool(manifest, split, [], Generation())
    settings = Generation(rounds=3)
    trials = {row.id: make_scenario(pool, row, settings, seed=1) for row in SCENARIOS}
    return trials, manifest, split


@pytest.mark.parametrize("scenario", BY_ID)
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_tables_of_results_come_back(made, tmp_path, scenario, suffix):
    trials, manifest, split = made
    own = trials[scenario]
    write = write_csv if suffix == ".csv" else write_parquet
    write(own.trials, tmp_path / f"s{suffix}")
    write(own.enrolment, tmp_path / f"s.enrolment{suffix}")
    back = tabulate(tmp_path, "tables", manifest=manifest, split=split)
    pd.testing.assert_frame_equal(back[0], own.trials)
    pd.testing.assert_frame_equal(back[1], own.enrolment)


@pytest.mark.parametrize("scenario", [row.id for row in SCENARIOS if row.family != "1s"])
def test_pairs_of_sequences_come_back(made, tmp_path, scenario):
    trials, manifest, split = made
    own = trials[scenario]
    # The rows of a table may have any order; its steps tell it.
    shuffled = own.trials.groupby("model", sort=False).sample(frac=1, random_state=1)
    lines = list_pairs(shuffled, "s")
    write_pairs(tmp_path, *lines, models=list_enrolment_map(own.enrolment, "s"))
    back = tabulate(tmp_path, "pairs", manifest=manifest, split=split, sequences=True)
    pd.testing.assert_frame_equal(back[0], own.trials)
    pd.testing.assert_frame_equal(back[1], own.enrolment)
    # As single trials they are the same pairs.
    apart = tabulate(tmp_path, "pairs", manifest=manifest, split=split)[0]
    assert list_pairs(apart, "s") == lines
    write_pairs(tmp_path, *list_pairs(apart, "s"))
    again = tabulate(tmp_path, "pairs", manifest=manifest, split=split)[0]
    pd.testing.assert_frame_equal(again, apart)


def test_text_with_blanks_is_not_exported(made):
    trials = made[0]["random"].trials
    with pytest.raises(InputError, match=r"s: 'anna maria' has white space, which a list of pairs"):
        list_pairs(trials.assign(model="anna maria"), "s")
