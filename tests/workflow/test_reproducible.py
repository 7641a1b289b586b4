"""Slow: the same bytes whatever the number of cores; what differs after a change is told."""

import shutil

import pytest

from tests.workflow.forked_runs import run_snakemake
from tests.workflow.running import FEW
from tests.workflow.test_provenance import provenance
from workflow_src.provenance.record import read_record

pytestmark = pytest.mark.slow


def digests(folder):
    """Return the sha256 of every result."""
    return read_record(folder / "results/provenance.json").results


def files(folder):
    """Return the bytes of every result and of the settings beside them, as they lie there."""
    results = folder / "results"
    return {name: (results / name).read_bytes() for name in [*digests(folder), "config.yaml"]}


def test_one_core_and_eight_give_the_same_bytes_and_a_changed_setting_is_told(
    finished_few, tmp_path
):
    one, eight = tmp_path / "one core", finished_few
    one.mkdir()
    run_snakemake(one, "--cores", "1", overlay=FEW)
    assert files(one) == files(eight)
    assert any(name.endswith(".ipynb") for name in digests(one))
    code, said = provenance("compare", one, eight)
    assert code == 0, said
    assert f"The results are the same: {len(digests(one))} files." in said

    changed = tmp_path / "changed"
    shutil.copytree(eight, changed, symlinks=True)
    run_snakemake(changed, overlay=FEW | {"finetuning": {"ppo": {"learning_rate": 0.001}}})
    code, said = provenance("compare", one, changed)
    assert code == 1
    assert "The results differ, from the stage policies on." in said
    policies = said.partition("\npolicies: ")[2].partition("\ninference: ")[0]
    assert (
        "  why: finetuning.ppo.learning_rate: 0.0003 in A, 0.001 in B (finetune_policy" in policies
    )
    assert "  how far: weights: largest difference " in policies
    assert policies.count("why:") == 1
    inference = said.partition("\ninference: ")[2].partition("\nanalysis: ")[0]
    assert "  why: it reads from what differs: policies\n" in inference
    assert "  how far: scores of " in inference
    assert "  how far: EER: " in inference
