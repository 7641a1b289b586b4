"""Record where the results come from: settings, versions, digests of code, inputs and results."""

import json
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

from workflow_src.common.config.schema import Config, validate_config
from workflow_src.common.digests import ROOT, digest_code, digest_file, digest_notebook
from workflow_src.common.expand_runs import (
    expand_runs,
    fitted_runs,
    given_policies,
    ppo_runs,
    pretrained_seeds,
)
from workflow_src.common.files import write_json
from workflow_src.common.steps import parse_json, run_step, step_parser

# The packages whose arithmetic or formats the results depend on.
PACKAGES = [
    "gymnasium",
    "kaldiio",
    "kaldi-native-fbank",
    "matplotlib",
    "numpy",
    "onnxruntime",
    "pandas",
    "papermill",
    "pyarrow",
    "safetensors",
    "scipy",
    "soundfile",
    "soxr",
    "torch",
]
STEPS = [
    "corpus.synthesize_corpus",
    "corpus.build_manifest",
    "corpus.simulate_listing",
    "corpus.split_speakers",
    "embeddings.extract_embeddings",
    "embeddings.merge_embeddings",
    "embeddings.import_embeddings",
    "embeddings.simulate_embeddings",
    "trials.generate_trials",
    "trials.generate_development_trials",
    "trials.import_trials",
    "policies.import_policy",
    "policies.pretrain_policy",
    "policies.finetune_policy",
    "policies.fit_method",
    "policies.tune_threshold",
    "inference.tabulate_runs",
    "inference.run_inference",
    "inference.summarise_results",
    "analysis.sweep_thresholds",
    "analysis.run_visual_analysis",
]
NOTEBOOKS = ["notebooks/inference.ipynb", "notebooks/visual_analysis.ipynb"]


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


def describe_run(config: Config, results: Path) -> dict[str, Any]:
    """Return the record of a finished run.

    Returns
    -------
    dict
        settings (the effective ones), versions, code (a digest a step
        and notebook), inputs (sha256 of the extractor or of each file of imported embeddings,
        and of given policies), results (sha256 of every file).
    """
    files = [path for pattern in list_results(config) for path in sorted(results.glob(pattern))]
    return {
        "settings": effective_settings(config),
        "versions": {"python": platform.python_version()}
        | {name: _version(name) for name in PACKAGES},
        "machine": {"system": platform.system(), "architecture": platform.machine()},
        "code": {step: digest_code(f"workflow_src.{step}") for step in STEPS}
        | {path: digest_notebook(path) for path in NOTEBOOKS},
        "results": {str(path.relative_to(results)): digest_file(path) for path in files},
    }


def _version(package: str) -> str:
    """Return a package's version; where this environment lacks it, the one that is pinned."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        lock = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
        pins = dict(line.split("==") for line in lock if "==" in line and not line.startswith("#"))
        return pins[package]


def main(argv: list[str] | None = None) -> None:
    """Digest the results and write the record."""
    parser = step_parser(__doc__)
    parser.add_argument("--settings", required=True, metavar="JSON", help="all settings")
    parser.add_argument("--extractor", type=Path, nargs="?", help="the extractor's model file")
    parser.add_argument(
        "--embeddings", type=Path, nargs="*", default=[], help="the files of imported embeddings"
    )
    parser.add_argument(
        "--policies",
        default="{}",
        metavar="JSON",
        help="the given policies: an object of name -> list of files",
    )
    parser.add_argument("--results", type=Path, required=True, help="the results folder")
    parser.add_argument("--provenance", type=Path, required=True, help="JSON to write")
    args = parser.parse_args(argv)
    record = describe_run(validate_config(parse_json(args.settings, "--settings")), args.results)
    # By name alone: a record of the same files elsewhere must be the same record.
    record["inputs"] = {path.name: digest_file(path) for path in args.embeddings}
    if args.extractor is not None:
        record["inputs"]["extractor"] = digest_file(args.extractor)
    if given := parse_json(args.policies, "--policies"):
        record["inputs"]["policies"] = {
            name: {Path(file).name: digest_file(file) for file in files}
            for name, files in given.items()
        }
    write_json(record, args.provenance)


if __name__ == "__main__":
    run_step(main)
