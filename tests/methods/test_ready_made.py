"""`ready-made`: its scale, its network, and the training of the network."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from tests.launching import launch
from tests.methods.test_multi_rate import make_speech
from workflow_src.common.digests import ROOT
from workflow_src.common.errors import InputError
from workflow_src.common.seeds import generator
from workflow_src.methods import train_ready_made
from workflow_src.methods.made_up import make_study
from workflow_src.methods.ready_made import ReadyMade, estimate_from_enrolments, scale_of
from workflow_src.methods.storage import load_policy
from workflow_src.settings.catalogue import READY_MADE
from workflow_src.settings.laws import EmbeddingLaw, read_law
from workflow_src.synthetic.law_family import SPREADS, draw_law, draw_speech

LAW = ROOT / "resources/laws/smiip-tv.yaml"
TINY = {
    "laws": 2,
    "speakers": 3,
    "scales": 2,
    "network": {"updates": 4, "sequences": 4, "window": 4, "hidden": 4},
}


def test_the_scale_is_that_of_normal_scores():
    rng = np.random.default_rng(0)
    scale = scale_of(rng.normal(0.7, 0.1, 10**5), rng.normal(0.1, 0.1, 10**5))
    assert scale.centre == pytest.approx(0.4, abs=0.002)
    # Of two normal laws with one spread: the difference of the means over the variance.
    assert scale.slope == pytest.approx(60, rel=0.02)
    assert (scale.mean, scale.spread) == pytest.approx((0.7, 0.1), rel=0.02)


def test_target_pairs_are_of_the_first_recordings():
    speech = make_speech()
    first = np.zeros(len(speech.days), bool)
    for speaker in np.unique(speech.speakers):
        own = np.flatnonzero(speech.speakers == speaker)
        first[own[np.argsort(speech.days[own], kind="stable")][:3]] = True
    # What comes after the enrolment is opposite to it.
    vectors = np.where(first[:, None], speech.embeddings, -speech.embeddings)
    vectors[first] += 9 * vectors[first].mean(axis=0)
    rng = generator(1, "pairs")
    scale = estimate_from_enrolments(replace(speech, embeddings=vectors), 2, rng)
    assert scale.mean > 0.9


def test_too_few_recordings_are_refused():
    with pytest.raises(InputError, match=r"^training speakers: 0 of 6 have 100 recordings or more"):
        estimate_from_enrolments(make_speech(), 99, np.random.default_rng(0))


def test_it_scores_far_better_than_without_updates_and_needs_no_training():
    study = make_study()
    rule, tried = ReadyMade.fit(study)
    assert tried.empty
    # The cost is relative to that without updates. The made-up voices are of another kind.
    assert float(study.partition.every.cost(rule)[0]) < 0.4


def test_it_reads_no_development_trials():
    study = make_study()
    alone, _ = ReadyMade.fit(replace(study, partition=None))
    assert alone.scale == ReadyMade.fit(study)[0].scale


def test_laws_lie_around_the_given_one():
    given = read_law(LAW, EmbeddingLaw)
    laws = [draw_law(np.random.default_rng(seed), given) for seed in range(50)]
    for name, spread in SPREADS.items():
        ratios = np.log([getattr(law, name) / getattr(given, name) for law in laws])
        assert np.abs(ratios).max() <= spread + 1e-9
        assert np.ptp(ratios) > spread
    assert {law.dimension for law in laws} == {96, 128, 192}


def test_all_embeddings_of_a_law_have_something_in_common():
    law = read_law(LAW, EmbeddingLaw)
    means = [
        np.linalg.norm(draw_speech(np.random.default_rng(seed), law, 4, 1)[0].mean(axis=0))
        for seed in range(4)
    ]
    assert max(means) > 0.4


def test_the_training_gives_the_same_bytes_and_resumes(tmp_path, monkeypatch):
    words = ["--law", str(LAW), "--seed", "1", "--settings", json.dumps(TINY)]

    def run(name, *more):
        launch("methods.train_ready_made", *words, "--out-dir", str(tmp_path / name), *more)
        folder = tmp_path / name
        return [path.read_bytes() for path in sorted(folder.iterdir())]

    whole = run("whole")
    curve = pd.read_csv(tmp_path / "whole/training.csv")
    assert curve["update"].iloc[-1] == 4
    course = train_ready_made.Course
    loss, seen = course.loss, []

    def break_off(self, *given):
        seen.append(1)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return loss(self, *given)

    monkeypatch.setattr(course, "loss", break_off)
    with pytest.raises((SystemExit, KeyboardInterrupt)):
        run("parts", "--checkpoint-seconds", "0")
    assert (tmp_path / "parts.checkpoint").is_file()
    monkeypatch.setattr(course, "loss", loss)
    assert run("parts") == whole
    assert not (tmp_path / "parts.checkpoint").exists()


def test_what_is_shipped_is_what_its_step_writes():
    about = json.loads((ROOT / READY_MADE / "policy.json").read_text())
    settings = train_ready_made.ReadyMadeTraining.model_validate(about["settings"])
    assert settings == train_ready_made.ReadyMadeTraining()
    rule = load_policy(ROOT / READY_MADE, ReadyMade)
    assert rule.held == settings.network.templates
    assert all(bool(torch.isfinite(tensor).all()) for tensor in rule.tensors().values())
