"""What verifying a run says of the files that its user gave."""

import os
import shutil

import pytest

from tests.provenance.made_up_run import STAGES, make_run
from workflow_src.common.digests import ROOT, digest_file
from workflow_src.corpus.recording_digests import digest_recordings
from workflow_src.provenance.finished_run import find_run
from workflow_src.provenance.given import compare_given
from workflow_src.provenance.graph import Graph
from workflow_src.provenance.record_provenance import describe_step
from workflow_src.settings.corpus import DirectoryCorpus
from workflow_src.settings.front_ends import FRONT_ENDS, find_front_end

SPLIT, EXTRACTION = "corpus.split_speakers", "embeddings.extract_embeddings"


def job(step, inputs=None, given=None):
    return {
        "rule": step.partition(".")[2],
        "step": step,
        "stage": step.partition(".")[0],
        "environment": "tables",
        "gpu": False,
        "wildcards": {},
        "inputs": inputs or {},
        "outputs": [],
        "given": given or {},
    }


def recorded(step, **inputs):
    """Return what is recorded of the inputs of a step."""
    graph = Graph.model_validate({"jobs": [job(step, inputs)], "others": []})
    found = describe_step(graph, step.partition(".")[2])
    return {"inputs": found.inputs, "folders": found.folders}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run that was given speakers, a law of the clone's, and a model beside its folder."""
    folder = tmp_path / "run"
    (folder / "mine").mkdir(parents=True)
    (folder / ".snakemake").mkdir()
    monkeypatch.chdir(folder)
    files = {"mine/speakers.txt": "0001\n", "../model.onnx": "model"}
    for name, content in files.items():
        (folder / name).write_text(content)
    law = str(next((ROOT / "resources/laws").iterdir()))
    model = str(tmp_path / "model.onnx")
    steps = {
        SPLIT: recorded(SPLIT, speakers=["mine/speakers.txt"], law=[law]),
        EXTRACTION: recorded(EXTRACTION, model=[model]),
    }
    assert str(ROOT) not in str(steps)
    return make_run(folder, steps=steps)


def look(run):
    return compare_given(find_run(run))


def test_unchanged_files_are_as_recorded(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert look(run) == ([], [], True)


@pytest.mark.parametrize("name", ["mine/speakers.txt", "../model.onnx"])
def test_a_file_that_changed_or_is_missing_is_named(run, name):
    path = run / name
    status = path.stat()
    path.write_text(path.read_text()[::-1])
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    changed, lost, _ = look(run)
    assert ([path.name in said for said in changed], lost) == ([True], [])
    path.unlink()
    changed, lost, _ = look(run)
    assert (changed, [path.name in said for said in lost]) == ([], [True])
    assert "read by" in lost[0]


def test_a_copy_of_results_is_known_from_the_folder_of_the_run(run, tmp_path):
    shutil.copytree(run / "results", tmp_path / "copy/results")
    changed, lost, is_place = look(tmp_path / "copy/results")
    assert (changed, len(lost), is_place) == ([], 1, False)


def test_recordings_are_compared_by_content(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "recordings"
    root.mkdir()
    recording = root / "0001_05010700_1_1_ti_0.wav"
    recording.write_bytes(b"RIFF")
    found = digest_recordings(DirectoryCorpus(root="recordings"), 2, tmp_path / "cache")
    corpus = {"source": "directory", "directory": {"root": "recordings"}}
    steps = {EXTRACTION: {
        "given": {"code": "0"}, "inputs": {},
        "jobs": {str(n): {"recordings": digest} for n, digest in enumerate(found.shards)},
    }}  # fmt: skip
    overlay = {"corpus": corpus, "extractor": {"shards": 2}}
    monkeypatch.setitem(STAGES, "corpus", ([], [SPLIT, "corpus.build_manifest"]))
    steps["corpus.build_manifest"] = {"given": {"recordings": found.listing}}
    run = make_run(tmp_path, overlay, steps=steps)
    assert look(run)[:2] == ([], [])
    recording.write_bytes(b"LIST")
    (changed,), lost, _ = look(run)
    assert changed.startswith("recordings (read by build_manifest, extract_embeddings ")
    assert not lost
    shutil.rmtree(root)
    assert [said.startswith("recordings (") for said in look(run).lost] == [True]


def test_the_files_of_an_own_rule_are_recorded(tmp_path):
    for name, text in (("mine.py", "import mine_parts\n\n\nclass Rule: ...\n"), ("other.py", "")):
        (tmp_path / name).write_text(text)
    given = {"run": f'{{"entry": "mine:Rule", "folder": "{tmp_path}"}}'}
    content = job("inference.run_inference", given=given)
    step = describe_step(Graph.model_validate({"jobs": [content], "others": []}), "run_inference")
    assert step.inputs == {"own_rule": {"mine.py": digest_file(tmp_path / "mine.py")}}
    assert step.folders == {"own_rule": str(tmp_path)}


def test_the_files_of_an_own_speaker_model_are_recorded(tmp_path):
    for name, text in (("mine.py", "import mine_parts\n\n\nclass Model: ...\n"), ("b.py", "")):
        (tmp_path / name).write_text(text)
    front_end = find_front_end("mine:Model", [str(tmp_path)])
    content = job(EXTRACTION, given={"front end": front_end.read_by_step})
    graph = Graph.model_validate({"jobs": [content], "others": []})
    step = describe_step(graph, "extract_embeddings")
    assert step.inputs == {"own_front_end": {"mine.py": digest_file(tmp_path / "mine.py")}}
    assert step.folders == {"own_front_end": str(tmp_path)}
    content["given"] = {"front end": FRONT_ENDS[0].read_by_step}
    graph = Graph.model_validate({"jobs": [content], "others": []})
    assert describe_step(graph, "extract_embeddings").inputs == {}
