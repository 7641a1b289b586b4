"""A small world in which every step runs, and the commands that built it.

Each step stands here with arguments that are good, in the order of the workflow. The world is made
by running them; a case of bad input is one of them again, with one thing spoiled.
"""

from __future__ import annotations

import importlib
import json
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile
import torch
import yaml

from tests.embeddings.conftest import make_model, speech_like
from tests.inference.made_up_policies import made_up_state_dict
from tests.synthetic.laws import EMBEDDINGS as EMBEDDINGS_LAW
from tests.synthetic.laws import VOICES as VOICES_LAW
from workflow_src.common.digests import ROOT
from workflow_src.corpus.archives import extract_archive
from workflow_src.provenance.__main__ import main as verify_run
from workflow_src.running.launcher import call
from workflow_src.running.signature import is_step
from workflow_src.serving import Template, TemplateUpdater
from workflow_src.settings.catalogue import BY_ID as METHODS
from workflow_src.settings.laws import EmbeddingLaw, read_law
from workflow_src.settings.scenarios import BY_ID
from workflow_src.settings.schema import validate_config

# What stands in the world is compared, also beside modules.
sys.dont_write_bytecode = True
DIMENSION = 16
RESULTS = "results"
MANIFEST, SPLIT = "results/corpus/manifest.parquet", "results/corpus/split.csv"
EMBEDDINGS, INDEX = "results/embeddings/embeddings.npy", "results/embeddings/index.parquet"
REJECTED = "results/embeddings/rejected.csv"
DEVELOPMENT = "results/trials/development"
POLICIES = "results/policies"
POINTS = "results/inference/baseline/operating_points.json"
RECORDED = [f"000{speaker}_0501{hour}00_3_1_ti_0" for speaker in (1, 2) for hour in (11, 12, 13)]
PUBLISHED_TRIALS, PUBLISHED_ENROLMENT = "lists/random/trial.pkl", "lists/random/enroll_model"
PAIRS, ENROLMENT_MAP = "lists/random.txt", "lists/random.enrolment.txt"

TUNING = {
    "alphas": [0.1, 0.3],
    "thresholds": [0.2, 0.5],
    "development": {"scenarios": ["random"], "trajectories": 2},
}
THROUGH_TIME = {"updates": 2, "sequences": 4, "window": 4, "validate_every": 1, "hidden": 4}
TINY_NETWORK = {"updates": 2, "sequences": 4, "window": 4, "hidden": 4}
PRETRAINING = {"epochs": 1, "batches_per_epoch": 1, "batch_size": 8, "max_enrolment": 5}
PPO = {"steps": 32, "environments": 4, "rollout_steps": 4, "epochs": 1, "minibatches": 2}
FINETUNING = {"episode": {"min_utterances": 20, "max_steps": 20}, "ppo": PPO}
BASELINE = {"run": "baseline", "method": "baseline"}
TUNED = {"run": "fixed-weight-tuned", "method": "fixed-weight-tuned",
         "checkpoint": "results/policies/fixed-weight-tuned"}  # fmt: skip
ORACLE = {"run": "oracle", "method": "oracle", "checkpoint": "results/policies/oracle"}
FIXED = {"run": "fixed-weight-0.1", "method": "fixed-weight", "alpha": 0.1, "threshold": 0.3}
WINDOW = {"run": "window", "method": "window", "threshold": 0.3, "options": {"size": 3}}
GUARDED = TUNED | {"run": "fixed-weight-tuned+daily", "method": "fixed-weight-tuned+daily"}
MULTI_HEAD = {"run": "multi-head-seed0", "method": "multi-head", "threshold": 0.2, "seed": 0,
              "checkpoint": "results/policies/multi-head-seed0"}  # fmt: skip

# What the workflow tells the record of the one job that it knows here.
JOB = {"rule": "extract", "step": "embeddings.extract", "stage": "embeddings",
       "environment": "audio", "gpu": True, "wildcards": {}, "inputs": {"model": ["model.onnx"]},
       "outputs": [EMBEDDINGS, INDEX], "given": {}}  # fmt: skip


@dataclass(frozen=True)
class Command:
    """A step with good arguments; `gives` are its outputs, `also` those that it names itself."""

    takes: Mapping[str, object] = field(default_factory=dict)
    gives: Mapping[str, str] = field(default_factory=dict)
    also: tuple[str, ...] = ()

    def arguments(self, **changes: object) -> list[str]:
        """Write the command line; a changed option is named with _ for -, None leaves it out."""
        options = {**self.takes, **self.gives}
        options |= {f"--{name.replace('_', '-')}": value for name, value in changes.items()}
        line: list[str] = []
        for name, value in options.items():
            if value is None:
                continue
            values = [value] if isinstance(value, str) else value
            line += [name, *(v if isinstance(v, str) else json.dumps(v) for v in as_list(values))]
        return line

    def outputs(self) -> list[Path]:
        """List what the command makes."""
        return [Path(path) for path in (*self.gives.values(), *self.also)]


def as_list(values: object) -> list[object]:
    """Return several values of an option as a list, and a block of settings as one."""
    return values if isinstance(values, list) else [values]


def runs(*rows: Mapping[str, object]) -> str:
    """Write a list of runs as an argument."""
    return json.dumps(list(rows))


RANDOM = BY_ID["random"].model_dump_json()
LISTS = '[{"scenario": "random"}]'
MATRIX = {"--embeddings": EMBEDDINGS, "--index": INDEX}
TRIALS = {"--trials": "results/trials/random.parquet",
          "--enrolment": "results/trials/random.enrolment.parquet"}  # fmt: skip
SPOKEN = {"--manifest": MANIFEST, "--split": SPLIT, "--rejected": REJECTED}
TRAINING = {**MATRIX, "--manifest": MANIFEST, "--split": SPLIT, "--seed": "1"}
FITTING = {**MATRIX, "--split": SPLIT, "--development": DEVELOPMENT, "--settings": TUNING,
           "--seed": "1"}  # fmt: skip
FITTED = {**FITTING, "--start": "results/policies/fixed-weight-tuned",
          "--start-entry": METHODS["fixed-weight-tuned"].entry}  # fmt: skip

CONTROL = {**MATRIX, "--runs": runs(BASELINE, TUNED), "--intervals": {"resamples": 100},
           "--seed": "1", "--baseline": "baseline"}  # fmt: skip
LISTED = {"--trials": "results/trials", "--lists": LISTS}
NEW_TRIALS = {**SPOKEN, "--scenarios": f"[{RANDOM}]",
              "--generation": {"random": {"trajectories": 2}}}  # fmt: skip


def method(name: str) -> dict[str, str]:
    """Name a method and its rule."""
    return {"--method": name, "--entry": METHODS[name].entry}


OWN_MODEL = """\
import torch


class Model(torch.nn.Module):
    sample_rate = 16000

    def forward(self, waveforms):
        return waveforms[:, :8]
"""
OWN_FRONT_END = {"id": "models_of_mine:Model", "entry": "models_of_mine:Model",
                 "sample_rate": 16000, "shape": ["S"], "own": True, "folder": "."}  # fmt: skip


# What stands behind a colon tells two commands of one step apart.
COMMANDS: dict[str, Command] = {
    "validate_config": Command({"--config": "mine.yaml"}),
    "extract_archive": Command({"--archive": "corpus.zip"}),
    "synthetic.synthesize_corpus": Command(
        {"--settings": {"speakers": 2, "days": 2, "seconds": [1.0, 1.1]}, "--law": "voices.yaml",
         "--seed": "1", "--shard": "0", "--shards": "1"},
        {"--audio": "demo/shard-0", "--table": "demo/shard-0.parquet"},
    ),
    "corpus.build_manifest:tables": Command(
        {"--tables": "demo/shard-0.parquet"}, {"--manifest": "demo/manifest.parquet"}
    ),
    "corpus.build_manifest": Command(
        {"--root": "recordings", "--metadata": "metadata.csv"},
        {"--manifest": "recorded/manifest.parquet"},
    ),
    "corpus.fetch_corpus": Command(
        {"--root": "fetched",
         "--settings": {"archives": [{"url": "http://[::1]:9/a.zip", "sha256": "0" * 64}]}},
        {"--record": "fetched.json"},
    ),
    "embeddings.extract_embeddings": Command(
        {"--manifest": "recorded/manifest.parquet", "--root": "recordings",
         "--model": "model.onnx"},
        {"--embeddings": "recorded/0.npz", "--rejected": "recorded/0.csv"},
    ),
    "embeddings.extract_embeddings:own": Command(
        {"--manifest": "recorded/manifest.parquet", "--root": "recordings",
         "--front-end": OWN_FRONT_END},
        {"--embeddings": "recorded/own.npz", "--rejected": "recorded/own.csv"},
    ),
    "embeddings.merge_embeddings": Command(
        {"--manifest": "recorded/manifest.parquet", "--shards": "recorded/0.npz",
         "--rejections": "recorded/0.csv"},
        {"--embeddings": "recorded/embeddings.npy", "--index": "recorded/index.parquet",
         "--rejected": "recorded/rejected.csv"},
    ),
    "embeddings.import_embeddings": Command(
        {"--files": ["given/part_rank0.npy"]},
        {"--manifest": "imported/manifest.parquet", "--embeddings": "imported/embeddings.npy",
         "--index": "imported/index.parquet", "--rejected": "imported/rejected.csv"},
    ),
    "synthetic.simulate_listing:listed": Command(
        {"--utterances": "ids.txt", "--seed": "1"}, {"--manifest": "listed.parquet"}
    ),
    "synthetic.simulate_listing": Command(
        {"--settings": {"speakers": 8, "days": 10}, "--seed": "1"}, {"--manifest": MANIFEST}
    ),
    "corpus.split_speakers": Command(
        {"--manifest": MANIFEST, "--test-speakers": "3", "--seed": "1"}, {"--split": SPLIT}
    ),
    "synthetic.simulate_embeddings": Command(
        {"--manifest": MANIFEST, "--law": "law.yaml", "--seed": "1"},
        {**MATRIX, "--rejected": REJECTED},
    ),
    "trials.generate_trials": Command(
        {**SPOKEN, "--settings": {"random": {"trajectories": 2}}, "--seed": "1",
         "--scenario": RANDOM},
        {**TRIALS, "--passed-over": "passed_over.csv"},
    ),
    "trials.generate_development_trials": Command(
        {**SPOKEN, "--development": TUNING["development"], "--seed": "1", "--scenario": RANDOM},
        {"--trials": f"{DEVELOPMENT}/random.parquet",
         "--enrolment": f"{DEVELOPMENT}/random.enrolment.parquet",
         "--passed-over": "passed_over/development.csv"},
    ),
    "trials.export_trials": Command(
        {"--trials": TRIALS["--trials"], "--enrolments": TRIALS["--enrolment"],
         "--scenarios": f"[{RANDOM}]"},
        {"--trial-lists": PUBLISHED_TRIALS, "--enrolment-lists": PUBLISHED_ENROLMENT},
    ),
    "trials.import_trials": Command(
        {"--trial-list": PUBLISHED_TRIALS, "--enrolment-list": PUBLISHED_ENROLMENT,
         "--scenario": RANDOM, "--seed": "1", **SPOKEN},
        {"--trials": "imported/random.parquet",
         "--enrolment": "imported/random.enrolment.parquet"},
    ),
    "trials.export_pairs": Command(
        {"--trials": TRIALS["--trials"], "--enrolments": TRIALS["--enrolment"]},
        {"--pair-lists": PAIRS, "--enrolment-maps": ENROLMENT_MAP},
    ),
    "trials.import_trials:pairs": Command(
        {"--trial-list": PAIRS, "--enrolment-list": ENROLMENT_MAP, "--settings": {"form": "pairs"},
         "--scenario": RANDOM, "--seed": "1", **SPOKEN},
        {"--trials": "imported/pairs.parquet", "--enrolment": "imported/pairs.enrolment.parquet",
         "--passed-over": "imported/passed_over.csv"},
    ),
    "trials.import_trials:tables": Command(
        {"--trial-list": TRIALS["--trials"], "--enrolment-list": TRIALS["--enrolment"],
         "--settings": {"form": "tables"}, "--scenario": RANDOM, "--seed": "1", **SPOKEN},
        {"--trials": "imported/table.parquet", "--enrolment": "imported/table.enrolment.parquet"},
    ),
    "embeddings.export_embeddings": Command(
        MATRIX, {"--npz": "exported/a.npz", "--ark": "exported/a.ark", "--scp": "exported/a.scp"}
    ),
    "methods.import_policy": Command(
        {"--source": "mh_final.pkl", **method("multi-head"), "--embeddings": EMBEDDINGS},
        {"--out-dir": f"{POLICIES}/released-multi-head"},
    ),
    "methods.import_policy:folder": Command(
        {"--source": f"{POLICIES}/released-multi-head", **method("multi-head"),
         "--embeddings": EMBEDDINGS},
        {"--out-dir": f"{POLICIES}/initial-multi-head"},
    ),
    "training.pretrain_policy": Command(
        {**TRAINING, "--settings": PRETRAINING, "--initial": f"{POLICIES}/initial-multi-head"},
        {"--out-dir": f"{POLICIES}/pretrained-seed0",
         "--passed-over": "passed_over/pretraining.csv"},
    ),
    "training.finetune_policy": Command(
        {**TRAINING, "--settings": FINETUNING, **method("multi-head"),
         "--initial": f"{POLICIES}/pretrained-seed0"},
        {"--out-dir": f"{POLICIES}/multi-head-seed0",
         "--passed-over": "passed_over/finetuning.csv"},
    ),
    "methods.fit_method:fixed": Command(
        {**FITTING, **method("fixed-weight-tuned")},
        {"--out-dir": f"{POLICIES}/fixed-weight-tuned"},
    ),
    "methods.fit_method:oracle": Command(
        {**FITTING, **method("oracle")}, {"--out-dir": f"{POLICIES}/oracle"}
    ),
    "methods.fit_method": Command(
        {**FITTED, **method("kalman")}, {"--out-dir": f"{POLICIES}/kalman"}
    ),
    "methods.fit_method:through-time": Command(
        {**FITTED, **method("through-time"), "--own": THROUGH_TIME},
        {"--out-dir": f"{POLICIES}/through-time-seed0"}
    ),
    "methods.train_ready_made": Command(
        {"--law": "law.yaml", "--seed": "1",
         "--settings": {"laws": 1, "speakers": 2, "scales": 1, "network": TINY_NETWORK}},
        {"--out-dir": "results/ready_made"},
    ),
    "methods.tune_threshold": Command(
        {**MATRIX, "--run": MULTI_HEAD, "--development": DEVELOPMENT, "--settings": TUNING,
         "--seed": "1"},
        {"--threshold": "tuned/threshold.json", "--tried": "tuned/thresholds.csv"},
    ),
    "inference.tune_guard": Command(
        {**MATRIX, "--run": TUNED, "--guard": "daily", "--development": DEVELOPMENT,
         "--settings": TUNING, "--attacks": {"days": 1, "recordings": 2}, "--cost": "0.1",
         "--seed": "1"},
        {"--limit": f"{POLICIES}/fixed-weight-tuned/limits/daily.json",
         "--tried": f"{POLICIES}/fixed-weight-tuned/limits/daily.csv"},
    ),
    "inference.tabulate_runs": Command(
        {"--runs": runs(BASELINE, FIXED, TUNED)}, {"--table": "results/inference/runs.csv"}
    ),
    "inference.run_inference": Command(
        {"--notebook": "notebooks/inference.ipynb", "--run": BASELINE, "--lists": LISTS},
        {"--executed": "results/inference/baseline.ipynb"},
        ("results/inference/baseline",),
    ),
    "evaluation.measure_intervals": Command(
        {"--runs": "one_run.csv", "--folder": "results/inference", "--lists": LISTS,
         "--index": INDEX, "--settings": {"resamples": 100}, "--seed": "1"},
        {"--intervals": "intervals.csv", "--methods": "methods.csv",
         "--differences": "differences.csv"},
    ),
    "inference.set_operating_points": Command(
        {**MATRIX, "--runs": runs(BASELINE), "--development": DEVELOPMENT, "--scenarios": "random",
         "--settings": "{}"},
        {"--points": POINTS},
    ),
    "evaluation.measure_operating_points": Command(
        {"--runs": "one_run.csv", "--folder": "results/inference", "--trials": "results/trials",
         "--index": INDEX, "--lists": LISTS, "--settings": "{}",
         "--intervals": {"resamples": 100}, "--seed": "1"},
        {"--points": "tables/operating_points.csv", "--calibration": "tables/calibration.csv"},
    ),
    "evaluation.summarise_results": Command(
        {"--runs": "one_run.csv", "--folder": "results/inference", "--lists": LISTS,
         "--operating-points": "{}", "--points": "tables/operating_points.csv",
         "--calibration": "tables/calibration.csv", "--intervals": "intervals.csv"},
        {"--summary": "results/summary.csv"},
    ),
    "evaluation.measure_order": Command(
        {"--run": "baseline", "--folder": "results/inference", "--lists": LISTS, "--seed": "1"},
        {"--table": "results/controls/order.csv"},
    ),
    "controls.shuffle_targets": Command(
        {**CONTROL, **LISTED}, {"--table": "results/controls/shuffled_targets.csv"}
    ),
    "controls.separate_tests": Command(
        {**CONTROL, **LISTED}, {"--table": "results/controls/separate_tests.csv"}
    ),
    "controls.measure_headroom": Command(
        {**CONTROL, **LISTED, "--runs": runs(BASELINE, TUNED, ORACLE), "--ceiling": "oracle"},
        {"--table": "results/controls/headroom.csv"},
    ),
    "controls.lengthen_enrolment": Command(
        {**CONTROL, **NEW_TRIALS, "--lists": LISTS, "--utterances": "7"},
        {"--table": "results/controls/long_enrolment.csv"},
    ),
    "controls.vary_impostors": Command(
        {**CONTROL, **NEW_TRIALS, "--chosen": POINTS, "--rates": "2.0"},
        {"--table": "results/controls/impostors.csv"},
    ),
    "controls.measure_attacks": Command(
        {**MATRIX, "--runs": runs(BASELINE), "--points": "results/inference",
         "--trials": "results/trials", "--trial-list": {"scenario": "random"},
         "--settings": {"days": 1}, "--intervals": {"resamples": 100}, "--seed": "1"},
        {"--table": "results/controls/attacks.csv"},
    ),
    "exporting.export_method": Command(
        {"--run": BASELINE, **MATRIX, "--points": POINTS},
        {"--folder": "export"},
    ),
    "exporting.export_scores": Command(
        {"--scores": "results/inference/baseline/random.parquet"},
        {"--score-lists": "exported/scores.txt", "--labelled-lists": "exported/labelled.txt"},
    ),
    "TemplateUpdater": Command({"--method": "export", "--template": "0001.template"}),
    "analysis.measure_speakers": Command(
        {"--runs": "one_run.csv", "--folder": "results/inference", "--index": INDEX,
         "--manifest": MANIFEST, "--lists": LISTS, "--intervals": {"resamples": 100},
         "--seed": "1"},
        {"--speakers": "tables/speakers.csv", "--groups": "tables/groups.csv"},
    ),
    "analysis.sweep_thresholds": Command(
        {**TRIALS, **MATRIX, "--settings": {"alphas": [0.1], "thresholds": [0.3]}},
        {"--sweep": "results/analysis/threshold_sweep.csv"},
    ),
    "comparison.score_population": Command(
        {"--results": "results", "--runs": runs(BASELINE, TUNED, ORACLE), "--lists": LISTS,
         "--scenarios": "random", "--calibration": "{}"},
        {"--directory": "scores/1"},
    ),
    "comparison.score_population:second": Command(
        {"--results": "results", "--runs": runs(BASELINE, TUNED, ORACLE), "--lists": LISTS,
         "--scenarios": "random", "--calibration": "{}"},
        {"--directory": "scores/2"},
    ),
    "comparison.summarise_comparison": Command(
        {"--scores": "scores", "--runs": runs(BASELINE, TUNED, ORACLE), "--lists": LISTS,
         "--kinds": ["score", "llr"], "--populations": ["1", "2"],
         "--intervals": {"resamples": 100}, "--seed": "1"},
        {"--directory": "comparison"},
    ),
    "provenance.record_provenance": Command(
        {"--settings": {}, "--graph": "graph.json", "--results": "results", "--logs": "logs"},
        {"--config": "results/config.yaml", "--record": "results/provenance.json"},
    ),
    "evaluation.list_passed_over": Command(
        {"--parts": "passed_over.csv", "--rejected": REJECTED},
        {"--table": "results/passed_over.csv"},
    ),
    "provenance.write_crate": Command(
        {"--record": "results/provenance.json", "--jobs": ".snakemake/metadata"},
        {"--metadata": "results/ro-crate-metadata.json", "--workflow": "results/workflow"},
    ),
    "analysis.draw_figure": Command(
        {"--figure": "rates_of_speakers", "--table": "drawn.csv"}, {"--directory": "print"}
    ),
    "analysis.write_findings": Command(
        {"--template": str(ROOT / "resources/report/findings.html.jinja"), "--runs": "one_run.csv",
         "--methods": "methods.csv", "--differences": "differences.csv",
         "--order": "results/controls/order.csv", "--points": "tables/operating_points.csv",
         "--calibration": "tables/calibration.csv", "--passed-over": "results/passed_over.csv",
         "--notebook": "results/inference/baseline.ipynb", "--figures": "a.png",
         "--logs": "logs", "--scenario": "random", "--confidence": "0.95"},
        {"--page": "findings.html"},
    ),
    "provenance": Command({"--run": "results"}),
}  # fmt: skip

# These are not run to build the world: a notebook, a download, and what makes nothing.
NOT_BUILT = {"analysis.run_visual_analysis", "corpus.fetch_corpus", "provenance"}
COMMANDS["analysis.run_visual_analysis"] = Command(
    {"--notebook": "notebooks/visual_analysis.ipynb", "--scenario": "random", "--alpha": "0.1",
     "--intervals": "{}", "--seed": "1"},
    {"--executed": "results/analysis/visual_analysis.ipynb"},
)  # fmt: skip
for _name in ("inference.run_inference", "analysis.run_visual_analysis"):
    # A notebook that fails stays where it ran, to be looked into.
    COMMANDS[_name] = Command(
        {**COMMANDS[_name].takes, "--draft": "draft.ipynb"},
        COMMANDS[_name].gives,
        (*COMMANDS[_name].also, "draft.ipynb"),
    )


def _validate(arguments: list[str]) -> None:
    content = yaml.safe_load(Path(arguments[1]).read_text(encoding="utf-8"))
    validate_config(content, arguments[1])


def _extract(arguments: list[str]) -> None:
    extract_archive(Path(arguments[1]), Path("extracted"), f"http://host/{arguments[1]}")


def _serve(arguments: list[str]) -> None:
    """What a service does: open the method, load a template, score a test."""
    updater = TemplateUpdater(arguments[1])
    template = Template.load(arguments[3], updater.digest)
    updater.score_and_update(template, np.ones(updater.dimension))


def _verify(arguments: list[str]) -> None:
    verify_run(["verify", arguments[1]])


PROGRAMS: dict[str, Callable[[list[str]], None]] = {
    "validate_config": _validate,
    "extract_archive": _extract,
    "TemplateUpdater": _serve,
    "provenance": _verify,
}


def start(name: str, arguments: list[str]) -> None:
    """Run a command: its step, or what stands for it here."""
    step = name.partition(":")[0]
    if step in PROGRAMS:
        PROGRAMS[step](arguments)
    elif is_step(step):
        call(step, arguments)
    else:
        importlib.import_module(f"workflow_src.{step}").main(arguments)


def build_world() -> None:
    """Make the world in the working directory."""
    _make_givens()
    for name, command in COMMANDS.items():
        if name == "TemplateUpdater":
            template = TemplateUpdater("export").enrol(np.eye(DIMENSION)[:5])
            template.save("0001.template")
        if name not in NOT_BUILT:
            start(name, command.arguments())


def _make_givens() -> None:
    """Make what no step makes: recordings, lists, a model, embeddings, a policy."""
    Path("mine.yaml").write_text("seed: 3\n")
    Path("a.png").write_bytes(b"png")
    Path("a.txt").write_text("DET\n\nRates.\n")
    Path("drawn.csv").write_text(
        "label,method,speaker,frr_percent\nbaseline,baseline,0001,2.5\nbaseline,baseline,0002,1\n"
    )
    Path("logs").mkdir()
    Path("recordings/deep er").mkdir(parents=True)
    for number, name in enumerate(RECORDED):
        wave = speech_like(1 + number / 10, seed=number)
        soundfile.write(f"recordings/deep er/{name}.wav", wave, 16000)
    rows = [f"{name},normal\n" for name in RECORDED]
    Path("metadata.csv").write_text("utterance,state\n" + "".join(rows))
    make_model(Path("model.onnx"))
    Path("models_of_mine.py").write_text(OWN_MODEL)
    draw = np.random.default_rng(1)
    Path("given").mkdir()
    content = {name: draw.standard_normal(8).astype(np.float32) for name in RECORDED}
    np.save("given/part_rank0.npy", content, allow_pickle=True)
    Path("ids.txt").write_text("".join(f"{name}\n" for name in RECORDED))
    torch.save(made_up_state_dict("mh_final", DIMENSION), "mh_final.pkl")
    law = read_law(EMBEDDINGS_LAW, EmbeddingLaw).model_dump()
    Path("law.yaml").write_text(yaml.safe_dump(law | {"dimension": DIMENSION}))
    Path("voices.yaml").write_text(VOICES_LAW.read_text())
    columns = "run,method,alpha,threshold,threshold_from,seed,checkpoint"
    Path("one_run.csv").write_text(f"{columns}\nbaseline,baseline,,,,,\n")
    Path("graph.json").write_text(json.dumps({"jobs": [JOB], "others": []}))
    with zipfile.ZipFile("corpus.zip", "w") as archive:
        archive.writestr("wav/a.wav", b"RIFF" * 1000)
    Path("extracted").mkdir()
