"""What the order tells: all of it in published order, nothing in independent order."""

import numpy as np
import pandas as pd
import pytest

from tests.launching import launch
from tests.trials.trial_corpus import make_manifest, make_split
from workflow_src.common.files import read_csv, write_parquet
from workflow_src.evaluation.order_meter import SEES, measure_order
from workflow_src.settings.generation import Generation
from workflow_src.settings.scenarios import BY_ID
from workflow_src.trials.pool import build_pool
from workflow_src.trials.protocol import make_scenario

SPEAKERS = [f"{n:04d}" for n in range(24)]
SCENARIOS = ["random", "1das", "1d1s"]


@pytest.fixture(scope="module")
def measure():
    """Make a list, and return what the meter says of it in per cent, with perfect decisions."""
    manifest = make_manifest(days=45, speakers=SPEAKERS)

    def measure(name, order, ratio=1.0):
        settings = Generation.model_validate(
            {"nontargets_per_target": ratio, "rounds": 8, "random": {"trajectories": 20}}
        )
        pool = build_pool(manifest, make_split(SPEAKERS, ()), [], settings)
        trials = make_scenario(pool, BY_ID[name], settings, 1, order).trials
        return per_cent(trials)

    return measure


def per_cent(trials):
    told = measure_order(trials.assign(accepted=trials["target"]), seed=1)
    return {sees: 100 * eer for sees, eer in told.items()}


@pytest.mark.parametrize("name", SCENARIOS)
def test_published_order_tells_the_label(measure, name):
    assert measure(name, "published") == dict.fromkeys(SEES, 0)


@pytest.mark.parametrize("name", SCENARIOS)
def test_shuffled_order_tells_by_the_balance_of_a_day_alone(measure, name):
    told = measure(name, "shuffled")
    assert abs(told["past"] - 50) < 2 and abs(told["list"] - 50) < 2
    assert told["decisions"] < 40


@pytest.mark.parametrize("ratio", [1.0, 0.5])
@pytest.mark.parametrize("name", SCENARIOS)
def test_independent_order_tells_nothing(measure, name, ratio):
    """Not even a rule that knows the rest of the day, or all labels before."""
    for sees, eer in measure(name, "independent", ratio).items():
        assert abs(eer - 50) < 2, sees


def test_independent_order_tells_nothing_at_many_nontargets(measure):
    told = measure("random", "independent", 9.0)
    assert abs(told["past"] - 50) < 2 and abs(told["list"] - 50) < 2
    # A day has no more targets than utterances, which perfect decisions tell a little of.
    assert told["decisions"] > 45


def made_up(speakers=16, sequences=6, days=30, seed=0):
    """Coin flips on days of 1..6 trials."""
    rng = np.random.default_rng(seed)
    rows = []
    for speaker in range(speakers):
        for sequence in range(sequences):
            sizes = rng.integers(1, 7, days)
            date = np.datetime64("2020-05-01") + np.cumsum(rng.integers(1, 4, days))
            rows.append(
                pd.DataFrame(
                    {
                        "model": f"spk{speaker}_{sequence}",
                        "speaker": f"{speaker}",
                        "round": 0,
                        "step": np.arange(sizes.sum()),
                        "day": np.repeat(date, sizes).astype(str),
                        "target": rng.random(sizes.sum()) < 0.5,
                    }
                )
            )
    return pd.concat(rows, ignore_index=True)


def test_a_target_at_the_end_of_a_day_is_known_only_to_who_knows_the_list():
    trials = made_up()
    last = trials["day"] != trials.groupby("model")["day"].shift(-1)
    told = per_cent(trials.assign(target=trials["target"] | last))
    assert told["list"] < 40 and told["past"] > 45


def test_a_target_on_each_new_day_is_known_at_once():
    trials = made_up()
    first = trials["day"] != trials.groupby("model")["day"].shift()
    assert per_cent(trials.assign(target=trials["target"] | first))["past"] < 40


def test_a_label_that_repeats_is_known_to_who_decided_before():
    trials = made_up()
    repeated = trials.groupby("model", sort=False).cumcount() % 2 == 1
    before = trials["target"].shift(fill_value=False)
    told = per_cent(trials.assign(target=trials["target"].mask(repeated, before)))
    assert told["decisions"] < 30 and abs(told["past"] - 50) < 2 and abs(told["list"] - 50) < 2


def test_coin_flips_are_not_told_whatever_the_order_of_rows():
    trials = made_up()
    told = per_cent(trials)
    assert all(abs(eer - 50) < 2 for eer in told.values())
    assert per_cent(trials.sample(frac=1, random_state=0)) == told


def test_one_speaker_is_not_measured():
    trials = made_up(speakers=1)
    assert all(np.isnan(eer) for eer in per_cent(trials).values())
    trials = made_up(speakers=2)
    lone = trials.assign(target=trials["target"] & (trials["speaker"] == "0"))
    assert all(np.isnan(eer) for eer in per_cent(lone).values())


def test_the_step_measures_each_list_by_the_decisions_of_a_run(tmp_path):
    trials = made_up()
    score = np.where(trials["target"], 0.7, 0.3).astype(np.float32)
    for name, target in (("random", trials["step"] % 2 == 0), ("random-independent", None)):
        told = trials if target is None else trials.assign(target=target)
        scored = told.assign(score=np.where(told["target"], score.max(), score.min()))
        write_parquet(scored, tmp_path / f"baseline/{name}.parquet")
    launch(
        "evaluation.measure_order",
        "--run", "baseline",
        "--folder", tmp_path,
        "--lists", '[{"scenario": "random"}, {"scenario": "random", "order": "independent"}]',
        "--seed", 1,
        "--table", tmp_path / "order.csv",
    )  # fmt: skip
    table = read_csv(tmp_path / "order.csv").set_index(["order", "sees"])
    assert (table["scenario"] == "random").all() and (table["trials"] == len(trials)).all()
    assert table["run"].dropna().unique().tolist() == ["baseline"]
    assert (table.loc["published", "eer_percent"] == 0).all()
    assert (table.loc["independent", "eer_percent"] - 50).abs().max() < 2
