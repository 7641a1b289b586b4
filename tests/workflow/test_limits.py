"""No command grows with the user's data, since Linux limits how long a command may be."""

import json
import re

import numpy as np
import pytest

from tests.workflow.forked_runs import Command, run_all, run_snakemake
from tests.workflow.running import TARGETS, TINY, arguments, rule_texts
from tests.workflow.test_imported import make_embeddings, overlay

MANY = 20
# Each thing that a list of MANY of them would make longer has a name of this many characters.
LENGTH = 30
LONGEST = 500

LISTS = {
    "trials": {
        "own": {
            f"{'s' * LENGTH}{i}": {"every": i + 1, "targets": "all", "enrolment": [0]}
            for i in range(MANY)
        },
        "scenarios": ["random", *(f"{'s' * LENGTH}{i}" for i in range(MANY))],
        "nontarget_only": [f"{i:04d}" for i in range(1, 10 * MANY)],
    },
    "inference": {
        "methods": [
            "baseline",
            "fixed-weight",
            "fixed-weight-tuned",
            "fixed-weight-tuned+far-test",
            "adaptive-weight",
            "multi-head",
        ],
        "released": {"multi-head": "policy"},
    },
    "methods": {"fixed-weight": {"alphas": [round(0.001 * i, 3) for i in range(1, MANY)]}},
    "finetuning": {"seeds": [*range(MANY)]},
    "comparison": {"populations": [*range(MANY)]},
}
ARCHIVES = [
    {"url": f"https://example.org/{'a' * LENGTH}{i}.tar", "sha256": f"{i:012d}{0:052d}"}
    for i in range(MANY)
]
EXPORTS = ["export_policy", "export_trials", "export_pairs", "export_scores", "export_embeddings"]
ON_DEMAND = [
    *EXPORTS,
    "benchmark_methods",
    "write_crate",
    "report",
    "plan",
    "controls",
    "attacks",
    "figures",
]


def worlds(folder):
    """Return for each source of a corpus the settings with long lists, and the targets."""
    files = [f"{'f' * LENGTH}{i}.npz" for i in range(MANY)]
    for file in files:
        (folder / file).touch()
    lists = folder / "lists/random"
    lists.mkdir(parents=True)
    for name in ("trial.pkl", "enroll_model"):
        (lists / name).touch()
    (folder / "recordings").mkdir()
    (folder / "recordings/0001_05011100_3_1_ti_0.wav").touch()
    policy = folder / "policy"
    policy.mkdir()
    for name in ("policy.safetensors", "policy.json"):
        (policy / name).touch()
    directory = {"source": "directory", "directory": {"root": "recordings"}}
    yield LISTS | {"corpus": {"synthetic": {"shards": MANY}}}, ["all", *ON_DEMAND]
    yield (
        {
            "corpus": {"source": "imported", "imported": {"embeddings": files}},
            "trials": {"source": "import", "scenarios": ["random"], "imported": {"root": "lists"}},
        },
        ["trials", "train_demo_extractor", "train_ready_made"],
    )
    yield {"corpus": {"source": "simulated"}}, ["embeddings"]
    extractor = {"shards": MANY, "allow_demo": True}
    yield {"corpus": directory, "extractor": extractor}, ["embeddings"]
    directory["directory"] = {"root": "recordings", "archives": ARCHIVES}
    yield {"corpus": directory, "extractor": extractor}, ["fetch_corpus"]


def test_no_command_grows_with_the_data(tmp_path):
    commands = []
    for i, (settings, targets) in enumerate(worlds(tmp_path)):
        overlay = tmp_path / f"{i}.json"
        overlay.write_text(json.dumps(settings))
        options = ["--dry-run", "--forceall", "--printshellcmds", "--", *targets]
        commands.append(Command(arguments(tmp_path, [TINY, overlay], *options)))
    seen = set()
    for outcome in run_all(commands):
        assert outcome.code == 0, outcome.said[-3000:]
        seen |= set(re.findall(r"^(\w+) +\d+$", outcome.said, re.M))
        given = re.findall(r"^Shell command: (.*)", outcome.said, re.M)
        assert given
        for command in given:
            assert len(command) < LONGEST, command
    assert seen >= rule_texts().keys() - TARGETS


@pytest.mark.slow
def test_a_run_ends_with_thousands_of_given_files(tmp_path):
    # Their names take more than the 128 KiB that Linux allows one argument.
    embeddings = make_embeddings(tmp_path)
    folder = f"given/{'n' * 200}"
    (tmp_path / folder).mkdir(parents=True)
    parts = np.array_split(np.arange(len(embeddings)), len(embeddings))
    files = [f"{folder}/{'n' * 200}{i}.npz" for i in range(len(parts))]
    assert len(" ".join(files)) > 1 << 17
    for file, rows in zip(files, parts, strict=True):
        np.savez(
            tmp_path / file,
            utterance=list(embeddings.index[rows]),
            embedding=np.stack(embeddings.iloc[rows]),
        )
    run_snakemake(tmp_path, overlay=overlay(*files))
    assert (tmp_path / "results/provenance.json").is_file()
