import os
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training import made_up
from workflow_src.common.errors import InputError
from workflow_src.common.files import read_json, write_json
from workflow_src.methods.adaptive_weight import AdaptiveWeight
from workflow_src.methods.multi_head import MultiHead, MultiHeadNetwork
from workflow_src.methods.published import from_published
from workflow_src.methods.scalar_multi_head import ScalarMultiHead, ScalarMultiHeadNetwork
from workflow_src.methods.storage import load_policy, write_policy
from workflow_src.settings.finetuning import Episode
from workflow_src.training.environment import Traits
from workflow_src.training.vector_environment import TemplateUpdatingVectorEnv
from workflow_src.updating.interface import Trials
from workflow_src.updating.score_history import ScoreScale
from workflow_src.updating.scorer import pack_sequences, score_sequences


def make_network(kind, dimension=16, seed=0):
    torch.manual_seed(seed)
    network = kind(dimension)
    with torch.no_grad():
        # Decisions of both kinds, weights that matter.
        for parameter in network.parameters():
            parameter.mul_(1.7)
        network.trunk[0].bias.add_(0.1)
    return network


def score_plainly(network, template, tests, gate):
    """docs/method.md, one trial after the other."""
    results = []
    for x in tests:
        score = float(template @ x / template.norm() / x.norm())
        margin, updated = torch.inf, score > gate
        if isinstance(network, MultiHeadNetwork):
            logits, weight = network(torch.cat([template, x]), torch.tensor(True))
            margin = float(logits[1] - logits[0])
            updated = updated and margin > 0
        elif updated:
            template, x = template / template.norm(), x / x.norm()
            weight = network(torch.cat([template, x]))
        if updated:
            template = (1 - weight) * template + weight * x
        results.append((score, updated, float(weight) if updated else 0.0, margin))
    return results


def score_by_rule(rule, templates, tests):
    """Templates [n, D] in lockstep through tests [n, T, D], the rule's layer carried along."""
    n, length = tests.shape[:2]
    own = rule.encode(templates).carried[None]
    template, memory, results = templates[None], rule.begin(n), []
    for t in range(length):
        x = tests[:, t]
        encoded = rule.encode(x)
        norms, x_norms = template.norm(dim=-1), x.norm(dim=-1)
        scores = (template * x).sum(-1) / norms / x_norms
        days = torch.zeros_like(x_norms)
        known = (scores, norms, x_norms, own, encoded.carried, encoded.offered, days, None)
        trials = Trials(*known, template, x)
        decision = rule.decide(trials, memory)
        w = decision.weights[..., None]
        by, x_by = (norms[..., None], x_norms[:, None]) if rule.normalises else (1, 1)
        moved = (1 - w) * template / by + w * x / x_by
        moved_own = (1 - w) * own / by + w * encoded.carried / x_by
        u = decision.updated[..., None]
        template, own = moved.where(u, template), moved_own.where(u, own)
        results.append((scores[0], decision.updated[0], decision.weights[0]))
    return [torch.stack(part, 1) for part in zip(*results, strict=True)]


def compare(network, rule, templates, tests, gate):
    scores, updated, weights = score_by_rule(rule, templates, tests)
    for n in range(len(templates)):
        for t, (score, up, weight, margin) in enumerate(
            score_plainly(network, templates[n], tests[n], gate)
        ):
            if abs(margin) < 1e-5 or abs(score - gate) < 1e-6:
                break  # undecidable in float32; the sequences may part here
            assert scores[n, t] == pytest.approx(score, abs=1e-5)
            assert updated[n, t] == up
            if up:
                assert weights[n, t] == pytest.approx(weight, abs=1e-5)
    return updated.float().mean()


@pytest.mark.parametrize("kind", [MultiHead, AdaptiveWeight])
@torch.no_grad()
def test_rule_equals_plain_trial_by_trial_evaluation(kind):
    x = made_up.draw_embeddings(8, 20, 2, 3, dimension=16, scale=3)[0].reshape(8, 40, 16)
    tests = torch.from_numpy(x)
    network = make_network(kind.make_network)
    gate = 0.4 if kind is MultiHead else 0.51
    rule = kind(network)
    # Half the tests from other speakers.
    tests[:, 1::2] = tests[:, 1::2].roll(1, 0)
    rate = compare(network, rule, torch.from_numpy(x[:, :5]).mean(1), tests, gate)
    assert 0.05 < rate < 0.95


def make_scalar_network():
    scale = ScoreScale(centre=0.45, slope=15.0, mean=0.65, spread=0.1)
    return make_network(lambda _: ScalarMultiHeadNetwork(scale))


def store(folder, network, method, **more):
    write_policy(folder, network.state_dict(), {"method": method, **network.describe(), **more})


@torch.no_grad()
def test_scalar_rule_equals_its_environment():
    """Scored in lockstep, episodes go as they do where the policy was trained."""
    population = made_up.draw_population(speakers=6, days=12, a_day=6, dimension=16, noise=1.5)
    network = make_scalar_network()
    network.update_head.bias.copy_(torch.tensor([0.0, 0.5]))
    episode = Episode(
        min_utterances=20,
        max_steps=30,
        max_errors=100,
        error_threshold=0.5,
        update_threshold=0.51,
    )
    n = 12
    traits = Traits(sees="scalars", reward="margin")
    environment = TemplateUpdatingVectorEnv(n, population, episode, traits, network.scale)
    drawn = environment.sampler.draw(n, torch.Generator().manual_seed(0))
    lengths = drawn.lengths.clamp(max=30).numpy()
    trial = np.concatenate([np.arange(length) for length in lengths])
    who = np.repeat(np.arange(n), lengths)
    sequences = pack_sequences(
        who, trial, drawn.offers.numpy()[who, trial], np.arange(n), drawn.days.numpy()[who, trial]
    )
    scored = score_sequences(
        ScalarMultiHead(network, -1.0), drawn.templates, sequences, population.embeddings
    )
    seen, _ = environment.reset(options={"episodes": drawn})
    updates, going = 0, torch.ones(n, dtype=torch.bool)
    for t in range(30):
        logits, _ = network(seen)
        _, weight = network(seen, torch.ones(n, dtype=torch.bool))
        updated = logits[:, 1] > logits[:, 0]
        for e in going.nonzero().squeeze(1).tolist():
            at = int(lengths[:e].sum()) + t
            assert scored.updated[0, at] == updated[e]
            assert scored.weights[0, at] == pytest.approx(float(weight[e] * updated[e]), abs=1e-4)
        updates += int(updated[going].sum())
        action = {"update": updated, "weight": weight[:, None]}
        assert ((weight > 0) & (weight < 1))[updated & going].all()  # none was clipped
        seen, _, terminated, truncated, _ = environment.step(action)
        going &= ~(terminated | truncated)
    assert 0.05 < updates / lengths.sum() < 0.95


def test_scalar_policy_survives_storing(tmp_path):
    network = make_scalar_network()
    store(tmp_path, network, "multi-head-scalars")
    rule = load_policy(tmp_path, ScalarMultiHead, 0.3)
    assert (rule.threshold, rule.scale) == (0.3, network.scale)
    x = torch.randn(5, 6)
    assert torch.equal(rule._trunk(x), network.trunk(x))
    described = read_json(tmp_path / "policy.json")
    assert described["features"][0] == "score"
    for change, message in (
        ({"features": ["score"]}, "features is"),
        ({"score_scale": {**described["score_scale"], "slope": 0}}, "slope and spread above 0"),
        ({"score_scale": None}, "score_scale is None"),
    ):
        write_json({**described, **change}, tmp_path / "policy.json")
        with pytest.raises(InputError, match=message) as error:
            load_policy(tmp_path, ScalarMultiHead)
        assert str(error.value).startswith(f"{tmp_path}: ")


@pytest.mark.parametrize(("kind", "published"), [(MultiHead, 0.4), (AdaptiveWeight, 0.51)])
def test_policy_survives_storing(kind, published, tmp_path):
    network = make_network(kind.make_network)
    store(tmp_path / "p", network, "some-method", seed=1)
    rule = load_policy(tmp_path / "p", kind, 0.3)
    assert rule.threshold == 0.3
    assert load_policy(tmp_path / "p", kind).threshold == published
    x = torch.randn(5, 16)
    assert torch.equal(rule.encode(x).offered, kind(network).encode(x).offered)
    first = (tmp_path / "p/policy.safetensors").read_bytes()
    store(tmp_path / "q", network, "some-method", seed=1)
    assert first == (tmp_path / "q/policy.safetensors").read_bytes()


def test_broken_policies_are_named(tmp_path):
    network = make_network(MultiHeadNetwork)
    store(tmp_path, network, "multi-head")
    with pytest.raises(InputError, match="16 dimensions"):
        load_policy(tmp_path, MultiHead).encode(torch.randn(3, 12))
    with pytest.raises(InputError, match=r"mu\.weight"):
        load_policy(tmp_path, AdaptiveWeight)
    with pytest.raises(InputError, match="features is None"):
        load_policy(tmp_path, ScalarMultiHead)
    described = read_json(tmp_path / "policy.json")
    write_json({**described, "dimension": 12}, tmp_path / "policy.json")
    with pytest.raises(InputError, match="dimension is 12, but"):
        load_policy(tmp_path, MultiHead)
    write_json({"dimension": 16}, tmp_path / "policy.json")
    with pytest.raises(InputError, match="does not name a method"):
        load_policy(tmp_path, MultiHead)
    write_json(described, tmp_path / "policy.json")
    weights = tmp_path / "policy.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"policy\.safetensors"):
        load_policy(tmp_path, MultiHead)
    weights.unlink()
    with pytest.raises(InputError, match=r"policy\.safetensors"):
        load_policy(tmp_path, MultiHead)


def published_state(rule, part, network):
    """A made-up state dict with the keys of the released ones."""
    names = rule.published[part]
    tensors = dict(network.state_dict())
    state = {released: tensors[name] for name, released in names.items()}
    if "log_std" in names:
        state[names["log_std"]] = tensors["log_std"].reshape(1, 1)
    return {part: state} if part == "model" else {part: state, "v": {}}


@pytest.mark.parametrize(
    ("rule", "part"), [(MultiHead, "pi"), (MultiHead, "model"), (AdaptiveWeight, "pi")]
)
def test_state_dicts_of_the_released_form(rule, part):
    network = make_network(rule.make_network)
    read = from_published(published_state(rule, part, network), rule)
    x = torch.randn(7, 32)
    for a, b in zip(
        torch.utils._pytree.tree_leaves(read(x)),
        torch.utils._pytree.tree_leaves(network(x)),
        strict=True,
    ):
        assert torch.equal(a, b)
    state = published_state(rule, part, network)
    next(iter(state.values())).pop("linear1.bias")
    with pytest.raises(InputError, match=r"linear1\.bias"):
        from_published(state, rule)
    with pytest.raises(InputError, match="no policies of ScalarMultiHead were released"):
        from_published(state, ScalarMultiHead)


@pytest.mark.skipif("PUBLISHED_DIR" not in os.environ, reason="needs the released policies")
@pytest.mark.parametrize(
    ("file", "rule"),
    [("mh_final", MultiHead), ("mh_pretrain", MultiHead), ("adw_final", AdaptiveWeight)],
)
@torch.no_grad()
def test_released_policies(file, rule):
    path = Path(os.environ["PUBLISHED_DIR"]) / "policies" / f"{file}.pkl"
    network = from_published(torch.load(path, weights_only=True, map_location="cpu"), rule)
    assert network.trunk[0].in_features == 256
    x = made_up.draw_embeddings(6, 12, 2, 3, scale=1)[0].reshape(6, 24, 128)
    tests = torch.from_numpy(x)
    tests[:, 1::2] = tests[:, 1::2].roll(1, 0)
    gate = 0.4 if rule is MultiHead else 0.51
    compare(network, rule(network), torch.from_numpy(x[:, :5]).mean(1), tests, gate)
