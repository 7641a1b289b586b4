"""What a power cut leaves of a run, and how the next run goes on."""

import base64
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
import yaml

from tests.workflow.forked_runs import run_snakemake
from tests.workflow.running import FEW, TINY, command_line
from tests.workflow.test_reproducible import digests
from workflow_src.serving import Template

CUTS = 4
MANIFEST, SPLIT = "results/corpus/manifest.parquet", "results/corpus/split.csv"


@pytest.fixture
def run(finished_few, tmp_path):
    """A finished run of `FEW` that a test may damage."""
    return Path(shutil.copytree(finished_few, tmp_path / "run", symlinks=True))


def record_of(folder, output):
    """Return the file of Snakemake's record of an output."""
    return folder / ".snakemake/metadata" / base64.urlsafe_b64encode(output.encode()).decode()


def test_damaged_results_and_records_are_made_again(run, finished_few):
    (run / MANIFEST).write_bytes(b"")
    record_of(run, SPLIT).write_bytes(bytes(100))
    (run / "results/corpus/.0123456789abcdef.part").touch()
    said = run_snakemake(run, "corpus", overlay=FEW)
    assert "results: 2 were half made, empty or unreadable after an earlier run" in said
    for name in (MANIFEST, SPLIT):
        assert (run / name).read_bytes() == (finished_few / name).read_bytes()
    assert not list((run / "results").rglob("*.part"))
    assert "Nothing to be done" in run_snakemake(run, "--dry-run", "corpus", overlay=FEW)


def test_a_result_without_a_record_is_made_again(run):
    record_of(run, SPLIT).unlink()
    assert "split_speakers " in run_snakemake(run, "--dry-run", "corpus", overlay=FEW)


def test_touching_a_result_keeps_the_record_of_what_it_was_made_with(run):
    options = ["corpus", "--config", "seed=3"]
    assert "split_speakers " in run_snakemake(run, "--dry-run", *options, overlay=FEW)
    before = record_of(run, SPLIT).read_bytes()
    run_snakemake(run, "--touch", *options, overlay=FEW)
    assert record_of(run, SPLIT).read_bytes() == before
    assert "split_speakers " in run_snakemake(run, "--dry-run", *options, overlay=FEW)


class Disk:
    """An ext4 file system in a file. A copy of the file is the disk after a power cut."""

    def __init__(self, image, folder):
        self.image, self.folder = image, folder

    def __enter__(self):
        self.folder.mkdir()
        _call("mount", "-o", "loop", str(self.image), str(self.folder))
        return self

    def __exit__(self, *error):
        _call("umount", "--lazy", str(self.folder))

    def cut(self, name):
        """Return the disk as it is if the power goes now."""
        image = self.image.with_name(f"{name}.img")
        _call("cp", "--sparse=always", str(self.image), str(image))
        return Disk(image, self.folder.with_name(name))


def _call(*command):
    subprocess.run(command, check=True, capture_output=True, text=True)


@pytest.fixture
def disk(tmp_path):
    image = tmp_path / "disk.img"
    with image.open("wb") as file:
        file.truncate(2 << 30)
    try:
        _call("mkfs.ext4", "-q", str(image))
        with Disk(image, tmp_path / "disk") as made:
            yield made
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", "") or error
        pytest.skip(f"needs root, mkfs.ext4 and loop devices ({str(said).strip()})")


@pytest.mark.slow
def test_a_saved_template_outlasts_a_power_cut(disk):
    old, new = (Template(np.full(8, n, np.float32), {}, None, n, "0" * 64) for n in (1, 2))
    for template in (old, new):
        for speaker in range(40):
            template.save(disk.folder / f"templates/{speaker}.now")
    with disk.cut("after") as after:
        for speaker in range(40):
            found = Template.load(after.folder / f"templates/{speaker}.now")
            assert found.to_bytes() == new.to_bytes()


@pytest.mark.slow
def test_the_next_run_goes_on_after_a_power_cut(disk, finished_few, tmp_path):
    rng = random.Random(int(os.environ["KILL_SEED"]))
    overlay = tmp_path / "few.yaml"
    overlay.write_text(yaml.safe_dump(FEW))
    said = tmp_path / "said.txt"
    cuts = []
    with said.open("w") as file:
        run = psutil.Popen(
            command_line(disk.folder, [TINY, overlay]),
            stdout=file, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    results = [disk.folder / "results" / name for name in digests(finished_few)]
    for number in sorted(rng.sample(range(len(results)), CUTS)):
        while run.poll() is None and sum(path.exists() for path in results) < number:
            time.sleep(0.05)
        time.sleep(rng.uniform(0, 2))
        cuts.append(disk.cut(f"cut{len(cuts)}"))
    if run.poll() is None:
        os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    for cut in cuts:
        with cut:
            made = len(list((cut.folder / "results").rglob("*")))
            run_snakemake(cut.folder, overlay=FEW)
            assert digests(cut.folder) == digests(finished_few), f"after {made} files"
            assert not list((cut.folder / "results").rglob("*.part"))
