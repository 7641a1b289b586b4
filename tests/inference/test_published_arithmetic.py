"""Our scorer against the published arithmetic, trial for trial, for all four methods.

The small task always runs, on made-up policies in the released layout of keys; the released
policies and the published lists of trials where ``PUBLISHED_DIR`` names the published files.
"""

import collections
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from tests.evaluation.test_metrics import published as published_error_rates
from tests.inference.made_up_policies import HEADS, made_up_state_dict
from tests.inference.published_arithmetic import Method, score_one_by_one
from tests.launching import launch
from workflow_src.common.unpickling import read_plain_pickle
from workflow_src.evaluation.summary import summarise_scores
from workflow_src.inference.methods import build_rule
from workflow_src.inference.scoring import score_scenario
from workflow_src.settings.catalogue import find_method
from workflow_src.settings.runs import Run

PUBLISHED = os.environ.get("PUBLISHED_DIR")


def made_up_embeddings(utterances, dimension, seed=0):
    """float32 [N, D] for utterance ids: speakers apart, days drifting, lengths spread."""
    rng = np.random.default_rng(seed)
    speakers, who = np.unique([name[:4] for name in utterances], return_inverse=True)
    days, when = np.unique([name[5:9] for name in utterances], return_inverse=True)
    mean = 0.6 * rng.normal(size=dimension)
    voices = rng.normal(size=(len(speakers), dimension))
    drift = 0.1 * rng.normal(size=(len(speakers), len(days), dimension)).cumsum(axis=1)
    x = mean + voices[who] + drift[who, when]
    x += rng.normal(size=x.shape)
    return (x * np.exp(0.3 * rng.normal(size=(len(x), 1)))).astype(np.float32)


def tables_of(lists, dimension, seed=0):
    """Tables for `score_scenario` from {model: (enrolment, [(utterance, target), ...])}."""
    trials = pd.DataFrame(
        [
            (model, 0, step, utterance, target)
            for model, (_, tests) in lists.items()
            for step, (utterance, target) in enumerate(tests)
        ],
        columns=["model", "round", "step", "utterance", "target"],
    )
    enrolment = pd.DataFrame(
        [(model, name) for model, (names, _) in lists.items() for name in names],
        columns=["model", "utterance"],
    )
    utterances = np.unique(np.concatenate([trials["utterance"], enrolment["utterance"]]))
    index = pd.DataFrame({"row": np.arange(len(utterances)), "utterance": utterances})
    embeddings = made_up_embeddings(utterances, dimension, seed)
    return {"trials": trials, "enrolment": enrolment, "embeddings": embeddings, "index": index}


@pytest.fixture(scope="module")
def small():
    """Twelve speakers of ninety trials each, D = 16."""
    rng = np.random.default_rng(4)
    names = {
        speaker: [f"{speaker:04d}_{501 + day // 3:04d}{day:04d}_1_1_ti_0" for day in range(60)]
        for speaker in range(12)
    }
    lists = {}
    for speaker, own in names.items():
        tests = []
        for utterance in own[5:50]:
            other = (speaker + rng.integers(1, 12)) % 12
            tests += [(utterance, True), (names[other][rng.integers(60)], False)]
        lists[f"spk{speaker:04d}_0"] = (own[:5], tests)
    return tables_of(lists, 16)


def compare(method, scored, tables):
    """Compare a scored table with the plain evaluation.

    Returns a dict: trials, the largest differences of scores and weights, the decisions that
    differ where single precision can tell, and the number of those where it cannot.
    """
    row_of = tables["index"].set_index("utterance")["row"]
    enrolment = tables["enrolment"].groupby("model")["utterance"].agg(list)
    found = collections.Counter(trials=0, differ=0, undecidable=0)
    score_gap = weight_gap = 0.0
    for model, part in scored.groupby("model"):
        part = part.sort_values("step")
        rows = score_one_by_one(
            method,
            tables["embeddings"][row_of[enrolment[model]]],
            tables["embeddings"][row_of[part["utterance"]]],
            part["updated"].to_numpy(),
        )
        score, updated, weight, decidable = map(np.array, zip(*rows, strict=True))
        found["trials"] += len(rows)
        found["differ"] += int((updated != part["updated"].to_numpy()).sum())
        found["undecidable"] += int((~decidable).sum())
        score_gap = max(score_gap, np.abs(score - part["score"]).max())
        weight_gap = max(weight_gap, np.abs(weight - part["weight"]).max())
    return {**found, "score": score_gap, "weight": weight_gap}


def run_and_method(file, folder, state=None):
    """Import a policy as the workflow does; return its run and the plain method."""
    base = "adaptive-weight" if file == "adw_final" else "multi-head"
    path = folder / f"{file}.pkl"
    if state is None:
        path = Path(PUBLISHED) / "policies" / path.name
        state = torch.load(path, map_location="cpu", weights_only=True)
    else:
        torch.save(state, path)
    words = ["--source", path, "--method", base, "--entry", find_method(base).entry]
    launch("methods.import_policy", *words, "--out-dir", folder / file)
    threshold = 0.51 if base == "adaptive-weight" else 0.4
    released = Run(f"released-{base}", f"released-{base}", None, threshold, None, folder / file)
    tensors = {k: v.double().numpy() for k, v in next(iter(state.values())).items()}
    return released, Method(base, tensors)


def case(name, folder, dimension=None):
    """The run and the plain method of a case, with a made-up policy where D is given."""
    if name == "baseline":
        return Run(name, name), Method(name)
    if name.startswith("fixed-weight"):
        alpha = float(name.rpartition("-")[2])
        run = Run(name, "fixed-weight", alpha, 0.51)
        return run, Method("fixed-weight", alpha=alpha)
    return run_and_method(name, folder, dimension and made_up_state_dict(name, dimension))


CASES = ["baseline", "fixed-weight-0.15", "fixed-weight-0.5", *HEADS]


@pytest.mark.parametrize("name", CASES)
def test_scores_and_decisions_of_every_method(name, small, tmp_path):
    run, method = case(name, tmp_path, 16)
    scored = score_scenario(build_rule(run), **small)
    found = compare(method, scored, small)
    assert found["trials"] == len(scored) == 1080
    assert found["differ"] == 0
    assert found["undecidable"] <= 2
    assert found["score"] < 1e-5
    assert found["weight"] < 1e-5
    if name != "baseline":
        assert 0.1 < scored["updated"].mean() < 0.9
    if name.startswith("mh"):
        # Both reasons for not updating occur, and weights leave [0, 1].
        assert (~scored["updated"] & (scored["score"] > 0.41)).any()
        assert (scored["score"] < 0.39).any()
        assert (scored["weight"] < 0).any()


@pytest.mark.parametrize(
    ("name", "detail"),
    [
        ("fixed-weight-0.15", {"normalises_template": True}),
        ("fixed-weight-0.15", {"scores_after": True}),
        ("fixed-weight-0.15", {"threshold": 0.5}),
        ("mh_final", {"normalises_template": True}),
        ("mh_final", {"floor": -1.0}),
        ("mh_final", {"floor": 0.51}),
        ("mh_final", {"clips_weight": True}),
        ("mh_final", {"scores_after": True}),
        ("adw_final", {"keeps_length": True}),
        ("adw_final", {"threshold": 0.4}),
        ("adw_final", {"scores_after": True}),
    ],
)
def test_the_task_would_show_each_detail_done_otherwise(name, detail, small, tmp_path):
    run, method = case(name, tmp_path, 16)
    scored = score_scenario(build_rule(run), **small)
    wrong = Method(**(vars(method) | detail))
    assert compare(wrong, scored, small)["score"] > 1e-3


def test_scaling_the_result_again_would_change_no_score_of_adaptive_weight(small, tmp_path):
    # Only directions count until the next update, which normalises anyway: a detail of memory.
    run, method = case("adw_final", tmp_path, 16)
    scored = score_scenario(build_rule(run), **small)
    again = Method(**(vars(method) | {"renormalises_result": True}))
    assert compare(again, scored, small)["score"] < 1e-5


@pytest.mark.parametrize("name", CASES)
def test_error_rates_of_scored_tables(name, small, tmp_path):
    scored = score_scenario(build_rule(case(name, tmp_path, 16)[0]), **small)
    scored = scored.drop_duplicates("score")  # the published arithmetic is for untied scores
    expected = published_error_rates(scored["score"].tolist(), scored["target"].tolist())
    found = summarise_scores(scored)
    assert (
        found["eer_percent"] / 100,
        found["eer_threshold"],
        found["min_dcf"],
        found["min_dcf_threshold"],
    ) == pytest.approx(expected, abs=1e-9)


@pytest.fixture(scope="module", params=["random", "3das"])
def published_lists(request):
    """Every twentieth published model of a scenario; the embeddings are made up, D = 128."""
    folder = Path(PUBLISHED) / "trials" / request.param
    lines = [line.split() for line in (folder / "enroll_model").read_text().splitlines()]
    trials = read_plain_pickle(folder / "trial.pkl")
    lists = {}
    for model, *names in lines[:: int(os.environ.get("PUBLISHED_EVERY", "20"))]:
        tests = trials[model]
        if not isinstance(tests, list):
            tests = [utterance for of_day in tests.values() for utterance in of_day]
        lists[model] = (names, [(utterance, utterance[:4] == model[3:7]) for utterance in tests])
    return request.param, tables_of(lists, 128)


@pytest.mark.skipif(not PUBLISHED, reason="PUBLISHED_DIR does not name the published files")
@pytest.mark.parametrize("name", CASES)
def test_released_policies_on_published_trials(name, published_lists, tmp_path):
    scenario, tables = published_lists
    run, method = case(name, tmp_path)
    scored = score_scenario(build_rule(run), **tables)
    found = compare(method, scored, tables)
    print(
        f"{scenario} {name}: {found['trials']} decisions compared, {found['differ']} differ, "
        f"{found['undecidable']} undecidable; largest difference of scores {found['score']:.1e}, "
        f"of weights {found['weight']:.1e}; updated {scored['updated'].mean():.3f}"
    )
    assert found["differ"] == 0
    assert found["score"] < 1e-5
