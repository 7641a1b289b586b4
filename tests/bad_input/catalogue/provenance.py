"""The record of a run, what reads it, and the crate that is made of it."""

from tests.bad_input.case import Case, bad
from tests.bad_input.spoiling import cut, edit_json, make_folder, remove, write
from tests.bad_input.world import EMBEDDINGS

RECORD = "results/provenance.json"


def recorded(name: str, says: str, spoil=None, **options) -> Case:
    return bad("provenance.record_provenance", name, says, spoil, **options)


def verified(name: str, says: str, spoil=None, **options) -> Case:
    return bad("provenance", name, says, spoil, **options)


def crate(name: str, says: str, spoil=None, **options) -> Case:
    return bad("provenance.write_crate", name, says, spoil, **options)


CASES = [
    recorded("no extractor", "none.onnx: ", inputs={"extractor": ["none.onnx"]}),
    recorded("inputs that are no JSON", "--inputs: ", inputs="{"),
    recorded("a policy that is missing", "none.pkl: ", inputs={"policies/a": ["none.pkl"]}),
    recorded("a folder where it goes", f"{RECORD}: Is a directory", make_folder(RECORD)),
    verified("no record", "results: no provenance.json lies", remove(RECORD)),
    verified("a record cut short", f"{RECORD}: ", cut(RECORD)),
    verified("a record that is none", f"{RECORD}: ", write(RECORD, "[]")),
    verified("a result outside of the results", "is no file of the results contract",
             edit_json(RECORD, results={"../../etc/passwd": "0" * 64})),
    crate("no record", "results: no provenance.json lies", remove(RECORD)),
    crate("a record that is none", f"{RECORD}: ", write(RECORD, "{}")),
    crate("a result that changed", f"{EMBEDDINGS}: is not as provenance.json says",
          cut(EMBEDDINGS)),
    crate("a result that is missing", f"{EMBEDDINGS}: is not as provenance.json says",
          remove(EMBEDDINGS)),
]  # fmt: skip
