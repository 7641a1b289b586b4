"""The record of a run, what reads it, and the crate that is made of it."""

from tests.bad_input.case import Case, bad
from tests.bad_input.spoiling import cut, edit_json, make_folder, remove, write
from tests.bad_input.world import EMBEDDINGS

RECORD = "results/provenance.json"
ELSEWHERE = {"reads": [], "steps": {}, "results": {"../../etc/passwd": "0" * 64}}


def recorded(name: str, says: str, spoil=None, **options) -> Case:
    return bad("provenance.record_provenance", name, says, spoil, **options)


def passed_over(name: str, says: str, spoil=None, **options) -> Case:
    return bad("evaluation.list_passed_over", name, says, spoil, **options)


def verified(name: str, says: str, spoil=None, **options) -> Case:
    return bad("provenance", name, says, spoil, **options)


def crate(name: str, says: str, spoil=None, **options) -> Case:
    return bad("provenance.write_crate", name, says, spoil, **options)


CASES = [
    passed_over("no table", "passed_over.csv: cannot be read", remove("passed_over.csv")),
    passed_over("another table", "passed_over.csv: cannot be read", write("passed_over.csv", "a")),
    recorded("no extractor", "model.onnx: ", remove("model.onnx")),
    recorded("a result that is missing", f"{EMBEDDINGS}: ", remove(EMBEDDINGS)),
    recorded("jobs that are no JSON", "graph.json: cannot be read as JSON", cut("graph.json")),
    recorded("jobs without jobs", "graph.json: ", write("graph.json", "{}")),
    recorded("a folder where it goes", f"{RECORD}: Is a directory", make_folder(RECORD)),
    verified("no record", "results: no provenance.json lies", remove(RECORD)),
    verified("a record cut short", f"{RECORD}: ", cut(RECORD)),
    verified("a record that is none", f"{RECORD}: ", write(RECORD, "[]")),
    verified("a result outside of the results", "lies outside of the results folder",
             edit_json(RECORD, stages={"corpus": ELSEWHERE})),
    verified("a record of an earlier version", "an earlier version of the workflow wrote it",
             edit_json(RECORD, results={})),
    crate("no record", "results: no provenance.json lies", remove(RECORD)),
    crate("a record that is none", f"{RECORD}: ", write(RECORD, "{}")),
    crate("a result that changed", f"{EMBEDDINGS}: is not as provenance.json says",
          cut(EMBEDDINGS)),
    crate("a result that is missing", f"{EMBEDDINGS}: is not as provenance.json says",
          remove(EMBEDDINGS)),
]  # fmt: skip
