"""What a configuration leads to: which settings count, and which files result."""

import json
from typing import Any

from workflow_src.common.config.schema import Config
from workflow_src.common.expand_runs import (
    expand_runs,
    fitted_runs,
    given_policies,
    ppo_runs,
    pretrained_seeds,
)


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
    fitted or tuned, the blocks of the corpus's and the trials' sources that are not in use,
    the archives that recordings were extracted from, and the extractor's where embeddings are
    imported or simulated.
    """
    content = json.loads(config.model_dump_json(exclude={"compute", "comparison"}))
    unused = {"synthetic", "directory", "imported", "simulated"} - {config.corpus.source}
    for source in unused:
        del content["corpus"][source]
    # Where recordings came from changes nothing that is computed from them.
    content["corpus"].get("directory", {}).pop("archives", None)
    develops = fitted_runs(config) or any(run.tuned for run in expand_runs(config))
    if not develops:
        del content["tuning"]
    if config.trials.source == "generate":
        del content["trials"]["imported"]
    elif not develops:
        del content["trials"]["generation"]
    if config.corpus.source in {"imported", "simulated"}:
        del content["extractor"]
    return content
