"""Bad input that Snakemake meets first: told before anything runs, without a traceback."""

from pathlib import Path

import pytest
import yaml

from tests.bad_input.spoiling import make_folder, make_loop, write
from tests.workflow.forked_runs import run_snakemake


def imported(*files):
    return {"corpus": {"source": "imported", "imported": {"embeddings": [*files]}}}


def slow(*values):
    """One of the cases that add little to the others, each a start of Snakemake."""
    return pytest.param(*values, marks=pytest.mark.slow)


def recorded(root):
    corpus = {"source": "directory", "directory": {"root": root}}
    return {"corpus": corpus, "extractor": {"allow_demo": True}}


@pytest.mark.parametrize(
    ("overlay", "says"),
    [
        ({"corpus": {"sourc": "synthetic"}}, "corpus.sourc: unknown key"),
        (recorded("$(touch canary) 'ä\" b"), "$(touch canary) 'ä\" b: there is no such folder"),
        (imported("none_*.npy"), "corpus.imported.embeddings: no file is named 'none_*.npy'"),
        slow(
            {"trials": {"source": "import", "imported": {"root": "nowhere"}}},
            "trials.imported.root: there is no file nowhere/random/trial.pkl",
        ),
        slow("finetuning: {ppo: {clip: 3e-4}}", "finetuning.ppo.clip: '3e-4'"),
        (
            "corpus: {}\nseed: 2\ncorpus: {}\n",
            "the key corpus stands there twice, in line 1 and in",
        ),
        slow("[1, 2]", "Config file must be given as JSON or YAML with keys at top level"),
        slow("a: [1", "Config file is not valid JSON or YAML"),
        slow(recorded("a{b}"), "corpus.directory.root: 'a{b}' holds a brace"),
    ],
)
def test_settings(tmp_path, overlay, says):
    text = overlay if isinstance(overlay, str) else yaml.safe_dump(overlay, allow_unicode=True)
    code, said = run_snakemake(tmp_path, "--dry-run", overlay=text, check=False)
    assert code == 1
    assert said.count(says) == 1
    assert "Traceback" not in said
    assert {path.name for path in tmp_path.iterdir()} <= {"overlay.yaml", ".snakemake"}


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("analysys", "analysys: there is no such target; targets are corpus, embeddings, trials, "),
        ("analysys", "; or a file of results/; did you mean analysis?"),
        ("results/sumary.csv", "results/sumary.csv: there is no such target"),
    ],
)
def test_a_target_that_is_not_there(tmp_path, target, says):
    code, said = run_snakemake(tmp_path, "--dry-run", "--", target, check=False)
    assert code == 1
    assert said.count(says) == 1
    assert ".smk" not in said


def test_a_name_that_is_like_another(tmp_path):
    overlay = {"inference": {"methods": ["basline"]}, "trials": {"scenarios": ["randon"]}}
    code, said = run_snakemake(tmp_path, "--dry-run", overlay=overlay, check=False)
    assert code == 1
    assert "'basline' is no method" in said
    assert "did you mean baseline?" in said
    assert "did you mean random?" in said
    code, said = run_snakemake(tmp_path, "-n", overlay={"corpus": {"sourc": "x"}}, check=False)
    assert "corpus.sourc: unknown key" in said
    assert "did you mean source?" in said


def test_results_of_another_corpus_are_not_overwritten(tmp_path):
    simulated = {"corpus": {"source": "simulated", "simulated": {"listing": {"speakers": 8}}}}
    run_snakemake(tmp_path, "--", "results/corpus/manifest.parquet", overlay=simulated)
    before = (tmp_path / "results/corpus/manifest.parquet").read_bytes()
    code, said = run_snakemake(tmp_path, "--", "results/corpus/split.csv", check=False)
    assert code == 1
    assert "another corpus (simulated, now synthetic)" in said
    assert "set corpus.replace: true" in said
    assert (tmp_path / "results/corpus/manifest.parquet").read_bytes() == before


def test_a_block_on_the_command_line_holds_numbers(tmp_path):
    config = ["--config", "corpus={test_speakers: 3}", "trials={scenarios: [random]}"]
    code, said = run_snakemake(tmp_path, "--dry-run", *config, "--", "trials", check=False)
    assert code == 0, said
    config = ["--config", "corpus={test_speakers: 1}"]
    code, said = run_snakemake(tmp_path, "--dry-run", *config, check=False)
    assert code == 1
    assert "corpus.test_speakers: 1 is not allowed" in said


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("results", "file"),
        slow("results", "loop"),
        slow("logs", "file"),
        slow(".snakemake", "file"),
        slow(".snakemake", "loop"),
    ],
)
def test_something_else_where_a_folder_belongs(tmp_path, monkeypatch, name, kind):
    monkeypatch.chdir(tmp_path)
    make_loop(name)() if kind == "loop" else write(name, "a file")()
    code, said = run_snakemake(tmp_path, "corpus", check=False)
    assert code == 1
    assert said.count(f"{tmp_path / name}: is no folder") == 1
    assert "Traceback" not in said
    assert {path.name for path in tmp_path.iterdir()} <= {name, ".snakemake"}


def test_a_step_that_fails_says_why_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_folder("recordings")()
    Path("recordings/holiday.wav").touch()
    code, said = run_snakemake(tmp_path, "corpus", overlay=recorded("recordings"), check=False)
    assert code == 1
    # The log of a step that fails is shown; it has one line.
    (line,) = (tmp_path / "logs/build_manifest.log").read_text().splitlines()[-1:]
    assert line.startswith("error: recordings/holiday.wav: 'holiday' is not an utterance id")
    assert line in said
    assert "Traceback" not in said
    assert not [path for path in Path("results").rglob("*") if path.is_file()]


def test_braces_in_a_users_text_are_no_wildcard(tmp_path):
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    (recordings / "0001_05011209_3_1_ti_0.wav").touch()
    overlay = recorded(str(recordings))
    overlay["corpus"]["directory"] |= {"names": "{speaker}/{time}", "speakers": ["{word}"]}
    overlay["extractor"] |= {"output": "{word}"}
    overlay["trials"] = {"nontarget_only": ["{word}"]}
    code, said = run_snakemake(tmp_path, "--dry-run", overlay=overlay, check=False)
    assert code == 0, said
