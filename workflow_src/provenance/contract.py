"""What a configuration leads to: the settings that count, the steps that run, the files."""

import json
from typing import Any

from workflow_src.settings.catalogue import find_method
from workflow_src.settings.run_table import (
    expand_runs,
    fitted_runs,
    given_policies,
    ppo_runs,
    pretrained_seeds,
)
from workflow_src.settings.schema import Config

# In the order of the data's flow; each is a room of steps and a target for people.
STAGES = ("corpus", "embeddings", "trials", "policies", "inference", "analysis")
NOTEBOOKS = {
    "notebooks/inference.ipynb": "inference",
    "notebooks/visual_analysis.ipynb": "analysis",
}
# The stages of steps and rooms that are not named as their stage is.
STEP_STAGES = {
    "synthetic.synthesize_corpus": "corpus",
    "synthetic.simulate_listing": "corpus",
    "synthetic.simulate_embeddings": "embeddings",
    "methods": "policies",
    "training": "policies",
    "evaluation": "inference",
}
# The packages whose arithmetic or formats results depend on, and the stages that use them.
PACKAGES = {
    "gymnasium": ("policies",),
    "ipykernel": ("inference", "analysis"),
    "kaldi-native-fbank": ("embeddings",),
    "kaldiio": ("corpus", "embeddings"),
    "matplotlib": ("inference", "analysis"),
    "nbformat": ("inference", "analysis"),
    "numpy": STAGES,
    "onnxruntime": ("embeddings",),
    "pandas": STAGES,
    "papermill": ("inference", "analysis"),
    "pyarrow": STAGES,
    "safetensors": ("policies", "inference"),
    "scipy": ("policies", "inference", "analysis"),
    "soundfile": ("corpus", "embeddings"),
    "soxr": ("embeddings",),
    "torch": ("policies", "inference", "analysis"),
}


def stage_of(name: str) -> str | None:
    """Return the stage of a result (a path under results/), a step or a notebook.

    None for what is no result of a stage.
    """
    if name in NOTEBOOKS:
        return NOTEBOOKS[name]
    if name == "summary.csv":
        return "inference"
    room = name.replace(".", "/", 1).partition("/")[0]
    room = STEP_STAGES.get(name, STEP_STAGES.get(room, room))
    return room if room in STAGES else None


def list_steps(config: Config) -> list[str]:
    """List the steps that a configuration leads to, as ``<room>.<step>``, by stage."""
    recorded = config.corpus.source in {"synthetic", "directory"}
    tuned = any(run.tuned for run in expand_runs(config))
    used = {
        "synthetic.synthesize_corpus": config.corpus.source == "synthetic",
        "corpus.build_manifest": recorded,
        "synthetic.simulate_listing": config.corpus.source == "simulated",
        "corpus.split_speakers": True,
        "embeddings.extract_embeddings": recorded,
        "embeddings.merge_embeddings": recorded,
        "embeddings.import_embeddings": config.corpus.source == "imported",
        "synthetic.simulate_embeddings": config.corpus.source == "simulated",
        "trials.generate_trials": config.trials.source == "generate",
        "trials.import_trials": config.trials.source == "import",
        "trials.generate_development_trials": bool(fitted_runs(config)) or tuned,
        "methods.import_policy": bool(given_policies(config)),
        "training.pretrain_policy": bool(pretrained_seeds(config)),
        "training.finetune_policy": bool(ppo_runs(config)),
        "methods.fit_method": bool(fitted_runs(config)),
        "methods.tune_threshold": tuned,
        "inference.tabulate_runs": True,
        "inference.run_inference": True,
        "evaluation.summarise_results": True,
        "analysis.sweep_thresholds": True,
        "analysis.run_visual_analysis": True,
    }
    return [step for step, runs in used.items() if runs]


def list_results(config: Config) -> list[str]:
    """List the files of the results contract that a configuration leads to, as patterns."""
    runs = expand_runs(config)
    patterns = ["corpus/manifest.parquet", "corpus/split.csv"]
    patterns += [
        f"embeddings/{name}" for name in ("embeddings.npy", "index.parquet", "rejected.csv")
    ]
    for scenario in config.trials.scenarios:
        patterns += [f"trials/{scenario}.parquet", f"trials/{scenario}.enrolment.parquet"]
    names = [run.run for run in [*ppo_runs(config), *fitted_runs(config)]]
    names += [f"pretrained-seed{seed}" for seed in pretrained_seeds(config)]
    for name in given_policies(config):
        patterns += [f"policies/{name}/policy.safetensors", f"policies/{name}/policy.json"]
    for folder in (f"policies/{name}" for name in names):
        patterns += [
            f"{folder}/{name}" for name in ("policy.safetensors", "policy.json", "training.csv")
        ]
    for run in runs:
        if run.tuned:
            patterns += [f"policies/{run.run}/threshold.json", f"policies/{run.run}/thresholds.csv"]
    if fitted_runs(config) or any(run.tuned for run in runs):
        for scenario in config.tuning.development.scenarios:
            stem = f"trials/development/{scenario}"
            patterns += [f"{stem}.parquet", f"{stem}.enrolment.parquet"]
    patterns.append("inference/runs.csv")
    for run in runs:
        patterns.append(f"inference/{run.run}.ipynb")
        patterns += [
            f"inference/{run.run}/{scenario}.parquet" for scenario in config.trials.scenarios
        ]
    return [
        *patterns,
        "summary.csv",
        "analysis/threshold_sweep.csv",
        "analysis/visual_analysis.ipynb",
        "analysis/figures/*",
    ]


def effective_settings(config: Config) -> dict[str, Any]:
    """Return the settings that can change a result.

    Left out: ``compute``, ``comparison`` (whose results are its own), ``tuning`` where nothing is
    fitted or tuned, the blocks of methods that are not used, the folders of a user's own rules,
    a user's own scenarios that are not used, the blocks of the corpus's and the trials' sources
    that are not in use, the archives that recordings were extracted from, and the extractor's
    where embeddings are imported or simulated.
    """
    content = json.loads(config.model_dump_json(exclude={"compute", "comparison"}))
    unused = {"synthetic", "directory", "imported", "simulated"} - {config.corpus.source}
    for source in unused:
        del content["corpus"][source]
    # Where recordings came from changes nothing that is computed from them.
    content["corpus"].get("directory", {}).pop("archives", None)
    # Nor does the folder of a user's own rule: its code is recorded.
    del content["inference"]["folders"]
    develops = fitted_runs(config) or any(run.tuned for run in expand_runs(config))
    if not develops:
        del content["tuning"]
    read = {find_method(run.method).settings for run in expand_runs(config)}
    content["methods"] = {name: block for name, block in content["methods"].items() if name in read}
    used = {*config.trials.scenarios, *(config.tuning.development.scenarios if develops else [])}
    own = content["trials"]["own"]
    content["trials"]["own"] = {name: row for name, row in own.items() if name in used}
    if config.trials.source == "generate":
        del content["trials"]["imported"]
    elif not develops:
        del content["trials"]["generation"]
    if config.corpus.source in {"imported", "simulated"}:
        del content["extractor"]
    return content
