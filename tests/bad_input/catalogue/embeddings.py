"""Extractors, shards of embeddings, embeddings that were made elsewhere."""

import re
import sys
from pathlib import Path

import numpy as np
import onnx.helper as oh

from tests.bad_input.case import Case, bad
from tests.bad_input.spoiling import (
    all_of,
    cut,
    edit_parquet,
    give_vectors,
    make_folder,
    make_loop,
    remove,
    write,
)
from tests.bad_input.world import (
    EMBEDDINGS,
    INDEX,
    MANIFEST,
    OWN_FRONT_END,
    OWN_MODEL,
    RECORDED,
)
from tests.embeddings.conftest import make_model

FIRST, SECOND = RECORDED[:2]
GIVEN = "given/part_rank0.npy"
TWO = [GIVEN, "given/part_rank1.npy"]
ONE = np.ones(8, np.float32)


def model(name: str, says: str, spoil=None, **options) -> Case:
    return bad("embeddings.extract_embeddings", name, f"model.onnx: {says}", spoil, **options)


def write_shard(path: str, **arrays) -> None:
    np.savez(path, **{"extractor": "0" * 64} | arrays)


def own(name: str, says: str, text: str, **options) -> Case:
    def spoil() -> None:
        sys.modules.pop("models_of_mine", None)
        Path("models_of_mine.py").write_text(text)

    case = "embeddings.extract_embeddings:own"
    return bad(case, f"own class: {name}", f"models_of_mine:Model: {says}", spoil, **options)


def shard(name: str, says: str, **arrays) -> Case:
    spoil = lambda: write_shard("recorded/0.npz", **arrays)  # noqa: E731
    return bad("embeddings.merge_embeddings", name, f"recorded/0.npz: {says}", spoil)


def given(name: str, says: str, content) -> Case:
    return bad(
        "embeddings.import_embeddings", name, f"{GIVEN}: {says}", give_vectors(GIVEN, content)
    )


def given_file(path: str, name: str, says: str, spoil) -> Case:
    return bad("embeddings.import_embeddings", name, f"{path}: {says}", spoil, files=[path])


def law(name: str, says: str, spoil) -> Case:
    return bad("synthetic.simulate_embeddings", f"law: {name}", f"law.yaml: {says}", spoil)


def change_law(name: str, value: str) -> object:
    """Spoil one number of the law."""
    path = Path("law.yaml")
    return lambda: path.write_text(
        re.sub(rf"^{name}: .*", f"{name}: {value}", path.read_text(), flags=re.M)
    )


def model_for_long_recordings():
    """Write a model that fails on recordings shorter than 1.2 s, but not when it is opened."""
    body = [
        oh.make_node("Constant", [], ["frame"], value_int=119),
        oh.make_node("Gather", ["feats", "frame"], ["embs"], axis=1),
    ]
    make_model("model.onnx", body=body, outputs=("B", 80))


vectors = np.ones((6, 8), np.float32)
names = np.array(RECORDED)
CASES = [
    model("no such model", "the extractor cannot be read", remove("model.onnx")),
    model("a model cut short", "cannot be opened as an ONNX model", cut("model.onnx")),
    model("no model", "cannot be opened as an ONNX model", write("model.onnx", "no model")),
    model("a folder for a model", "the extractor cannot be read", make_folder("model.onnx")),
    model("a loop for a model", "the extractor cannot be read", make_loop("model.onnx")),
    model("another digest", "has the sha256", settings={"sha256": "0" * 64}),
    model("a model that fails on short recordings", "does not run on features [1, 98, 80]",
          model_for_long_recordings),
    own("no Python", "importing it fails in ", "class :\n"),
    own("no class", "models_of_mine has no class Model that is a torch module", "import torch\n"),
    own("a class that takes no file", "cannot be made from model.onnx: it fails in ", OWN_MODEL,
        model="model.onnx"),
    own("no sample rate", "its sample_rate is None", OWN_MODEL.replace("sample_rate", "rate")),
    own("a class that fails", "does not run on waveforms [1, 32000]: it fails in ",
        OWN_MODEL.replace("[:, :8]", "[7]")),
    own("a class that gives no embeddings", "gives an output of shape [1, 1, 32000]",
        OWN_MODEL.replace("[:, :8]", "[:, None]")),
    bad("embeddings.extract_embeddings:own", "own class: no module",
        "nobodys:Model: no module 'nobodys' is installed, nor in nowhere",
        front_end=OWN_FRONT_END | {"entry": "nobodys:Model", "folder": "nowhere"}),
    bad("embeddings.extract_embeddings:own", "own class: a file that is missing",
        "none.pt: the extractor cannot be read", model="none.pt"),
    bad("embeddings.extract_embeddings", "no file of a model", "--model is missing", model=None),
    bad("embeddings.extract_embeddings", "no folder of recordings", "nowhere: there is no such",
        root="nowhere"),
    bad("embeddings.extract_embeddings", "a manifest without paths", "lacks the column 'path'",
        manifest=MANIFEST),
    bad("embeddings.extract_embeddings", "a manifest cut short", "manifest.parquet: cannot be",
        cut("recorded/manifest.parquet")),
    bad("embeddings.extract_embeddings", "a file where the shard's folder goes",
        "model.onnx/0.npz: ", embeddings="model.onnx/0.npz"),
    bad("embeddings.merge_embeddings", "a shard cut short", "recorded/0.npz: cannot be read",
        cut("recorded/0.npz")),
    bad("embeddings.merge_embeddings", "a shard that is missing", "recorded/0.npz: cannot be",
        remove("recorded/0.npz")),
    shard("a shard with NaN", "has embeddings with numbers that are not finite",
          utterance=names, embedding=np.where(vectors == 1, np.nan, 0)),
    shard("an unknown utterance", "has an embedding of 0009_",
          utterance=np.array(["0009" + name[4:] for name in RECORDED]), embedding=vectors),
    shard("an utterance twice", f"has an embedding of {FIRST}",
          utterance=np.array([FIRST, *RECORDED[:-1]]), embedding=vectors),
    shard("a matrix of another length", "embedding is [3, 8]; [6, D] is needed",
          utterance=names, embedding=vectors[:3]),
    shard("no embeddings", "lacks the array 'embedding'", utterance=names),
    shard("ids that are pickled", "cannot be read as .npz",
          utterance=np.array(RECORDED, dtype=object), embedding=vectors),
    bad("embeddings.merge_embeddings", "a missing shard's utterances", f"first {FIRST}",
        lambda: write_shard("recorded/0.npz", utterance=names[1:], embedding=vectors[1:])),
    bad("embeddings.merge_embeddings", "shards that differ in D", "recorded/1.npz: has embeddings",
        lambda: [
            write_shard("recorded/0.npz", utterance=names[:3], embedding=vectors[:3]),
            write_shard("recorded/1.npz", utterance=names[3:], embedding=vectors[3:, :4]),
        ],
        shards=["recorded/0.npz", "recorded/1.npz"]),
    bad("embeddings.merge_embeddings", "shards of two models",
        "recorded/1.npz: is of the speaker model 111111111111, recorded/0.npz of 000000000000",
        lambda: [
            write_shard("recorded/0.npz", utterance=names[:3], embedding=vectors[:3]),
            write_shard("recorded/1.npz", utterance=names[3:], embedding=vectors[3:],
                        extractor="1" * 64),
        ],
        shards=["recorded/0.npz", "recorded/1.npz"]),
    bad("embeddings.merge_embeddings", "all rejected", "no recording has an embedding",
        all_of(
            lambda: write_shard("recorded/0.npz", utterance=names[:0], embedding=vectors[:0]),
            write("recorded/0.csv", "utterance,path,reason\n"
                  + "".join(f"{name},p,silent\n" for name in RECORDED)),
        )),
    bad("embeddings.merge_embeddings", "a rejected stranger", "recorded/0.csv: rejects 0009_",
        write("recorded/0.csv", "utterance,path,reason\n0009_05011100_3_1_ti_0,p,silent\n")),
    given("a vector with NaN", f"the embedding of {FIRST} is zero, not finite",
          {FIRST: ONE * np.nan}),
    given("an infinite vector", f"the embedding of {FIRST} is zero, not finite",
          {FIRST: ONE * np.inf, SECOND: ONE}),
    given("a vector beyond float32", f"the embedding of {FIRST} is zero, not finite",
          {FIRST: ONE * np.float64(1e300)}),
    given("a zero vector", f"the embedding of {SECOND} is zero", {FIRST: ONE, SECOND: ONE * 0}),
    given("vectors that differ in D", f"the embedding of {SECOND} has 4 numbers",
          {FIRST: ONE, SECOND: ONE[:4]}),
    given("an id that is none", "'holiday' is not an utterance id", {"holiday": ONE}),
    given("an id with a line end", "'a\\nb' is not an utterance id", {"a\nb": ONE}),
    given("a key that is no text", "a key of its dict is no text but int", {7: ONE}),
    given("a vector of whole numbers", f"the embedding of {FIRST} is an array of type",
          {FIRST: np.arange(8)}),
    given("no dict", "holds an array of float32", ONE),
    given("nothing", "holds no embedding", {}),
    given_file(GIVEN, "a dict cut short", "cannot be read as a pickle", cut(GIVEN)),
    given_file(GIVEN, "no .npy", "is not a .npy file", write(GIVEN, "no array")),
    given_file("given/a.npz", "an .npz cut short", "cannot be read",
               all_of(lambda: np.savez("given/a.npz", utterance=names, embedding=vectors),
                      cut("given/a.npz"))),
    given_file("given/a.npz", "an .npz without ids", "lacks the array 'utterance'",
               lambda: np.savez("given/a.npz", embedding=vectors)),
    given_file("given/a.ark", "no Kaldi archive", "", write("given/a.ark", b"\xff\xfe\x00" * 9)),
    given_file("given/a.scp", "a command for an archive", f"the embedding of {FIRST} comes from a",
               write("given/a.scp", f"{FIRST} touch canary |\n")),
    given_file("given/a.scp", "an archive that is not there", f"the embedding of {FIRST} is to be",
               write("given/a.scp", f"{FIRST} given/none.ark:4\n")),
    given_file("given/a.txt", "a file of no known form", "is of no known form",
               write("given/a.txt", "text")),
    bad("embeddings.import_embeddings", "no such file", "given/none.npy: No such file",
        files=["given/none.npy"]),
    bad("embeddings.import_embeddings", "an id twice over parts",
        f"given/part_rank1.npy: the embedding of {FIRST} comes twice",
        give_vectors("given/part_rank1.npy", {FIRST: ONE}), files=TWO),
    bad("embeddings.import_embeddings", "parts that differ in D",
        "given/part_rank1.npy: has embeddings of 4 numbers",
        give_vectors("given/part_rank1.npy", {"0009" + FIRST[4:]: ONE[:4]}), files=TWO),
    bad("synthetic.simulate_embeddings", "a manifest without phrases", "lacks the column 'phrase'",
        edit_parquet(MANIFEST, lambda table: table.drop(columns="phrase"))),
    law("no such file", "cannot be read (No such file or directory); corpus.simulated.law names it",
        remove("law.yaml")),
    law("a number out of its range", "dimension: 1 is not allowed", change_law("dimension", "1")),
    law("a number as text", "drift: '3e-4' is not allowed", change_law("drift", "3e-4")),
    law("no text", "cannot be read as YAML", write("law.yaml", b"\xff\xfe\x00")),
    bad("synthetic.simulate_embeddings", "a folder where the matrix goes",
        "embeddings.npy: Is a directory", make_folder("results/embeddings/embeddings.npy")),
    bad("embeddings.export_embeddings", "an index of another matrix", "index.parquet: has rows",
        edit_parquet(INDEX, lambda t: t.assign(row=t["row"] + 1))),
    bad("embeddings.export_embeddings", "no matrix", f"{EMBEDDINGS}: is float64 [3]",
        lambda: np.save(EMBEDDINGS, np.ones(3))),
]  # fmt: skip
