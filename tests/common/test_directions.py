"""One rule says which vectors have a direction: at the import, in batches and in a service."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.exporting.exported import export
from workflow_src.common.directions import NO_DIRECTION, have_directions
from workflow_src.common.errors import InputError
from workflow_src.embeddings.importing import read_part
from workflow_src.inference.scoring import score_scenario
from workflow_src.methods.baseline import Baseline
from workflow_src.methods.fixed_weight import FixedWeight
from workflow_src.serving import TemplateUpdater

UTTERANCES = [f"0001_0501{hour}0000_3_1_ti_0" for hour in range(10, 16)]
UNITS = np.random.default_rng(1).standard_normal((6, 8))
UNITS /= np.linalg.norm(UNITS, axis=1, keepdims=True)
LENGTHS = [1e-11, 1e-6, 1.0, 1e10, 1e18]
WITHOUT = [0.0, 1e-45, 1e-30, 1e-22, 1e-19, 1e-13, 2e19, 1e30, np.inf, np.nan]


def scaled(length):
    with np.errstate(invalid="ignore"):
        return (UNITS * length).astype(np.float32)


def import_them(vectors, folder):
    np.savez(folder / "a.npz", utterance=np.array(UTTERANCES), embedding=vectors)
    return read_part(folder / "a.npz").embeddings


def score_batch(vectors, rule):
    trials = pd.DataFrame({"model": "a", "round": 0, "step": range(3), "utterance": UTTERANCES[3:]})
    enrolment = pd.DataFrame({"model": "a", "utterance": UTTERANCES[:3]})
    index = pd.DataFrame({"row": range(6), "utterance": UTTERANCES})
    return score_scenario(rule, trials, enrolment, vectors, index)["score"].to_numpy()


@pytest.fixture(scope="module")
def updater(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    with pytest.MonkeyPatch.context() as patch:
        export(patch, folder, "baseline", 8)
    return TemplateUpdater(folder)


def score_served(vectors, updater):
    template = updater.enrol(vectors[:3])
    return [updater.score(template, test) for test in vectors[3:]]


@pytest.mark.parametrize("length", LENGTHS)
def test_no_length_changes_a_score(length, tmp_path, updater):
    vectors = import_them(scaled(length), tmp_path)
    template = UNITS[:3].mean(axis=0)
    cosines = UNITS[3:] @ template / np.linalg.norm(template)
    for scores in (
        score_batch(vectors, Baseline()),
        score_batch(vectors, FixedWeight(0.5, 0.99)),
        score_served(vectors, updater),
    ):
        np.testing.assert_allclose(scores, cosines, rtol=0, atol=1e-6)


@pytest.mark.parametrize("length", WITHOUT)
def test_what_has_no_direction_is_refused_everywhere_by_one_message(length, tmp_path, updater):
    vectors = scaled(length)
    assert not have_directions(vectors).any()
    one_bad = np.concatenate([scaled(1.0)[:5], vectors[5:]])
    uses = [
        lambda bad: import_them(bad, tmp_path),
        lambda bad: score_batch(bad, Baseline()),
        lambda bad: score_batch(bad, FixedWeight(0.5, 0.5)),
        lambda bad: score_served(bad, updater),
    ]
    for use in uses:
        for bad in (vectors, one_bad):
            with pytest.raises(InputError) as caught:
                use(bad)
            assert NO_DIRECTION in str(caught.value)


def test_a_template_that_loses_its_direction_has_no_score():
    vectors = scaled(1.0)
    vectors[:3] = vectors[0]
    # The first update leaves less of the template than float32 can hold.
    vectors[3] = -vectors[0] * (1 - 1e-7)
    with pytest.raises(InputError, match="at step 1 is not finite; its template has no direction"):
        score_batch(vectors * np.float32(1e-6), FixedWeight(0.5, -2.0))


def test_the_docs_quote_the_rule():
    root = Path(__file__).resolve().parents[2]
    for page in ("docs/extractors.md", "docs/importing.md"):
        assert NO_DIRECTION in " ".join((root / page).read_text(encoding="utf-8").split())
