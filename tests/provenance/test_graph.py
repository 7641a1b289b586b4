"""What is recorded of the jobs that made the results."""

import pytest

from workflow_src.common.digests import digest_file
from workflow_src.common.errors import InputError
from workflow_src.common.files import write_json
from workflow_src.provenance.graph import (
    Graph,
    find_files_from_outside,
    list_packages,
    order_stages,
    read_graph,
)
from workflow_src.provenance.record_provenance import (
    check_given,
    describe_stages,
    describe_step,
    digest_inputs,
    find_beside,
)


def job(step, stage, inputs=None, outputs=(), given=None, **wildcards):
    return {
        "rule": step.partition(".")[2],
        "step": step,
        "stage": stage,
        "environment": "tables",
        "gpu": False,
        "wildcards": wildcards,
        "inputs": inputs or {},
        "outputs": list(outputs),
        "given": given or {},
    }


@pytest.fixture
def graph(tmp_path, monkeypatch):
    """Embeddings that are imported with their manifest, extracted in parts, and trials of them."""
    monkeypatch.chdir(tmp_path)
    manifest, matrix = "results/corpus/manifest.parquet", "results/embeddings/embeddings.npy"
    split, parts = "results/corpus/split.csv", [f"results/embeddings/shards/{n}" for n in (0, 1)]
    jobs = [
        job("corpus.split_speakers", "corpus", {"manifest": [manifest]}, [split], {"seed": 1}),
        *(
            job("embeddings.extract", "embeddings", {"model": ["given/model.onnx"]}, [part],
                {"extractor": '{"shards": 2}', "recordings": f"digest {n}"}, shard=str(n))
            for n, part in enumerate(parts)
        ),
        job("embeddings.merge", "embeddings", {"shards": parts}, [manifest, matrix]),
        job("trials.generate_trials", "trials", {"split": [split], "manifest": [manifest]},
            ["results/trials/random.parquet"], {"rounds": 2}, scenario="random"),
    ]  # fmt: skip
    others = ["results/corpus/fetched.json", "results/other/thing", "report.html"]
    for path in (file for made in jobs for file in [*made["outputs"], "given/model.onnx"]):
        write_json(path, path)
    write_json({"jobs": jobs, "others": others}, "graph.json")
    return read_graph("graph.json")


def test_stages_stand_in_the_order_of_the_data_with_what_they_read(graph):
    assert order_stages(graph) == {
        "embeddings": [],
        "corpus": ["embeddings"],
        "trials": ["embeddings", "corpus"],
    }
    assert list(order_stages(graph)) == ["embeddings", "corpus", "trials"]


def test_results_are_of_the_stage_that_makes_them_and_parts_are_none(graph):
    stages = describe_stages(graph, "results")
    assert {stage: list(part.results) for stage, part in stages.items()} == {
        "embeddings": ["corpus/manifest.parquet", "embeddings/embeddings.npy"],
        "corpus": ["corpus/split.csv"],
        "trials": ["trials/random.parquet"],
    }
    assert find_beside(graph, "results") == ["corpus/fetched.json", "embeddings/shards"]


def test_a_step_tells_what_its_jobs_were_given_alike_and_what_each(graph):
    step = describe_step(graph, "extract")
    assert step.given == {"extractor": {"shards": 2}}
    assert step.jobs == {"0": {"recordings": "digest 0"}, "1": {"recordings": "digest 1"}}
    assert list(step.inputs["model"]) == ["model.onnx"]
    only = describe_step(graph, "generate_trials")
    assert (only.given, only.jobs) == ({"rounds": 2}, {"random": {}})


def test_files_from_outside_are_those_that_no_job_makes(graph):
    assert find_files_from_outside(graph, "extract") == {"model": ["given/model.onnx"]}
    assert find_files_from_outside(graph, "merge") == {}


def test_packages_are_those_of_the_environment_without_what_only_runs_steps():
    assert list_packages("tables") == ["numpy", "pandas", "pyarrow"]
    assert "torch" in list_packages("training")


def test_a_damaged_graph_ends_in_one_line(tmp_path):
    path = tmp_path / "graph.json"
    write_json({"jobs": [{}]}, path)
    with pytest.raises(InputError, match=r"graph.json: ") as error:
        read_graph(path)
    assert "\n" not in str(error.value)
    with pytest.raises(InputError, match="cannot be read as JSON"):
        read_graph(tmp_path / "none.json")


def test_inputs_are_named_from_the_folder_that_they_share(tmp_path):
    files = [tmp_path / "lists" / name for name in ("random/trial.pkl", "3das/trial.pkl")]
    for number, file in enumerate(files):
        file.parent.mkdir(parents=True)
        file.write_text(str(number))
    found = digest_inputs(list(map(str, files)))
    assert list(found) == ["random/trial.pkl", "3das/trial.pkl"]
    assert len(set(found.values())) == 2
    assert list(digest_inputs([str(files[0])])) == ["trial.pkl"]


def test_a_file_that_changed_during_the_run_is_not_recorded(tmp_path):
    path = tmp_path / "speakers.txt"
    path.write_text("0001")
    graph = Graph(jobs=[], others=[], given={str(path): digest_file(path), "folder": ""})
    check_given(graph)
    path.write_text("0002")
    with pytest.raises(InputError, match=r"speakers\.txt: changed during the run"):
        check_given(graph)


def test_a_job_is_named_by_its_wildcards():
    content = job("a.b", "a", one="x", two="y")
    assert Graph.model_validate({"jobs": [content], "others": []}).jobs[0].name == "x.y"
