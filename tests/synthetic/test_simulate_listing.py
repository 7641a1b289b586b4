import re

import numpy as np
import pandas as pd
import pytest

from tests.launching import launch
from workflow_src.common.errors import InputError
from workflow_src.common.files import read_parquet
from workflow_src.corpus.ids import ID_COLUMNS, parse_utterance_ids, sort_in_corpus_order
from workflow_src.settings.corpus import SimulatedListing
from workflow_src.synthetic.listing import find_genders, make_listing, read_utterance_list

SMALL = SimulatedListing(speakers=6, days=10)


@pytest.fixture(scope="module")
def listing():
    """Thirty speakers over the 92 days, as the manifest has them."""
    return make_listing(SimulatedListing(speakers=30), 1)


def test_sessions_follow_the_settings(listing):
    days = listing.groupby("speaker")["date"].nunique()
    assert days.between(85, 92).all()
    assert days.mean() == pytest.approx(92 * 0.998, abs=0.5)
    sessions = listing.groupby("speaker").apply(
        lambda part: len(part[["date", "slot"]].drop_duplicates())
    )
    share = sessions / (5 * 92)
    # The spread of a mean over 30 speakers is 0.017.
    assert share.mean() == pytest.approx(0.845 * 0.998, abs=0.05)
    assert 0.05 < share.std() < 0.15


def test_takes_follow_the_law(listing):
    first_half = listing["date"] < "2020-06-16"
    sizes = listing.groupby(["speaker", "date", "slot"]).size()
    early = sizes.index.get_level_values("date") < "2020-06-16"
    assert set(sizes[early]) == {3}
    assert set(sizes[~early]) == {4}
    assert listing.loc[first_half, "take"].max() == 3
    free = (listing["kind"] == "ti").groupby(listing["take"]).mean()
    assert free[[1, 4]].tolist() == [1, 0]
    assert free[2] == pytest.approx(0.70, abs=0.02)
    assert free[3] == pytest.approx(0.41, abs=0.02)
    assert (listing["phrase"].eq(0) == listing["kind"].eq("ti")).all()
    phrases = listing.loc[listing["phrase"] > 0, "phrase"].value_counts(normalize=True)
    np.testing.assert_allclose(phrases[[1, 2, 3, 4, 5]], 0.2, atol=0.02)
    hour = listing["time"].str[:2].astype(int)
    begins = listing["slot"].map({1: 6, 2: 9, 3: 12, 4: 17, 5: 20})
    assert (hour - begins).isin([0, 1]).all()


def test_ids_are_distinct_and_in_corpus_order(listing):
    assert listing["utterance"].is_unique
    assert sort_in_corpus_order(listing).equals(listing)


def test_ids_say_what_the_columns_say(listing):
    pd.testing.assert_frame_equal(parse_utterance_ids(listing["utterance"], "drawn"), listing)


@pytest.mark.parametrize(
    ("settings", "example"),
    [
        ({"days": 245}, r"0001_05[0-3]\d"),
        ({"days": 246, "missed_days": 0.9}, r"0001_202005[0-3]\d"),
        ({"speakers": 10_001, "days": 1, "attendance": 1e-9}, r"0001_20200501"),
    ],
)
def test_a_corpus_that_smiip_ids_cannot_hold_has_long_ids(settings, example):
    table = make_listing(SimulatedListing(**{"speakers": 2, **settings}), 1)
    assert re.match(example, table["utterance"][0])
    assert table["utterance"].is_unique
    assert sort_in_corpus_order(table).equals(table)
    short = table["utterance"].str.split("_").str[0]
    assert (short == table["speaker"]).all() and table["speaker"].nunique() == len(set(short))


def test_years_of_recordings():
    settings = SimulatedListing(speakers=40, days=2191, missed_days=0.99, attendance=0.3)
    table = make_listing(settings, 1)
    assert table["date"].min() == "2020-05-01" and table["date"].max() > "2026-01"
    assert (table["utterance"].str[5:13] == table["date"].str.replace("-", "")).all()
    assert (table["utterance"].str[13:17] == table["time"].str.replace(":", "")).all()
    # A day without any session is no recording day, even if it is not missed.
    days = table.groupby("speaker")["date"].nunique()
    assert days.mean() == pytest.approx(2191 * 0.01 * 0.8, rel=0.2)


def test_more_speakers_leave_the_first_ones_as_they_are():
    few = make_listing(SMALL, 3)
    more = make_listing(SMALL.model_copy(update={"speakers": 9}), 3)
    assert more[: len(few)].equals(few)
    assert not make_listing(SMALL, 4).equals(few)


@pytest.mark.parametrize("attendance", [1e-9, 1.0])
def test_the_rarest_and_the_most_faithful_speakers(attendance):
    settings = SimulatedListing(speakers=3, days=4, attendance=attendance, missed_days=0)
    table = make_listing(settings, 1)
    sessions = table.drop_duplicates(["speaker", "date", "slot"])["speaker"].value_counts()
    assert set(sessions) == {1 if attendance < 1 else 20}


def run(folder, *arguments):
    manifest = folder / "manifest.parquet"
    launch("synthetic.simulate_listing", *arguments, "--seed", 1, "--manifest", manifest)
    return read_parquet(folder / "manifest.parquet")


def test_step_writes_the_same_bytes_twice(tmp_path):
    settings = ("--settings", SMALL.model_dump_json())
    manifest = run(tmp_path / "a", *settings)
    run(tmp_path / "b", *settings)
    first, second = (tmp_path / name / "manifest.parquet" for name in "ab")
    assert first.read_bytes() == second.read_bytes()
    assert list(manifest.columns) == [*ID_COLUMNS, "gender"]
    genders = manifest.groupby("speaker")["gender"].agg(lambda part: "/".join(set(part)))
    assert genders.tolist() == ["female", "male"] * 3


def test_a_list_of_utterances_takes_the_place_of_a_drawn_one(tmp_path):
    path = tmp_path / "ids.txt"
    path.write_text(
        "\ufeff# two speakers\n0007_05020612_1_1_ti_0\n\n0002_05010612_1_1_ti_0 # early\n",
        encoding="utf-8",
    )
    manifest = run(tmp_path, "--utterances", str(path))
    assert manifest["utterance"].tolist() == ["0002_05010612_1_1_ti_0", "0007_05020612_1_1_ti_0"]


def test_listed_ids_may_have_a_pattern_of_their_own(tmp_path):
    path = tmp_path / "ids.txt"
    path.write_text("eva/2021-01-03T0900_1\nadam/2019-12-31T2130_2\nadam/2019-12-31T2130_1\n")
    settings = '{"names": "{speaker}/{time:%Y-%m-%dT%H%M}_{take}"}'
    manifest = run(tmp_path, "--utterances", str(path), "--settings", settings)
    assert manifest["utterance"].tolist() == [
        "adam/2019-12-31T2130_1",
        "adam/2019-12-31T2130_2",
        "eva/2021-01-03T0900_1",
    ]
    assert manifest["date"].tolist() == ["2019-12-31", "2019-12-31", "2021-01-03"]
    assert manifest["slot"].tolist() == manifest["phrase"].tolist() == [0, 0, 0]
    assert set(manifest["gender"]) <= {"female", "male"}


def test_a_table_may_list_the_utterances(tmp_path):
    path = tmp_path / "listed.csv"
    path.write_text(
        "utterance;speaker;time;slot;gender;room\n"
        "b;eva;2021-01-03T09:00+01:00;3;male;hall\n"
        "a;adam;2019-12-31;1;female;\n"
    )
    manifest = run(tmp_path, "--utterances", str(path)).set_index("utterance")
    assert manifest.index.tolist() == ["a", "b"]
    assert manifest["slot"].tolist() == [1, 3]
    assert manifest["gender"].tolist() == ["female", "male"]
    assert manifest.loc["b", ["date", "time", "room"]].tolist() == ["2021-01-03", "09:00", "hall"]


def test_half_of_the_speakers_whose_names_are_no_numbers_are_female():
    names = [f"speaker {n}" for n in range(2000)]
    genders = find_genders(pd.DataFrame({"speaker": ["0001", "0002", *names]}), 1)
    assert genders[:2].tolist() == ["female", "male"]
    # Four standard deviations.
    assert abs((genders[2:] == "female").sum() - 1000) < 4 * np.sqrt(500)
    some = find_genders(pd.DataFrame({"speaker": names[::-2]}), 1)
    assert some.tolist() == genders[2:].tolist()[::-2]


def test_a_slot_that_is_no_digit_is_refused(tmp_path):
    path = tmp_path / "listed.csv"
    path.write_text("utterance,speaker,time,slot\na,adam,2019-12-31,morning\n")
    with pytest.raises(InputError, match=r"listed\.csv: the slot of a is 'morning'; .* a digit"):
        read_utterance_list(path)


GOOD = b"0002_05010612_1_1_ti_0\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (GOOD + b"\n0002_0501\n", ":3: '0002_0501' is not an utterance id"),
        (GOOD + b"0002_05320612_1_1_ti_0\n", ":2: .* names no moment of 2020"),
        (GOOD + b"# again\n" + GOOD, ":3: 0002_05010612_1_1_ti_0 stands in line 1 already"),
        (b"# none\n", "no utterance id"),
        (b"\xff\xfe\x00", "is not UTF-8 text"),
    ],
)
def test_bad_lists_are_named_with_their_line(tmp_path, content, message):
    path = tmp_path / "ids.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as error:
        read_utterance_list(path)
    assert str(error.value).startswith(str(path))
    with pytest.raises(InputError, match="cannot be read"):
        read_utterance_list(tmp_path / "none.txt")
