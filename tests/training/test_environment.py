import pickle
import warnings

import gymnasium
import numpy as np
import pandas as pd
import pytest
import torch
from gymnasium.utils.env_checker import check_env

from tests.training import made_up
from tests.training.traits import find_traits
from workflow_src.common.errors import InputError
from workflow_src.settings.catalogue import METHODS
from workflow_src.settings.finetuning import Episode, ScaledEpisode
from workflow_src.training.environment import ENVIRONMENT_ID, Traits
from workflow_src.training.episodes import EpisodeSampler
from workflow_src.training.scalars import estimate_scale, fit_thresholds

POPULATION = made_up.draw_population(speakers=6, days=12, a_day=6, dimension=16)
THRESHOLDS = {"error_threshold": 0.5, "update_threshold": 0.51}
SHORT = ScaledEpisode(min_utterances=20, max_steps=40, max_errors=12, **THRESHOLDS)
# Every method that PPO trains.
TRAITS = {row.id: find_traits(row) for row in METHODS if row.origin == "ppo"}


@pytest.mark.parametrize("method", TRAITS)
def test_check_env_has_nothing_to_say(method):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        environment = gymnasium.make(
            ENVIRONMENT_ID, population=POPULATION, episode=SHORT, traits=TRAITS[method]
        )
        check_env(environment.unwrapped)


def test_episodes_follow_the_law():
    sampler = EpisodeSampler(POPULATION, SHORT.model_copy(update={"max_steps": 200}))
    n = 400
    drawn = sampler.draw(n, torch.Generator().manual_seed(0))
    population = POPULATION
    speaker_of = torch.bucketize(
        torch.arange(len(population.embeddings)), population.speaker_starts[1:], right=True
    )
    own = speaker_of[drawn.offers] == drawn.speakers[:, None]
    assert torch.equal(own, drawn.targets)
    enrolment_days = set()
    counts = []
    for i in range(n):
        same = (population.day_means == drawn.templates[i]).all(1).nonzero().item()
        day = same - int(population.speaker_days[drawn.speakers[i]])
        enrolment_days.add(day)
        played = int(drawn.lengths[i]) + 1
        rows = drawn.offers[i][drawn.targets[i]]
        days = population.day_of[rows]
        assert (days > same).all()
        assert (rows.diff() > 0).all()  # in corpus order, none twice
        dates = population.day_dates[days] - population.day_dates[same]
        assert torch.equal(drawn.days[i][drawn.targets[i]], dates.float())
        a_day = torch.bincount(days - same).max().item()
        assert a_day <= 6
        counts.append(a_day)
        # The last offer leaves one target in the queue, or there was none to begin with.
        assert played <= drawn.offers.shape[1]
    assert enrolment_days == {0, 1, 2}  # of 12 days
    assert set(counts) >= {3, 5, 6}
    assert 0.45 < drawn.targets[:, :30].float().mean() < 0.55
    others = speaker_of[drawn.offers[~drawn.targets]]
    assert len(others.unique()) == 6


def test_days_are_those_of_the_calendar():
    """Days are missing: their distances count, and a non-target has the next target's day."""
    dates = ["2020-02-28", "2020-02-29", "2020-03-09", "2020-04-01", "2021-04-01"]
    x = np.random.default_rng(0).standard_normal((2 * 5 * 6, 4)).astype(np.float32)
    population = made_up.group_embeddings(
        x, pd.Series(["a", "b"]).repeat(30), pd.Series(np.tile(np.repeat(dates, 6), 2))
    )
    assert population.day_dates[:5].diff().tolist() == [1, 9, 23, 365]
    settings = Episode(min_utterances=20, max_steps=30, day_probability=1.0, targets_a_day=[6])
    drawn = EpisodeSampler(population, settings).draw(20, torch.Generator().manual_seed(0))
    for targets, days in zip(drawn.targets.tolist(), drawn.days.tolist(), strict=True):
        count, last = 0, 4 * 6 - 1
        for target, day in zip(targets, days, strict=True):
            assert day == [1, 10, 33, 398][min(count, last) // 6]
            count += target


def test_days_and_earlier_trials_do_not_tell_the_label():
    """The label is a coin flip on the first trial of a day, too, and after either label."""
    settings = Episode(min_utterances=20, max_steps=20, targets_a_day=[3, 6], target_share=0.4)
    drawn = EpisodeSampler(POPULATION, settings).draw(6000, torch.Generator().manual_seed(2))
    before = torch.arange(21) < drawn.lengths[:, None]  # the episode goes on
    target, days = drawn.targets.float(), drawn.days
    new_day = days.diff(dim=1) > 0
    kinds = {
        "first": target[:, 0][before[:, 0]],
        "new day": target[:, 1:][new_day & before[:, 1:]],
        "same day": target[:, 1:][~new_day & before[:, 1:]],
        "after a target": target[:, 1:][drawn.targets[:, :-1] & before[:, 1:]],
        "after a non-target": target[:, 1:][~drawn.targets[:, :-1] & before[:, 1:]],
    }
    for kind, labels in kinds.items():
        assert len(labels) > 2000, kind
        assert abs(labels.mean() - 0.4) < 4.5 * np.sqrt(0.24 / len(labels)), kind


def test_episode_ends_with_one_target_left():
    sampler = EpisodeSampler(POPULATION, Episode(min_utterances=20, max_steps=300))
    drawn = sampler.draw(50, torch.Generator().manual_seed(3))
    for i in range(50):
        length = int(drawn.lengths[i])
        # Continuing past the end, exactly one more target comes.
        assert int(drawn.targets[i][length + 1 :].sum()) == 1


@pytest.mark.parametrize("method", TRAITS)
def test_vector_environment_equals_the_plain_one(method):
    """Same episodes and actions: same states, rewards and ends; no dummy steps."""
    E, steps = 5, 300
    episode = Episode(
        min_utterances=20, max_steps=40, max_errors=14, targets_a_day=[1, 2, 6], **THRESHOLDS
    )
    make = {"population": POPULATION, "episode": episode, "traits": TRAITS[method]}
    vector = gymnasium.make_vec(ENVIRONMENT_ID, num_envs=E, **make).unwrapped
    plain = [gymnasium.make(ENVIRONMENT_ID, **make).unwrapped for _ in range(E)]
    drawn = vector.sampler.draw(200, torch.Generator().manual_seed(5))

    def one(k):
        return type(drawn)(**{name: v[k : k + 1] for name, v in drawn.tensors().items()})

    observation, _ = vector.reset(seed=0, options={"episodes": drawn})
    following = E
    expected = [plain[e].reset(options={"episode": one(e)})[0] for e in range(E)]
    random = torch.Generator().manual_seed(6)
    ends = {"terminated": 0, "truncated": 0, "errors": 0}
    for _ in range(steps):
        assert np.allclose(observation, np.stack(expected), atol=1e-5)
        # Weights beyond [0, 1] as well: both clip.
        action = {
            "update": (torch.rand(E, generator=random) < 0.5).long(),
            "weight": torch.rand(E, 1, generator=random) * 1.4 - 0.2,
        }
        observation, rewards, terminated, truncated, infos = vector.step(action)
        for e in range(E):
            own = {"update": int(action["update"][e]), "weight": action["weight"][e].numpy()}
            expected[e], reward, end, limit, info = plain[e].step(own)
            assert float(rewards[e]) == pytest.approx(reward, abs=1e-5)
            assert (bool(terminated[e]), bool(truncated[e])) == (end, limit)
            assert bool(infos["updated"][e]) == info["updated"]
            if end or limit:
                assert infos["_final_obs"][e]
                assert np.allclose(infos["final_obs"][e], expected[e], atol=1e-5)
                ends[
                    "errors" if info["errors"] >= 14 else "terminated" if end else "truncated"
                ] += 1
                expected[e] = plain[e].reset(options={"episode": one(following)})[0]
                following += 1
    assert all(ends.values()), ends


def test_rewards_by_hand():
    environment = gymnasium.make(ENVIRONMENT_ID, population=POPULATION, episode=SHORT).unwrapped
    drawn = environment._sampler.draw(1, torch.Generator().manual_seed(1))
    x = POPULATION.embeddings.double()

    def cos(a, b):
        return float(a @ b / a.norm() / b.norm())

    seen = set()
    for update in (0, 1):
        environment.reset(options={"episode": drawn})
        template = drawn.templates[0].double()
        mean = POPULATION.speaker_means[drawn.speakers[0]].double()
        for t in range(8):
            test, target = x[drawn.offers[0, t]], bool(drawn.targets[0, t])
            if update:
                template = 0.7 * template + 0.3 * test
            if target:
                expected = cos(template, test) + cos(template, mean) + (0.5 if update else 0)
            else:
                expected = -cos(template, test) - 1 if update else 0.5
            _, reward, *_ = environment.step({"update": update, "weight": np.float32([0.3])})
            assert reward == pytest.approx(expected, abs=1e-5)
            seen.add((update, target))
    assert len(seen) == 4


def test_margins_and_scalars_by_hand():
    environment = gymnasium.make(
        ENVIRONMENT_ID,
        population=POPULATION,
        episode=SHORT,
        traits=Traits(sees="scalars", reward="margin"),
    ).unwrapped
    drawn = environment._sampler.draw(1, torch.Generator().manual_seed(1))
    seen, _ = environment.reset(options={"episode": drawn})
    scale, x = environment.scale, POPULATION.embeddings.double()
    template, history, day = drawn.templates[0].double(), [(2.0, scale.mean)], 0.0
    signs, p = set(), 0.0
    for t in range(15):
        test = x[drawn.offers[0, t]]
        score = float(template @ test / template.norm() / test.norm())
        days = float(drawn.days[0, t])
        counts, scores = np.array(history).T
        mean = (counts * scores).sum() / counts.sum()
        # The two scores that everyone is given vary by themselves.
        variance = (counts * (scores - mean) ** 2).sum() + 2 * scale.spread**2
        spread = np.sqrt(variance / counts.sum())
        expected = [
            scale.slope * (score - scale.centre) / 4,
            (mean - scale.mean) / scale.spread,
            np.log(spread / scale.spread),
            np.log(1 + counts[1:].sum()) - 2,
            np.log(1 + days) - 2,
            np.log(1 + days - day),
        ]
        assert np.allclose(seen, expected, atol=2e-3)
        p = 1 / (1 + np.exp(-scale.slope * (score - scale.centre)))
        history.append((p, score))
        day = days if p > 0.5 else day
        template = 0.8 * template + 0.2 * test
        seen, reward, *_ = environment.step({"update": 1, "weight": np.float32([0.2])})
        following, target = x[drawn.offers[0, t + 1]], bool(drawn.targets[0, t + 1])
        margin = float(template @ following / template.norm() / following.norm()) - 0.5
        assert reward == pytest.approx(4 * margin if target else -4 * margin, abs=1e-5)
        signs.add((target, reward > 0))
    assert len(signs) >= 2


def test_scale_of_scores():
    def estimate(seed):
        return estimate_scale(POPULATION, SHORT, torch.Generator().manual_seed(seed))

    scale = estimate(0)
    assert scale == estimate(0)
    assert scale != estimate(1)
    assert scale.mean == pytest.approx(estimate(1).mean, abs=0.02)
    assert scale.centre < scale.mean


def threshold_at_the_eer(scores, targets):
    """Return the lowest score above which misses and false alarms differ least."""
    gap = lambda t: abs((scores[targets] <= t).mean() - (scores[~targets] > t).mean())  # noqa: E731
    return min(sorted(scores), key=lambda t: (round(gap(t), 9), t))


def play_alone(drawn, threshold):
    """The scores and labels of drawn episodes, each played alone with weight 0.2."""
    scores, targets, x = [], [], POPULATION.embeddings.double()
    for i, template in enumerate(drawn.templates.double()):
        for step in range(min(int(drawn.lengths[i]) + 1, drawn.offers.shape[1])):
            test = x[drawn.offers[i, step]]
            scores.append(float(template @ test / template.norm() / test.norm()))
            targets.append(bool(drawn.targets[i, step]))
            if scores[-1] > threshold:
                template = 0.8 * template + 0.2 * test
    return np.array(scores), np.array(targets)


def test_open_thresholds_are_those_at_the_eer_of_a_fixed_weight():
    episode = Episode(min_utterances=20, max_steps=12)
    fitted = fit_thresholds(POPULATION, episode, seed=3)
    random = torch.Generator().manual_seed(3)
    draw = lambda: EpisodeSampler(POPULATION, episode).draw(256, random)  # noqa: E731
    first = threshold_at_the_eer(*play_alone(draw(), np.inf))
    second = threshold_at_the_eer(*play_alone(draw(), first))
    assert fitted.error_threshold == fitted.update_threshold == pytest.approx(second, abs=1e-5)
    assert second > first
    assert fitted == ScaledEpisode(
        min_utterances=20,
        max_steps=12,
        error_threshold=fitted.error_threshold,
        update_threshold=fitted.update_threshold,
    )


def test_thresholds_that_are_given_stay():
    assert fit_thresholds(POPULATION, SHORT, seed=3) == SHORT
    half = fit_thresholds(POPULATION, Episode(min_utterances=20, error_threshold=0.3), seed=3)
    assert half.error_threshold == 0.3
    assert half.update_threshold > 0.3


@pytest.mark.parametrize("method", TRAITS)
def test_seeds_decide(method):
    vector = gymnasium.make_vec(
        ENVIRONMENT_ID, num_envs=3, population=POPULATION, episode=SHORT, traits=TRAITS[method]
    ).unwrapped
    runs = []
    for seed in (1, 1, 2):
        observation, _ = vector.reset(seed=seed)
        seen = [observation]
        for _ in range(100):
            action = {"update": torch.ones(3), "weight": torch.full((3, 1), 0.1)}
            seen.append(vector.step(action)[0])
        runs.append(torch.stack(seen))
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])


@pytest.mark.parametrize("method", ["multi-head", "multi-head-scalars"])
def test_state_resumes(method):
    make = {"num_envs": 3, "population": POPULATION, "episode": SHORT, "traits": TRAITS[method]}
    vector = gymnasium.make_vec(ENVIRONMENT_ID, **make).unwrapped
    vector.reset(seed=1)
    action = {"update": torch.ones(3), "weight": torch.full((3, 1), 0.1)}
    for _ in range(30):
        vector.step(action)
    state = pickle.loads(pickle.dumps(vector.get_state()))
    first = [vector.step(action)[:2] for _ in range(100)]
    again = gymnasium.make_vec(ENVIRONMENT_ID, **make).unwrapped
    again.set_state(state)
    for seen, reward in first:
        seen_again, reward_again, *_ = again.step(action)
        assert torch.equal(seen, seen_again)
        assert torch.equal(reward, reward_again)


def test_nobody_qualifies():
    with pytest.raises(InputError, match=r"min_utterances, which is 200.*most utterances.*72"):
        EpisodeSampler(POPULATION, Episode())
