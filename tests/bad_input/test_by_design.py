"""Bad input that is no error by design: it is counted, named, and the rest goes on."""

import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from tests.bad_input.case import run_to_the_end
from tests.bad_input.spoiling import all_of, make_folder, remove, write, write_long_wav
from tests.bad_input.world import COMMANDS, RECORDED, start
from tests.embeddings.conftest import make_model
from workflow_src.analysis.breakdowns import load_scored_trials
from workflow_src.common.directions import NO_DIRECTION
from workflow_src.common.files import read_parquet
from workflow_src.running.launcher import end_well

RECORDING = f"recordings/deep er/{RECORDED[0]}.wav"
AWKWARD = "auf$(touch canary)nahmen `x` \"q\" 'ä'; b"


def run(name, **changes):
    start(name, COMMANDS[name].arguments(**changes))


def samples(*values):
    """Write a recording that ends in these samples, after half a second of noise."""

    def spoil():
        noise = 0.1 * np.random.default_rng(1).standard_normal(8000)
        wave = np.r_[noise if len(values) < 100 else [], values]
        soundfile.write(RECORDING, wave, 16000, subtype="FLOAT")

    return spoil


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (remove(RECORDING), "missing file"),
        (make_folder(RECORDING), "not a plain file"),
        (all_of(remove(RECORDING), lambda: Path(RECORDING).symlink_to("loop.wav"),
                lambda: Path(RECORDING).with_name("loop.wav").symlink_to("loop.wav")),
         "missing file"),
        (write(RECORDING, ""), "empty file"),
        (write(RECORDING, b"\xff" * 5000), "not readable as audio"),
        (samples(np.nan), "samples that are not finite"),
        (samples(np.inf), "samples that are not finite"),
        (samples(*[0.0] * 8000), "silent"),
        (samples(*[0.1, -0.1] * 1000), "shorter than 0.3 s"),
    ],
)  # fmt: skip
def test_a_recording_of_which_no_embedding_can_be_made_is_rejected(world, spoil, reason):
    spoil()
    run("embeddings.extract_embeddings")
    rejected = pd.read_csv("recorded/0.csv")
    assert rejected["utterance"].tolist() == RECORDED[:1]
    assert rejected["reason"].iloc[0] == reason
    assert len(np.load("recorded/0.npz")["embedding"]) == len(RECORDED) - 1


def test_ten_hours_are_rejected_by_the_header_alone(world):
    write_long_wav(RECORDING, hours=10)()
    assert Path(RECORDING).stat().st_size > 1e9
    run("corpus.build_manifest")
    tracemalloc.start()
    run("embeddings.extract_embeddings")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    rejected = pd.read_csv("recorded/0.csv")
    assert rejected["reason"].tolist() == ["longer than 300 s"]
    seconds = pd.read_parquet("recorded/manifest.parquet").set_index("utterance")["seconds"]
    assert seconds[RECORDED[0]] == 36000
    assert peak < 100e6


@pytest.mark.parametrize("scale", [0.0, 1e-25, 1e38])
def test_a_vector_without_a_direction_is_rejected(world, scale):
    make_model(Path("model.onnx"), scale=scale)
    run("embeddings.extract_embeddings")
    rejected = pd.read_csv("recorded/0.csv")
    assert rejected["utterance"].tolist() == RECORDED
    assert set(rejected["reason"]) == {f"embedding that {NO_DIRECTION}"}


def test_a_path_with_quotes_and_a_command_is_a_path(world):
    Path("recordings").rename(AWKWARD)
    Path("model.onnx").rename(f"{AWKWARD}.onnx")
    run("corpus.build_manifest", root=AWKWARD)
    run("embeddings.extract_embeddings", root=AWKWARD, model=f"{AWKWARD}.onnx")
    assert len(np.load("recorded/0.npz")["embedding"]) == len(RECORDED)
    assert not list(Path().rglob("canary"))


def test_rows_of_metadata_without_an_utterance_are_left_out(world):
    write("metadata.csv", f"utterance,state\n,a\n,b\n{RECORDED[1]},c\n,\n")()
    run("corpus.build_manifest")
    states = pd.read_parquet("recorded/manifest.parquet").set_index("utterance")["state"]
    assert states.dropna().to_dict() == {RECORDED[1]: "c"}


def test_metadata_may_be_called_like_a_column_of_the_trials(world):
    manifest = read_parquet("results/corpus/manifest.parquet").assign(
        model="a phone", score="high", target="x", days="y", state="normal"
    )
    trials = load_scored_trials("results", "baseline", "random", manifest)
    assert trials["state"].tolist() == ["normal"] * len(trials)
    assert trials["model"].str.startswith("spk").all()
    assert trials["score"].dtype == np.float32
    assert (trials["days"] >= 1).all()


def test_a_name_that_is_no_text_can_be_said(world, capsys):
    """Standard output need not hold what a path may hold."""
    name = "lists\udcff"
    Path("lists").rename(name)
    arguments = COMMANDS["trials.import_trials"].arguments(
        trial_list=f"{name}/random/trial.pkl", enrolment_list=f"{name}/random/enroll_model"
    )
    run = lambda: sys.exit(end_well(lambda: start("trials.import_trials", arguments)))  # noqa: E731
    assert run_to_the_end(run, capsys) == (0, [])
    assert Path("imported/random.parquet").exists()
