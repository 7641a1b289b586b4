"""A shard of the extraction that fails is done again alone: by the same run, or by the next."""

import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests.workflow.forked_runs import run_snakemake
from tests.workflow.running import TINY, command_line

STEP = "embeddings.extract_embeddings"


def options_of(process, line):
    """Return the options of a step, which are in a file that its command names."""
    try:
        return (Path(process.cwd()) / line[-1].removeprefix("@")).read_text()
    except (psutil.Error, OSError):
        return ""


def find_shard(run, shard):
    """Return the process that extracts a shard, once it is there."""
    while run.poll() is None:
        for process in run.children(recursive=True):
            try:
                line = process.cmdline()
            except psutil.Error:
                continue
            if STEP in line and f"--shard={shard}" in options_of(process, line):
                return process
        time.sleep(0.02)
    return None


def run_and_kill(folder, *arguments):
    """Run to the embeddings and kill shard 1 once; return the exit status and what was said."""
    with (folder / "said.txt").open("w") as said:
        run = psutil.Popen(
            command_line(folder, [TINY, folder / "overlay.yaml"], "embeddings", *arguments),
            stdout=said, stderr=subprocess.STDOUT,
        )  # fmt: skip
        process = find_shard(run, "1")
        assert process is not None
        process.kill()
        code = run.wait()
    return code, (folder / "said.txt").read_text()


@pytest.fixture
def listed(finished, tmp_path):
    """A folder with a manifest of recordings, and nothing extracted yet."""
    root = str(finished / "results/corpus/audio")
    overlay = {
        "corpus": {"source": "directory", "directory": {"root": root, "days": 2}},
        "extractor": {"allow_demo": True},
    }
    run_snakemake(tmp_path, "corpus", overlay=overlay)
    return tmp_path


def test_a_killed_shard_is_done_again_by_the_next_run(listed):
    code, said = run_and_kill(listed)
    assert code != 0
    assert "failed: Extracting embeddings, shard 1 of 2: " in said.splitlines()[-1]
    shards = listed / "results/embeddings/shards"
    assert [path.name for path in sorted(shards.glob("*.npz"))] == ["0.npz"]
    before = (shards / "0.npz").stat().st_mtime_ns
    again = run_snakemake(listed, "embeddings", overlay=(listed / "overlay.yaml").read_text())
    assert again.count("Extracting embeddings, shard") == 1
    assert "Extracting embeddings, shard 1 of 2" in again
    assert (shards / "0.npz").stat().st_mtime_ns == before
    assert (listed / "results/embeddings/embeddings.npy").exists()


def test_a_killed_shard_is_done_again_by_the_same_run_where_retries_are_allowed(listed):
    code, said = run_and_kill(listed, "--retries", "1")
    assert code == 0, said
    # The console has one line for jobs that begin together; Snakemake's log has all.
    log = max((listed / ".snakemake/log").iterdir()).read_text()
    assert log.count("Extracting embeddings, shard 0 of 2") == 1
    assert log.count("Extracting embeddings, shard 1 of 2") == 2
    assert (listed / "results/embeddings/embeddings.npy").exists()
