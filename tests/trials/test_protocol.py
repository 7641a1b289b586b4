"""Scenarios on a made-up manifest, against plain loops over the method's statement."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chisquare

from tests.manifests import manifest_of
from tests.trials.trial_corpus import make_manifest, make_split
from workflow_src.common.errors import InputError
from workflow_src.settings.generation import Generation, Scenario
from workflow_src.settings.scenarios import BY_ID
from workflow_src.trials.pool import build_pool
from workflow_src.trials.protocol import LeftOut, make_scenario


@pytest.fixture(scope="module")
def manifest():
    return make_manifest()


OWN = [
    Scenario(id="weekly", every=7, targets="all", enrolment=[0, 2, 9]),
    Scenario(id="weekly-one", every=7, targets="one", rounds=2, enrolment=[0, 2, 9]),
    Scenario(id="late-walk", every="random", enrolment=[9]),
]
ROWS = BY_ID | {row.id: row for row in OWN}


@pytest.fixture(scope="module")
def made(manifest):
    pool = build_pool(manifest, make_split(), [], Generation())
    return {name: make_scenario(pool, row, Generation(), seed=1) for name, row in ROWS.items()}


def corpus_order(manifest, speaker):
    """Days of a speaker: [(date, [utterances])], by the method's words."""
    own = manifest[manifest["speaker"] == speaker]
    key = sorted(
        (row.date, row.slot, row.take, row.time, row.utterance) for row in own.itertuples()
    )
    days = {}
    for date, _, _, time, utterance in key:
        days.setdefault(date, []).append((time, utterance))
    return list(days.items())


def enrol(days, k):
    found = []
    for _, utterances in days[k:]:
        found += [utterance for time, utterance in utterances if "10:00" < time < "20:00"]
    return found[:5] if len(found) >= 5 else None


def expected_models(manifest, scenario):
    """{model: (enrolment, dates of test days)} by the statement of the method."""
    models = {}
    for speaker in ("0003", "0011", "0020", "0300"):
        days = corpus_order(manifest, speaker)
        for k in scenario.enrolment:
            utterances = enrol(days, k)
            if not utterances:
                continue
            # What enrols is not tested; only in a sparse corpus does that take a test day away.
            last = max(date for date, of_day in days for _, name in of_day if name in utterances)
            later = days[k + scenario.every + 1 :: scenario.every]
            tested = [date for date, _ in later if date > last]
            if tested:
                models[f"spk{speaker}_{k}"] = (utterances, tested)
    return models


def check_form(trials):
    """Targets and non-targets in turn, numbered from 0 within (model, round), in day order."""
    assert trials["target"].tolist() == [True, False] * (len(trials) // 2)
    groups = trials.groupby(["model", "round"], sort=False)
    assert (groups.cumcount() == trials["step"]).all()
    assert groups["day"].apply(lambda day: day.is_monotonic_increasing).all()
    own = trials["utterance"].str[:4] == trials["speaker"]
    assert (own == trials["target"]).all()
    assert set(trials["utterance"].str[:4]) == {"0003", "0011", "0020", "0300", "0124"}
    assert (trials["day"].str[5:].str.replace("-", "") == trials["utterance"].str[5:9])[
        trials["target"]
    ].all()
    assert trials.dtypes[["round", "step", "target"]].tolist() == ["int16", "int32", "bool"]


@pytest.mark.parametrize("scenario", [name for name, row in ROWS.items() if row.every != "random"])
def test_models_enrolments_and_test_days(manifest, made, scenario):
    expected = expected_models(manifest, ROWS[scenario])
    trials, enrolment = made[scenario].trials, made[scenario].enrolment
    assert list(trials["model"].drop_duplicates()) == list(expected)
    assert list(enrolment["model"].drop_duplicates()) == list(expected)
    for model, (utterances, dates) in expected.items():
        own = enrolment[enrolment["model"] == model]
        assert own["utterance"].tolist() == utterances
        assert own["order"].tolist() == list(range(5))
        for _, part in trials[trials["model"] == model].groupby("round"):
            assert list(part["day"].drop_duplicates()) == dates
    check_form(trials)


@pytest.mark.parametrize("scenario", ["1das", "3das", "5das", "10das", "weekly"])
def test_as_targets_are_the_day_in_corpus_order(manifest, made, scenario):
    days = {s: dict(corpus_order(manifest, s)) for s in ("0003", "0011", "0020", "0300")}
    targets = made[scenario].trials.query("target")
    assert (targets["round"] == 0).all()
    for (_, speaker, date), part in targets.groupby(["model", "speaker", "day"]):
        assert part["utterance"].tolist() == [name for _, name in days[speaker][date]]


def test_as_lists_are_one_for_speaker_and_day(made):
    trials = pd.concat(
        [made[name].trials.assign(scenario=name) for name in ("1das", "3das", "5das", "weekly")]
    )
    lists = trials.groupby(["speaker", "day", "scenario", "model"])["utterance"].agg(tuple)
    counts = lists.groupby(["speaker", "day"]).agg(["size", "nunique"])
    assert (counts["nunique"] == 1).all()
    assert (counts["size"] > 1).any()


def test_1s_pairs_are_one_for_round_speaker_and_day(made):
    scenarios = {name: made[name].trials for name in ("1d1s", "3d1s", "5d1s", "10d1s")}
    for trials in scenarios.values():
        assert sorted(trials["round"].unique()) == list(range(1, 16))
        pairs = trials.groupby(["round", "speaker", "day", "model"])["utterance"].agg(tuple)
        assert (pairs.map(len) == 2).all()
        assert (pairs.groupby(["round", "speaker", "day"]).nunique() == 1).all()
    # A scenario with fewer rounds has the first of them.
    keys = ["round", "speaker", "day"]
    every_day = scenarios["1d1s"].query("target").set_index(keys)["utterance"].rename("of 1d1s")
    few = made["weekly-one"].trials.query("target")[[*keys, "utterance"]].drop_duplicates()
    assert sorted(few["round"].unique()) == [1, 2]
    shared = few.join(every_day, keys, how="inner")
    assert len(shared) > 10
    assert (shared["utterance"] == shared["of 1d1s"]).all()
    # Rounds are drawn apart.
    spread = scenarios["1d1s"].query("target").groupby(["model", "day"])["utterance"].nunique()
    assert spread.max() > 3


@pytest.mark.parametrize("scenario", ["random", "late-walk"])
def test_random_trajectories(manifest, made, scenario):
    trials, enrolment = made[scenario].trials, made[scenario].enrolment
    [k] = ROWS[scenario].enrolment
    check_form(trials)
    assert trials["model"].nunique() == 4 * 30
    for speaker, models in enrolment.groupby("speaker"):
        days = corpus_order(manifest, speaker)
        dates = {date: number for number, (date, _) in enumerate(days)}
        assert list(models["model"].drop_duplicates()) == [
            f"spk{speaker}_{number}" for number in range(1, 31)
        ]
        for model, part in models.groupby("model"):
            assert part["utterance"].tolist() == enrol(days, k)
            tested = trials[(trials["model"] == model) & trials["target"]]
            visited = [dates[date] for date in tested["day"].drop_duplicates()]
            skips = np.diff([k + 1, *visited])
            assert ((skips >= 1) & (skips <= 9)).all()
            assert len(days) - visited[-1] <= 9
            for date, targets in tested.groupby("day"):
                order = [name for _, name in days[dates[date]][1]]
                places = [order.index(name) for name in targets["utterance"]]
                assert places == sorted(set(places))
                assert 1 <= len(places) <= min(4, len(order))


def test_a_scenario_depends_on_nothing_but_corpus_and_seed(manifest, made):
    pool = build_pool(manifest.copy(), make_split(), [], Generation())
    for name in ("random", "3das", "3d1s"):
        again = make_scenario(pool, BY_ID[name], Generation(), seed=1)
        pd.testing.assert_frame_equal(again.trials, made[name].trials)
        other = make_scenario(pool, BY_ID[name], Generation(), seed=2).trials
        assert not other["utterance"].equals(made[name].trials["utterance"])


def test_more_rounds_or_trajectories_only_add(manifest, made):
    settings = Generation.model_validate({"rounds": 3, "random": {"trajectories": 7}})
    pool = build_pool(manifest, make_split(), [], settings)
    few = make_scenario(pool, BY_ID["3d1s"], settings, seed=1).trials
    many = made["3d1s"].trials
    pd.testing.assert_frame_equal(few, many[many["round"] <= 3].reset_index(drop=True))
    few = make_scenario(pool, BY_ID["random"], settings, seed=1).trials
    many = made["random"].trials
    kept = many[many["model"].str[8:].astype(int) <= 7].reset_index(drop=True)
    assert few["model"].nunique() == 28
    pd.testing.assert_frame_equal(few[["model", "day"]], kept[["model", "day"]])
    pd.testing.assert_frame_equal(few, kept)


def test_families_are_drawn_apart(made):
    one = made["1d1s"].trials.query("target and round == 1")
    again = made["random"].trials.query("target")
    assert not set(zip(one["day"], one["utterance"], strict=True)) <= set(
        zip(again["day"], again["utterance"], strict=True)
    )


@pytest.mark.parametrize("scenario", ["random", "1das", "1d1s"])
def test_nontargets_are_uniform_over_speakers_then_utterances(scenario):
    # One speaker with many utterances, one with few: speakers must come out even.
    manifest = make_manifest(days=60, seed=4)
    few = manifest["speaker"] == "0124"
    manifest = manifest[~few | (few.cumsum() <= 12)]
    settings = Generation(rounds=40)
    pool = build_pool(manifest, make_split(), [], settings)
    trials = make_scenario(pool, BY_ID[scenario], settings, seed=3).trials
    drawn = trials.loc[~trials["target"] & (trials["speaker"] == "0003"), "utterance"]
    speakers = drawn.str[:4].value_counts()
    assert len(speakers) == 4
    assert chisquare(speakers).pvalue > 1e-4
    of_few = drawn[drawn.str[:4] == "0124"].value_counts()
    assert len(of_few) == 12
    assert chisquare(of_few).pvalue > 1e-4


def test_laws_of_random_and_1s_draws(manifest):
    settings = Generation.model_validate({"rounds": 400, "random": {"trajectories": 400}})
    pool = build_pool(manifest, make_split(), [], settings)
    targets = make_scenario(pool, BY_ID["random"], settings, seed=6).trials.query("target")
    days = corpus_order(manifest, "0003")
    sizes = {date: len(utterances) for date, utterances in days}
    targets = targets[targets["speaker"] == "0003"]
    first = targets.groupby("model")["day"].first()
    places = first.map({date: number for number, (date, _) in enumerate(days)})
    counts = places.value_counts().reindex(range(2, 11), fill_value=0)
    assert counts.sum() == 400
    assert chisquare(counts).pvalue > 1e-4
    large = targets[targets["day"].map(sizes) >= 4].groupby(["model", "day"]).size()
    assert chisquare(large.value_counts().reindex(range(1, 5), fill_value=0)).pvalue > 1e-4
    date = max(sizes, key=sizes.get)
    names = dict(days)[date]
    drawn = make_scenario(pool, BY_ID["1d1s"], settings, seed=6).trials.query(
        "target and day == @date"
    )
    counts = drawn[drawn["speaker"] == "0003"]["utterance"].value_counts()
    assert len(counts) == len(names)
    assert chisquare(counts).pvalue > 1e-4


def test_targets_of_a_random_day_are_uniform():
    manifest = make_manifest(days=3, speakers=["0003", "0124"], seed=1)
    settings = Generation.model_validate(
        {"random": {"trajectories": 3000, "max_skip_days": 1, "max_targets": 2}}
    )
    pool = build_pool(manifest, make_split(), [], settings)
    targets = make_scenario(pool, BY_ID["random"], settings, seed=1).trials.query("target")
    counts = targets["utterance"].value_counts()
    assert len(counts) == len(corpus_order(manifest, "0003")[2][1])
    assert chisquare(counts).pvalue > 1e-4


def test_rejected_utterances_are_in_no_trial(manifest):
    rejected = manifest["utterance"].sample(frac=0.3, random_state=0).tolist()
    pool = build_pool(manifest, make_split(), rejected, Generation())
    rest = manifest[~manifest["utterance"].isin(rejected)]
    same = build_pool(rest, make_split(), [], Generation())
    for name in ("random", "1das", "1d1s"):
        made = make_scenario(pool, BY_ID[name], Generation(), seed=1)
        assert not set(made.trials["utterance"]) & set(rejected)
        assert not set(made.enrolment["utterance"]) & set(rejected)
        pd.testing.assert_frame_equal(
            made.trials, make_scenario(same, BY_ID[name], Generation(), seed=1).trials
        )


def test_what_is_left_out_is_counted(made):
    # 34 days or so: k = 47 and more are not reached; some k have no test day 10 days on.
    counts = made["10das"].left_out.counts
    assert counts["enrolment days that the speaker did not reach"] >= 4 * 5
    assert counts["enrolment days without a test day"] >= 1
    assert str(LeftOut()) == "nothing"
    assert "without a test day" in str(made["10das"].left_out)


def test_sparse_enrolment_is_counted_and_never_tested():
    # One utterance a day within the hours: enrolment takes five days and reaches test days.
    utterances = [
        f"{speaker}_05{day:02d}1200_3_1_ti_0"
        for speaker in ("0003", "0011")
        for day in range(1, 13)
    ]
    manifest = manifest_of(utterances)
    pool = build_pool(manifest, make_split(("0003", "0011"), ()), [], Generation())
    for name in ("1das", "3das", "1d1s", "random"):
        made = make_scenario(pool, BY_ID[name], Generation(), seed=1)
        tested = made.trials.query("target").groupby("model")["day"].min()
        enrolled = made.enrolment.groupby("model")["utterance"].max().str[7:9]
        assert (tested.str[8:].astype(int) > enrolled.astype(int)).all()
    assert make_scenario(pool, BY_ID["1das"], Generation(), seed=1).left_out.counts == {
        "test days during enrolment": 2 * 3
    }


def test_too_few_utterances_to_enrol():
    utterances = [
        f"{speaker}_05{day:02d}1200_3_1_ti_0" for speaker in ("0003", "0011") for day in range(1, 5)
    ]
    pool = build_pool(manifest_of(utterances), make_split(("0003",), ("0011",)), [], Generation())
    for name in BY_ID:
        with pytest.raises(InputError, match=f"nothing is left for the scenario {name}; .*1 enrol"):
            make_scenario(pool, BY_ID[name], Generation(), seed=1)


def test_hours_of_enrolment_are_strict():
    times = ["1000", "1001", "1959", "2000", "1500", "1501", "1502"]
    utterances = [f"0003_0501{time}_{slot}_1_ti_0" for slot, time in enumerate(times, start=1)]
    utterances += ["0003_05031200_3_1_ti_0", "0003_05021200_3_1_ti_0", "0011_05011200_3_1_ti_0"]
    pool = build_pool(manifest_of(utterances), make_split(("0003",), ("0011",)), [], Generation())
    enrolment = make_scenario(pool, BY_ID["1das"], Generation(), seed=1).enrolment
    assert enrolment["utterance"].str[9:13].tolist() == ["1001", "1959", "1500", "1501", "1502"]


@pytest.mark.parametrize(
    ("split", "message"),
    [
        (make_split(()), "names no test speaker"),
        (make_split(("0999",)), "none of the test speakers of the split has a usable"),
        (make_split(("0003",), ()), "0003 is the only speaker of the pool"),
    ],
)
def test_pools_that_cannot_be_tested(manifest, split, message):
    with pytest.raises(InputError, match=message):
        build_pool(manifest, split, [], Generation())
