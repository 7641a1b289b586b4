"""Record where the results come from: settings, versions, digests of code, inputs and results."""

import json
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

from workflow_src.common.config.schema import Config, validate_config
from workflow_src.common.digests import ROOT, digest_code, digest_file, digest_notebook
from workflow_src.common.files import write_json
from workflow_src.common.steps import run_step, step_parser
from workflow_src.provenance.contract import effective_settings, list_results

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
    record = describe_run(validate_config(json.loads(args.settings)), args.results)
    # By name alone: a record of the same files elsewhere must be the same record.
    record["inputs"] = {path.name: digest_file(path) for path in args.embeddings}
    if args.extractor is not None:
        record["inputs"]["extractor"] = digest_file(args.extractor)
    if given := json.loads(args.policies):
        record["inputs"]["policies"] = {
            name: {Path(file).name: digest_file(file) for file in files}
            for name, files in given.items()
        }
    write_json(record, args.provenance)


if __name__ == "__main__":
    run_step(main)
