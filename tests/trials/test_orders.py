"""Orders of trials: what they permute, and that nothing in them tells the label."""

import functools
import itertools

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, chisquare

from tests.manifests import manifest_of
from tests.trials.trial_corpus import make_manifest, make_split
from workflow_src.settings.generation import Generation, Scenario
from workflow_src.settings.scenarios import BY_ID
from workflow_src.trials.orders import law_of_targets, shuffle_days
from workflow_src.trials.pool import build_pool
from workflow_src.trials.protocol import make_scenario

SEQUENCE = ["model", "round"]
MANY = [f"{n:04d}" for n in range(40)]
WEEKLY = Scenario(id="weekly", every=1, targets="all", unit="week")
WEEKLY_ONE = Scenario(id="weekly-one", every=1, targets="one", unit="week")
ROWS = [*(BY_ID[name] for name in ("random", "1das", "3das", "3d1s")), WEEKLY, WEEKLY_ONE]


@pytest.fixture(scope="module")
def manifest():
    return make_manifest()


def make(manifest, row, order, ratio=1.0, seed=1, **settings):
    generation = Generation.model_validate({"nontargets_per_target": ratio, **settings})
    pool = build_pool(manifest, make_split(), [], generation, row.unit)
    return make_scenario(pool, row, generation, seed, order)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_shuffled_trials_are_those_of_each_day_in_another_order(manifest, row):
    published = make(manifest, row, "published")
    shuffled = make(manifest, row, "shuffled")
    pd.testing.assert_frame_equal(shuffled.enrolment, published.enrolment)
    apart = ["utterance", "target"]
    pd.testing.assert_frame_equal(
        shuffled.trials.drop(columns=apart), published.trials.drop(columns=apart)
    )
    days = [
        table.trials.groupby([*SEQUENCE, "day"], sort=False)[apart].agg(list)
        for table in (published, shuffled)
    ]
    for before, after in zip(*(day.itertuples() for day in days), strict=True):
        pairs = [sorted(zip(day.utterance, day.target, strict=True)) for day in (before, after)]
        assert pairs[0] == pairs[1]
    assert not shuffled.trials["utterance"].equals(published.trials["utterance"])


def test_every_permutation_of_a_day_is_as_likely():
    days = 6000
    trials = pd.DataFrame(
        {
            "model": np.repeat([f"spk1_{n}" for n in range(days // 2)], 8),
            "round": 0,
            "step": np.tile(np.arange(8), days // 2),
            "day": np.tile(np.repeat(["2020-05-01", "2020-05-02"], 4), days // 2),
            "utterance": np.tile(list("abcdefgh"), days // 2),
            "target": np.tile([True, False], days * 2),
        }
    )
    shuffled = shuffle_days(trials, "random", 1)
    found = shuffled["utterance"].to_numpy().reshape(-1, 4)
    orders = pd.Series(["".join(day) for day in found]).value_counts()
    every = {"".join(p) for day in ("abcd", "efgh") for p in itertools.permutations(day)}
    assert set(orders.index) == every
    assert chisquare(orders).pvalue > 1e-4
    # The label moves with its utterance.
    assert (shuffled["target"] == shuffled["utterance"].isin(list("aceg"))).all()


def test_the_order_of_a_model_depends_on_no_other_model(manifest):
    published = make(manifest, BY_ID["3d1s"], "published").trials
    shuffled = make(manifest, BY_ID["3d1s"], "shuffled").trials
    model = published["model"].iloc[-1]
    alone = shuffle_days(
        published[published["model"] == model].reset_index(drop=True), "3d1s", seed=1
    )
    pd.testing.assert_frame_equal(
        alone, shuffled[shuffled["model"] == model].reset_index(drop=True)
    )
    assert not shuffle_days(published, "3d1s", seed=2).equals(shuffled)
    assert not shuffle_days(published, "1d1s", seed=1).equals(shuffled)


@pytest.mark.parametrize("ratio", [0.3, 4.5])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_independent_trials_have_the_form_of_trials(manifest, row, ratio):
    made = make(manifest, row, "independent", ratio)
    published = make(manifest, row, "published")
    trials = made.trials
    assert list(trials.columns) == list(published.trials.columns)
    assert (trials.dtypes == published.trials.dtypes).all()
    groups = trials.groupby(SEQUENCE, sort=False)
    assert (groups.cumcount() == trials["step"]).all()
    assert groups["day"].apply(lambda day: day.is_monotonic_increasing).all()
    assert ((trials["utterance"].str[:4] == trials["speaker"]) == trials["target"]).all()
    assert list(made.enrolment["model"].drop_duplicates()) == list(
        trials["model"].drop_duplicates()
    )
    # Days are those of the published order; targets are of their day, once each and in order.
    keys = [*SEQUENCE, "day"]
    days = set(map(tuple, trials[keys].drop_duplicates().to_numpy()))
    dates = "model" if row.unit == "week" else "day"
    if row.unit == "day":
        assert days <= set(map(tuple, published.trials[keys].drop_duplicates().to_numpy()))
    targets = trials[trials["target"]]
    assert (targets["day"].str[5:].str.replace("-", "") == targets["utterance"].str[5:9]).all()
    place = pd.Series(np.arange(len(manifest)), index=manifest["utterance"])
    order = targets.assign(place=place[targets["utterance"]].to_numpy())
    within = order.groupby([*SEQUENCE, dates], sort=False)["place"]
    assert within.apply(lambda places: (places.diff().dropna() > 0).all()).all()


@pytest.mark.parametrize("ratio", [0.25, 1.0, 3.0, 19.0])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_numbers_are_on_average_as_set(manifest, row, ratio):
    """By the statement: m = min(published targets, U / 2) targets and m r non-targets of a day."""
    settings = {"rounds": 5, "random": {"trajectories": 20}}
    published = make(manifest, row, "published", **settings).trials
    trials = make(manifest, row, "independent", ratio, **settings).trials
    if row.every != "random":  # the draws are shared by templates
        published, trials = (t[t["model"].str.endswith("_0")] for t in (published, trials))

    def unit_of(table):
        dates = pd.to_datetime(table["date" if "date" in table else "day"])
        return dates - pd.to_timedelta(dates.dt.day_of_week * (row.unit == "week"), unit="D")

    targets = published[published["target"]]
    counts = targets.groupby([*SEQUENCE, "speaker", unit_of(targets).rename("unit")]).size()
    sizes = manifest.groupby(["speaker", unit_of(manifest).rename("unit")]).size()
    of_day = sizes.reindex(counts.index.droplevel(SEQUENCE)).to_numpy()
    expected = np.minimum(counts.to_numpy(), of_day / 2).sum()
    for found, mean in (
        (trials["target"].sum(), expected),
        ((~trials["target"]).sum(), expected * ratio),
    ):
        assert abs(found - mean) < 4.5 * np.sqrt(mean) + 1


@functools.cache
def many_speakers():
    return make_manifest(days=30, speakers=MANY, seed=3)


@functools.cache
def many_trials(name, ratio):
    """Trials of many speakers, with the place in the day, the day's size and its targets."""
    row = {row.id: row for row in ROWS}[name]
    generation = Generation.model_validate(
        {"nontargets_per_target": ratio, "rounds": 4, "random": {"trajectories": 8}}
    )
    pool = build_pool(many_speakers(), make_split(MANY, ()), [], generation, row.unit)
    trials = make_scenario(pool, row, generation, 5, "independent").trials
    # The draws of a speaker are shared by templates: one template each, or rows would repeat.
    if row.every != "random":
        trials = trials[trials["model"].str.endswith("_0")].reset_index(drop=True)
    day = trials.groupby([*SEQUENCE, "day"], sort=False)
    return trials.assign(
        place=day.cumcount(),
        size=day["target"].transform("size"),
        before=trials.groupby(SEQUENCE, sort=False)["target"].shift(),
        so_far=day["target"].cumsum() - trials["target"],
    )


@pytest.mark.parametrize("ratio", [1.0, 4.0])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_neither_place_nor_size_of_a_day_tells_the_label(row, ratio):
    """Every place of every size of day has the same share of targets, and so has the last one."""
    trials = many_trials(row.id, ratio)
    share = 1 / (1 + ratio)
    assert trials["target"].mean() == pytest.approx(share, abs=0.02)
    trials = trials.assign(left=trials["size"] - trials["place"])
    for columns in (["place"], ["left"], ["size"], ["size", "place"], ["step"]):
        cells = trials.groupby(columns)["target"].agg(["size", "sum"])
        cells = cells[cells["size"] >= 20]
        z = (cells["sum"] - share * cells["size"]) / np.sqrt(share * (1 - share) * cells["size"])
        # Of hundreds of cells the largest |z| of chance is below 4.5.
        assert len(cells) and z.abs().max() < 4.5, (columns, cells[z.abs() >= 4.5])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_earlier_labels_tell_nothing_of_later_ones(row):
    """Equally many: the labels are coin flips, so days have binomial numbers of targets."""
    trials = many_trials(row.id, 1.0)
    later = trials.dropna(subset="before")
    after = later.groupby(later["before"].astype(bool))["target"].agg(["size", "mean"])
    assert (after["mean"] - 0.5).abs().max() < 4 * np.sqrt(0.25 / after["size"].min())
    days = trials.groupby([*SEQUENCE, "day"], sort=False)["target"].agg(["size", "sum"])
    spread = (days["sum"] - days["size"] / 2) ** 2 / (days["size"] / 4)
    assert abs((spread - 1).sum()) < 4.5 * np.sqrt((2 - 2 / days["size"]).sum())


@pytest.mark.parametrize(
    ("trials", "most", "share"), [(10, 10, 0.5), (7, 7, 0.2), (40, 4, 0.05), (10, 1, 0.05)]
)
def test_numbers_of_targets_are_coin_flips_within_what_a_day_has(trials, most, share):
    law = law_of_targets(trials, most, share)
    numbers = np.arange(most + 1)
    assert law.sum() == pytest.approx(1)
    assert law @ numbers == pytest.approx(share * trials, rel=1e-9)
    # The same coin for every flip: relative to the flips with another coin, powers of one number.
    relative = np.log(law / binom.pmf(numbers, trials, 0.3))
    np.testing.assert_allclose(np.diff(relative, 2), 0, atol=1e-9)
    if most == trials:
        np.testing.assert_allclose(law, binom.pmf(numbers, trials, share))


@pytest.mark.parametrize("name", ["random", "1das", "3d1s"])
def test_independent_nontargets_are_uniform_over_speakers_then_utterances(name):
    manifest = make_manifest(days=60, seed=4)
    few = manifest["speaker"] == "0124"
    manifest = manifest[~few | (few.cumsum() <= 12)]
    trials = make(manifest, BY_ID[name], "independent", seed=3, rounds=60).trials
    trials = trials[trials["model"].str.contains(r"^spk0003_(?:0|\d+)$")]
    if name == "3d1s":
        trials = trials[trials["model"] == "spk0003_0"]
    drawn = trials.loc[~trials["target"], "utterance"]
    speakers = drawn.str[:4].value_counts()
    assert len(speakers) == 4
    assert chisquare(speakers).pvalue > 1e-4
    of_few = drawn[drawn.str[:4] == "0124"].value_counts()
    assert chisquare(of_few.reindex(manifest["utterance"][few], fill_value=0)).pvalue > 1e-4


def test_independent_targets_of_a_day_are_uniform():
    manifest = make_manifest(days=3, speakers=["0003", "0124"], seed=1)
    settings = {"random": {"trajectories": 3000, "max_skip_days": 1, "max_targets": 1}}
    generation = Generation.model_validate(settings)
    pool = build_pool(manifest, make_split(), [], generation)
    trials = make_scenario(pool, BY_ID["random"], generation, 1, "independent").trials
    counts = trials.loc[trials["target"], "utterance"].value_counts()
    assert len(counts) == len(
        manifest[(manifest["speaker"] == "0003")].groupby("date").get_group(trials["day"].iloc[0])
    )
    assert chisquare(counts).pvalue > 1e-4


def test_independent_lists_are_shared_as_published_ones_are(manifest):
    made = {name: make(manifest, row, "independent").trials for name, row in BY_ID.items()}
    days = pd.concat([made[name].assign(scenario=name) for name in ("1das", "3das", "5das")])
    lists = days.groupby(["speaker", "day", "scenario", "model"])["utterance"].agg(tuple)
    counts = lists.groupby(["speaker", "day"]).agg(["size", "nunique"])
    assert (counts["nunique"] == 1).all() and (counts["size"] > 1).any()
    days = pd.concat([made[name].assign(scenario=name) for name in ("1d1s", "3d1s")])
    lists = days.groupby(["round", "speaker", "day", "scenario", "model"])["utterance"].agg(tuple)
    counts = lists.groupby(["round", "speaker", "day"]).agg(["size", "nunique"])
    assert (counts["nunique"] == 1).all() and (counts["size"] > 1).any()


@pytest.mark.parametrize("ratio", [1.0, 2.5])
def test_more_rounds_or_trajectories_only_add_in_independent_order(manifest, ratio):
    few = make(manifest, BY_ID["3d1s"], "independent", ratio, rounds=3).trials
    many = make(manifest, BY_ID["3d1s"], "independent", ratio).trials
    pd.testing.assert_frame_equal(few, many[many["round"] <= 3].reset_index(drop=True))
    few = make(manifest, BY_ID["random"], "independent", ratio, random={"trajectories": 7}).trials
    many = make(manifest, BY_ID["random"], "independent", ratio).trials
    kept = many[many["model"].str[8:].astype(int) <= 7].reset_index(drop=True)
    pd.testing.assert_frame_equal(few, kept)


def test_templates_whose_days_got_no_trial_are_left_out():
    ids = [
        f"{speaker}_05{day:02d}1200_3_{take}_ti_0"
        for speaker in ("0003", "0011")
        for day in range(1, 4)
        for take in range(1, 6 if day == 1 else 2)
    ]
    settings = Generation(rounds=40, nontargets_per_target=0.25)
    pool = build_pool(manifest_of(ids), make_split(("0003", "0011"), ()), [], settings)
    # One test day with one utterance: 0.625 trials on average.
    counts = [
        make_scenario(pool, BY_ID["1das"], settings, seed, "independent")
        for seed in range(20)
        if seed not in (3,)
    ]
    assert {made.trials["model"].nunique() for made in counts} == {1, 2}
    for made in counts:
        left_out = made.left_out.counts.get("templates without a trial", 0)
        assert left_out == 2 - made.trials["model"].nunique()
