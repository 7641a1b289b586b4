import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from torch.distributions import Categorical, Normal

from tests.inference.made_up_policies import made_up_state_dict
from tests.launching import launch
from tests.training import made_up
from tests.training.traits import find_traits
from workflow_src.common.errors import InputError
from workflow_src.common.files import read_json, write_csv, write_npy, write_parquet
from workflow_src.common.tables import write_index
from workflow_src.methods.adaptive_weight import AdaptiveWeightNetwork
from workflow_src.methods.entries import load_entry
from workflow_src.methods.multi_head import MultiHeadNetwork
from workflow_src.methods.scalar_multi_head import ScalarMultiHeadNetwork
from workflow_src.methods.storage import read_policy
from workflow_src.running.checkpoint import Checkpoint
from workflow_src.settings.catalogue import BY_ID
from workflow_src.settings.finetuning import Episode, Finetuning, Ppo
from workflow_src.settings.pretraining import Pretraining
from workflow_src.training import finetune_policy
from workflow_src.training.augmentation import InputMap
from workflow_src.training.enrolments import draw_samples, fit_impostor_threshold
from workflow_src.training.environment import Traits
from workflow_src.training.finetune_policy import train
from workflow_src.training.population import load_training_population
from workflow_src.training.ppo import explained_variance, generalised_advantages
from workflow_src.training.pretrain_policy import pretrain
from workflow_src.training.vector_environment import TemplateUpdatingVectorEnv
from workflow_src.updating.score_history import ScoreScale

POPULATION = made_up.draw_population(speakers=8, days=10, a_day=6, dimension=16)
THRESHOLDS = {"error_threshold": 0.5, "update_threshold": 0.51}
EPISODE = Episode(min_utterances=20, max_steps=30, **THRESHOLDS)
SMALL = Ppo(steps=512, scalar_steps=512, environments=8, rollout_steps=16, minibatches=2, epochs=2)
FINETUNING = Finetuning(episode=EPISODE, ppo=SMALL)
PRETRAINING = Pretraining(
    epochs=4,
    batches_per_epoch=2,
    batch_size=32,
    max_enrolment=20,
    redraw_epochs=2,
    impostor_threshold=0.51,
)
SCALAR_NETWORK = ScalarMultiHeadNetwork(ScoreScale(centre=0.5, slope=10.0, mean=0.7, spread=0.1))


def train_method(population, method, settings, policy_seed=0, checkpoint=None):
    row = BY_ID[method]
    rule, traits = load_entry(row.entry), find_traits(row)
    return train(population, method, rule, traits, settings, 1, policy_seed, None, checkpoint)


def test_advantages_against_a_plain_loop():
    random = np.random.default_rng(0)
    T, E, gamma, lam = 30, 4, 0.97, 0.9
    rewards, values = random.standard_normal((2, T, E))
    finals = random.standard_normal((T, E))
    terminated, truncated = random.random((2, T, E)) < 0.1
    truncated &= ~terminated
    last = random.standard_normal(E)
    done = terminated | truncated
    following = np.concatenate([values[1:], last[None]])
    next_values = np.where(terminated, 0, np.where(truncated, finals, following))
    expected = np.zeros((T, E))
    for e in range(E):
        for t in range(T):
            total, factor = 0.0, 1.0
            for k in range(t, T):
                total += factor * (rewards[k, e] + gamma * next_values[k, e] - values[k, e])
                factor *= gamma * lam
                if done[k, e]:
                    break
            expected[t, e] = total
    tensors = [torch.from_numpy(x) for x in (rewards, values, next_values, done)]
    assert np.allclose(generalised_advantages(*tensors, gamma, lam), expected)


@pytest.mark.parametrize("network", [MultiHeadNetwork(8), SCALAR_NETWORK])
def test_multi_head_densities_and_entropies(network):
    torch.manual_seed(0)
    states, raw = torch.randn(50, network.inputs), torch.randn(50) * 0.3
    update = torch.rand(50) < 0.5
    log_probability, entropy = network.evaluate(states, update, raw)
    features = network.trunk(states)
    choice = Categorical(logits=network.update_head(features))
    one = torch.cat([features, torch.ones(50, 1)], dim=1)
    weight = Normal(network.weight_head(one).squeeze(1), network.log_std.exp())
    expected = choice.log_prob(update.long()) + torch.where(update, weight.log_prob(raw), 0.0)
    assert torch.allclose(log_probability, expected, atol=1e-5)
    assert torch.allclose(
        entropy, choice.entropy() + choice.probs[:, 1] * weight.entropy(), atol=1e-5
    )


def test_adaptive_weight_densities_and_entropies():
    torch.manual_seed(0)
    network = AdaptiveWeightNetwork(8)
    states, raw = torch.randn(50, 16), torch.randn(50)
    gate = torch.rand(50) < 0.5
    log_probability, entropy = network.evaluate(states, gate, raw)
    density = Normal(network.mu(network.trunk(states)).squeeze(1), network.log_std.exp())
    assert torch.allclose(log_probability, torch.where(gate, density.log_prob(raw), 0.0), atol=1e-5)
    assert torch.allclose(entropy, torch.where(gate, density.entropy(), 0.0), atol=1e-5)
    with torch.no_grad():
        assert torch.allclose(network(states), torch.sigmoid(2 * density.mean), atol=1e-6)


@pytest.mark.parametrize("network", [MultiHeadNetwork(8), SCALAR_NETWORK, AdaptiveWeightNetwork(8)])
def test_samples_follow_the_densities(network):
    states = torch.randn(1, network.inputs).expand(20000, -1)
    update, raw = network.sample(states, torch.Generator().manual_seed(0))
    # E[-log p] is the entropy, of the action as far as it has an effect.
    with torch.no_grad():
        log_probability, entropy = network.evaluate(states, update, raw)
    assert -log_probability.mean() == pytest.approx(float(entropy[0]), abs=0.03)


def test_explained_variance():
    x = torch.randn(1000)
    assert explained_variance(x, x) == 1
    assert explained_variance(torch.zeros(1000), x) == pytest.approx(0, abs=1e-6)
    assert explained_variance(x, torch.zeros(1000)) == 0


@pytest.mark.parametrize("unit", [False, True])
def test_input_map_goes_into_the_first_layer(unit):
    torch.manual_seed(1)
    network, states = MultiHeadNetwork(16), torch.randn(9, 32)
    input_map = InputMap("reflections", POPULATION, unit)
    with torch.no_grad():
        before = network(input_map(states))
        input_map.store(network)
        for a, b in zip(before, network(states), strict=True):
            assert torch.allclose(a, b, atol=1e-4)
        input_map.load(network)
        for a, b in zip(before, network(input_map(states)), strict=True):
            assert torch.allclose(a, b, atol=1e-4)


def test_reflections_change_no_cosine():
    input_map = InputMap("reflections", POPULATION, False)
    states = torch.cat([POPULATION.embeddings[:50], POPULATION.embeddings[50:100]], dim=1)
    signs = input_map.signs(50, 16, torch.Generator().manual_seed(0))
    mapped = input_map.reflect(input_map(states), signs)
    before = torch.cosine_similarity(states[:, :16], states[:, 16:])
    assert torch.allclose(
        before, torch.cosine_similarity(mapped[:, :16], mapped[:, 16:]), atol=1e-5
    )


def test_simulated_enrolments():
    population = made_up.draw_population(speakers=3, days=4, a_day=3, dimension=16)
    random = torch.Generator().manual_seed(0)
    templates, tests, targets = draw_samples(population, 4000, 20, random, 0.51)
    # 12 utterances a speaker: 12 or more wanted of 1..20 leave no target.
    assert targets.float().mean() == pytest.approx(0.5 * 11 / 20, abs=0.03)
    x = population.embeddings
    row = (tests[:, None] == x[None]).all(-1).float().argmax(1)
    speaker = torch.bucketize(row, population.speaker_starts[1:], right=True)
    means = population.speaker_means
    nearest = torch.cosine_similarity(templates[:, None], means[None], dim=2).argmax(1)
    assert ((nearest == speaker) == targets).float().mean() > 0.95
    # A template of one utterance is that utterance, and the target is another.
    single = (templates[:, None] == x[None]).all(-1)
    assert 0.03 < single.any(1).float().mean() < 0.07
    assert not (single.float().argmax(1) == row)[single.any(1) & targets].any()


def test_the_threshold_for_impostors_is_that_at_the_eer_without_any():
    population = made_up.draw_population(speakers=5, days=4, a_day=4, dimension=16)
    threshold = fit_impostor_threshold(population, 12, torch.Generator().manual_seed(2))
    random = torch.Generator().manual_seed(2)
    templates, tests, targets = draw_samples(population, 2048, 12, random, np.inf)
    scores = torch.cosine_similarity(templates, tests, dim=1)
    misses = (scores[targets] <= threshold).float().mean()
    assert misses == pytest.approx(float((scores[~targets] > threshold).float().mean()), abs=2e-3)
    # Above the threshold, impostors enter: other templates come from the same draws.
    below = draw_samples(population, 2048, 12, torch.Generator().manual_seed(2), -1.0)[0]
    assert not torch.equal(below, templates)


def test_without_targets_no_impostor_enters():
    vectors = np.eye(3, dtype=np.float32)
    names, dates = pd.Series(["a", "b", "c"]), pd.Series(["2020-05-01"] * 3)
    population = made_up.group_embeddings(vectors, names, dates)
    assert fit_impostor_threshold(population, 9, torch.Generator().manual_seed(0)) == 1.0


def test_long_enrolment_is_a_moving_average():
    """Two far-apart speakers: no impostor enters, so 0.9 template + 0.1 utterance throughout."""
    vectors = np.eye(8, dtype=np.float32)[[0] * 9 + [1] * 9]
    vectors[:9, 7] = 0.01 * 2.0 ** np.arange(9)
    population = made_up.group_embeddings(
        vectors, pd.Series(["a"] * 9 + ["b"] * 9), pd.Series(["2020-05-01"] * 18)
    )
    random = torch.Generator().manual_seed(0)
    templates, _, targets = draw_samples(population, 500, 40, random, 0.51)
    own = templates[:, 0] > 0.5
    assert torch.allclose(templates[own, 0], torch.ones(int(own.sum())))
    assert torch.allclose(templates[own, 1], torch.zeros(int(own.sum())))
    assert targets.any()
    assert (~targets).any()


def test_pretraining_learns():
    population = made_up.draw_population(speakers=10, days=10, a_day=6, dimension=16)
    settings = Pretraining(
        epochs=24,
        batches_per_epoch=5,
        batch_size=256,
        max_enrolment=30,
        redraw_epochs=12,
        decay_epochs=[18],
        impostor_threshold=0.51,
    )
    network, curve = pretrain(population, settings, 1, 0)
    assert curve["accuracy"].iloc[-1] > 0.9
    held_out = made_up.draw_population(speakers=10, days=10, a_day=6, dimension=16, seed=9)
    random = torch.Generator().manual_seed(1)
    templates, tests, targets = draw_samples(held_out, 1000, 30, random, 0.51)
    with torch.no_grad():
        logits, weights = network(torch.cat([templates, tests], dim=1))
    assert ((logits[:, 1] > logits[:, 0]) == targets).float().mean() > 0.8
    assert float(weights[targets].mean()) == pytest.approx(0.1, abs=0.03)


def test_ppo_finds_a_known_optimum():
    """Speakers are far apart and don't vary: to update on targets only is best, 2.5 a step."""
    vectors = np.repeat(np.eye(4, dtype=np.float32), 40, axis=0)
    speakers = pd.Series(np.repeat(["a", "b", "c", "d"], 40))
    dates = pd.Series([f"2020-05-{1 + day:02d}" for day in range(10)] * 16).sort_values()
    population = made_up.group_embeddings(
        vectors, speakers, pd.Series(np.tile(np.sort(dates.unique()).repeat(4), 4))
    )
    ppo = Ppo(
        steps=12288,
        environments=32,
        rollout_steps=32,
        minibatches=4,
        learning_rate=3e-3,
        discount=0.9,
        gae_lambda=0.8,
        clip=0.2,
    )
    settings = Finetuning(episode=EPISODE, ppo=ppo)
    policy, curve = train_method(population, "multi-head", settings)
    assert curve["reward"].iloc[0] < 1.0
    assert curve["reward"].iloc[-1] > 1.3  # the optimum is (2.5 + 0.5) / 2 = 1.5
    x = torch.eye(4)
    states = torch.cat([x.repeat_interleave(4, 0), x.repeat(4, 1)], dim=1)
    with torch.no_grad():
        logits, _ = policy(states)
    same = torch.eye(4).flatten().bool()
    assert torch.equal(logits[:, 1] > logits[:, 0], same)


def turning_speakers(degrees, speakers=4, days=10, a_day=4):
    """Speakers far apart; each turns by so much a day in a plane of its own."""
    angle = np.deg2rad(degrees) * np.arange(days)
    vectors = np.zeros((speakers, days, a_day, 2 * speakers), dtype=np.float32)
    for s in range(speakers):
        vectors[s, :, :, 2 * s : 2 * s + 2] = np.stack([np.cos(angle), np.sin(angle)], 1)[:, None]
    names = pd.Series(np.repeat(list("abcdefgh"[:speakers]), days * a_day))
    dates = pd.Series(
        np.tile(np.repeat([f"2020-05-{1 + day:02d}" for day in range(days)], a_day), speakers)
    )
    return made_up.group_embeddings(vectors.reshape(-1, 2 * speakers), names, dates)


def mean_margin(population, update):
    """The mean reward of updating with weight 0.2 where `update` of the labels says so."""
    environment = TemplateUpdatingVectorEnv(64, population, EPISODE, Traits(reward="margin"))
    environment.reset(seed=0)
    rewards = []
    for _ in range(60):
        action = {"update": update(environment._target), "weight": torch.full((64, 1), 0.2)}
        rewards.append(environment.step(action)[1].mean())
    return float(torch.stack(rewards).mean())


@pytest.mark.parametrize(
    ("method", "degrees"),
    [
        ("multi-head-margin", 0),
        ("multi-head-scalars-margin", 0),
        ("multi-head-scalars-margin", 20),
    ],
)
def test_ppo_finds_when_updating_is_good(method, degrees):
    """Always to update is bad, and never to is best (2) only of speakers that don't change."""
    population = turning_speakers(degrees)
    always = mean_margin(population, torch.ones_like)
    never = mean_margin(population, torch.zeros_like)
    targets = mean_margin(population, torch.clone)
    assert targets > always + 0.25
    assert never == pytest.approx(2, abs=1e-4) if degrees == 0 else targets > never + 0.3
    ppo = Ppo(
        steps=16384,
        scalar_steps=16384,
        environments=32,
        rollout_steps=32,
        minibatches=4,
        learning_rate=3e-3,
        discount=0.9,
        gae_lambda=0.8,
        clip=0.2,
    )
    _, curve = train_method(population, method, Finetuning(episode=EPISODE, ppo=ppo))
    assert curve["reward"].iloc[0] < (always + targets) / 2 + 0.2
    assert curve["reward"].iloc[-3:].mean() > targets - 0.1


@pytest.mark.parametrize("method", ["multi-head", "adaptive-weight", "multi-head-scalars-margin"])
def test_training_is_deterministic_and_resumes(method, tmp_path):
    """Stopped at a checkpoint and resumed: the same weights and rows as in one go."""

    class StopError(Exception):
        pass

    class Stopping(Checkpoint):
        def due(self):
            return True

        def save(self, state):
            super().save(state)
            if len(state["rows"]) == 2:
                raise StopError

    def run(checkpoint=None, seed=0):
        return train_method(POPULATION, method, FINETUNING, seed, checkpoint)

    policy, curve = run()
    with pytest.raises(StopError):
        run(Stopping(tmp_path / "c", "digest"))
    resumed, resumed_curve = run(Checkpoint(tmp_path / "c", "digest"))
    assert len(curve) == 4
    pd.testing.assert_frame_equal(curve, resumed_curve, check_exact=True)
    other, _ = run(Checkpoint(tmp_path / "c", "another digest"), seed=1)
    for name, tensor in policy.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name])
    assert not torch.equal(policy.trunk[0].weight, other.trunk[0].weight)
    assert curve["reward"].notna().all()


@pytest.mark.parametrize("method", ["multi-head", "multi-head-scalars"])
def test_truncation_bootstraps_and_termination_does_not(method, monkeypatch):
    """What the trainer hands on as values of following states."""
    seen = []
    monkeypatch.setattr(
        finetune_policy,
        "generalised_advantages",
        lambda *parts: seen.append(parts) or generalised_advantages(*parts),
    )
    short = Finetuning(
        episode=Episode(min_utterances=20, max_steps=7, max_errors=3, **THRESHOLDS),
        ppo=SMALL.model_copy(update={"rollout_steps": 64, "steps": 1024, "scalar_steps": 1024}),
    )
    train_method(POPULATION, method, short)
    _, values, next_values, done, *_ = seen[1]
    terminated = done & (next_values == 0)
    truncated = done & (next_values != 0)
    assert terminated.any()
    assert truncated.any()
    going_on = ~done[:-1]
    assert torch.equal(next_values[:-1][going_on], values[1:][going_on])
    # The value after a truncation is that of the old episode's last state, not the new one's.
    assert (next_values[:-1][truncated[:-1]] != values[1:][truncated[:-1]]).all()


@pytest.fixture
def files(tmp_path):
    x, table = made_up.draw_embeddings(8, 10, 6, 1, dimension=16)
    place = np.arange(len(x))
    slot = place % 6 // 2 + 1
    table["utterance"] = [
        f"{s}_{d[5:7]}{d[8:]}{8 + 3 * k:02d}00_{k}_{1 + i % 2}_ti_0"
        for s, d, k, i in zip(table["speaker"], table["date"], slot, place, strict=True)
    ]
    table = table.assign(time="09:00", slot=slot, take=1 + place % 2, kind="ti", phrase=0)
    table["seconds"] = np.where(place % 7 == 0, 0.5, 3.0)
    write_parquet(table, tmp_path / "manifest.parquet")
    write_npy(x, tmp_path / "embeddings.npy")
    write_index(table, tmp_path / "index.parquet")
    parts = ["train"] * 6 + ["test", "nontarget-only"]
    split = pd.DataFrame({"speaker": sorted(table["speaker"].unique()), "part": parts})
    write_csv(split, tmp_path / "split.csv")
    return tmp_path


def arguments(files, out, settings, method=None, **more):
    given = {
        "embeddings": files / "embeddings.npy",
        "index": files / "index.parquet",
        "manifest": files / "manifest.parquet",
        "split": files / "split.csv",
        "seed": 1,
        "policy-seed": 3,
        "device": "cpu",
        "settings": settings.model_dump_json(),
        "out-dir": out,
        **more,
    }
    if method is not None:
        row = BY_ID[method]
        given |= {"method": method, "entry": row.entry, "sees": row.sees}
        given |= {"reward": row.reward, "gated": row.gated}
    return [str(part) for name, value in given.items() for part in (f"--{name}", value)]


def pretrain_step(files, out, settings=PRETRAINING, **more):
    launch("training.pretrain_policy", *arguments(files, out, settings, **more))


def finetune_step(files, out, settings=FINETUNING, **more):
    launch("training.finetune_policy", *arguments(files, out, settings, **more))


def test_steps_from_files_to_policies(files, capsys):
    """Pretraining, finetuning from it, a run killed between: the same bytes."""
    pretrained = files / "policies/pretrained"
    pretrain_step(files, pretrained)
    assert "device: cpu" in capsys.readouterr().out
    names = {"policy.safetensors", "policy.json", "training.csv"}
    assert {path.name for path in pretrained.iterdir()} == names
    again = files / "policies/again"
    pretrain_step(files, again)
    margin, scalars = files / "policies/margin", files / "policies/scalars"
    finetune_step(files, margin, method="multi-head-margin", initial=pretrained)
    finetune_step(files, scalars, method="multi-head-scalars")
    described = read_json(margin / "policy.json")
    assert described["method"] == "multi-head-margin"
    assert described["initial"] == "pretrained policy"
    assert read_json(scalars / "policy.json")["method"] == "multi-head-scalars"
    tuned = files / "policies/tuned"
    more = {"method": "multi-head", "initial": pretrained}
    finetune_step(files, tuned, **more)
    for name in names:
        assert (pretrained / name).read_bytes() == (again / name).read_bytes()
        assert str(files) not in (tuned / name).read_bytes().decode("latin-1")
    assert not list(files.glob("policies/*.checkpoint"))
    curve = pd.read_csv(tuned / "training.csv")
    assert list(curve["steps"]) == [128, 256, 384, 512]

    # The same in a process of its own that dies at a checkpoint.
    killed = files / "policies/killed"
    line = arguments(files, killed, FINETUNING, **more, **{"checkpoint-seconds": 0})
    dying = (
        "import os, signal, sys\n"
        "from workflow_src.running import checkpoint, launcher\n"
        "save = checkpoint.Checkpoint.save\n"
        "def kill(self, state):\n"
        "    save(self, state)\n"
        "    if len(state['rows']) == 2: os.kill(os.getpid(), signal.SIGKILL)\n"
        "checkpoint.Checkpoint.save = kill\n"
        "launcher.call('training.finetune_policy', sys.argv[1:])\n"
    )
    done = subprocess.run([sys.executable, "-c", dying, *line], capture_output=True, check=False)
    assert done.returncode == -9, done.stderr.decode()
    assert not killed.exists()
    launch("training.finetune_policy", *line)
    assert "resumed after update 2 of 4" in capsys.readouterr().out
    for name in names:
        assert (tuned / name).read_bytes() == (killed / name).read_bytes()
    assert not list(files.glob("policies/*.checkpoint"))


def test_what_training_leaves_out_is_counted(files):
    """Of the six training speakers, the first has only short recordings, the second five others."""
    table = pd.read_parquet(files / "manifest.parquet")
    first, second = (table["speaker"] == name for name in sorted(table["speaker"].unique())[:2])
    table.loc[first | (second & (second.cumsum() > 5)), "seconds"] = 0.5
    table.loc[second & (second.cumsum() <= 5), "seconds"] = 3.0
    write_parquet(table, files / "manifest.parquet")
    training = table[table["speaker"].isin(sorted(table["speaker"].unique())[:6])]
    short = training.loc[training["seconds"] < 1, "utterance"]
    counted = files / "passed_over.csv"
    pretrain_step(files, files / "pretrained", **{"passed-over": counted})
    lines = [
        "stage,what,number,first",
        f"policies,training utterances of at most 1 s,{len(short)},{short.iloc[0]}",
        "policies,training speakers without an utterance to train on,1,"
        f"{table['speaker'][first].iloc[0]}",
    ]
    assert counted.read_text().splitlines() == lines
    finetune_step(files, files / "tuned", method="multi-head", **{"passed-over": counted})
    lines[1] = lines[1].replace("at most 1 s", "at most 0.64 s")
    lines.append(
        'policies,"training speakers without episodes, who have at most 20 utterances or one day",'
        f"1,{table['speaker'][second].iloc[0]}"
    )
    assert counted.read_text().splitlines() == lines


@pytest.mark.parametrize("method", ["pretraining", "multi-head", "adaptive-weight"])
def test_training_starts_from_a_given_policy(method, files):
    """With hardly any learning, what comes out is the policy given, in the released layout."""
    file = "adw_final" if method == "adaptive-weight" else "mh_final"
    base = "adaptive-weight" if method == "adaptive-weight" else "multi-head"
    torch.save(made_up_state_dict(file, POPULATION.dimension), files / f"{file}.pkl")
    given, trained = files / f"given-{method}", files / f"trained-{method}"
    own = ["--method", base, "--entry", BY_ID[base].entry, "--out-dir", given]
    launch("methods.import_policy", "--source", files / f"{file}.pkl", *own)
    if method == "pretraining":
        settings = PRETRAINING.model_copy(update={"learning_rate": 1e-12, "epochs": 1})
        pretrain_step(files, trained, settings, initial=given)
    else:
        ppo = SMALL.model_copy(update={"learning_rate": 1e-12})
        settings = FINETUNING.model_copy(update={"ppo": ppo})
        finetune_step(files, trained, settings, method=method, initial=given)
    assert read_json(trained / "policy.json")["initial"] == "given policy"
    before, after = (read_policy(folder)[0] for folder in (given, trained))
    for name, tensor in before.items():
        if name != "log_std":
            torch.testing.assert_close(after[name], tensor, rtol=1e-4, atol=1e-5)


def test_only_training_speakers_are_read(files):
    population = load_training_population(
        *(files / name for name in ("embeddings.npy", "index.parquet", "manifest.parquet")),
        files / "split.csv",
        0.64,
    )
    assert population.names == ("0000", "0001", "0002", "0003", "0004", "0005")
    assert len(population.embeddings) == sum(place % 7 > 0 for place in range(360))
    assert len(population.day_means) == 60


def test_bad_input_is_named(files):
    def fine(settings=FINETUNING, **more):
        finetune_step(files, files / "out", settings, **more)

    pretrain_step(files, files / "pre")
    with pytest.raises(InputError, match=r"pre: lacks the tensor 'mu.weight'"):
        fine(method="adaptive-weight", initial=files / "pre")
    wide = Finetuning(episode=EPISODE, ppo=SMALL.model_copy(update={"minibatches": 999}))
    with pytest.raises(InputError, match="minibatches, which is 999"):
        fine(wide, method="multi-head")
    with pytest.raises(InputError, match="Soft: is no rule with a policy that PPO could train"):
        fine(method="soft")
    manifest = pd.read_parquet(files / "manifest.parquet")
    write_parquet(manifest.assign(date=""), files / "manifest.parquet")
    with pytest.raises(InputError, match=r"manifest.parquet: training a policy needs the day of"):
        fine(method="multi-head")
    write_parquet(manifest, files / "manifest.parquet")
    x = np.load(files / "embeddings.npy")
    x[3, 2] = np.nan
    write_npy(x, files / "embeddings.npy")
    with pytest.raises(InputError, match=r"the embedding of 0000_.* is zero, not finite"):
        fine(method="multi-head")
    split = pd.read_csv(files / "split.csv", dtype=str).assign(part="test")
    write_csv(split, files / "split.csv")
    with pytest.raises(InputError, match="at least two speakers"):
        fine(method="multi-head")
    assert not (files / "out").exists()
