"""Scenarios of days, weeks, months and sessions, against plain loops over a log of years."""

import datetime

import numpy as np
import pandas as pd
import pytest

from tests.trials.trial_corpus import make_manifest, make_split
from workflow_src.common.errors import InputError
from workflow_src.common.seeds import generator
from workflow_src.corpus.ids import sort_in_corpus_order
from workflow_src.settings.generation import Generation, Scenario
from workflow_src.trials.pool import build_pool, draw_nontargets
from workflow_src.trials.protocol import make_scenario
from workflow_src.trials.published_layout import (
    list_enrolments,
    nest_trials,
    parse_enrolments,
    parse_trials,
)
from workflow_src.trials.tabulating import Utterances, tabulate_lists

ANY_TIME = Generation(enrolment_after=None, enrolment_before=None, rounds=3)
UNITS = ["day", "week", "month", "session"]
SHAPES = {
    "as": {"every": 2, "targets": "all", "enrolment": [0, 3]},
    "1s": {"every": 1, "targets": "one", "enrolment": [0, 4]},
    "random": {"every": "random", "enrolment": [1]},
}


def make_log(seed=0):
    """Years of recordings: a speaker of 2 days, some of a few, one of hundreds; nobody's id."""
    rng = np.random.default_rng(seed)
    rows = []
    for speaker, sessions in {"anna": 1, "bo": 9, "id10270": 25, "zoë": 250}.items():
        begin = datetime.datetime(2018, 12, 27, 22)
        for number in range(sessions):
            # The names fall in time, so their order is not that of the sessions.
            name = f"v{999 - number}"
            for take in range(rng.integers(1, 5)):
                moment = begin + datetime.timedelta(hours=take)  # some last past midnight
                rows.append((f"{speaker}/{name}/{take}", speaker, f"{moment:%F}", f"{moment:%R}"))
            begin += datetime.timedelta(hours=6 + int(rng.exponential(150)))
    table = pd.DataFrame(rows, columns=["utterance", "speaker", "date", "time"])
    table["session"] = table["utterance"].str.split("/").str[1]
    return sort_in_corpus_order(table)


def split_of(table, train=()):
    speakers = sorted(table["speaker"].unique())
    parts = ["train" if speaker in train else "test" for speaker in speakers]
    return pd.DataFrame({"speaker": speakers, "part": parts})


def unit_of(row, unit):
    """The unit of an utterance, by the words of the method."""
    day = datetime.date.fromisoformat(row.date)
    return {
        "day": day,
        "week": day.isocalendar()[:2],
        "month": (day.year, day.month),
        "session": row.session,
    }[unit]


def group(table, unit):
    """{speaker: [[utterance, ...] of each unit]} in corpus order."""
    found = {}
    for row in table.itertuples():
        found.setdefault(row.speaker, {}).setdefault(unit_of(row, unit), []).append(row.utterance)
    return {speaker: list(units.values()) for speaker, units in found.items()}


def make(table, unit, shape, settings=ANY_TIME, seed=1):
    pool = build_pool(table, split_of(table), [], settings, unit)
    row = Scenario(id="own", unit=unit, **SHAPES[shape])
    return make_scenario(pool, row, settings, seed)


def expect(table, unit, row):
    """{model: (enrolment, [utterances of each test unit])} and what is left out."""
    models, left = {}, {}

    def leave(reason, count=1):
        if count:
            left[reason] = left.get(reason, 0) + count

    for speaker, units in group(table, unit).items():
        for k in row.enrolment:
            found = [(n, name) for n, names in enumerate(units) for name in names if n >= k][:5]
            if k >= len(units):
                leave(f"enrolment {unit}s that the speaker did not reach")
            elif len(found) < 5:
                leave(f"enrolment {unit}s without 5 utterances")
            else:
                visits = range(k + row.every + 1, len(units), row.every)
                tested = [units[n] for n in visits if n > found[-1][0]]
                leave(f"test {unit}s during enrolment", len(visits) - len(tested))
                if tested:
                    models[f"spk{speaker}_{k}"] = [name for _, name in found], tested
                else:
                    leave(f"enrolment {unit}s without a test {unit}")
    return models, left


def check_days(made, table):
    """Each step has the date of its target; the non-target after it is somebody else's."""
    dates = table.set_index("utterance")["date"]
    targets, others = made.trials[::2], made.trials[1::2]
    assert targets["target"].all() and not others["target"].any()
    assert targets["day"].tolist() == dates[targets["utterance"]].tolist()
    assert others["day"].tolist() == targets["day"].tolist()
    speaker = table.set_index("utterance")["speaker"]
    assert (speaker[targets["utterance"]].to_numpy() == targets["speaker"].to_numpy()).all()
    assert (speaker[others["utterance"]].to_numpy() != others["speaker"].to_numpy()).all()
    for _, days in made.trials.groupby(["model", "round"])["day"]:
        assert days.is_monotonic_increasing


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("shape", ["as", "1s"])
def test_models_tests_and_what_is_left_out(unit, shape, seed):
    table = make_log(seed)
    made = make(table, unit, shape)
    models, left = expect(table, unit, Scenario(id="own", unit=unit, **SHAPES[shape]))
    assert made.left_out.counts == left
    assert left[f"enrolment {unit}s that the speaker did not reach"] >= 1  # of anna
    enrolment = made.enrolment.groupby("model", sort=False)["utterance"].agg(list)
    assert enrolment.to_dict() == {model: names for model, (names, _) in models.items()}
    targets = made.trials[made.trials["target"]].groupby(["model", "round"])["utterance"].agg(list)
    assert set(targets.index.get_level_values(0)) == set(models)
    for (model, _), names in targets.items():
        tested = models[model][1]
        if shape == "as":
            assert names == [name for unit in tested for name in unit]
        else:
            assert len(names) == len(tested)
            assert all(name in unit for name, unit in zip(names, tested, strict=True))
    check_days(made, table)


@pytest.mark.parametrize("unit", UNITS)
def test_a_walk_skips_units(unit):
    table = make_log()
    settings = ANY_TIME.model_validate(
        {**ANY_TIME.model_dump(), "random": {"max_skip_days": 3, "max_targets": 2}}
    )
    made = make(table, unit, "random", settings)
    check_days(made, table)
    for model, part in made.trials[made.trials["target"]].groupby("model"):
        units = group(table, unit)[part["speaker"].iloc[0]]
        place = {name: n for n, names in enumerate(units) for name in names}
        visited = part["utterance"].map(place)
        counts = visited.value_counts(sort=False)
        assert counts.max() <= 2
        enrolled = made.enrolment.loc[made.enrolment["model"] == model, "utterance"].map(place)
        assert visited.min() > enrolled.max()
        # The first visits may have been during enrolment.
        steps = np.diff(visited.drop_duplicates())
        assert ((steps >= 1) & (steps <= 3)).all()
        assert len(units) - visited.max() <= 3
    assert "zoë" in set(made.trials["speaker"]) and "anna" not in set(made.trials["speaker"])


def test_sessions_without_names_are_slots_of_a_day():
    table = make_manifest(days=12)
    slots = build_pool(table, make_split(), [], ANY_TIME, "session")
    named = table.assign(session=table["date"] + " " + table["slot"].astype(str), slot=0)
    names = build_pool(named, make_split(), [], ANY_TIME, "session")
    count = table.groupby(["date", "slot", "speaker"]).ngroups
    assert len(slots.first_utterance) <= count + 1
    assert np.array_equal(slots.first_utterance, names.first_utterance)
    assert np.array_equal(slots.first_unit, names.first_unit)
    pd.testing.assert_series_equal(slots.utterances, names.utterances)


def test_sessions_of_a_day_without_times_may_mix():
    table = pd.DataFrame(
        [(f"{n}", "bo", "2020-01-01", "", "ab"[n % 2]) for n in range(6)]
        + [("9", "zoë", "2020-01-01", "", "a")],
        columns=["utterance", "speaker", "date", "time", "session"],
    )
    pool = build_pool(table, split_of(table), [], ANY_TIME, "session")
    assert "".join(pool.utterances) == "0241359"
    assert pool.first_utterance.tolist() == [0, 3, 6, 7]


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda t: t.drop(columns="session"), "tells no sessions.*neither a column session nor"),
        (lambda t: t.assign(session=t["session"].mask(t.index < 2)), "2 of [0-9,]+ .* no session"),
        (lambda t: t.assign(session=t["session"].mask(t.index < 1, "")), "1 of .* no session"),
        (
            lambda t: t.assign(session=np.where(t["date"] < "2019-03", "am", t["session"])),
            None,
        ),
        (
            lambda t: t.assign(session=np.where(t["date"].str[-1] < "5", "am", "pm")),
            "two sessions of speaker bo overlap: .m has .* and .m begins on .* a name that",
        ),
    ],
)
def test_what_tells_no_sessions(spoil, says):
    table = spoil(make_log())
    if says is None:  # a name of one long session is fine
        make(table, "session", "as")
        return
    with pytest.raises(InputError, match=says):
        build_pool(table, split_of(table), [], ANY_TIME, "session")


def test_draws_of_days_keep_their_streams_and_other_units_have_their_own():
    # One recording day in each week and month: all units are the same, but for their draws.
    days = pd.date_range("2019-01-01", periods=24, freq="MS").strftime("%F")
    table = pd.DataFrame(
        [
            (f"{speaker}-{day}-{n}", speaker, day, "12:00", day)
            for speaker in ("a", "b", "c")
            for day in days
            for n in range(6)
        ],
        columns=["utterance", "speaker", "date", "time", "session"],
    )
    for shape in SHAPES:
        made = {unit: make(table, unit, shape).trials for unit in UNITS}
        for unit in UNITS[1:]:
            assert not made["day"]["utterance"].equals(made[unit]["utterance"])
    pool = build_pool(table, split_of(table), [], ANY_TIME)
    own = make(table, "day", "as").trials.query("speaker == 'b'")
    drawn = draw_nontargets(pool, 1, generator(1, "trials", "as", "b").random((24 * 6, 2)))
    place = {name: n for n, name in enumerate(pool.utterances[pool.utterances.str[0] == "b"])}
    theirs = [pool.utterances[drawn[place[name]]] for name in own["utterance"][::2]]
    assert own["utterance"][1::2].tolist() == theirs


def test_a_pool_of_another_unit_is_refused():
    table = make_log()
    pool = build_pool(table, split_of(table), [], ANY_TIME, "week")
    with pytest.raises(ValueError, match="own counts months, but the pool weeks"):
        make_scenario(pool, Scenario(id="own", unit="month", **SHAPES["as"]), ANY_TIME, 1)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_published_layout_holds_other_units(unit, shape):
    """Its days are dates of targets, as in our tables."""
    table, row = make_log(), Scenario(id="own", unit=unit, **SHAPES[shape])
    made = make(table, unit, shape)
    nested = nest_trials(made.trials, row)
    lines = list_enrolments(made.enrolment, row, made.trials["round"].nunique())
    listed = parse_trials(nested, row, "a"), parse_enrolments(lines, row, "b")
    back = tabulate_lists(*listed, Utterances(table, []), split_of(table), scenario="own")
    pd.testing.assert_frame_equal(back[0], made.trials)
    pd.testing.assert_frame_equal(back[1], made.enrolment)


@pytest.mark.parametrize(
    ("unit", "every", "says"),
    [
        ("day", 1, "all utterances of a day, every day"),
        ("week", 2, "all utterances of a week, every 2 weeks"),
        ("month", "random", "a few utterances of months at random distances"),
    ],
)
def test_a_scenario_in_words(unit, every, says):
    targets = None if every == "random" else "all"
    assert Scenario(id="own", unit=unit, every=every, targets=targets).summary == says


@pytest.mark.parametrize("unit", ["day", "week", "month"])
@pytest.mark.parametrize("step", [1, 3, 7, 29, 364, 365, 366])
def test_units_of_years_are_distinct(unit, step):
    """Also for a speaker who records once a year, and over New Year."""
    days = pd.date_range("2018-12-24", periods=20, freq=f"{step}D").strftime("%F")
    table = pd.DataFrame(
        [(f"{speaker}-{day}", speaker, day, "", "") for speaker in "ab" for day in days],
        columns=["utterance", "speaker", "date", "time", "session"],
    )
    pool = build_pool(table, split_of(table), [], ANY_TIME, unit)
    sizes = [len(names) for units in group(table, unit).values() for names in units]
    assert np.diff(pool.first_utterance).tolist() == sizes
