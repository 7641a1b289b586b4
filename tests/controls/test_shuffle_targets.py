"""Targets in random order: a sequence keeps its targets, its places and its non-targets."""

import numpy as np
import pandas as pd

from tests.trials.trial_corpus import make_manifest, make_split
from workflow_src.controls.shuffle_targets import shuffle_targets
from workflow_src.settings.generation import Generation
from workflow_src.settings.scenarios import BY_ID
from workflow_src.trials.pool import build_pool
from workflow_src.trials.protocol import make_scenario

KEYS = ["model", "round"]


def make_trials(scenario):
    settings = Generation(rounds=2)
    pool = build_pool(make_manifest(), make_split(), [], settings)
    return make_scenario(pool, BY_ID[scenario], settings, 1).trials


def test_each_sequence_keeps_its_targets_and_their_places():
    for name in ("random", "3d1s", "1das"):
        trials = make_trials(name)
        shuffled = shuffle_targets(trials, name, 1)
        fixed = trials.columns.drop("utterance")
        pd.testing.assert_frame_equal(shuffled[fixed], trials[fixed])
        target = trials["target"]
        pd.testing.assert_frame_equal(shuffled[~target], trials[~target])
        for _, rows in trials[target].groupby(KEYS).indices.items():
            before, after = (t[target]["utterance"].iloc[rows] for t in (trials, shuffled))
            assert sorted(before) == sorted(after)
        moved = (shuffled["utterance"] != trials["utterance"])[target]
        assert moved.mean() > 0.5


def test_targets_cross_days():
    trials = make_trials("1das")
    target = trials["target"].to_numpy()
    own_day = trials[target].set_index(["model", "utterance"])["day"]
    shuffled = shuffle_targets(trials, "1das", 1)[target]
    recorded = own_day.reindex(pd.MultiIndex.from_frame(shuffled[["model", "utterance"]]))
    place, day = (pd.to_datetime(days).to_numpy() for days in (shuffled["day"], recorded))
    distance = np.abs(place - day) / np.timedelta64(1, "D")
    # Of two random days out of 40, more than 13 apart on average.
    assert distance.mean() > 10


def test_draws_depend_on_the_model_alone_and_not_on_the_order_of_rows():
    trials = make_trials("random")
    whole = shuffle_targets(trials, "random", 1)
    mixed = trials.sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(shuffle_targets(mixed, "random", 1).sort_index(), whole)
    own = trials["model"] == trials["model"].iloc[-1]
    pd.testing.assert_frame_equal(shuffle_targets(trials[own], "random", 1), whole[own])
    assert not shuffle_targets(trials, "random", 2).equals(whole)
