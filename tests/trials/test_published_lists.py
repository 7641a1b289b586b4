"""The published lists of two scenarios, where they are at hand: ``PUBLISHED_DIR``."""

import collections
import itertools
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chisquare

from tests.manifests import manifest_of
from workflow_src.common.unpickling import read_plain_pickle
from workflow_src.evaluation.order_meter import measure_order
from workflow_src.settings.generation import Generation
from workflow_src.settings.scenarios import BY_ID
from workflow_src.trials.orders import shuffle_days
from workflow_src.trials.pool import build_pool
from workflow_src.trials.protocol import make_scenario
from workflow_src.trials.published_layout import parse_enrolments, parse_trials
from workflow_src.trials.tabulating import Utterances, tabulate_lists

ROOT = os.environ.get("PUBLISHED_DIR")
pytestmark = pytest.mark.skipif(not ROOT, reason="PUBLISHED_DIR does not name the published files")


@pytest.fixture(scope="module")
def published():
    """{scenario: ({model: enrolment}, {model: trials})}."""
    lists = {}
    for scenario in ("random", "3das"):
        folder = Path(ROOT) / "trials" / scenario
        lines = [line.split() for line in (folder / "enroll_model").read_text().splitlines()]
        trials = read_plain_pickle(folder / "trial.pkl")
        lists[scenario] = ({line[0]: line[1:] for line in lines}, trials)
    return lists


@pytest.fixture(scope="module")
def pool(published):
    """All utterances that appear in the two files."""
    utterances = set()
    for enrolments, trials in published.values():
        utterances.update(*enrolments.values())
        for of_model in trials.values():
            days = [of_model] if isinstance(of_model, list) else of_model.values()
            utterances.update(*days)
    manifest = manifest_of(sorted(utterances))
    speakers = sorted(manifest["speaker"].unique())
    assert len(speakers) == 59
    parts = ["nontarget-only" if speaker == "0124" else "test" for speaker in speakers]
    split = pd.DataFrame({"speaker": speakers, "part": parts})
    return build_pool(manifest, split, [], Generation())


@pytest.fixture(scope="module")
def made(pool):
    names = ("random", "3das")
    return {name: make_scenario(pool, BY_ID[name], Generation(), seed=1) for name in names}


@pytest.mark.parametrize("scenario", ["random", "3das"])
def test_models_and_enrolments(published, made, scenario):
    enrolments, trials = published[scenario]
    ours = made[scenario].enrolment.groupby("model")["utterance"].agg(list).to_dict()
    assert set(trials) == set(ours)
    equal = sum(ours[model] == utterances for model, utterances in enrolments.items())
    print(f"{scenario}: enrolment lists equal / all: {equal} / {len(enrolments)}")
    assert ours == enrolments
    assert not made[scenario].left_out.counts


def test_days_and_targets_of_3das(published, made):
    trials = made["3das"].trials
    ours = trials[trials["target"]].groupby(["model", "day"])["utterance"].agg(list)
    theirs = {
        (model, f"{day[:4]}-{day[5:7]}-{day[7:]}"): utterances[::2]
        for model, days in published["3das"][1].items()
        for day, utterances in days.items()
    }
    assert set(ours.index) == set(theirs)
    equal = all_targets = 0
    for key, utterances in theirs.items():
        all_targets += len(utterances)
        equal += sum(a == b for a, b in zip(ours[key], utterances, strict=True))
    print(f"3das: targets equal / all: {equal} / {all_targets}")
    assert equal == all_targets
    for model, days in published["3das"][1].items():
        dates = trials.loc[trials["model"] == model, "day"].drop_duplicates()
        assert list(dates.str.replace("-", "").str[4:]) == [day[5:] for day in days]


def speaker_days(pool):
    return {
        speaker: {
            date.replace("-", "")[4:]: number
            for number, date in enumerate(pool.dates[pool.first_utterance[first:last]])
        }
        for speaker, first, last in zip(
            pool.speakers, pool.first_unit, pool.first_unit[1:], strict=False
        )
    }


def test_published_and_our_random_lists_follow_the_same_laws(published, pool, made):
    days = speaker_days(pool)
    position = {name: number for number, name in enumerate(pool.utterances)}
    targets = made["random"].trials.query("target")
    lists = {
        "published": {model: names[::2] for model, names in published["random"][1].items()},
        "ours": targets.groupby("model")["utterance"].agg(list).to_dict(),
    }
    histograms = {}
    for whose, of_models in lists.items():
        skips, counts = collections.Counter(), collections.Counter()
        for model, names in of_models.items():
            own = days[model[3:7]]
            assert [position[name] for name in names] == sorted({position[name] for name in names})
            visited = collections.Counter(own[name[5:9]] for name in names)
            assert list(visited) == sorted(visited)
            # The last skip ends the list, so skips near the end are cut short.
            reach = [1, *visited]
            skips.update(
                after - before
                for before, after in itertools.pairwise(reach)
                if before + 9 < len(own)
            )
            counts.update(visited.values())
        assert set(skips) == set(range(1, 10)) and set(counts) == {1, 2, 3, 4}
        histograms[whose] = (
            [skips[n] for n in range(1, 10)],
            [counts[n] for n in range(1, 5)],
        )
        for histogram in histograms[whose]:
            assert chisquare(histogram).pvalue > 1e-4, (whose, histogram)


@pytest.mark.parametrize("whose", ["published", "ours"])
def test_nontargets_come_from_all_other_speakers_alike(published, pool, made, whose):
    trials = made["random"].trials
    pairs = (
        [(model[3:7], name[:4]) for model, names in published["random"][1].items()
         for name in names[1::2]]
        if whose == "published"
        else [(row.speaker, row.utterance[:4]) for row in trials[~trials["target"]].itertuples()]
    )  # fmt: skip
    number = {speaker: n for n, speaker in enumerate(pool.speakers)}
    own, other = (np.array([number[pair[side]] for pair in pairs]) for side in (0, 1))
    assert (own != other).all()
    table = np.zeros((59, 59))
    np.add.at(table, (own, other), 1)
    expected = np.repeat(table.sum(1, keepdims=True) / 58, 59, axis=1)
    np.fill_diagonal(expected, 0)
    by_speaker = expected.sum(0)
    assert chisquare(table.sum(0), by_speaker).pvalue > 1e-4


@pytest.mark.parametrize("scenario", ["random", "3das"])
def test_their_order_tells_the_label_and_another_order_does_not(published, scenario):
    enrolments, nested = published[scenario]
    heard = {name for names in enrolments.values() for name in names}
    for of_model in nested.values():
        heard.update(*([of_model] if isinstance(of_model, list) else of_model.values()))
    manifest = manifest_of(sorted(heard))
    speakers = manifest["speaker"].unique()
    split = pd.DataFrame({"speaker": speakers, "part": "test"})
    split.loc[split["speaker"] == "0124", "part"] = "nontarget-only"
    lines = [" ".join([model, *names]) for model, names in enrolments.items()]
    trials, _ = tabulate_lists(
        parse_trials(nested, BY_ID[scenario], "trial.pkl"),
        parse_enrolments(lines, BY_ID[scenario], "enroll_model"),
        Utterances(manifest, []),
        split,
        scenario=scenario,
    )
    told = {}
    for order in ("published", "shuffled"):
        table = trials if order == "published" else shuffle_days(trials, scenario, seed=1)
        told[order] = measure_order(table.assign(accepted=table["target"]), seed=1)
    assert set(told["published"].values()) == {0}
    print(f"{scenario}, shuffled: {told['shuffled']}")
    assert abs(told["shuffled"]["past"] - 0.5) < 0.02
    assert abs(told["shuffled"]["list"] - 0.5) < 0.02
