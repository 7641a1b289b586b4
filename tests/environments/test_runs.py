"""Slow: every rule in its own environment, and nothing else in it.

The environments are made from the pip lists of ``envs/`` (see ``stand_in.py``); Snakemake activates
them for the rules as it activates conda's. What conda itself would do is not tested.
"""

import hashlib
import json
import os
import re
import subprocess
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import numpy as np
import pandas as pd
import pytest
import torch

from tests.environments.stand_in import create, install_stand_in, pip_list
from tests.inference.made_up_policies import made_up_state_dict
from tests.methods.test_ready_made import TINY as TINY_READY_MADE
from tests.synthetic.test_demo_extractor import TINY as TINY_TRAINING
from tests.workflow.comparison import SETTINGS, check_comparison
from tests.workflow.forked_runs import run_snakemake
from tests.workflow.running import CLONE, FEW, rule_texts
from workflow_src.provenance.finished_run import find_run

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("environments")]


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory):
    """The folder of the stand-in for conda, which is found by programs while this module runs."""
    folder = tmp_path_factory.mktemp("conda")
    with pytest.MonkeyPatch.context() as patch:
        binaries = install_stand_in(folder)
        patch.setenv("PATH", f"{binaries}{os.pathsep}{os.environ['PATH']}")
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            patch.delenv(name, raising=False)
        yield folder


@pytest.fixture(scope="module")
def options(stand_in):
    """The options that let each rule run in its environment."""
    return ["--sdm", "conda", "--conda-prefix", str(stand_in / "environments")]


@pytest.fixture(scope="module")
def run(options, tmp_path_factory):
    """Run targets, in a new folder unless one is given; return the folder."""

    def run_targets(name, *targets, overlay=None, folder=None):
        folder = folder or tmp_path_factory.mktemp(name)
        run_snakemake(folder, *options, "--", *targets, overlay=overlay)
        return folder

    return run_targets


@pytest.fixture(scope="module")
def demo(run):
    """A run of the whole graph on the tiny configuration, with what is made on demand."""
    exports = ["export_policy", "export_trials", "export_pairs", "export_scores"]
    on_demand = ["report", "write_crate", "controls", "attacks", "figures", *exports]
    return run("demo", "all", *on_demand, "export_embeddings", overlay=FEW)


@pytest.fixture(scope="module")
def simulated(run):
    """Simulated embeddings, and the limit of a guard."""
    methods = ["baseline", "fixed-weight-tuned", "fixed-weight-tuned+far-test"]
    overlay = {"corpus": {"source": "simulated"}, "inference": {"methods": methods}}
    limit = "results/policies/fixed-weight-tuned/limits/far-test.json"
    return run("simulated", "embeddings", limit, overlay=overlay)


@pytest.fixture(scope="module")
def imported(run, demo, tmp_path_factory):
    """Embeddings, trial lists and a policy from elsewhere."""
    given = tmp_path_factory.mktemp("given")
    results = demo / "results"
    index = pd.read_parquet(results / "embeddings/index.parquet")
    embeddings = np.load(results / "embeddings/embeddings.npy")
    np.savez(given / "a.npz", utterance=index["utterance"].to_numpy(str), embedding=embeddings)
    torch.save(made_up_state_dict("mh_final", embeddings.shape[1]), given / "mh_final.pkl")
    split = pd.read_csv(results / "corpus/split.csv", dtype="str")
    tested = split.loc[split["part"] == "test", "speaker"]
    (given / "tested.txt").write_text("".join(f"{speaker}\n" for speaker in tested))
    overlay = {
        "corpus": {
            "source": "imported",
            "test_speakers": str(given / "tested.txt"),
            "imported": {"embeddings": [str(given / "a.npz")]},
        },
        "trials": {
            "source": "import",
            "imported": {"root": str(results / "published_layout")},
            "scenarios": ["random"],
        },
        "inference": {"released": {"multi-head": str(given / "mh_final.pkl")}},
    }
    policy = "results/policies/released-multi-head/policy.json"
    return run("imported", "trials", policy, overlay=overlay)


@pytest.fixture(scope="module")
def fetched(run, demo, tmp_path_factory):
    """Recordings from an archive that a server on loopback has."""
    served = tmp_path_factory.mktemp("served")
    with zipfile.ZipFile(served / "a.zip", "w") as archive:
        for path in (demo / "results/corpus/audio").rglob("*.flac"):
            archive.write(path, f"audio/{path.name}")
    handler = partial(SimpleHTTPRequestHandler, directory=served)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        archive = {
            "url": f"http://127.0.0.1:{server.server_port}/a.zip",
            "sha256": hashlib.sha256((served / "a.zip").read_bytes()).hexdigest(),
        }
        directory = {"root": "recordings", "archives": [archive]}
        overlay = {
            "corpus": {"source": "directory", "directory": directory},
            "extractor": {"allow_demo": True},
        }
        folder = run("fetched", "fetch_corpus", overlay=overlay)
        server.shutdown()
    return run("fetched", "embeddings", overlay=overlay, folder=folder)


@pytest.fixture(scope="module")
def compared(run):
    return run("compared", "benchmark_methods", overlay=SETTINGS)


def rules_run(folder):
    """Return the rules whose outputs Snakemake has a record of, and that ran in an environment."""
    records = [
        json.loads(path.read_text())
        for path in (folder / ".snakemake/metadata").rglob("*")
        if path.is_file()
    ]
    return {record["rule"] for record in records if record["conda_env"]}


def test_the_demo_gives_the_same_bytes_as_without_environments(demo, finished_few):
    ours, theirs = find_run(demo), find_run(finished_few)
    assert not ours.changed
    assert not ours.lost
    assert ours.record == theirs.record
    assert (demo / "report.html").stat().st_size > 100_000
    assert (demo / "findings.html").stat().st_size > 100_000


def test_recordings_that_were_fetched_have_the_same_embeddings(fetched, demo):
    name = "results/embeddings/embeddings.npy"
    np.testing.assert_array_equal(np.load(fetched / name), np.load(demo / name))


def test_trials_that_were_exported_and_imported_are_the_same(imported, demo):
    name = "results/trials/random.parquet"
    assert (imported / name).read_bytes() == (demo / name).read_bytes()


def test_methods_are_compared_over_populations(compared, options):
    check_comparison(compared)
    assert (compared / "results/comparison/comparison.md").is_file()
    said = run_snakemake(
        compared, *options, "--dry-run", "--", "benchmark_methods", overlay=SETTINGS
    )
    assert "Nothing to be done" in said


def test_a_plan_is_printed(options, tmp_path):
    assert re.search(r"^time +about ", run_snakemake(tmp_path, *options, "--", "plan"), re.M)


def test_the_demo_extractor_is_trained(stand_in, tmp_path):
    """The step alone, with few steps of training: the rule's take half an hour."""
    environment = tmp_path / "environment"
    packages = pip_list(CLONE / "envs/extractor_training.yaml")
    create(packages, environment, stand_in / "cache")
    command = [environment / "bin/python", "-m", "workflow_src.run"]
    command += ["synthetic.train_demo_extractor"]
    command += ["--law", CLONE / "resources/laws/demo_voices.yaml"]
    command += ["--seed", "1", "--settings", TINY_TRAINING.model_dump_json()]
    command += ["--model", tmp_path / "model.onnx", "--card", tmp_path / "card.md"]
    subprocess.run(command, env={"PYTHONPATH": str(CLONE), "PATH": "/usr/bin:/bin"}, check=True)
    assert (tmp_path / "model.onnx").stat().st_size > 100_000


def test_the_network_of_ready_made_is_trained(stand_in, tmp_path):
    """The step alone, with few updates: the rule's take minutes."""
    environment = tmp_path / "environment"
    create(pip_list(CLONE / "envs/training.yaml"), environment, stand_in / "cache")
    command = [environment / "bin/python", "-m", "workflow_src.run", "methods.train_ready_made"]
    command += ["--law", CLONE / "resources/laws/smiip-tv.yaml", "--seed", "1"]
    command += ["--settings", json.dumps(TINY_READY_MADE), "--out-dir", tmp_path / "policy"]
    subprocess.run(command, env={"PYTHONPATH": str(CLONE), "PATH": "/usr/bin:/bin"}, check=True)
    assert (tmp_path / "policy/policy.json").is_file()


def test_no_rule_is_left_out(demo, simulated, imported, fetched, compared):
    """A new rule belongs into one of the runs above."""
    ran = set().union(*map(rules_run, (demo, simulated, imported, fetched, compared)))
    ran |= {"plan", "train_demo_extractor", "train_ready_made"}
    assert ran == {name for name, body in rule_texts().items() if "conda:" in body}
