"""`multi-rate`: the trials that it learns from, its recursion, and what it learns."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from workflow_src.common.errors import InputError
from workflow_src.methods.drawn_trials import SequenceStream
from workflow_src.methods.fixed_weight_tuned import TunedFixedWeight
from workflow_src.methods.made_up import make_study
from workflow_src.methods.multi_rate import History, MultiRate, Network
from workflow_src.methods.study import TrainingSpeech
from workflow_src.updating.interface import HELD, Trials
from workflow_src.updating.score_history import ScoreHistory, ScoreScale

SCALE = ScoreScale(centre=0.4, slope=12.0, mean=0.7, spread=0.1)
SHORT = {"updates": 20, "sequences": 12, "window": 8, "hidden": 8}
ENOUGH = {"updates": 80, "sequences": 24, "window": 32, "hidden": 8, "nontargets": [1.0, 1.0]}


def make_speech(speakers=6, days=12, per_day=3):
    """Speakers whose embeddings tell who they are and when they spoke."""
    speaker = np.repeat(np.arange(speakers), days * per_day)
    day = np.tile(np.repeat(np.arange(days), per_day), speakers)
    number = np.arange(len(speaker))
    embeddings = np.stack([speaker, day, number], axis=1).astype(np.float32)
    shuffled = np.random.default_rng(3).permutation(len(speaker))
    return TrainingSpeech(embeddings[shuffled], speaker[shuffled], 20000 + day[shuffled])


def make_stream(speech, count=40, nontargets=(0.25, 19.0), enrolled=3):
    seeds = {"sequences": 1, "trials": 2}
    return SequenceStream(
        speech,
        enrolled,
        count,
        nontargets,
        lambda what, window: np.random.default_rng((seeds[what], window)),
    )


def test_a_sequence_is_a_speaker_in_the_order_of_time_and_others_between():
    stream = make_stream(make_speech())
    stream.renew()
    assert stream.begun.all()
    drawn = stream.next(300)
    speakers, last = drawn.tests[..., 0], torch.zeros(40)
    # The first three recordings are of the first day.
    assert torch.equal(stream.templates[:, 1], torch.zeros(40))
    for tests, days, targets, weights in zip(
        drawn.tests, drawn.days, drawn.targets, drawn.weights, strict=True
    ):
        running = weights > 0
        assert (tests[:, 0] == stream.templates[:, 0])[running].eq(targets[running]).all()
        assert torch.equal(tests[:, 1][targets & running], days[targets & running])
        assert (days >= last)[running].all()
        last = torch.where(running, days, last)
    assert len(speakers.unique()) == 6
    # A recording is met once.
    for slot in range(40):
        own = drawn.tests[:, slot, 2][drawn.targets[:, slot] & (drawn.weights[:, slot] > 0)]
        assert len(own.unique()) == len(own)


def test_each_sequence_has_its_own_number_of_impostors_and_both_kinds_count_the_same():
    stream = make_stream(make_speech(days=200), count=300)
    stream.renew()
    drawn = stream.next(80)
    running = drawn.weights > 0
    share = (drawn.targets & running).sum(0) / running.sum(0)
    assert share.min() < 0.1 and share.max() > 0.7
    targets, others = (
        (drawn.weights * kind).sum() / running.sum() for kind in (drawn.targets, ~drawn.targets)
    )
    assert float(targets) == pytest.approx(0.5, abs=0.03)
    assert float(others) == pytest.approx(0.5, abs=0.03)


def test_ended_sequences_are_replaced_and_a_stream_goes_on_from_its_state():
    first, second = (make_stream(make_speech(), nontargets=(1.0, 1.0)) for _ in range(2))
    for _ in range(3):
        first.renew()
        first.next(20)
    second.set_state(first.get_state())
    for stream in (first, second):
        stream.renew()
    assert 0 < first.begun.sum() < 40
    assert torch.equal(first.begun, second.begun)
    one, other = first.next(20), second.next(20)
    for name in vars(one):
        assert torch.equal(getattr(one, name), getattr(other, name))


def test_too_few_recordings_are_refused():
    with pytest.raises(InputError, match=r"^training speakers: 0 of 6 have 39 recordings or more"):
        make_stream(make_speech(), enrolled=37)


def test_the_recursion_is_that_of_the_docstring():
    torch.manual_seed(1)
    network = Network(2, 5).requires_grad_(False)
    rule = MultiRate(SCALE, network)
    enrolment = torch.randn(1, 4)
    memory = rule.enrol(enrolment)
    slow, fast, start = enrolment[0].clone(), enrolment[0].clone(), enrolment[0].clone()
    history, seen = ScoreHistory.begin(), 0.0
    template = enrolment.clone()
    for step in range(4):
        test, days = torch.randn(4), torch.tensor(float(step))
        cosines = torch.stack(
            [torch.nn.functional.cosine_similarity(one, test, dim=0) for one in (slow, fast, start)]
        )
        norms = (
            torch.linalg.vector_norm(template, dim=1)[None],
            torch.linalg.vector_norm(test)[None],
        )
        nothing = torch.empty(1, 1, 0)
        decision = rule.decide(
            Trials(cosines[:1][None], *norms, nothing, nothing[0], nothing[0], days[None], None,
                   template[None], test[None]),
            memory,
        )  # fmt: skip
        features = history.observe(SCALE, cosines[0], days)
        rejected = torch.log((seen - history.count + 1) / (history.count + 1))
        units = 3.0 * (cosines - 0.4)
        outputs = network.layers(torch.cat([features, rejected[None], units[1:]]))
        llr = 4 * (outputs[0] + network.direct(units)[0])
        weights = torch.sigmoid(outputs[1:])
        torch.testing.assert_close(decision.scores[0, 0], llr)
        torch.testing.assert_close(decision.weights[0, 0], weights[0])
        slow = (1 - weights[0]) * slow + weights[0] * test
        fast = (1 - weights[1]) * fast + weights[1] * test
        p, distance = torch.sigmoid(llr), cosines[0] - SCALE.mean
        history, seen = (
            ScoreHistory(
                history.count + p,
                history.total + p * distance,
                history.squares + p * distance**2,
                torch.where(p > 0.5, days, history.updated_on),
            ),
            seen + 1,
        )
        template = slow[None]
        torch.testing.assert_close(memory.tensors[HELD][0, 0], torch.stack([fast, start]))
    assert float(memory.tensors["seen"]) == 4
    torch.testing.assert_close(memory.tensors["count"][0, 0], history.count)


def test_the_rejected_share_is_seen():
    few = History.begin(1)
    for _ in range(9):
        few = few.remember_trial(SCALE, torch.tensor([0.1]), torch.zeros(1), torch.tensor([-9.0]))
    many = History.begin(1).remember_trial(
        SCALE, torch.tensor([0.8]), torch.zeros(1), torch.tensor([9.0])
    )
    at = torch.tensor([0.5]), torch.zeros(1)
    rejected = [float(one.observe(SCALE, *at)[0, -1]) for one in (few, many)]
    assert rejected == pytest.approx([np.log(10), -np.log(2)], abs=0.01)


@pytest.fixture(scope="module")
def trained():
    study = make_study()
    return study, *MultiRate.fit(replace(study, own=ENOUGH))


def test_it_learns_to_score_better_than_without_updates_and_than_the_tuned_weight(trained):
    study, rule, curve = trained
    assert curve["loss"].iloc[-1] < curve["loss"].iloc[0] / 1.5
    every = study.partition.every
    assert float(every.cost(rule)[0]) < float(every.cost(TunedFixedWeight.fit(study)[0])[0]) < 1


def test_a_diverged_training_is_told_in_a_line():
    study = replace(make_study(), own={**SHORT, "updates": 3, "learning_rate": 10.0})
    broken = study.read_training()
    broken.embeddings[:] = np.nan
    with pytest.raises(InputError, match=r"^multi-rate: the loss .* is nan; set a smaller"):
        MultiRate.fit(study)
