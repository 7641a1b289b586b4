"""What the command says of two runs."""

import numpy as np
import pytest

from tests.provenance.made_up_run import POLICY, SCORES, make_run
from workflow_src.common.files import read_parquet, write_npy
from workflow_src.provenance.__main__ import main


@pytest.fixture
def compare(tmp_path, capsys):
    """Compare a made-up run with another one that differs as given."""

    def compared(**changes):
        a, b = make_run(tmp_path / "a"), make_run(tmp_path / "b", **changes)
        return said_of("compare", a, b)

    def said_of(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return ended.value.code, printed.out + printed.err

    compared.said_of = said_of
    return compared


def test_the_same_run_elsewhere_is_the_same(compare):
    code, said = compare(workflow={"commit": None, "dirty": None})
    assert code == 0
    assert said.splitlines()[2:] == ["The results are the same: 8 files."]


EXTRACTION, FINETUNING = "embeddings.extract_embeddings", "training.finetune_policy"
SHARDS = {"given": {"code": "0", "extractor": {"batch_size": 8, "shards": 3}}}
SEED = {"given": {"code": "0", "seed": 2}}


def test_a_difference_without_effect_is_told_and_the_results_are_the_same(compare):
    code, said = compare(
        overlay={"extractor": {"shards": 3}},
        steps={EXTRACTION: SHARDS},
        machine={"cpu": "another"},
    )
    assert code == 0
    assert said.splitlines()[2:] == [
        "Settings that differ:",
        "  extractor.shards: 8 in A, 3 in B",
        "The results are the same: 8 files.",
        "Different, without an effect on results:",
        "  extractor.shards: 2 in A, 3 in B (extract_embeddings)",
        "  kind of CPU: one in A, another in B",
    ]


def test_what_a_stage_was_given_is_told_with_how_far_numbers_differ(compare):
    other = {"given": {"code": "0", "seed": 1}, "jobs": {"multi-head-seed1": {"policy_seed": 1}}}
    code, said = compare(
        overlay={"finetuning": {"seeds": [0]}},
        steps={EXTRACTION: SHARDS, FINETUNING: other},
        noise={"policies": 0.25, "inference": 0.125, "analysis": 1},
    )
    assert code == 1
    assert said.splitlines()[2:] == [
        "Settings that differ:",
        "  finetuning.seeds: [0, 1, 2] in A, [0] in B",
        "The results differ, from the stage policies on.",
        "corpus: the same",
        "embeddings: the same",
        "trials: the same",
        f"policies: 1 differ; first {POLICY}",
        f"  why: only A ran {FINETUNING} for multi-head-seed0",
        f"  why: only B ran {FINETUNING} for multi-head-seed1",
        f"  how far: weights: largest difference 0.25 (weight of {POLICY})",
        f"inference: 2 differ; first {SCORES}",
        "  why: it reads from what differs: policies",
        f"  how far: scores of 5 trials: largest difference 0.125 ({SCORES}); 1 decided otherwise "
        "about an update",
        "  how far: EER: largest difference 0.125 % (multi-head-seed0, random, published order: 2 "
        "in A, 2.125 in B)",
        "analysis: 1 differ; first analysis/visual_analysis.ipynb",
        "  why: it reads from what differs: policies, inference",
        "Different, without an effect on results:",
        "  extractor.shards: 2 in A, 3 in B (extract_embeddings)",
    ]


def test_a_setting_of_several_stages_is_told_once_in_each(compare):
    said = compare(
        steps={FINETUNING: SEED, "corpus.split_speakers": SEED},
        noise={"corpus": 1, "policies": 0.5},
    )[1]
    line = "  why: seed: 1 in A, 2 in B (split_speakers, finetune_policy)"
    assert said.splitlines().count(line) == 2
    assert "without an effect" not in said


def test_a_step_that_only_one_ran_is_told(compare, tmp_path):
    a, b = make_run(tmp_path / "a"), make_run(tmp_path / "b", noise={"trials": 1})
    path = b / "results/provenance.json"
    path.write_text(path.read_text().replace("generate_trials", "import_trials"))
    said = compare.said_of("compare", a, b)[1]
    assert "\n  why: only A ran trials.generate_trials\n" in said
    assert "\n  why: only B ran trials.import_trials\n" in said


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"steps": {EXTRACTION: {"given": {"code": "1"}}}}, f"code of {EXTRACTION}"),
        (
            {"steps": {EXTRACTION: {"given": {"code": "0", "notebook_code": "1"}}}},
            f"notebook code of {EXTRACTION}",
        ),
        (
            {"steps": {EXTRACTION: {"jobs": {"0": {"recordings": "a"}, "1": {"recordings": "c"}}}}},
            "recordings: 'b' in A, 'c' in B (extract_embeddings 1)",
        ),
        ({"versions": {"numpy": "2.4.7"}}, "version of numpy: 2.4.6 in A, 2.4.7 in B"),
        (
            {"steps": {EXTRACTION: {"inputs": {"model": {"other.onnx": "1" * 64}}}}},
            f"model of {EXTRACTION}: model.onnx, other",
        ),
        ({"machine": {"cpu": "another"}}, "kind of CPU: one in A, another in B"),
        (
            {"machine": {"vectors": ["avx", "avx512f"]}},
            "vector instructions of the CPU: only in A avx2, only in B avx512f",
        ),
        (
            {"machine": {"devices": {"extract_embeddings": ["cuda"]}}},
            "device of extract_embeddings: cpu in A, cuda in B",
        ),
        ({}, "nothing that is recorded differs: the computation is not deterministic"),
        # Of another stage, or without a meaning for arithmetic: no reason.
        ({"steps": {FINETUNING: SEED}}, "nothing that is recorded differs"),
        ({"versions": {"torch": "2.14.0"}}, "nothing that is recorded differs"),
        ({"workflow": {"commit": "d" * 40}}, "nothing that is recorded differs"),
        (
            {"steps": {EXTRACTION: {"inputs": {"model": {"renamed.onnx": "0" * 64}}}}},
            "nothing that is recorded differs",
        ),
    ],
)
def test_the_reason_is_what_the_stage_was_given(compare, changes, why):
    code, said = compare(noise={"embeddings": 0.5}, **changes)
    assert code == 1
    assert "from the stage embeddings on." in said
    assert f"\n  why: {why}" in said
    assert "how far: embeddings of 5 utterances: largest difference 0.5, smallest cosine 0." in said


def test_a_tampered_result_is_told(compare, tmp_path):
    a, b = make_run(tmp_path / "a"), make_run(tmp_path / "b")
    path = b / "results" / POLICY
    path.write_bytes(path.read_bytes()[:-1] + b"\x40")
    code, said = compare.said_of("compare", a, b)
    assert code == 1
    assert f"\npolicies: 1 differ; first {POLICY}\n" in said
    assert f"\n  why: changed in B after its run: {POLICY}\n" in said
    assert "nothing that is recorded differs" not in said
    code, said = compare.said_of("verify", b)
    assert (code, said) == (1, f"changed: {POLICY}\n7 of 8 results are as recorded.\n")


def test_a_lost_result_is_told(compare, tmp_path):
    a, b = make_run(tmp_path / "a"), make_run(tmp_path / "b")
    (b / "results" / SCORES).unlink()
    code, said = compare.said_of("compare", a / "results", b / "results")
    assert code == 1
    assert f"\ninference: 1 only in A; first {SCORES}\n" in said
    assert f"  why: removed in B after its run: {SCORES}\n" in said
    assert compare.said_of("verify", b)[1].startswith(f"lost: {SCORES}\n")


def test_verify_tells_settings_and_files_that_were_not_recorded(compare, tmp_path):
    a = make_run(tmp_path / "a")
    assert compare.said_of("verify", a) == (0, "8 of 8 results are as recorded.\n")
    # Of another configuration, as they stay behind; what only passes through is no result.
    (a / "results/analysis/old.png").touch()
    (a / "results/corpus/audio").mkdir()
    (a / "results/corpus/audio/0.wav").touch()
    code, said = compare.said_of("verify", a)
    assert (code, said.splitlines()[0]) == (0, "not recorded: analysis/old.png")
    (a / "results/config.yaml").write_text("seed: 2\n")
    code, said = compare.said_of("verify", a)
    assert (code, said.splitlines()[0]) == (1, "changed: config.yaml")


def test_describe_says_that_a_later_run_changed_results(compare, tmp_path):
    a = make_run(tmp_path / "a")
    (a / "results/corpus/split.csv").write_text("of another seed\n")
    (a / "results" / POLICY).unlink()
    code, said = compare.said_of("describe", a)
    assert (code, said.splitlines()[0]) == (1, "2 of 8 results are not those of this record.")
    code, said = compare.said_of("describe", a / "results/provenance.json")
    assert (code, said.splitlines()[0][:8]) == (0, "workflow")


def test_records_alone_are_compared_without_files(compare, tmp_path):
    a, b = make_run(tmp_path / "a"), make_run(tmp_path / "b", noise={"embeddings": 1})
    record = "results/provenance.json"
    code, said = compare.said_of("compare", a / record, b / record)
    assert code == 1
    assert "from the stage embeddings on." in said
    assert "how far" not in said


def test_other_thresholds_leave_the_eer_equal(compare, tmp_path):
    a, b = make_run(tmp_path / "a"), make_run(tmp_path / "b")
    summary = b / "results/summary.csv"
    summary.write_text(summary.read_text().replace("2.0", "2.00"))
    said = compare.said_of("compare", a, b)[1]
    assert "  how far: EER: equal in all 1 rows of the summary\n" in said


def test_embeddings_of_other_utterances_and_dimensions_are_told(compare, tmp_path):
    a, b = make_run(tmp_path / "a"), make_run(tmp_path / "b", noise={"embeddings": 0.5})
    index = b / "results/embeddings/index.parquet"
    read_parquet(index).iloc[1:].to_parquet(index)
    said = compare.said_of("compare", a, b)[1]
    assert "how far: utterances that the other lacks: 1 in A, 0 in B" in said
    assert "how far: embeddings of 4 utterances" in said
    write_npy(np.ones((5, 3), np.float32), b / "results/embeddings/embeddings.npy")
    said = compare.said_of("compare", a, b)[1]
    assert "how far: embeddings of other shapes: (5, 4) in A, (5, 3) in B" in said


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "cannot be read as JSON"),
        ("{}", "workflow: "),
        ('{"results": {}}', "an earlier version of the workflow wrote it"),
        ("[]", "is not allowed"),
        (None, "no provenance.json lies in this folder or in its results/"),
    ],
)
def test_a_damaged_or_missing_record_ends_in_one_line(compare, tmp_path, text, says):
    a, b = make_run(tmp_path / "a"), make_run(tmp_path / "b")
    record = b / "results/provenance.json"
    record.unlink() if text is None else record.write_text(text)
    code, said = compare.said_of("compare", a, b)
    assert code == 2
    assert says in said
    assert said.startswith(f"error: {b}")
    assert said.count("\n") == 1


@pytest.mark.parametrize("name", ["corpus/../../../etc/passwd", "/etc/passwd"])
def test_a_record_that_names_files_elsewhere_is_refused(compare, tmp_path, name):
    a = make_run(tmp_path / "a")
    path = a / "results/provenance.json"
    path.write_text(path.read_text().replace("corpus/split.csv", name))
    code, said = compare.said_of("verify", a)
    assert code == 2
    assert f"{name!r} lies outside of the results folder" in said


def test_a_damaged_result_ends_in_one_line(compare, tmp_path):
    a, b = make_run(tmp_path / "a"), make_run(tmp_path / "b")
    (b / "results" / POLICY).write_bytes(b"cut")
    code, said = compare.said_of("compare", a, b)
    assert code == 2
    assert f"error: {b / 'results' / POLICY}: cannot be read as safetensors" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("arguments", [[], ["compare", "x"], ["compare", "x", "y", "z"], ["tell"]])
def test_wrong_arguments_end_with_2(compare, arguments):
    code, said = compare.said_of(*arguments)
    assert code == 2
    assert "usage: python -m workflow_src.provenance" in said


def test_describe_ends_in_one_line_to_quote(compare, tmp_path):
    code, said = compare.said_of("describe", make_run(tmp_path / "a"))
    assert code == 0
    *_, empty, line = said.splitlines()
    assert empty == ""
    assert line.startswith("Results were computed with the workflow w 0.1.0 (git commit cccccccc")
    for part in ("seed 1,", "Python 3.11.7,", "torch 2.13.0,", "x86_64, one, device cpu."):
        assert part in line
    short = line.partition(" results ")[2][:16]
    assert f"results    sha256 {short}" in said
