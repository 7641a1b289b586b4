"""A list of pairs on imported embeddings without times, through the graph and out again."""

import numpy as np
import pandas as pd
import pytest

from tests.workflow.finished_runs import merge
from tests.workflow.forked_runs import run_snakemake

SPEAKERS, VIDEOS, TAKES, DIM, PAIRS = 12, 3, 4, 24, 1500


def make_corpus(folder):
    """Write embeddings with the ids of VoxCeleb, its list of pairs, and the tested speakers."""
    rng = np.random.default_rng(4)
    vectors = {}
    for speaker in range(SPEAKERS):
        voice = rng.standard_normal(DIM)
        for _ in range(VIDEOS):
            video = "".join(rng.choice(list("abcXYZ019-_"), 11))
            for take in range(1, TAKES + 1):
                name = f"id1{speaker + 1:04d}/{video}/{take:05d}"
                vectors[name] = (voice + 1.2 * rng.standard_normal(DIM)).astype(np.float32)
    np.savez(folder / "embeddings.npz", **vectors)
    speakers = sorted({name[:7] for name in vectors})
    (folder / "tested.txt").write_text("".join(f"{speaker}\n" for speaker in speakers))
    names, lines = list(vectors), []
    for _ in range(PAIRS):
        enrol = names[rng.integers(len(names))]
        same = rng.random() < 0.5
        others = [name for name in names if (name[:7] == enrol[:7]) == same and name != enrol]
        test = others[rng.integers(len(others))]
        lines.append(f"{int(same)} {enrol}.wav {test}.wav\n")
    (folder / "lists").mkdir()
    (folder / "lists/vox1-o.txt").write_text("".join(lines))
    return vectors


def plain_error_rate(vectors, lines):
    """Return the scores of a list, and the EER (%) of a loop over all thresholds."""
    scores, labels = [], []
    for line in lines:
        label, enrol, test = line.split()
        a, b = (vectors[name.removesuffix(".wav")].astype(float) for name in (enrol, test))
        scores.append(a @ b / np.sqrt((a @ a) * (b @ b)))
        labels.append(label == "1")
    scores, labels = np.array(scores), np.array(labels)
    rates = []
    for threshold in scores:
        missed = np.mean(scores[labels] <= threshold)
        accepted = np.mean(scores[~labels] > threshold)
        rates.append((abs(missed - accepted), threshold, (missed + accepted) / 2))
    return scores, labels, 100 * min(rates)[2]


OVERLAY = {
    "corpus": {
        "source": "imported",
        "test_speakers": "tested.txt",
        "imported": {"embeddings": ["embeddings.npz"], "names": "{speaker}/{session}/{take}"},
    },
    "trials": {
        "source": "import",
        "scenarios": ["vox1-o"],
        "imported": {"root": "lists", "form": "pairs"},
    },
    "inference": {"methods": ["baseline"]},
}
EXPORTS = ["export_pairs", "export_scores", "export_embeddings"]


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """The folder of a run to the summary and the exports, and the embeddings that went in."""
    folder = tmp_path_factory.mktemp("pairs")
    vectors = make_corpus(folder)
    run_snakemake(folder, "--", "results/summary.csv", *EXPORTS, overlay=OVERLAY)
    return folder, vectors


def test_the_error_rate_is_that_of_a_plain_computation(scored):
    folder, vectors = scored
    lines = (folder / "lists/vox1-o.txt").read_text().splitlines()
    scores, labels, eer = plain_error_rate(vectors, lines)
    (row,) = pd.read_csv(folder / "results/summary.csv").to_dict("records")
    assert 2 < eer < 30
    assert row["eer_percent"] == pytest.approx(eer, abs=1e-9)
    assert (row["target_trials"], row["nontarget_trials"]) == (labels.sum(), (~labels).sum())
    table = pd.read_parquet(folder / "results/inference/baseline/vox1-o.parquet")
    assert set(table["day"]) == {""}
    expected = pd.DataFrame([line.split()[1:] for line in lines], columns=["model", "utterance"])
    expected = expected.map(lambda name: name.removesuffix(".wav")).assign(score=scores)
    # A pair may stand there again; then its scores are the same.
    both = table.merge(expected.drop_duplicates(["model", "utterance"]), on=["model", "utterance"])
    assert len(both) == PAIRS
    np.testing.assert_allclose(both["score_x"], both["score_y"], atol=1e-6)


def test_what_goes_out_comes_in_again(scored, tmp_path):
    folder, _ = scored
    results = folder / "results"
    overlay = merge(
        OVERLAY,
        {
            "corpus": {
                "test_speakers": str(folder / "tested.txt"),
                "imported": {"embeddings": [str(results / "exported_embeddings/embeddings.ark")]},
            },
            "trials": {"imported": {"root": str(results / "pair_lists")}},
        },
    )
    run_snakemake(tmp_path, "embeddings", "trials", overlay=overlay)
    for name in (
        "embeddings/embeddings.npy",
        "embeddings/index.parquet",
        "trials/vox1-o.parquet",
        "trials/vox1-o.enrolment.parquet",
    ):
        assert (tmp_path / "results" / name).read_bytes() == (results / name).read_bytes(), name


def test_other_programs_read_the_scores(scored):
    folder, _ = scored
    lists = folder / "results/score_lists/baseline"
    table = pd.read_parquet(folder / "results/inference/baseline/vox1-o.parquet")
    labelled = [
        line.split(" ") for line in (lists / "vox1-o.labelled.txt").read_text().splitlines()
    ]
    assert [fields[0] for fields in labelled] == table["model"].tolist()
    assert [fields[1] for fields in labelled] == table["utterance"].tolist()
    assert np.array([fields[2] for fields in labelled], "f4").tolist() == table["score"].tolist()
    assert [fields[3] == "target" for fields in labelled] == table["target"].tolist()
    plain = (lists / "vox1-o.txt").read_text().splitlines()
    assert plain == [" ".join(fields[:3]) for fields in labelled]


@pytest.mark.slow
def test_the_whole_graph_runs_on_a_corpus_without_times(scored):
    folder, _ = scored
    plan = run_snakemake(folder, "--", "plan", overlay=OVERLAY)
    assert f"{SPEAKERS} speakers on days that are unknown (from the manifest)" in plan
    assert f"trials      {PAIRS:,} in 1 lists" in plan
    run_snakemake(folder, "--", "all", overlay=OVERLAY)
    assert (folder / "results/analysis/figures/scores_over_time.png").is_file()
