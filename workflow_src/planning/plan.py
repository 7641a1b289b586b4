"""Estimate a run of the whole workflow before it starts: sizes, jobs, disk and time.

A dry run tells which jobs would run; its output is read from standard input. Times come from
measured rates and --cores; only the speaker model is timed here. The step writes no file.
"""

from __future__ import annotations

import datetime
import re
import shutil
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_src.common.files import read_npy
from workflow_src.embeddings.extractor import Model, open_model
from workflow_src.planning.rates import BYTES, OVERHEAD, RATES
from workflow_src.planning.survey import Survey, count_trials, survey_corpus, survey_manifest
from workflow_src.settings.catalogue import find_method
from workflow_src.settings.front_ends import find_front_end
from workflow_src.settings.laws import EmbeddingLaw, read_law
from workflow_src.settings.methods import GradientTraining
from workflow_src.settings.run_table import (
    expand_runs,
    fitted_runs,
    ppo_runs,
    pretrained_seeds,
)
from workflow_src.settings.schema import Config

# Sources of the corpus that have recordings, and so a speaker model.
RECORDED = {"synthetic", "directory"}


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments."""

    settings: Config
    """All settings."""
    stages: dict[str, str]
    """The stage of each rule that runs a step, in the order of work."""
    on_gpu: list[str]
    """The rules that can use a GPU."""
    listing: list[str]
    """The rules that make the manifest; where one of them will run, an old manifest is ignored."""
    cores: int
    """The number of single-thread jobs that run at a time."""
    results: Path
    """The results folder."""
    extractor: Path | None = None
    """The file of the speaker model, if it has one."""
    embeddings: list[str] = field(default_factory=list)
    """Files of imported embeddings."""
    utterances: str | None = None
    """The text file of simulated utterance ids, if given."""
    law: Path | None = None
    """The law of a synthetic or simulated corpus."""
    test_speakers: str | None = None
    """The text file of test speakers, if given."""


def read_jobs(said: str, rules: Iterable[str]) -> dict[str, int]:
    """Return how many jobs of each rule a dry run lists."""
    counts = dict(re.findall(r"^(\w+) +(\d+)$", said.partition("Job stats:")[2], re.M))
    return {rule: int(counts[rule]) for rule in rules if rule in counts}


def time_model(model: Model, seconds: float) -> float:
    """Return the seconds that the model takes for a recording of a length, on one thread."""
    samples = round(max(0.2, seconds) * model.front_end.sample_rate)
    noise = np.random.default_rng(0).standard_normal(samples, np.float32)
    features = model.compute_features(noise / 10)[None]
    times = []
    for _ in range(5):
        start = time.perf_counter()
        model.embed(features)
        times.append(time.perf_counter() - start)
    return min(times)


def measure_amounts(
    config: Config,
    survey: Survey,
    trials: dict[str, int],
    development: dict[str, int],
    model_seconds: float,
    dim: int,
) -> dict[str, float]:
    """Return the amounts to which `rates.RATES` and `rates.BYTES` refer.

    Parameters
    ----------
    config
        All settings.
    survey
        The corpus.
    trials, development
        Numbers of trials by list, and of development trials by scenario.
    model_seconds
        Seconds that the speaker model takes for a recording.
    dim
        The dimension of an embedding.
    """
    utterances, seconds = len(survey.table), survey.seconds or 0.0
    runs, trained, fitted = expand_runs(config), ppo_runs(config), fitted_runs(config)
    scalar = _share(find_method(run.method).sees == "scalars" for run in trained)
    blocks = [
        config.methods.block(settings)
        for run in fitted
        if (settings := find_method(run.method).settings) is not None
    ]
    learned = sum(block.trials for block in blocks if isinstance(block, GradientTraining))
    developed, tuning, ppo = sum(development.values()), config.tuning, config.finetuning.ppo
    recorded = config.corpus.source in RECORDED
    synthetic = config.corpus.source == "synthetic"
    sweep, pretraining = config.analysis.sweep, config.pretraining
    amounts = {
        "utterances": utterances,
        "headers": utterances * (config.corpus.source == "directory"),
        # A speaker's voice is drawn for every day, also where it is not recorded.
        "speaker_days": survey.table["speaker"].nunique() * _count_days(survey.table["date"]),
        "synthesised_seconds": seconds / config.corpus.synthetic.shards,
        "shard_seconds": seconds / config.extractor.shards,
        "shard_model_seconds": utterances * model_seconds / config.extractor.shards,
        "trials": sum(trials.values()),
        "scenario_trials": sum(trials.values()) / len(trials),
        "development_trials": developed / max(1, len(development)),
        "pretraining_samples": pretraining.epochs
        * pretraining.batches_per_epoch
        * pretraining.batch_size,
        "embedding_steps": (1 - scalar) * ppo.steps,
        "scalar_steps": scalar * ppo.scalar_steps,
        "fitted_trials": developed
        * sum(find_method(run.method).fit_seconds for run in fitted)
        / max(1, len(fitted)),
        "learned_trials": learned / max(1, len(fitted)),
        "development_scores": developed * len(runs),
        "threshold_trials": developed * tuning.candidates,
        "attacked_trials": developed,
        "lists": len(trials),
        "scores": sum(trials.values()) * len(runs),
        "score_tables": len(trials) * len(runs),
        "swept_scores": trials[config.shown_list.id] * len(sweep.alphas) * sweep.most_thresholds,
        "synthesised_audio_seconds": seconds * synthetic,
        "embedding_numbers": utterances * dim,
        "shard_embedding_numbers": recorded * utterances * dim,
        "shard_utterances": recorded * utterances,
        "runs": len(runs),
        "policies": len(trained) + len(fitted) + len(pretrained_seeds(config)),
        "analyses": 1,
    }
    amounts["result_bytes"] = sum(size * amounts[unit] for unit, size in BYTES.items())
    return amounts


def _count_days(dates: pd.Series) -> int:
    """Return the days from the first to the last of some ISO dates; 0 where none is known."""
    known = dates[dates != ""]
    if known.empty:
        return 0
    first, last = map(datetime.date.fromisoformat, (known.min(), known.max()))
    return (last - first).days + 1


def _share(whether: Iterable[bool]) -> float:
    """Return the share of true values; 0 without values."""
    found = list(whether)
    return sum(found) / max(1, len(found))


def tabulate_jobs(
    jobs: dict[str, int], stages: dict[str, str], seconds: dict[str, float], cores: int
) -> tuple[list[tuple[str, str, int, float]], float]:
    """Return for each rule (stage, rule, jobs, seconds per job), and the seconds of all jobs.

    `seconds` are those of one job of each rule. Stages follow one another; the jobs of a stage
    share the cores.
    """
    rows = [(stages[rule], rule, count, seconds[rule]) for rule, count in jobs.items()]
    wall = 0.0
    for stage in dict.fromkeys(row[0] for row in rows):
        of_stage = [(count, each) for name, _, count, each in rows if name == stage]
        longest = max(each for _, each in of_stage)
        wall += max(longest, sum(count * each for count, each in of_stage) / cores)
    return rows, wall


def describe_seconds(seconds: float) -> str:
    """Write a time with two significant digits."""
    for unit, size in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{float(f'{seconds / size:.2g}'):g} {unit}"
    return f"{float(f'{seconds:.2g}'):g} s"


def describe_bytes(size: float) -> str:
    """Write a size with two significant digits."""
    for unit, of_unit in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if size >= of_unit:
            return f"{float(f'{size / of_unit:.2g}'):g} {unit}"
    return "less than 1 MB"


@dataclass(frozen=True)
class Estimate:
    """What a run will be like.

    Attributes
    ----------
    survey
        The corpus.
    trials
        The number of trials of each scenario.
    amounts
        The amounts to which `rates.RATES` and `rates.BYTES` refer.
    """

    survey: Survey
    trials: dict[str, int]
    amounts: dict[str, float]

    def seconds(self) -> dict[str, float]:
        """Return the seconds of one job of each rule."""
        return {rule: OVERHEAD + rate.seconds(self.amounts) for rule, rate in RATES.items()}


def make_estimate(args: Arguments, rules: Iterable[str]) -> Estimate:
    """Survey the corpus, count the trials, and time the speaker model.

    `rules` are those that will run; an old manifest that one of them makes anew is ignored.
    """
    config = args.settings
    manifest = args.results / "corpus/manifest.parquet"
    if manifest.exists() and not set(args.listing) & set(rules):
        survey = survey_manifest(manifest)
    else:
        survey = survey_corpus(config, args.embeddings, args.utterances, args.law)
    trials, development = count_trials(
        config, survey.table, args.test_speakers or config.corpus.test_speakers
    )
    model = None
    if config.corpus.source in RECORDED:
        extractor = config.extractor
        front_end = find_front_end(extractor.front_end, extractor.folders)
        model = open_model(args.extractor, front_end, extractor, device="cpu")
    amounts = measure_amounts(
        config,
        survey,
        trials,
        development,
        model_seconds=time_model(model, survey.mean_seconds) if model else 0.0,
        dim=model.dim if model else _embedding_dim(args.law, survey, args.results),
    )
    return Estimate(survey, trials, amounts)


def run(args: Arguments) -> None:
    """Print the plan."""
    config = args.settings
    jobs = read_jobs(sys.stdin.read(), args.stages)
    estimate = make_estimate(args, jobs)
    for line in describe_corpus(config, estimate.survey, estimate.trials, jobs):
        print(line)
    free = shutil.disk_usage(args.results.parent.resolve()).free
    disk = estimate.amounts["result_bytes"]
    print(f"results     about {describe_bytes(disk)} in all; {describe_bytes(free)} are free")
    print()
    for line in describe_jobs(jobs, args.stages, estimate.seconds(), args.cores):
        print(line)
    on_gpu = [rule for rule in args.on_gpu if rule in jobs]
    if config.compute.device != "cpu" and on_gpu:
        print(
            f"A GPU would run {', '.join(on_gpu)}; none was measured, so the times are those of "
            "the CPU."
        )


def describe_corpus(
    config: Config, survey: Survey, trials: dict[str, int], jobs: dict[str, int]
) -> list[str]:
    """Return lines that describe the corpus and the amount of work."""
    table, runs = survey.table, expand_runs(config)
    recorded = config.corpus.source in RECORDED
    days = table["date"][table["date"] != ""].nunique()
    on_days = f"on {days:,} days" if days else "on days that are unknown"
    lines = [
        f"{'recordings' if recorded else 'utterances':12}{len(table):,} of "
        f"{table['speaker'].nunique():,} speakers {on_days} (from {survey.source})"
    ]
    if survey.seconds is not None:
        lines.append(f"hours       {survey.seconds / 3600:,.2f} ({survey.seconds_source})")
    elif recorded:
        lines.append("hours       unknown: no header could be read")
    lines.append(f"trials      {sum(trials.values()):,} in {len(trials)} lists")
    lines.append(f"scores      {sum(trials.values()) * len(runs):,} of {len(runs)} runs")
    lines.append(f"jobs        {sum(jobs.values()):,}" + " (nothing is left to do)" * (not jobs))
    return lines


def describe_jobs(
    jobs: dict[str, int], stages: dict[str, str], seconds: dict[str, float], cores: int
) -> list[str]:
    """Return the table of jobs and times, and the total time."""
    rows, wall = tabulate_jobs(jobs, stages, seconds, cores)
    if not rows:
        return []
    lines = [f"{'stage':12}{'rule':29}{'jobs':>6}{'each':>10}"]
    lines += [
        f"{stage:12}{rule:29}{count:6,}{describe_seconds(each):>10}"
        for stage, rule, count, each in rows
    ]
    return [*lines, "", f"time        about {describe_seconds(wall)} on {cores} cores"]


def _embedding_dim(law: Path | None, survey: Survey, results: Path) -> int:
    """Return the dimension of embeddings that no model computes."""
    if law is not None:
        return read_law(law, EmbeddingLaw).dimension
    if survey.dim is not None:
        return survey.dim
    return read_npy(results / "embeddings/embeddings.npy", mmap=True).shape[1]
