"""The record of a finished run, and what the command says of it."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.workflow.running import CLONE, command_line
from workflow_src.common.digests import digest_code, digest_file
from workflow_src.provenance.effective_settings import effective_settings
from workflow_src.provenance.finished_run import find_run
from workflow_src.settings.schema import validate_config


def provenance(*arguments):
    """Run the command; return its exit status and what it printed."""
    command = [sys.executable, "-m", "workflow_src.provenance", *map(str, arguments)]
    done = subprocess.run(command, cwd=CLONE, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def record(finished):
    return json.loads((finished / "results/provenance.json").read_text())


def test_the_record_names_every_result_with_its_digest(finished, record):
    results = [item for stage in record["stages"].values() for item in stage["results"].items()]
    assert len(results) > 100
    for name, digest in results:
        assert digest_file(finished / "results" / name) == digest, name
    run = find_run(finished)
    assert (run.changed, run.lost, run.added, run.config_changed) == ([], [], [], False)
    # `added` leaves out what no stage made.
    beside = {path.name for path in (finished / "results").iterdir() if path.is_file()}
    assert beside == {"provenance.json", "config.yaml", "summary.csv", "passed_over.csv"}


def test_the_record_has_the_steps_that_ran(finished, record):
    ran = {
        path.relative_to(finished / "logs").parts[0].removesuffix(".log")
        for path in (finished / "logs").rglob("*.log")
    }
    steps = [step for stage in record["stages"].values() for step in stage["steps"].items()]
    assert {name.partition(".")[2] for name, _ in steps} == ran - {"record_provenance"}
    for name, step in steps:
        assert step["given"]["code"] == digest_code(f"workflow_src.{name}")
        assert {"numpy", "pandas", "pyarrow"} <= set(step["packages"])


def test_the_graph_has_the_given_files_as_they_were(finished):
    given = json.loads((finished / ".snakemake/graph.json").read_text())["given"]
    assert {Path(file).name for file in given} == {"demo_extractor.onnx", "demo_voices.yaml"}
    assert all(digest_file(file) == digest for file, digest in given.items())


def test_the_record_has_the_stages_in_the_order_of_the_data(record):
    stages = record["stages"]
    assert list(stages) == [
        "corpus",
        "embeddings",
        "trials",
        "policies",
        "inference",
        "controls",
        "analysis",
    ]
    assert stages["trials"]["reads"] == ["corpus", "embeddings"]
    for place, stage in enumerate(stages):
        assert set(stages[stage]["reads"]) <= set(list(stages)[:place])
    # Controls are made on demand.
    controls = {name for name in record["beside"] if name.startswith("controls/")}
    assert {"controls/attacks.csv", "controls/headroom.csv"} <= controls
    others = [name for name in record["beside"] if name not in controls]
    assert others == ["corpus/audio", "corpus/fetched.json", "embeddings/shards"]


def test_the_record_has_what_each_step_was_given_by_the_key_of_the_config(finished, record):
    given = record["stages"]["corpus"]["steps"]["synthetic.synthesize_corpus"]["given"]
    settings = record["settings"]["corpus"]["synthetic"]
    assert given["corpus.synthetic"]["speakers"] == 10
    assert settings | given["corpus.synthetic"] == settings
    jobs = record["stages"]["trials"]["steps"]["trials.generate_trials"]["jobs"]
    settings = record["settings"]["trials"]
    assert settings["orders"] == ["published", "independent"]
    assert sorted(jobs) == sorted(
        name + end for name in settings["scenarios"] for end in ("", "-independent")
    )


def test_the_record_says_where_it_was_computed(record):
    assert record["machine"]["cpu"]
    assert record["machine"]["devices"]["extract_embeddings"] in (["cpu"], ["cuda"])
    assert set(record["machine"]["devices"]) == {
        "extract_embeddings", "pretrain_policy", "finetune_policy",
    }  # fmt: skip
    steps = record["stages"]["embeddings"]["steps"]
    assert list(steps["embeddings.extract_embeddings"]["inputs"]) == ["model"]


def test_the_settings_beside_the_results_run_them_again(finished, record):
    path = finished / "results/config.yaml"
    settings = validate_config(yaml.safe_load(path.read_text()))
    assert effective_settings(settings) == record["settings"]
    command = command_line(finished, [path], "--dry-run")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Nothing to be done" in done.stdout + done.stderr


def test_a_copy_is_the_same_and_a_tampered_one_is_told(finished, tmp_path):
    copy = tmp_path / "copy of results"
    ignored = shutil.ignore_patterns("audio", "shards")
    shutil.copytree(finished / "results", copy, ignore=ignored)
    code, said = provenance("compare", finished, copy)
    assert code == 0, said
    assert re.search(r"^The results are the same: \d+ files\.$", said, re.M)
    summary = copy / "summary.csv"
    summary.write_text(summary.read_text().replace("baseline", "Baseline", 1))
    code, said = provenance("compare", finished, copy)
    assert code == 1
    assert "differ, from the stage inference on." in said
    assert "why: changed in B after its run: summary.csv" in said
    assert provenance("verify", copy)[0] == 1
    assert provenance("verify", finished)[0] == 0


def test_the_run_is_described(finished, record):
    code, said = provenance("describe", finished)
    assert code == 0
    assert (record["workflow"]["commit"] or "no git commit known") in said.splitlines()[-1]
