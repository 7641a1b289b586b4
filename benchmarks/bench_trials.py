"""All nine scenarios of a corpus of SMIIP-TV's size: 58 test speakers, 92 days, 80,000 utterances.

    python benchmarks/bench_trials.py [--speakers 58] [--days 92]

Each scenario is made as its step makes it: manifest read, pool built, trials drawn, tables
written. One core. Starting Python and loading its packages comes on top once a step.
"""

import argparse
import contextlib
import io
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_src.common.files import write_csv, write_parquet
from workflow_src.corpus.ids import parse_utterance_ids
from workflow_src.running.launcher import call
from workflow_src.running.threads import use_one_thread
from workflow_src.settings.scenarios import SCENARIOS


def make_corpus(folder, speakers, days):
    """Three takes in each of five slots a day, now and then two; the last speaker never enrols."""
    rng = np.random.default_rng(0)
    names = [f"{number:04d}" for number in range(1, speakers + 2)]
    dates = [f"{date:%m%d}" for date in pd.date_range("2020-05-01", periods=days)]
    utterances = [
        f"{name}_{date}{hour:02d}{rng.integers(60):02d}_{slot}_{take}_ti_0"
        for name in names
        for date in dates
        for slot, hour in enumerate([7, 10, 13, 18, 21], start=1)
        for take in range(1, 4 if rng.random() < 0.95 else 3)
    ]
    write_parquet(parse_utterance_ids(utterances, "benchmark"), folder / "manifest.parquet")
    parts = ["test"] * speakers + ["nontarget-only"]
    write_csv(pd.DataFrame({"speaker": names, "part": parts}), folder / "split.csv")
    return len(utterances)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speakers", type=int, default=58)
    parser.add_argument("--days", type=int, default=92)
    arguments = parser.parse_args()
    use_one_thread()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        count = make_corpus(folder, arguments.speakers, arguments.days)
        print(f"{count} utterances of {arguments.speakers + 1} speakers\n")
        print(f"{'scenario':10}{'trials':>10}{'seconds':>10}{'trials/s':>12}")
        total = [0, 0.0]
        for scenario in SCENARIOS:
            out = folder / f"{scenario.id}.parquet"
            given = ["--manifest", folder / "manifest.parquet", "--split", folder / "split.csv"]
            given += ["--trials", out, "--enrolment", folder / "enrolment.parquet"]
            given += ["--seed", 1, "--scenario", scenario.model_dump_json()]
            began = time.perf_counter()
            with contextlib.redirect_stdout(io.StringIO()):
                call("trials.generate_trials", [str(word) for word in given])
            seconds = time.perf_counter() - began
            trials = len(pd.read_parquet(out, columns=["step"]))
            print(f"{scenario.id:10}{trials:10,}{seconds:10.2f}{trials / seconds:12,.0f}")
            total = [total[0] + trials, total[1] + seconds]
    print(f"{'all':10}{total[0]:10,}{total[1]:10.2f}{total[0] / total[1]:12,.0f}")
    began = time.perf_counter()
    step = [sys.executable, "-m", "workflow_src.run", "trials.generate_trials", "--help"]
    subprocess.run(step, check=True, stdout=subprocess.DEVNULL)
    print(f"starting the step: {time.perf_counter() - began:.2f} s each time")


if __name__ == "__main__":
    main()
