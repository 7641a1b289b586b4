"""Noticing what changed among recordings, as every run does at its start.

    python benchmarks/bench_scan.py [--files 400000] [--folder FOLDER]

Makes that many tiny files below a temporary folder (in FOLDER; by default where the system keeps
such) and digests them as the workflow does, each time in a new process: nothing known yet, nothing
changed, one file changed, all touched. Then what it costs to read contents, of files of 90 kB.
Attributes and contents come from memory, where the files that were just made still are: a disk or a
server adds what it takes to answer.
"""

import argparse
import itertools
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_src.corpus.recording_digests import TICK_NS

SHARDS = 64
# One second of 44.1 kHz, 16 bits.
LARGE, LARGE_FILES = 90_000, 5_000
LOOK = """
import sys, time
from pathlib import Path
from workflow_src.corpus.recording_digests import digest_recordings, read_digests
from workflow_src.settings.corpus import DirectoryCorpus
look = read_digests if sys.argv[3] == "job" else digest_recordings
began, busy = time.perf_counter(), time.process_time()
digests = look(DirectoryCorpus(root=sys.argv[1]), int(sys.argv[4]), Path(sys.argv[2]))
print(time.perf_counter() - began, time.process_time() - busy, *digests.shards)
"""


def make_corpus(root, files):
    """Make files of a few bytes: a folder a speaker and day, nine takes in each of five slots."""
    dates = [f"{date:%m%d}" for date in pd.date_range("2020-05-01", periods=92)]
    takes = list(itertools.product(range(1, 6), range(1, 10)))
    made = 0
    for speaker, date in itertools.product(range(1, 10_000), dates):
        folder = root / f"{speaker:04d}" / date
        folder.mkdir(parents=True)
        for slot, take in takes[: files - made]:
            name = f"{speaker:04d}_{date}{6 + 2 * slot:02d}{take:02d}_{slot}_{take}_ti_0.wav"
            (folder / name).write_bytes(str(made).encode())
            made += 1
        if made == files:
            return


def look(root, records, what="main"):
    """Return seconds, CPU seconds and the shards' digests of one look in a new process."""
    command = [sys.executable, "-c", LOOK, str(root), str(records), what, str(SHARDS)]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    return float(said[0]), float(said[1]), said[2:]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=400_000)
    parser.add_argument("--folder", type=Path, help="where to make the files")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        root, records = Path(folder) / "corpus", Path(folder) / "records"
        make_corpus(root, arguments.files)
        time.sleep(1.5 * TICK_NS / 1e9)
        print(f"{arguments.files:,} files, {SHARDS} shards\n")
        print(f"{'':26}{'seconds':>8}{'CPU s':>8}{'shards that changed':>22}")
        before = [""] * SHARDS

        def report(what, mode="main"):
            seconds, busy, shards = look(root, records, mode)
            changed = sum(a != b for a, b in zip(before, shards, strict=True))
            print(f"{what:26}{seconds:8.2f}{busy:8.2f}{changed:22}", flush=True)
            before[:] = shards

        report("nothing known yet")
        for _ in range(3):
            report("nothing changed")
        files = sorted(root.rglob("*.wav"))
        files[len(files) // 2].write_bytes(b"changed")
        time.sleep(1.5 * TICK_NS / 1e9)
        report("one file changed")
        for file in files:
            file.touch()
        time.sleep(1.5 * TICK_NS / 1e9)
        report("all touched")
        report("nothing changed")
        report("the process of a job", "job")

    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        root = Path(folder) / "corpus"
        make_corpus(root, LARGE_FILES)
        noise = np.random.default_rng(0)
        for file in root.rglob("*.wav"):
            file.write_bytes(noise.bytes(LARGE))
        seconds, _, _ = look(root, Path(folder) / "records")
        rate = LARGE_FILES * LARGE / seconds / 1e6
        print(f"\nreading {LARGE_FILES:,} files of {LARGE / 1e3:.0f} kB: {rate:,.0f} MB/s")


if __name__ == "__main__":
    main()
