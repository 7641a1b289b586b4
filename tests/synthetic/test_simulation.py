import numpy as np
import pandas as pd
import pytest

from tests.launching import launch
from tests.synthetic.laws import EMBEDDINGS, embedding_law
from workflow_src.common.errors import InputError
from workflow_src.common.files import write_parquet
from workflow_src.settings.corpus import SimulatedListing
from workflow_src.synthetic.listing import make_listing
from workflow_src.synthetic.simulation import draw_changes, draw_population, draw_voice, simulate

SIZES = ["drift", "day", "settling", "slot", "session", "utterance", "phrase"]
SPEAKERS = [f"{number:04d}" for number in range(1, 1001)]


def make_manifest(speakers, days=6):
    settings = SimulatedListing(speakers=speakers, days=days)
    return make_listing(settings, 1)


def simulate_all(manifest, law, seed=1):
    embeddings = np.full((len(manifest), law.dimension), np.nan, np.float32)
    for rows, values in simulate(manifest, law, seed):
        embeddings[rows] = values
    return embeddings


def law_of(**sizes):
    """Return a law of which only the given changes are left."""
    return embedding_law(**(dict.fromkeys(SIZES, 0.0) | sizes))


def changes_of(law, day, slot, phrase=0, speakers=120):
    """Draw what changes of some speakers, [speakers, n, D]; single numbers stand for all n."""
    day, slot, phrase = np.broadcast_arrays(day, slot, phrase)
    population = draw_population(law, 5)
    return np.stack(
        [
            draw_changes(speaker, day, slot, phrase, population, law, 5)
            for speaker in SPEAKERS[:speakers]
        ]
    )


def power(changes):
    """Return the mean squared length."""
    return float((changes.astype(np.float64) ** 2).sum(axis=-1).mean())


@pytest.mark.parametrize("name", SIZES)
def test_each_change_has_the_size_that_the_law_gives_it(name):
    law = law_of(**{name: 0.7})
    first_day = 0 if name == "settling" else np.arange(40)
    changes = changes_of(law, first_day + np.zeros(40, int), np.arange(40) % 5 + 1, 3)
    if name == "phrase":  # one draw for all speakers
        assert power(changes) == pytest.approx(0.7**2, rel=0.4)
        np.testing.assert_array_equal(changes, np.broadcast_to(changes[0, 0], changes.shape))
    else:
        # Strengths differ between speakers by up to 46 %, so that of 120 of them is known to 9 %.
        tolerance = 0.2 if name == "drift" else 0.05
        assert power(changes) == pytest.approx(0.7**2, rel=tolerance)


def test_drift_is_correlated_from_day_to_day():
    law = law_of(drift=1.0).model_copy(update={"drift_spread": 0.0})
    changes = changes_of(law, np.arange(92), 1).astype(np.float64)
    assert power(changes) == pytest.approx(1, rel=0.03)
    for lag in (1, 10, 60):
        product = (changes[:, lag:] * changes[:, :-lag]).sum(axis=-1).mean()
        assert product == pytest.approx(0.989**lag, abs=0.03)


def test_settling_fades():
    law = law_of(settling=1.0)
    first, later = changes_of(law, np.array([0, 5]), 1).swapaxes(0, 1)
    np.testing.assert_allclose(later, first * np.exp(-5 / law.settling_days), rtol=1e-5)


def test_what_a_session_a_slot_and_a_phrase_share():
    day, slot = np.array([0, 0, 0, 1]), np.array([1, 1, 2, 1])
    a, b, other_slot, next_day = changes_of(law_of(session=1.0), day, slot).swapaxes(0, 1)
    np.testing.assert_array_equal(a, b)
    assert abs((a * other_slot).sum(axis=-1).mean()) < 0.05
    a, b, other_slot, next_day = changes_of(law_of(slot=1.0), day, slot).swapaxes(0, 1)
    np.testing.assert_array_equal(a, next_day)
    assert abs((a * other_slot).sum(axis=-1).mean()) < 0.05
    assert not changes_of(law_of(phrase=1.0), day, slot, 0).any()


def voices(law, seed=5):
    population = draw_population(law, seed)
    genders = ["female", "male"] * (len(SPEAKERS) // 2)
    drawn = [
        draw_voice(speaker, gender, population, law, seed)
        for speaker, gender in zip(SPEAKERS, genders, strict=True)
    ]
    return np.stack(drawn).astype(np.float64)


def test_speakers_have_the_spread_that_the_law_gives_them():
    drawn = voices(embedding_law(gender=0.0, cluster_share=0.0))
    assert power(drawn) == pytest.approx(1, rel=0.03)
    spread = np.sort(np.linalg.eigvalsh(np.cov(drawn.T)))[::-1]
    decay = embedding_law().speaker_decay
    expected = np.exp(-np.arange(20) / decay)
    np.testing.assert_allclose(
        spread[:20] / spread[:20].sum(), expected / expected.sum(), atol=0.015
    )
    apart = voices(embedding_law(gender=0.6, cluster_share=0.0))
    middles = apart[::2].mean(axis=0) - apart[1::2].mean(axis=0)
    assert np.linalg.norm(middles) == pytest.approx(1.2, rel=0.05)


def test_speakers_of_a_cluster_share_what_the_law_says():
    drawn = voices(embedding_law(gender=0.0, cluster_share=0.5, clusters=1))
    middle = drawn.mean(axis=0)
    assert power(drawn - middle) == pytest.approx(0.5, rel=0.05)


def test_there_is_no_mean_that_all_share():
    # Over many populations as over many speakers: what is common to one of them is drawn anew.
    law = embedding_law(clusters=1000, dimension=64)
    drawn = voices(law)
    expected = power(drawn) / len(drawn)
    assert (drawn.mean(axis=0) ** 2).sum() < 3 * expected
    manifest = make_manifest(2, days=2)
    means = [simulate_all(manifest, law, seed).mean(axis=0, dtype=float) for seed in range(40)]
    overall = np.mean(means, axis=0)
    assert (overall**2).sum() < 3 * power(np.stack(means)) / len(means)


def test_more_speakers_leave_the_first_ones_as_they_are():
    law = embedding_law(dimension=16)
    few, more = make_manifest(4), make_manifest(7)
    np.testing.assert_array_equal(
        simulate_all(more, law)[: len(few)], simulate_all(few, law), strict=True
    )
    assert not np.array_equal(simulate_all(few, law, seed=2), simulate_all(few, law))


def test_gender_is_taken_from_the_manifest():
    law = embedding_law(dimension=16)
    manifest = make_manifest(4)
    by_number = manifest["speaker"].astype(int) % 2
    known = manifest.assign(gender=by_number.map({1: "female", 0: "male"}))
    np.testing.assert_array_equal(simulate_all(known, law), simulate_all(manifest, law))
    swapped = manifest.assign(gender=by_number.map({0: "female", 1: "male"}))
    assert not np.array_equal(simulate_all(swapped, law), simulate_all(manifest, law))
    with pytest.raises(InputError, match="gender of speaker 0001 is 'f'; allowed are: female"):
        simulate_all(manifest.assign(gender="f"), law)


def test_step_writes_the_same_bytes_twice(tmp_path):
    manifest = make_manifest(3)
    write_parquet(manifest, tmp_path / "manifest.parquet")
    written = []
    for name in "ab":
        folder = tmp_path / name
        files = {key: folder / key for key in ("embeddings", "index", "rejected")}
        options = [word for key, path in files.items() for word in (f"--{key}", path)]
        common = ["--manifest", tmp_path / "manifest.parquet", "--seed", 1]
        launch("synthetic.simulate_embeddings", *common, "--law", EMBEDDINGS, *options)
        written.append([path.read_bytes() for path in files.values()])
    assert written[0] == written[1]
    matrix = np.load(tmp_path / "a/embeddings")
    assert (matrix.shape, matrix.dtype) == ((len(manifest), 128), np.float32)
    assert np.isfinite(matrix).all()
    index = pd.read_parquet(tmp_path / "a/index")
    assert index["utterance"].tolist() == manifest["utterance"].tolist()
    assert index["row"].tolist() == list(range(len(manifest)))
    assert (tmp_path / "a/rejected").read_text() == "utterance,path,reason\n"
