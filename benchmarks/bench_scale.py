"""The whole graph at SMIIP-TV's size without audio: time and memory of each rule.

    python benchmarks/bench_scale.py                       # a tenth of the size
    python benchmarks/bench_scale.py --sizes 1 --training full --recordings
    python benchmarks/bench_scale.py --sizes 1 2 4 --methods baseline fixed-weight \
        fixed-weight-tuned speaker-mean                    # both in docs/scale.md, 15 min each
    python benchmarks/bench_scale.py --settings benchmarks/years.yaml

Each size is a run of Snakemake in a folder of its own, on two cores. Size 1 is 373 speakers,
66 of them tested, 401,293 simulated utterances on 90 days and 1.3 million trials in nine
scenarios; size 2 has twice the speakers. --training short leaves out nothing but gradient steps.
years.yaml is 20,000 speakers over six years.

Processor time and memory of a job are those of the last line of its log. Processor time depends
little on what else the machine does. Wall time is read from Snakemake's benchmark files.
"""

import argparse
import contextlib
import io
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import soundfile
import yaml

from workflow_src.common.files import read_npy, read_parquet
from workflow_src.common.tables import read_scenario
from workflow_src.comparison.score_population import place_run, tabulate_scores
from workflow_src.evaluation.metrics import error_rates
from workflow_src.running.threads import use_one_thread
from workflow_src.settings.catalogue import LISTED
from workflow_src.settings.runs import Run

CLONE = Path(__file__).resolve().parents[1]
SPEAKERS, TESTED, DAYS, ATTENDANCE = 373, 66, 90, 0.68
SHORT = {
    "pretraining": {"epochs": 2, "batches_per_epoch": 2},
    "finetuning": {"ppo": {"steps": 8192, "scalar_steps": 8192}},
    "methods": {"through-time": {"updates": 6}},
}
# What `workflow_src.running.launcher.tell_costs` writes.
TOLD = re.compile(r"^took ([\d.]+) s of processor time, (\d+) MiB of memory$", re.M)


def configure(size, methods, training):
    """Return the settings that differ from the defaults."""
    listing = {"speakers": round(SPEAKERS * size), "days": DAYS, "attendance": ATTENDANCE}
    return {
        "corpus": {
            "source": "simulated",
            "test_speakers": max(2, round(TESTED * size)),
            "simulated": {"listing": listing},
        },
        "inference": {"methods": methods},
        **(SHORT if training == "short" else {}),
    }


def snakemake(folder, settings, *arguments):
    """Run Snakemake; return its wall time and the processor time of all that it started."""
    (folder / "settings.yaml").write_text(yaml.safe_dump(settings))
    command = [sys.executable, "-m", "snakemake", *arguments, "--cores", "2"]
    command += ["--snakefile", CLONE / "Snakefile", "--directory", folder]
    command += ["--configfile", folder / "settings.yaml"]
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wall = time.perf_counter() - began
    if done.returncode:
        sys.exit(done.stdout[-3000:] + done.stderr[-3000:])
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime


def read_costs(folder):
    """Return a row a rule: jobs, seconds in which one of them ran, of processors, peak memory."""
    jobs = []
    for path in (folder / "logs").rglob("*.benchmark.tsv"):
        took = pd.read_csv(path, sep="\t").iloc[-1]
        rule = path.relative_to(folder / "logs").parts[0].split(".")[0]
        log = path.with_name(path.name.replace(".benchmark.tsv", ".log"))
        seconds, peak = TOLD.findall(log.read_text())[-1]
        ended = path.stat().st_mtime
        jobs.append((rule, ended - took["s"], ended, took["s"], float(seconds), float(peak)))
    names = ["rule", "began", "ended", "longest s", "processor s", "peak MiB"]
    table = pd.DataFrame(jobs, columns=names)
    rules = table.groupby("rule")
    costs = rules.agg({"began": "min", "longest s": "max", "processor s": "sum", "peak MiB": "max"})
    costs.insert(1, "jobs", rules.size())
    costs.insert(2, "wall s", [covered(rows) for _, rows in rules])
    return costs.sort_values("began").drop(columns="began")


def covered(jobs):
    """Return the length of the union of the jobs' times."""
    total, until = 0.0, 0.0
    for began, ended in sorted(zip(jobs["began"], jobs["ended"], strict=True)):
        total += max(0.0, ended - max(began, until))
        until = max(until, ended)
    return total


def score_all(folder):
    """Score and measure all methods in two processes; return the seconds: the arithmetic alone."""
    results = folder / "results"
    paths = sorted((results / "trials").glob("*.enrolment.parquet"))
    names = [path.name.partition(".")[0] for path in paths]
    with ProcessPoolExecutor(2, get_context("spawn"), use_one_thread) as processes:
        # Until both have imported what they need.
        list(processes.map(time.sleep, [1.0, 1.0]))
        began = time.perf_counter()
        list(processes.map(score_scenario, [results] * len(names), names))
        return time.perf_counter() - began


def score_scenario(results, name):
    """Score a scenario with all runs, and take the error rates of each."""
    table = pd.read_csv(results / "inference/runs.csv").astype(object)
    runs = [
        place_run(Run(**{key: None if pd.isna(v) else v for key, v in row.items()}), results)
        for row in table.to_dict("records")
    ]
    embeddings = read_npy(results / "embeddings/embeddings.npy", mmap=True)
    index = read_parquet(results / "embeddings/index.parquet")
    with contextlib.redirect_stderr(io.StringIO()):
        scored = tabulate_scores(runs, *read_scenario(results / "trials", name), embeddings, index)
    for run in runs:
        rates = error_rates(scored[run.run].to_numpy(), scored["target"].to_numpy(bool))
        rates.equal_error_rate()
        rates.min_dcf()


def make_folder(root, results):
    """Put a recording of a sample under each utterance's name: the same few files, linked."""
    utterances = read_parquet(results / "corpus/manifest.parquet")["utterance"]
    root.mkdir()
    for i, utterance in enumerate(utterances):
        # A file has only so many names.
        if i % 30_000 == 0:
            original = root / f".{i}.wav"
            soundfile.write(original, np.zeros(1600), 16000)
        folder = root / utterance[:4]
        folder.mkdir(exist_ok=True)
        os.link(original, folder / f"{utterance}.wav")


def run_all(folder, settings):
    """Make a run and print its table; return the costs of its rules and of all, and of -n."""
    before, _ = snakemake(folder, settings, "all", "--dry-run")
    wall, used = snakemake(folder, settings, "all")
    after, _ = snakemake(folder, settings, "all", "--dry-run")
    results = folder / "results"
    utterances = pq.read_metadata(results / "corpus/manifest.parquet").num_rows
    trials = sum(
        pq.read_metadata(path).num_rows
        for path in (results / "trials").glob("*.parquet")
        if "enrolment" not in path.name
    )
    costs = read_costs(folder)
    disk = sum(path.stat().st_size for path in results.rglob("*") if path.is_file())
    print(f"\n{utterances:,} utterances, {trials:,} trials, {disk / 1e9:.2f} GB")
    print(costs.to_string(float_format=lambda x: f"{x:,.1f}"))
    print(f"all: {wall:,.0f} s, {used:,.0f} s of processors")
    print(f"snakemake -n: {before:.1f} s before, {after:.1f} s after", flush=True)
    return costs, {
        "utterances": utterances,
        "trials made": trials,
        "all": used,
        "peak GiB": costs["peak MiB"].max() / 1024,
        "-n": after,
    }


def bench(size, methods, training, recordings, folder):
    """Run one size; print its table and return its line of the table of sizes."""
    settings = configure(size, methods, training)
    print(f"\nsize {size:g}")
    costs, line = run_all(folder, settings)
    alone = score_all(folder)
    print(f"scoring and metrics of all methods in two processes: {alone:.1f} s", flush=True)
    if recordings:
        make_folder(folder / "recordings", folder / "results")
        settings["corpus"] |= {"source": "directory", "directory": {"root": "recordings"}}
        settings["extractor"] = settings.get("extractor", {}) | {"allow_demo": True}
        first, _ = snakemake(folder, settings, "all", "--dry-run")
        then, _ = snakemake(folder, settings, "all", "--dry-run")
        print(f"with as many recordings: {first:.1f} s, which reads them, then {then:.1f} s")
    times = costs["processor s"]
    return {
        "size": size,
        "listing, embeddings": times[["simulate_listing", "simulate_embeddings"]].sum(),
        "trials": times["generate_trials"],
        "scores, metrics": times[["run_inference", "summarise_results"]].sum(),
        "their arithmetic": alone,
    } | line


@contextlib.contextmanager
def place(folder, name):
    """Give a folder to work in: one that stays, or one that does not."""
    with tempfile.TemporaryDirectory() as scratch:
        chosen = folder / name if folder else Path(scratch)
        chosen.mkdir(parents=True, exist_ok=True)
        yield chosen


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=float, nargs="+", default=[0.1])
    parser.add_argument("--training", choices=["short", "full"], default="short")
    parser.add_argument("--methods", nargs="+", choices=LISTED, default=LISTED)
    parser.add_argument(
        "--recordings", action="store_true", help="also time -n with as many files in a folder"
    )
    parser.add_argument("--settings", type=Path, help="run these settings in place of sizes")
    parser.add_argument("--folder", type=Path, help="where to work, and to leave the results")
    args = parser.parse_args()
    use_one_thread()
    if args.settings:
        with place(args.folder, args.settings.stem) as folder:
            run_all(folder, yaml.safe_load(args.settings.read_text()))
        return
    rows = []
    for size in args.sizes:
        with place(args.folder, f"{size:g}") as folder:
            rows.append(bench(size, list(args.methods), args.training, args.recordings, folder))
    print("\nprocessor seconds; wall seconds of two processes for the arithmetic of scores")
    print("and metrics, and of snakemake -n; peak of any process")
    print(pd.DataFrame(rows).to_string(index=False, float_format=lambda x: f"{x:,.1f}"))


if __name__ == "__main__":
    main()
