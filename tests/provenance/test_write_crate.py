"""The crate against the MUSTs of Workflow Run Crate 0.5, Workflow RO-Crate 1.0, RO-Crate 1.1."""

import base64
import json

import pytest
from rocrate.rocrate import ROCrate

from tests.launching import launch
from tests.provenance.made_up_run import POLICY, SCORES, make_run
from workflow_src.common.digests import ROOT, digest_file
from workflow_src.common.errors import InputError
from workflow_src.common.files import write_text
from workflow_src.provenance.record import read_record
from workflow_src.provenance.write_crate import find_period

EXTRACTOR = ROOT / "resources/demo_extractor.onnx"


def write_crate(folder):
    results = folder / "results"
    outputs = ["--metadata", results / "ro-crate-metadata.json", "--workflow", results / "workflow"]
    record = results / "provenance.json"
    launch("provenance.write_crate", "--record", record, "--jobs", folder / "jobs", *outputs)
    return json.loads((folder / "results/ro-crate-metadata.json").read_text())


def write_job(folder, output, start, end):
    code = base64.urlsafe_b64encode(output.encode()).decode()
    write_text(json.dumps({"starttime": start, "endtime": end}), folder / "jobs" / code)


@pytest.fixture
def folder(tmp_path):
    steps = {
        "embeddings.extract_embeddings": {
            "inputs": {"model": {EXTRACTOR.name: digest_file(EXTRACTOR)}}
        },
        "training.pretrain_policy": {"inputs": {"initial": {"mine.pkl": "0" * 64}}},
    }
    folder = make_run(tmp_path, steps=steps)
    write_job(folder, f"results/{POLICY}", 1000.5, 1200.0)
    write_job(folder, f"results/{SCORES}", 1100.0, 1300.25)
    write_job(folder, "report.html", 5000.0, 6000.0)
    return folder


@pytest.fixture
def entities(folder):
    return {entity["@id"]: entity for entity in write_crate(folder)["@graph"]}


def listed(value):
    """Return the ids of one reference or a list of them."""
    return [entity["@id"] for entity in (value if isinstance(value, list) else [value])]


def types(entity):
    return entity["@type"] if isinstance(entity["@type"], list) else [entity["@type"]]


def test_the_root_names_the_profiles_the_workflow_and_what_must_be_said(entities):
    descriptor, root = entities["ro-crate-metadata.json"], entities["./"]
    assert "https://w3id.org/ro/crate/1.1" in listed(descriptor["conformsTo"])
    assert "https://w3id.org/workflowhub/workflow-ro-crate/1.0" in listed(descriptor["conformsTo"])
    assert listed(descriptor["about"]) == ["./"]
    assert types(root) == ["Dataset"]
    profiles = listed(root["conformsTo"])
    assert set(profiles) >= {
        "https://w3id.org/ro/wfrun/process/0.5",
        "https://w3id.org/ro/wfrun/workflow/0.5",
        "https://w3id.org/workflowhub/workflow-ro-crate/1.0",
    }
    assert all(types(entities[profile]) == ["CreativeWork"] for profile in profiles)
    assert all(root[key] for key in ("name", "description", "license", "datePublished"))
    (workflow,) = listed(root["mainEntity"])
    assert workflow == "workflow/Snakefile"
    assert set(types(entities[workflow])) == {
        "File", "SoftwareSourceCode", "ComputationalWorkflow",
    }  # fmt: skip
    language = entities[listed(entities[workflow]["programmingLanguage"])[0]]
    assert (types(language), language["name"]) == (["ComputerLanguage"], "Snakemake")
    assert language["version"]


def test_the_action_ran_the_workflow_on_the_inputs_and_made_the_results(entities, folder):
    action = entities["#run"]
    assert types(action) == ["CreateAction"]
    assert listed(entities["./"]["mentions"]) == ["#run"]
    assert listed(action["instrument"]) == ["workflow/Snakefile"]
    # The first and the last job of a result; no other target's.
    assert action["startTime"] == "1970-01-01T00:16:40+00:00"
    assert action["endTime"] == "1970-01-01T00:21:40+00:00"
    record = read_record(folder / "results/provenance.json")
    assert listed(action["result"]) == list(record.results)
    config, extractor, given = listed(action["object"])
    assert (config, extractor) == ("config.yaml", "workflow/resources/demo_extractor.onnx")
    # RFC 6920: the digest in base64url.
    assert given == "ni:///sha-256;" + "A" * 43
    assert entities[given]["name"] == "mine.pkl"


def test_every_file_lies_there_with_its_digest_and_is_part_of_the_crate(entities, folder):
    parts, files = listed(entities["./"]["hasPart"]), 0
    for name, entity in entities.items():
        if "File" in types(entity):
            assert name in parts
            assert ":" in name or (folder / "results" / name).is_file()
            if "sha256" in entity and ":" not in name:
                path = folder / "results" / name
                assert entity["sha256"] == digest_file(path)
                assert entity["contentSize"] == str(path.stat().st_size)
                assert "/" in entity["encodingFormat"]
                files += 1
    # Eight results, the settings, the record, the extractor.
    assert files == 11


def test_parameters_and_files_refer_to_each_other(entities):
    workflow = entities["workflow/Snakefile"]
    parameters = listed(workflow["input"]) + listed(workflow["output"])
    assert parameters == [
        "#input-config", "#input-extract_embeddings.model", "#input-pretrain_policy.initial",
        "#output-corpus", "#output-embeddings", "#output-trials", "#output-policies",
        "#output-inference", "#output-analysis",
    ]  # fmt: skip
    for name in parameters:
        parameter = entities[name]
        assert types(parameter) == ["FormalParameter"]
        assert parameter["additionalType"] == "File"
        assert parameter["workExample"]
        for example in listed(parameter["workExample"]):
            assert listed(entities[example]["exampleOfWork"]) == [name]
    assert listed(entities["#output-inference"]["workExample"]) == [SCORES, "summary.csv"]


def references(value):
    if isinstance(value, list):
        return [name for item in value for name in references(item)]
    return [value["@id"]] if isinstance(value, dict) else []


def test_every_reference_within_the_crate_leads_somewhere(entities):
    names = references([value for entity in entities.values() for value in entity.values()])
    assert len(names) > 50
    for name in names:
        assert name in entities or name.startswith("https://"), name


def test_the_crate_is_read_again_and_holds_a_workflow_that_is_whole(folder):
    write_crate(folder)
    crate = ROCrate(folder / "results")
    assert crate.mainEntity.id == "workflow/Snakefile"
    copy = folder / "results/workflow"
    for name in ("Snakefile", "rules/common.smk", "workflow_src/provenance/write_crate.py"):
        assert (copy / name).read_bytes() == (ROOT / name).read_bytes()
    assert not list(copy.rglob("__pycache__"))


def test_without_records_of_jobs_there_are_no_times(folder):
    assert find_period(folder / "none", [f"results/{POLICY}"]) is None
    for path in (folder / "jobs").iterdir():
        path.unlink()
    (action,) = [e for e in write_crate(folder)["@graph"] if e["@id"] == "#run"]
    assert not {"startTime", "endTime"} & set(action)


def test_a_long_path_is_found_where_snakemake_cuts_its_record_into_folders(tmp_path):
    output = f"results/{'x' * 300}.csv"
    code = base64.urlsafe_b64encode(output.encode()).decode()
    path = tmp_path / f"@{code[:253]}" / code[253:]
    write_text(json.dumps({"starttime": 1.0, "endtime": 2.0}), path)
    assert find_period(tmp_path, [output]) == (1.0, 2.0)


def test_results_that_are_not_as_recorded_are_refused(folder):
    (folder / "results" / POLICY).write_bytes(b"x")
    with pytest.raises(InputError, match=f"{POLICY}: is not as provenance.json says"):
        write_crate(folder)
    assert not (folder / "results/ro-crate-metadata.json").exists()
    assert not (folder / "results/workflow").exists()
