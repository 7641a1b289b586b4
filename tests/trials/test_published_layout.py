"""The published layout: round trips, refusals, and the published files where they are at hand."""

import collections
import os
import pickle
from pathlib import Path

import pandas as pd
import pytest

from tests.launching import launch
from tests.manifests import manifest_of
from tests.trials.trial_corpus import make_manifest, make_split
from workflow_src.common.errors import InputError
from workflow_src.common.files import read_parquet, write_csv, write_parquet
from workflow_src.common.unpickling import read_plain_pickle
from workflow_src.provenance.effective_settings import effective_settings
from workflow_src.settings.generation import Generation, Scenario
from workflow_src.settings.scenarios import BY_ID, SCENARIOS
from workflow_src.settings.schema import Config
from workflow_src.trials.lists import check_lists, find_lists
from workflow_src.trials.pool import build_pool
from workflow_src.trials.protocol import make_scenario
from workflow_src.trials.published_layout import (
    list_enrolments,
    nest_trials,
    parse_enrolments,
    parse_trials,
)
from workflow_src.trials.tabulating import Utterances, tabulate_lists

ROOT = os.environ.get("PUBLISHED_DIR")
FIVE = [f"0003_0501120{n}_3_{n + 1}_ti_0" for n in range(5)]
TARGETS = ["0003_05031201_3_1_ti_0", "0003_05031202_3_2_td_4", "0003_05041700_4_1_ti_0"]
NONTARGETS = ["0011_05091201_3_1_ti_0", "0020_06011202_3_2_ti_0", "0124_07041700_4_1_ti_0"]


CORPUS = manifest_of([*FIVE, *TARGETS, *NONTARGETS])


def tabulate(nested, row, lines=None, rejected=(), split=None, **options):
    """Return the tables of published lists; each model enrols with `FIVE`, unless lines say it."""
    trials = parse_trials(nested, row, "a/trial.pkl")
    if lines is None:
        lines = [" ".join([model, *FIVE]) for model in trials["model"].unique()]
    enrolment = parse_enrolments(lines, row, "a/enroll_model")
    utterances = Utterances(CORPUS, list(rejected))
    split = make_split() if split is None else split
    return tabulate_lists(trials, enrolment, utterances, split, scenario=row.id, **options)


def in_order(content, kinds=True):
    """Turn dicts into lists of pairs, so that their order counts; and their types, if wanted."""
    if isinstance(content, dict):
        return [
            (type(content) if kinds else None, key, in_order(value, kinds))
            for key, value in content.items()
        ]
    return content


@pytest.fixture(scope="module")
def manifest():
    return make_manifest(days=30)


@pytest.fixture(scope="module")
def pool(manifest):
    return build_pool(manifest, make_split(), [], Generation())


@pytest.fixture
def lists():
    """Small published lists of every form, written out by hand."""
    days = {
        "2020_0503": [TARGETS[0], NONTARGETS[0], TARGETS[1], NONTARGETS[1]],
        "2020_0504": [TARGETS[2], NONTARGETS[2]],
    }
    pairs = {day: names[:2] for day, names in days.items()}
    return {
        "random": {"spk0003_1": [*days["2020_0503"], *days["2020_0504"]]},
        "1das": {"spk0003_0": days},
        "1d1s": {1: {"spk0003_0": pairs}, 2: {"spk0003_0": pairs}},
    }


def test_a_small_list_of_each_form(lists):
    table, _ = tabulate(lists["1das"], BY_ID["1das"])
    assert list(table["day"]) == ["2020-05-03"] * 4 + ["2020-05-04"] * 2
    assert list(table["target"]) == [True, False] * 3
    assert list(table["step"]) == list(range(6))
    assert set(table["round"]) == {0} and set(table["speaker"]) == {"0003"}
    # Where no day is written, a non-target is heard on the day of the target before it.
    of_random, _ = tabulate(lists["random"], BY_ID["random"])
    columns = ["speaker", "round", "step", "day", "utterance", "target"]
    pd.testing.assert_frame_equal(of_random[columns], table[columns])
    rounds, _ = tabulate(lists["1d1s"], BY_ID["1d1s"])
    assert list(rounds["round"]) == [1] * 4 + [2] * 4
    assert list(rounds["step"]) == [0, 1, 2, 3] * 2


@pytest.mark.parametrize("scenario", ["random", "1das", "1d1s"])
def test_from_published_and_back(lists, scenario):
    row = BY_ID[scenario]
    model = "spk0003_1" if scenario == "random" else "spk0003_0"
    lines = [" ".join([model, *FIVE])] * (2 if scenario == "1d1s" else 1)
    trials, enrolment = tabulate(lists[scenario], row, lines)
    back = nest_trials(trials, row)
    assert back == lists[scenario]
    assert in_order(back, kinds=False) == in_order(lists[scenario], kinds=False)
    assert list_enrolments(enrolment, row, 2) == lines


def import_lists(folder, row, tables, corpus):
    """Run the step on a folder of published lists."""
    launch(
        "trials.import_trials",
        "--trial-list", folder / row.id / "trial.pkl",
        "--enrolment-list", find_lists(folder, "published", row.id).enrolment,
        "--scenario", row.model_dump_json(),
        "--seed", "1",
        "--manifest", corpus / "manifest.parquet",
        "--split", corpus / "split.csv",
        "--rejected", corpus / "rejected.csv",
        "--trials", tables / f"{row.id}.parquet",
        "--enrolment", tables / f"{row.id}.enrolment.parquet",
    )  # fmt: skip


def export_lists(tables, rows, folder):
    """Run the step for some scenarios."""
    launch(
        "trials.export_trials",
        "--scenarios", f"[{','.join(row.model_dump_json() for row in rows)}]",
        "--trials", *(tables / f"{row.id}.parquet" for row in rows),
        "--enrolments", *(tables / f"{row.id}.enrolment.parquet" for row in rows),
        "--trial-lists", *(folder / row.id / "trial.pkl" for row in rows),
        "--enrolment-lists", *(folder / row.id / "enroll_model" for row in rows),
    )  # fmt: skip


OWN = [
    Scenario(id="weekly", every=7, targets="all", enrolment=[0, 9]),
    Scenario(id="weekly-one", every=7, targets="one", rounds=3, enrolment=[0, 9]),
    Scenario(id="late-walk", every="random", enrolment=[9]),
]


def test_the_steps_round_trip_is_identity(pool, manifest, tmp_path):
    """Our tables, exported, are imported to the same bytes; exported again, to the same too."""
    rows = [*SCENARIOS, *OWN]
    write_parquet(manifest, tmp_path / "manifest.parquet")
    write_csv(make_split(), tmp_path / "split.csv")
    write_csv(pd.DataFrame({"utterance": [], "reason": []}), tmp_path / "rejected.csv")
    for row in rows:
        made = make_scenario(pool, row, Generation(rounds=3), seed=1)
        write_parquet(made.trials, tmp_path / "first" / f"{row.id}.parquet")
        write_parquet(made.enrolment, tmp_path / "first" / f"{row.id}.enrolment.parquet")
    export_lists(tmp_path / "first", rows, tmp_path / "first-out")
    for row in rows:
        import_lists(tmp_path / "first-out", row, tmp_path / "second", tmp_path)
    export_lists(tmp_path / "second", rows, tmp_path / "second-out")
    for row in rows:
        for part in (f"{row.id}.parquet", f"{row.id}.enrolment.parquet"):
            first, second = ((tmp_path / name / part) for name in ("first", "second"))
            pd.testing.assert_frame_equal(read_parquet(first), read_parquet(second))
            assert first.read_bytes() == second.read_bytes()
        for part in ("trial.pkl", "enroll_model"):
            first, second = (
                tmp_path / f"{name}-out/{row.id}/{part}" for name in ("first", "second")
            )
            assert first.read_bytes() == second.read_bytes()
        lines = (tmp_path / f"first-out/{row.id}/enroll_model").read_text().splitlines()
        repeats = collections.Counter(lines).values()
        assert set(repeats) == {3 if row.targets == "one" else 1}


def test_what_is_written_has_the_published_form(pool):
    row = BY_ID["3d1s"]
    nested = nest_trials(make_scenario(pool, row, Generation(), 1).trials, row)
    assert list(nested) == list(range(1, 16)) and {type(n) for n in nested} == {int}
    for level in (nested, nested[1], next(iter(nested[1].values()))):
        assert type(level) is collections.defaultdict and level.default_factory is list
    assert {len(pair) for days in nested[15].values() for pair in days.values()} == {2}


@pytest.mark.parametrize(
    ("scenario", "content", "says"),
    [
        ("random", [], "a list stands where the form of the scenario random has a dict of models"),
        ("random", {}, "holds no trials"),
        ("random", {"spk0003_1": {"2020_0503": TARGETS}}, "'spk0003_1' is no list of utterance"),
        ("random", {"spk0003_1": []}, "'spk0003_1' has no utterances"),
        ("random", {"spk0003_1": [1]}, "'spk0003_1' is no list of utterance ids"),
        ("random", {"spk_1": TARGETS}, "'spk_1' is no model"),
        ("random", {"spk0 3_1": TARGETS}, "'spk0 3_1' is no model"),
        ("random", {7: TARGETS}, "7 is no model"),
        (
            "random",
            {"spk0003_1": [*TARGETS, "0003_x", "y", "y"]},
            r"'spk0003_1': '0003_x' is not in the corpus \(and 2 more\)",
        ),
        ("random", {"spk0003_1": NONTARGETS}, "none of its 3 trials is a target; both are needed"),
        ("random", {"spk0003_1": TARGETS}, "none of its 3 trials is a non-target"),
        ("random", {"spk0003_1": [*NONTARGETS, "\ud800"]}, "holds half of a character"),
        ("1das", {"spk0003_0": TARGETS}, "a list stands where .* 1das has a dict of days of"),
        ("1das", {"spk0003_0": {"0503": TARGETS}}, "'0503' of 'spk0003_0' is no day"),
        ("1das", {"spk0003_0": {None: TARGETS}}, "None of 'spk0003_0' is no day"),
        ("1das", {"spk0003_0": {"2020_0231": NONTARGETS}}, "'2020_0231' of 'spk0003_0' is no day"),
        (
            "1das",
            {"spk0003_0": {"2020_0504": TARGETS}},
            "'spk0003_0', 2020_0504: the target .* is of 2020-05-03, not of 2020-05-04 .and 1 more",
        ),
        ("1das", {1: {"spk0003_0": {}}}, "1 is no model"),
        ("1d1s", {"spk0003_0": {"2020_0503": TARGETS}}, "'spk0003_0' is no round"),
        ("1d1s", {0: {}}, "0 is no round"),
        ("1d1s", {True: {}}, "True is no round"),
        ("1d1s", {1: {"spk0003_0": TARGETS}}, "a list stands where"),
    ],
)
def test_trials_of_another_form_are_refused(scenario, content, says):
    with pytest.raises(InputError, match=f"^a/trial.pkl: .*{says}"):
        tabulate(content, BY_ID[scenario])


def test_one_list_named_again_and_again_is_refused_before_it_grows():
    names = [TARGETS[0], NONTARGETS[0]] * 10_000
    content = {f"spk0003_{k}": names for k in range(1001)}
    with pytest.raises(InputError, match="holds more than 20000000 trials, which"):
        parse_trials(content, BY_ID["random"], "a")


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([], "holds no enrolments"),
        (["spk0003_0 " + " ".join(FIVE[:4])], "line 1: 'spk0003_0' has 4 utterances"),
        (["", "spk0003_0 " + " ".join(FIVE * 2)], "line 2: 'spk0003_0' has 10 utterances"),
        (["0003_0 " + " ".join(FIVE)], "line 1: '0003_0' is no model"),
        (
            ["spk0004_0 " + " ".join(FIVE)],
            "line 1: '0003_.* is of the speaker '0003', but 'spk0004_0' is a model of '0004'",
        ),
        (
            ["spk0003_0 " + " ".join(FIVE[:1] * 5)],
            "line 1: 'spk0003_0' enrols with '0003_.*' twice",
        ),
        (
            ["spk0003_0 " + " ".join([*FIVE[:4], "0003_x"])],
            "line 1: '0003_x' is not in the corpus",
        ),
        (["spk0003_0 " + " ".join(FIVE)] * 2, "line 2: 'spk0003_0' stands there again"),
    ],
)
def test_enrolments_of_another_form_are_refused(lines, says):
    with pytest.raises(InputError, match=f"^a/enroll_model: .*{says}"):
        model = lines[-1].split()[0] if lines else "spk0003_0"
        model = model if model.startswith("spk") else "spk0003_0"
        tabulate({model: {"2020_0503": [TARGETS[0], NONTARGETS[0]]}}, BY_ID["3das"], lines)


def test_rounds_repeat_a_line_unchanged():
    lines = ["spk0003_0 " + " ".join(FIVE), "spk0003_0 " + " ".join(FIVE[::-1])]
    with pytest.raises(InputError, match="line 2: 'spk0003_0' stands there again"):
        parse_enrolments(lines, BY_ID["3d1s"], "a")
    assert len(parse_enrolments(lines[:1] * 15, BY_ID["3d1s"], "a").table) == 5


LINE = " ".join(["spk0003_0", *FIVE])
OTHER_LINE = LINE.replace("spk0003_0", "spk0003_5")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"lines": [OTHER_LINE]},
            "trial.pkl: 'spk0003_0', 2020_0503: the model 'spk0003_0' has no enrolment in a/",
        ),
        (
            {"lines": [LINE, OTHER_LINE]},
            "enroll_model: line 2: the model 'spk0003_5' has no trial in a/trial.pkl",
        ),
        (
            {"rejected": [TARGETS[1], "0200_05011200_3_1_ti_0"]},
            f"trial.pkl: 'spk0003_0', 2020_0503: '{TARGETS[1]}' has no embedding; rejected.csv",
        ),
        (
            {"split": make_split(test=("0011", "0020"))},
            "enroll_model: line 1: the speaker '0003' is not tested; corpus.test_speakers must",
        ),
        (
            {"split": make_split().replace("nontarget-only", "train")},
            "trial.pkl: 'spk0003_0', 2020_0504: '0124_.*' is of the speaker '0124', who would",
        ),
    ],
)
def test_lists_that_do_not_fit_are_refused(lists, change, says):
    tabulate(lists["1das"], BY_ID["1das"])
    with pytest.raises(InputError, match=f"^a/{says}"):
        tabulate(lists["1das"], BY_ID["1das"], **change)


def test_what_is_listed_of_missing_utterances_is_left_out_if_asked(lists, capsys):
    nested = {**lists["1das"], "spk0003_5": {"2020_0503": [TARGETS[0], NONTARGETS[1]]}}
    nested["spk0003_0"]["2020_0504"].append("0020_x")
    gone = [f"0003_0501150{n}_3_1_ti_0" for n in range(5)]
    lines = [LINE, " ".join(["spk0003_5", *gone])]
    trials, enrolment = tabulate(
        nested, BY_ID["1das"], lines, [TARGETS[0], FIVE[1]], leave_out=True
    )
    assert enrolment["utterance"].tolist() == [FIVE[0], *FIVE[2:]]
    assert enrolment["order"].tolist() == [0, 1, 2, 3]
    kept = [NONTARGETS[0], TARGETS[1], NONTARGETS[1], TARGETS[2], NONTARGETS[2]]
    assert trials["utterance"].tolist() == kept
    assert trials["step"].tolist() == [0, 1, 2, 3, 4]
    printed = capsys.readouterr().out
    for said in (
        "6 listed utterances that are not in the corpus (1das)",
        "2 listed utterances that have no embedding (1das)",
        "1 models without an enrolment utterance (1das)",
        "4 trials of what is left out (1das)",
    ):
        assert f"passed over: {said}\n" in printed
    with pytest.raises(InputError, match=r"^a/trial.pkl: nothing is left of its 9 trials"):
        tabulate(nested, BY_ID["1das"], lines, CORPUS["utterance"], leave_out=True)


def test_missing_files_and_both_spellings(tmp_path, lists):
    folder = tmp_path / "1das"
    folder.mkdir()
    write_parquet(CORPUS, tmp_path / "manifest.parquet")
    with pytest.raises(InputError, match=r"^trials\.imported\.root: there is no file .*l\.pkl;"):
        check_lists(tmp_path, "published", ["1das"])
    with pytest.raises(InputError, match=r"1das/trial\.pkl: cannot be read \(No such file"):
        import_lists(tmp_path, BY_ID["1das"], tmp_path, tmp_path)
    (folder / "trial.pkl").write_bytes(pickle.dumps(lists["1das"]))
    with pytest.raises(InputError, match=r"there is no file .*1das/enroll_model;"):
        check_lists(tmp_path, "published", ["1das"])
    with pytest.raises(InputError, match=r"1das/enroll_model: cannot be read \(No such file"):
        import_lists(tmp_path, BY_ID["1das"], tmp_path, tmp_path)
    (folder / "enrol_model").write_bytes(b"\xff")
    with pytest.raises(InputError, match=r"1das/enrol_model: is not UTF-8 text"):
        import_lists(tmp_path, BY_ID["1das"], tmp_path, tmp_path)
    check_lists(tmp_path, "published", ["1das"])
    assert find_lists(tmp_path, "published", "1das").enrolment == folder / "enrol_model"
    (folder / "enroll_model").touch()
    assert find_lists(tmp_path, "published", "1das").enrolment == folder / "enroll_model"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"step": [0, 1, 4, 5, 2, 3]}, "'spk0003_0' on 2020-05-03 are interrupted"),
        ({"day": ""}, "because their days are unknown; export_pairs can"),
        ({"round": [1, 1, 1, 1, 2, 2]}, "because they have rounds; export_pairs can"),
        ({"model": "id1/x"}, "because 'id1/x' is not of the form spk<speaker>_<k>; export_pairs"),
    ],
)
def test_what_the_layout_cannot_hold_is_not_exported(lists, change, says):
    table, _ = tabulate(lists["1das"], BY_ID["1das"])
    with pytest.raises(InputError, match=f"^1das: .*{says}"):
        nest_trials(table.assign(**change), BY_ID["1das"])


def test_settings_of_the_source():
    with pytest.raises(ValueError, match=r"imported\.root must name a folder"):
        Config(trials={"source": "import"})
    assert "imported" not in effective_settings(Config())["trials"]


@pytest.mark.skipif(not ROOT, reason="PUBLISHED_DIR does not name the published files")
@pytest.mark.parametrize(
    ("scenario", "models", "targets"), [("random", 1740, 76_819), ("3das", 290, 88_560)]
)
def test_the_published_files(tmp_path, scenario, models, targets):
    folder = Path(ROOT) / "trials" / scenario
    nested = read_plain_pickle(folder / "trial.pkl")
    path = find_lists(folder.parent, "published", scenario).enrolment
    lines = path.read_text().splitlines()
    names = {name for line in lines for name in line.split()[1:]}
    for of_model in nested.values():
        names.update(*([of_model] if scenario == "random" else of_model.values()))
    write_parquet(manifest_of(sorted(names)), tmp_path / "manifest.parquet")
    speakers = sorted({name[:4] for name in names})
    parts = ["nontarget-only" if speaker == "0124" else "test" for speaker in speakers]
    write_csv(pd.DataFrame({"speaker": speakers, "part": parts}), tmp_path / "split.csv")
    write_csv(pd.DataFrame({"utterance": [], "reason": []}), tmp_path / "rejected.csv")
    row = BY_ID[scenario]
    import_lists(folder.parent, row, tmp_path, tmp_path)
    trials = read_parquet(tmp_path / f"{scenario}.parquet")
    enrolment = read_parquet(tmp_path / f"{scenario}.enrolment.parquet")
    assert trials["model"].nunique() == enrolment["model"].nunique() == models
    assert trials["target"].sum() == targets
    assert len(trials) == 2 * targets

    export_lists(tmp_path, [row], tmp_path / "out")
    back = read_plain_pickle(tmp_path / f"out/{scenario}/trial.pkl")
    assert in_order(back) == in_order(nested)
    assert (tmp_path / f"out/{scenario}/enroll_model").read_bytes() == path.read_bytes()
    print(f"{scenario}: imported {models} models, {targets} targets; exported again, identical")
