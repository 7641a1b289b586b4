"""Methods that are fitted on development trials: their arithmetic, their fits, their storage."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import norm as gaussian

from workflow_src.common.errors import InputError
from workflow_src.methods.adaptive_weight import AdaptiveWeight, AdaptiveWeightNetwork
from workflow_src.methods.baseline import Baseline
from workflow_src.methods.development import Development, choose
from workflow_src.methods.entries import load_entry
from workflow_src.methods.fit_method import fit
from workflow_src.methods.fixed_weight import FixedWeight
from workflow_src.methods.fixed_weight_tuned import TunedFixedWeight
from workflow_src.methods.kalman import Kalman
from workflow_src.methods.made_up import DIMENSION as D
from workflow_src.methods.made_up import make_study
from workflow_src.methods.oracle import Oracle
from workflow_src.methods.soft import Soft, replay_history
from workflow_src.methods.spherical_plda import SphericalPlda
from workflow_src.methods.spherical_voice import estimate_variances
from workflow_src.methods.storage import load_policy, write_policy
from workflow_src.methods.study import TrainingSpeech
from workflow_src.methods.through_time import (
    ThroughTime,
    WeightNetwork,
    _Padded,
    _Played,
    play_window,
)
from workflow_src.methods.tune_threshold import tune_threshold
from workflow_src.running.checkpoint import Checkpoint
from workflow_src.settings.catalogue import METHODS
from workflow_src.settings.runs import Run
from workflow_src.settings.tuning import CANDIDATES, Tuning
from workflow_src.updating.interface import Memory
from workflow_src.updating.score_history import FEATURES, ScoreHistory, ScoreScale
from workflow_src.updating.scorer import score_sequences

SCALE = ScoreScale(centre=0.4, slope=12.0, mean=0.7, spread=0.1)
TUNING = Tuning(alphas=[0.05, 0.1, 0.2], thresholds=[0.2, 0.4, 0.6])
THROUGH_TIME = {
    "hidden": 8,
    "updates": 40,
    "sequences": 32,
    "window": 16,
    "validate_every": 10,
    "learning_rate": 0.01,
}
MULTI_RATE = {
    "hidden": 8,
    "updates": 50,
    "sequences": 24,
    "window": 32,
    "nontargets": [1.0, 1.0],
}
FITTED = {method.id: method for method in METHODS if method.origin == "fitted"}


@pytest.fixture(scope="module")
def study():
    """What every method is fitted on, from a tuned fixed weight."""
    own = replace(make_study(TUNING), own=THROUGH_TIME)
    return replace(own, starts_from=TunedFixedWeight.fit(own)[0])


@pytest.fixture(scope="module")
def partition(study):
    return study.partition


def score(rule, task):
    return score_sequences(rule, task.templates, task.sequences, task.embeddings)


def one_by_one(task, decide):
    """Play every sequence alone in float64; decide(score, days, target, norms, state) -> w."""
    scores = np.zeros(len(task.sequences.rows))
    weights = np.zeros_like(scores)
    sequences, x = task.sequences, task.embeddings.double().numpy()
    begin = np.cumsum(sequences.active) - sequences.active
    for number, start in enumerate(sequences.template):
        template, state = task.templates[start].double().numpy(), {}
        for first, active in zip(begin, sequences.active, strict=True):
            if number >= active:
                break
            at = first + number
            test = x[sequences.rows[at]]
            length = np.linalg.norm(template)
            cosine = template @ test / length / np.linalg.norm(test)
            target = sequences.targets[at]
            out, w = decide(cosine, float(sequences.days[at]), target, length, state)
            scores[sequences.order[at]], weights[sequences.order[at]] = out, w
            template = (1 - w) * template + w * test
    return scores, weights


def plain_features(scale, cosine, days, state):
    """The features by their definition, and the history afterwards."""
    n, total, squares, last = state.get("history", (0.0, 0.0, 0.0, 0.0))
    mean = total / (n + 2)
    spread = np.sqrt((squares + 2 * scale.spread**2) / (n + 2) - mean**2)
    features = [
        scale.slope * (cosine - scale.centre) / 4,
        mean / scale.spread,
        np.log(spread / scale.spread),
        np.log1p(n) - 2,
        np.log1p(days) - 2,
        np.log1p(days - last),
    ]
    p = 1 / (1 + np.exp(-scale.slope * (cosine - scale.centre)))
    d = cosine - scale.mean
    state["history"] = (n + p, total + p * d, squares + p * d * d, days if p > 0.5 else last)
    return np.array(features)


def test_speakers_of_validation_are_not_fitted_on(partition):
    # Everyone's trials are in one of the parts, and only in one.
    counts = [
        sum(len(task.sequences.rows) for task in part.tasks.values())
        for part in (partition.every, partition.fitting, partition.validation)
    ]
    assert counts[0] == counts[1] + counts[2]
    assert min(counts) > 0


def test_soft_equals_its_formula_trial_by_trial(partition):
    b = torch.tensor([3.0, -1.0, 0.2, 0.1, -0.3, 0.4, -0.5])
    rule = Soft(SCALE, b, 0.2, 1.5, -0.25)
    weigh = b.double().numpy()

    def decide(cosine, days, target, length, state):
        odds = plain_features(SCALE, cosine, days, state) @ weigh[:-1] + weigh[-1]
        share = 1 / (1 + np.exp(-1.5 * (odds - 0.25)))
        return cosine, 0.2 * share if share > 0.01 else 0.0

    task = partition.every.tasks["random"]
    scores, weights = one_by_one(task, decide)
    scored = score(rule, task)
    np.testing.assert_allclose(scored.scores[0], scores, atol=2e-5)
    np.testing.assert_allclose(scored.weights[0], weights, atol=2e-4)


def test_variants_side_by_side_equal_each_alone(partition):
    b = torch.tensor([3.0, -1.0, 0.2, 0.1, -0.3, 0.4, -0.5])
    task = partition.every.tasks["3das"]
    both = score(Soft(SCALE, b, [0.1, 0.3], [1.0, 2.0], [0.0, 1.0]), task)
    for i, numbers in enumerate(((0.1, 1.0, 0.0), (0.3, 2.0, 1.0))):
        alone = score(Soft(SCALE, b, *numbers), task)
        np.testing.assert_allclose(both.scores[i], alone.scores[0], atol=1e-6)


def test_replayed_history_is_the_one_a_rule_sees(partition):
    task = partition.every.tasks["random"]
    scores = score(FixedWeight(0.1, 0.4), task).scores[0].numpy()[task.sequences.order]
    replayed = replay_history(task.sequences, scores, SCALE).numpy()
    seen = np.zeros_like(replayed)

    def decide(cosine, days, target, length, state):
        state["n"] = state.get("n", -1) + 1
        return cosine, 0.1 if cosine > 0.4 else 0.0

    states = {}
    begin = np.cumsum(task.sequences.active) - task.sequences.active
    for first, active in zip(begin, task.sequences.active, strict=True):
        for number in range(active):
            at = first + number
            state = states.setdefault(number, {})
            seen[at] = plain_features(SCALE, scores[at], float(task.sequences.days[at]), state)
    np.testing.assert_allclose(replayed, seen, atol=1e-4)
    assert replayed.shape[1] == len(FEATURES)


VARIANCES = {"within": 0.4, "day": 0.05, "drift": 0.002, "between": 0.6}


def test_kalman_equals_its_recursion_trial_by_trial(partition):
    rule = Kalman(SCALE, VARIANCES, 5, 4.0, D, 2.0)

    def decide(cosine, days, target, length, state):
        variance = state.get("variance", 0.05 + 0.4 / 5)
        variance += 0.002 * (days - state.get("day", 0.0))
        gain = variance / (variance + 2 * 0.45)
        p = 1 / (1 + np.exp(-12.0 * (cosine - 0.4)))
        state["variance"], state["day"] = variance * (1 - p * gain), days
        return cosine, p * gain if p > 0.01 else 0.0

    task = partition.every.tasks["3das"]
    scores, weights = one_by_one(task, decide)
    scored = score(rule, task)
    np.testing.assert_allclose(scored.scores[0], scores, atol=2e-5)
    np.testing.assert_allclose(scored.weights[0], weights, atol=2e-4)


def test_spherical_plda_scores_are_log_likelihood_ratios(partition):
    rule = SphericalPlda(SCALE, VARIANCES, 5, 4.0, D, 1.0)
    task = partition.every.tasks["random"]
    first = slice(0, task.sequences.active[0])
    ours = score(rule, task).scores[0].numpy()[task.sequences.order[first]]
    variance = 0.45 / 5
    shrink = 0.6 / (0.6 + variance)
    for i in range(0, len(ours), 7):
        template = task.templates[task.sequences.template[i]].double().numpy()
        test = task.embeddings[task.sequences.rows[i]].double().numpy()
        x, mean = test / np.linalg.norm(test), shrink * template / 4.0
        own = gaussian.logpdf(x, mean, np.sqrt((shrink * variance + 0.45) / D)).sum()
        other = gaussian.logpdf(x, 0, np.sqrt((0.6 + 0.45) / D)).sum()
        assert ours[i] == pytest.approx((own - other) / D, abs=1e-4)


def test_variances_of_a_known_population_are_found():
    rng = np.random.default_rng(0)
    speakers, days, each = 40, 40, 4
    who = np.repeat(np.arange(speakers), days * each)
    day = np.tile(np.repeat(np.arange(days), each), speakers)
    dim = 64
    known = {"between": 1.0, "within": 0.5, "day": 0.2, "drift": 0.01}

    def draw(variance, *shape):
        return rng.normal(size=(*shape, dim)) * np.sqrt(variance / dim)

    voice = draw(1.0, speakers)[:, None] + np.cumsum(draw(0.01, speakers, days), axis=1)
    x = (voice + draw(0.2, speakers, days))[who, day] + draw(0.5, len(who))
    found, norm = estimate_variances(TrainingSpeech(x.astype(np.float32), who, day))
    scaled = {name: value * norm**2 for name, value in found.items()}
    assert scaled["within"] == pytest.approx(known["within"], rel=0.05)
    assert scaled["day"] == pytest.approx(known["day"], rel=0.15)
    assert scaled["drift"] == pytest.approx(known["drift"], rel=0.15)
    # The drift's own average lies between the speakers too.
    assert scaled["between"] == pytest.approx(known["between"] + 0.01 * days / 3, rel=0.15)


def test_oracle_updates_on_targets_and_on_nothing_else(partition):
    task = partition.every.tasks["random"]
    scored = score(Oracle(0.1), task)
    targets = np.empty(len(task.sequences.order), bool)
    targets[task.sequences.order] = task.sequences.targets
    assert np.array_equal(scored.updated[0].numpy(), targets)


def test_oracle_needs_labels(partition):
    task = partition.every.tasks["random"]
    blind = replace(task.sequences, targets=None)
    with pytest.raises(InputError, match="no labels"):
        score_sequences(Oracle(0.1), task.templates, blind, task.embeddings)


def test_window_scores_are_those_of_the_scorer(partition):
    torch.manual_seed(0)
    network = WeightNetwork(8, 0.5)
    data = _Padded.of(partition.every)
    played = _Played(data, 20, torch.Generator().manual_seed(1))
    with torch.no_grad():
        halves = [play_window(played, network, SCALE, 10) for _ in range(2)]
    scores, signs = (torch.cat(parts) for parts in zip(*halves, strict=True))
    first = 0
    expected = {}
    for number, task in enumerate(partition.every.tasks.values()):
        scored = score(ThroughTime(SCALE, network), task).scores[0].numpy()
        packed = scored[task.sequences.order]
        begin = np.cumsum(task.sequences.active) - task.sequences.active
        for sequence in range(len(task.sequences.template)):
            length = int((task.sequences.active > sequence).sum())
            expected[first + sequence] = packed[begin[:length] + sequence]
        first += len(task.sequences.template)
        assert number < 2
    for column, which in enumerate(played.which.tolist()):
        length = min(20, len(expected[which]))
        np.testing.assert_allclose(scores[:length, column], expected[which][:length], atol=2e-4)
        assert (signs[:length, column] != 0).all() and (signs[length:, column] == 0).all()


def test_gradient_flows_through_the_recursion(partition):
    torch.manual_seed(0)
    network = WeightNetwork(8, 0.5).double()
    data = _Padded.of(partition.every)
    data = _Padded(**{k: v.double() if v.is_floating_point() else v for k, v in vars(data).items()})

    def loss():
        played = _Played(data, 6, torch.Generator().manual_seed(1))
        played.history = ScoreHistory(
            **{k: v.double() for k, v in played.history.tensors().items()}
        )
        scores, signs = play_window(played, network, SCALE, 12)
        return (signs * scores).sum()

    loss().backward()
    bias = network.layers[-1].bias
    slope, step = float(bias.grad), 1e-5
    with torch.no_grad():
        bias += step
        up = float(loss())
        bias -= 2 * step
        down = float(loss())
    assert slope == pytest.approx((up - down) / (2 * step), rel=1e-4)
    assert abs(slope) > 1e-3


def fit_row(method, study):
    """Fit a method of the catalogue; each test changes nothing of the rule that it gets."""
    own = MULTI_RATE if method == "multi-rate" else study.own
    return fit(load_entry(FITTED[method].entry), replace(study, own=own))


@pytest.mark.parametrize("method", list(FITTED))
def test_fitted_methods_beat_no_updates_and_come_back_from_disk(method, study, tmp_path):
    rule, tried = fit_row(method, study)
    every = study.partition.every
    assert every.cost(rule)[0] < 1
    curve = tried["cost" if "cost" in tried else "loss"]
    # `ready-made` tries nothing.
    assert curve.empty or curve.min() <= curve.iloc[0]
    described = {"method": method, "dimension": D, **rule.describe()}
    write_policy(tmp_path, rule.tensors(), described, tried)
    again = load_policy(tmp_path, type(rule), threshold=0.9)  # theirs is their own
    task = every.tasks["random"]
    for ours, theirs in zip(
        vars(score(rule, task)).values(), vars(score(again, task)).values(), strict=True
    ):
        assert torch.equal(ours, theirs)
    assert json.loads((tmp_path / "policy.json").read_text()) == described


@pytest.mark.parametrize("method", list(FITTED))
def test_fitted_methods_start_from_what_their_row_says(method, study):
    alone = replace(study, starts_from=None)
    if FITTED[method].starts_from is None:
        assert fit_row(method, alone)[0].variants == 1
    else:
        with pytest.raises(InputError, match="--start is missing"):
            fit_row(method, alone)


def test_a_rule_that_needs_no_fitting_is_taken_as_it_is(study):
    rule, tried = fit(Baseline, study)
    assert isinstance(rule, Baseline)
    assert list(tried.columns) == ["cost"] and tried.empty


def test_fits_are_the_same_twice(study):
    for method in ("soft", "through-time", "multi-rate"):
        first, second = (fit_row(method, study)[0].tensors() for _ in range(2))
        assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("method", ["through-time", "multi-rate"])
def test_interrupted_training_ends_the_same(method, study, tmp_path):
    whole, curve = fit_row(method, study)

    class Interrupted(Checkpoint):
        """Saves at every chance, and dies after the 23rd."""

        saves = 0

        def due(self):
            return True

        def save(self, state):
            super().save(state)
            self.saves += 1
            if self.saves == 23:
                raise KeyboardInterrupt

    def go_on(kind):
        return replace(study, open_checkpoint=lambda: kind(tmp_path / "c", "x"))

    with pytest.raises(KeyboardInterrupt):
        fit_row(method, go_on(Interrupted))
    rule, again = fit_row(method, go_on(Checkpoint))
    for name, tensor in whole.tensors().items():
        assert torch.equal(rule.tensors()[name], tensor)
    pd.testing.assert_frame_equal(curve, again)


def test_settings_of_its_own_are_checked(study):
    with pytest.raises(InputError, match="--own: window: 'long' is not allowed"):
        ThroughTime.fit(replace(study, own={**THROUGH_TIME, "window": "long"}))


def test_a_training_without_any_cost_is_told_in_a_line(study, monkeypatch):
    monkeypatch.setattr(Development, "cost", lambda self, rule: np.array([np.nan]))
    with pytest.raises(InputError, match=r"^through-time: its error rate on .*learning_rate$"):
        ThroughTime.fit(study)


def test_broken_folders_are_refused_by_name(study, tmp_path):
    rule, tried = Soft.fit(study)
    described = {"method": "soft", "dimension": D, **rule.describe()}
    for broken in ({**described, "scale": {"centre": 1}}, {"method": "soft"}):
        write_policy(tmp_path, rule.tensors(), broken, tried)
        with pytest.raises(InputError, match="is no whole policy of Soft"):
            load_policy(tmp_path, Soft)
    (tmp_path / "policy.safetensors").write_bytes(b"nothing")
    with pytest.raises(InputError, match="cannot be read as safetensors"):
        load_policy(tmp_path, Soft)


def test_of_equal_costs_the_first_variant_is_chosen(partition):
    grid = pd.DataFrame({"alpha": [0.1, 0.1, 0.2], "threshold": [2.0, 2.0, 2.0]})
    table, best = choose(
        partition.every,
        lambda rows: FixedWeight(rows["alpha"].tolist(), rows["threshold"].tolist()),
        grid,
    )
    assert best.name == 0
    assert table["cost"].tolist() == [1.0, 1.0, 1.0]


def test_memory_views_are_written_in_place():
    rule = Soft(SCALE, torch.zeros(7), 0.1, 1.0, 0.0)
    memory = rule.begin(5)
    assert isinstance(memory, Memory)
    assert {tuple(t.shape) for t in memory.tensors.values()} == {(1, 5)}


def test_scale_is_that_of_a_known_logistic_law():
    rng = np.random.default_rng(1)
    scores = rng.uniform(0, 1, 200_000)
    targets = rng.random(len(scores)) < 1 / (1 + np.exp(-15 * (scores - 0.45)))
    scale = ScoreScale.estimate(scores, targets)
    # The classes are weighted equally, which moves the centre by the log-odds of their shares.
    moved = np.log(targets.sum() / (~targets).sum()) / 15
    assert scale.slope == pytest.approx(15, rel=0.03)
    assert scale.centre == pytest.approx(0.45 + moved, abs=0.005)
    assert scale.mean == pytest.approx(scores[targets].mean())


def test_tuned_fixed_weight_is_the_best_of_its_grid(partition, study):
    fixed = study.start
    assert isinstance(fixed, TunedFixedWeight)
    best = min(
        float(partition.every.cost(FixedWeight(a, t))[0])
        for a in TUNING.alphas
        for t in TUNING.thresholds
    )
    assert float(partition.every.cost(fixed)[0]) == pytest.approx(best)


@pytest.mark.parametrize("mean", [0.0, 2.0, 20.0])
def test_thresholds_to_choose_from_fit_the_scale_of_the_cosines(partition, mean):
    """A common mean moves all cosines upwards, as some speaker models have it."""
    moved = {
        name: replace(task, templates=task.templates + mean, embeddings=task.embeddings + mean)
        for name, task in partition.every.tasks.items()
    }
    development = Development.of(moved)
    grid = development.candidate_thresholds()
    assert len(grid) == CANDIDATES and grid == sorted(grid)
    scores, targets = [], []
    for task in moved.values():
        scores.append(one_by_one(task, lambda cosine, *_: (cosine, 0))[0])
        targets.append(np.empty(len(scores[-1]), bool))
        targets[-1][task.sequences.order] = task.sequences.targets
    scores, targets = np.concatenate(scores), np.concatenate(targets)
    step = (grid[-1] - grid[0]) / (CANDIDATES - 1)
    assert grid[0] == pytest.approx(np.median(scores[~targets]), abs=0.1 * step)
    assert grid[-1] == pytest.approx(np.percentile(scores[targets], 75), abs=0.1 * step)
    np.testing.assert_allclose(np.diff(grid), step, rtol=0.2)

    def least(thresholds):
        return min(float(development.cost(FixedWeight(0.1, t))[0]) for t in thresholds)

    # As good as a grid ten times as fine over all scores.
    fine = np.linspace(scores.min(), scores.max(), 150)
    assert least(grid) == pytest.approx(least(fine), abs=0.03)
    assert least(grid) < 0.9


def test_without_thresholds_in_the_settings_a_method_is_fitted_on_these(study):
    open_study = replace(study, tuning=Tuning(alphas=[0.1]))
    grid = study.partition.every.candidate_thresholds()
    rule, tried = TunedFixedWeight.fit(open_study)
    assert tried["threshold"].tolist() == grid
    assert rule.threshold in grid
    assert study.thresholds == TUNING.thresholds


def test_the_threshold_of_a_run_is_the_best_of_the_grid(partition):
    run = Run("fixed-weight-0.1", "fixed-weight", 0.1)
    threshold, tried = tune_threshold(partition.every, run, TUNING.thresholds)
    costs = {t: float(partition.every.cost(FixedWeight(0.1, t))[0]) for t in TUNING.thresholds}
    assert threshold == min(costs, key=costs.get)
    assert tried["threshold"].tolist() == sorted(TUNING.thresholds)


def test_the_threshold_of_a_policy_is_the_best_of_the_grid(partition, tmp_path):
    torch.manual_seed(0)
    network = AdaptiveWeightNetwork(D)
    described = {"method": "adaptive-weight", **network.describe()}
    write_policy(tmp_path, network.state_dict(), described)
    run = Run("adaptive-weight-seed0", "adaptive-weight", checkpoint=str(tmp_path))
    threshold, _ = tune_threshold(partition.every, run, TUNING.thresholds)

    def cost(gate):
        return float(partition.every.cost(load_policy(tmp_path, AdaptiveWeight, gate))[0])

    assert cost(threshold) == min(map(cost, TUNING.thresholds))
