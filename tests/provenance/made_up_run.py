"""A results folder with a few files of every stage, and its record."""

import json

import numpy as np
import pandas as pd
from safetensors.numpy import save_file

from workflow_src.common.digests import digest_file
from workflow_src.common.files import write_csv, write_npy, write_parquet, write_text
from workflow_src.common.tables import write_index
from workflow_src.provenance.effective_settings import effective_settings
from workflow_src.settings.schema import Config, validate_config

POLICY = "policies/multi-head-seed0/policy.safetensors"
SCORES = "inference/multi-head-seed0/random.parquet"
ROWS = 5
PACKAGES = ["numpy", "pandas"]
# Stage -> the stages that it reads, and its steps.
STAGES = {
    "corpus": ([], ["corpus.split_speakers"]),
    "embeddings": (["corpus"], ["embeddings.extract_embeddings"]),
    "trials": (["corpus"], ["trials.generate_trials"]),
    "policies": (
        ["corpus", "embeddings"],
        ["training.pretrain_policy", "training.finetune_policy"],
    ),
    "inference": (["trials", "policies"], ["inference.run_inference"]),
    "analysis": (["policies", "inference"], ["analysis.run_visual_analysis"]),
}
STEPS = {
    "embeddings.extract_embeddings": {
        "given": {"code": "0", "extractor": {"batch_size": 8, "shards": 2}},
        "jobs": {"0": {"recordings": "a"}, "1": {"recordings": "b"}},
        "inputs": {"model": {"model.onnx": "0" * 64}},
    },
    "training.pretrain_policy": {"packages": [*PACKAGES, "torch"]},
    "training.finetune_policy": {
        "packages": [*PACKAGES, "torch"],
        "given": {"code": "0", "seed": 1},
        "jobs": {"multi-head-seed0": {"policy_seed": 0}},
    },
    "corpus.split_speakers": {"given": {"code": "0", "seed": 1}},
}


def make_run(folder, overlay=None, noise=None, steps=None, **fields):
    """Write a finished run; return its folder.

    `overlay` changes settings; `noise` is stage -> what is added to its numbers; `steps` changes
    what is recorded of steps, `fields` the rest of the record.
    """
    noise = noise or {}
    results = folder / "results"
    ids = [f"u{n}" for n in range(ROWS)]
    write_csv(
        pd.DataFrame({"speaker": ["0001"], "part": [str(noise.get("corpus"))]}),
        results / "corpus/split.csv",
    )
    matrix = np.eye(ROWS, 4, dtype=np.float32) + np.float32(noise.get("embeddings", 0))
    write_npy(matrix, results / "embeddings/embeddings.npy")
    index = pd.DataFrame({"utterance": ids, "speaker": "0001", "date": "2020-05-01"})
    write_index(index, results / "embeddings/index.parquet")
    trials = pd.DataFrame(
        {"model": "m", "round": 0, "step": range(ROWS), "utterance": ids, "target": True}
    )
    write_parquet(trials.assign(round=noise.get("trials", 0)), results / "trials/random.parquet")
    (results / POLICY).parent.mkdir(parents=True)
    weights = np.ones((2, 3), np.float32)
    weights[1, 2] += noise.get("policies", 0)
    save_file({"bias": np.zeros(3, np.float32), "weight": weights}, results / POLICY)
    scored = trials.assign(score=np.linspace(0, 1, ROWS, dtype=np.float32), updated=True)
    if "inference" in noise:
        scored.loc[3, "score"] += np.float32(noise["inference"])
        scored.loc[3, "updated"] = False
    write_parquet(scored, results / SCORES)
    summary = pd.DataFrame(
        {"run": ["multi-head-seed0"], "scenario": ["random"], "order": ["published"]}
    )
    write_csv(summary.assign(eer_percent=2.0 + noise.get("inference", 0)), results / "summary.csv")
    write_text(str(noise.get("analysis")), results / "analysis/visual_analysis.ipynb")
    write_text("seed: 1\n", results / "config.yaml")
    content = json.loads(Config().model_dump_json())
    for block, values in (overlay or {}).items():
        content[block] = content[block] | values if isinstance(values, dict) else values
    record = {
        "workflow": {"name": "w", "version": "0.1.0", "commit": "c" * 40, "dirty": False},
        "settings": effective_settings(validate_config(content)),
        "config": digest_file(results / "config.yaml"),
        "versions": {"python": "3.11.7", "numpy": "2.4.6", "torch": "2.13.0"},
        "machine": {
            "system": "Linux",
            "architecture": "x86_64",
            "cpu": "one",
            "vectors": ["avx", "avx2"],
            "devices": {"extract_embeddings": ["cpu"]},
        },
        "stages": {
            stage: {
                "reads": reads,
                "steps": {name: make_step(name, (steps or {}).get(name)) for name in names},
                "results": {
                    path.relative_to(results).as_posix(): digest_file(path)
                    for path in sorted(results.rglob("*"))
                    if path.is_file()
                    and path.name != "config.yaml"
                    and find_stage(path, results) == stage
                },
            }
            for stage, (reads, names) in STAGES.items()
        },
        "beside": ["corpus/audio"],
    }
    for name, value in fields.items():
        record[name] = record[name] | value
    write_text(json.dumps(record), results / "provenance.json")
    return folder


def make_step(name, changes):
    step = {"packages": PACKAGES, "given": {"code": "0"}, "jobs": {}, "inputs": {}}
    return step | STEPS.get(name, {}) | (changes or {})


def find_stage(path, results):
    folder, *inside = path.relative_to(results).parts
    return folder if inside else "inference"
