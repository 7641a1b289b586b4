"""Given policies, training, fitting and tuning."""

import numpy as np
import torch

from tests.bad_input.case import Case, bad
from tests.bad_input.spoiling import (
    cut,
    edit_csv,
    edit_json,
    edit_npy,
    edit_parquet,
    edit_tensors,
    make_folder,
    make_loop,
    remove,
    write,
)
from tests.bad_input.world import (
    DEVELOPMENT,
    EMBEDDINGS,
    INDEX,
    MANIFEST,
    MULTI_HEAD,
    POLICIES,
    SPLIT,
)
from tests.inference.made_up_policies import made_up_state_dict
from workflow_src.settings.catalogue import BY_ID

RELEASED, FIXED = f"{POLICIES}/released-multi-head", f"{POLICIES}/fixed-weight-tuned"
WEIGHTS, ABOUT = f"{RELEASED}/policy.safetensors", f"{RELEASED}/policy.json"
INITIAL = f"{POLICIES}/pretrained-seed0"


def given(name: str, says: str, spoil=None, **options) -> Case:
    return bad("methods.import_policy", name, says, spoil, **options)


def folder(name: str, says: str, spoil=None, **options) -> Case:
    return bad("methods.import_policy:folder", name, says, spoil, **options)


def in_every_training(name: str, says: str, spoil) -> list[Case]:
    steps = "pretrain_policy", "finetune_policy"
    return [bad(f"training.{step}", name, says, spoil) for step in steps]


def in_every_fit(name: str, says: str, spoil) -> list[Case]:
    steps = "fit_method:fixed", "fit_method", "fit_method:through-time", "tune_threshold"
    return [bad(f"methods.{step}", name, says, spoil) for step in steps]


def save(content):
    return lambda: torch.save(content, "mh_final.pkl")


def spoilt_state(**tensors):
    state = made_up_state_dict("mh_final", 16)
    state["pi"].update({name.replace("__", "."): value for name, value in tensors.items()})
    return save(state)


def with_first(value):
    """Set the first number of every embedding."""

    def edit(matrix):
        matrix[:, 0] = value
        return matrix

    return edit_npy(EMBEDDINGS, edit)


def one_trains(split):
    return split.assign(part=["train", *["test"] * (len(split) - 1)])


def first_days(table):
    return table[table["date"] == table["date"].min()]


def only(kind):
    return edit_parquet(f"{DEVELOPMENT}/random.parquet", lambda t: t[t["target"] == kind])


zero = edit_npy(EMBEDDINGS, np.zeros_like)
CASES = [
    given("no such file", "none.pkl: cannot be read", source="none.pkl"),
    given("a folder for a file", "mh_final.pkl: cannot be read", make_folder("mh_final.pkl")),
    given("a file cut short", "mh_final.pkl: refused, not a torch file", cut("mh_final.pkl")),
    given("no torch file", "mh_final.pkl: refused", write("mh_final.pkl", "no tensors")),
    given("a number for a policy", "mh_final.pkl: holds a int", save(3)),
    given("no parts", "mh_final.pkl: lacks the part 'pi'", save({})),
    given("a part with a line end", "lacks the part 'pi'", save({"a\nb": 1})),
    given("a policy of the other method", "of a policy of AdaptiveWeight",
          method="adaptive-weight", entry=BY_ID["adaptive-weight"].entry),
    given("a rule without a policy", "Soft: is no rule of a trained policy",
          method="soft", entry=BY_ID["soft"].entry),
    given("a tensor with NaN", "linear1.bias has a value that is not finite",
          spoilt_state(linear1__bias=torch.full((256,), torch.nan))),
    given("a tensor of another shape", "linear2.bias has the shape [3]",
          spoilt_state(linear2__bias=torch.zeros(3))),
    given("a policy for another D", "mh_final.pkl: the policy is for embeddings of 12 dimensions",
          save(made_up_state_dict("mh_final", 12))),
    given("embeddings that are no matrix", f"{EMBEDDINGS}: ", edit_npy(EMBEDDINGS, np.ravel)),
    given("embeddings cut short", f"{EMBEDDINGS}: cannot be read", cut(EMBEDDINGS)),
    given("a file where its folder goes", "model.onnx/policy.safetensors: ", out_dir="model.onnx"),
    folder("weights cut short", f"{WEIGHTS}: cannot be read as safetensors", cut(WEIGHTS)),
    folder("weights that are missing", f"{WEIGHTS}: cannot be read", remove(WEIGHTS)),
    folder("weights of no known form", f"{WEIGHTS}: cannot be read", write(WEIGHTS, b"\xff" * 99)),
    folder("weights with NaN", f"{WEIGHTS}: trunk.0.bias has a value that is not finite",
           edit_tensors(WEIGHTS, lambda t: t["trunk.0.bias"].fill_(torch.nan))),
    folder("weights that lack a tensor", f"{RELEASED}: lacks the tensor 'log_std'",
           edit_tensors(WEIGHTS, lambda t: t.pop("log_std"))),
    folder("weights with one too many", f"{RELEASED}: unknown tensor 'a\\nb'",
           edit_tensors(WEIGHTS, lambda t: t.update({"a\nb": torch.zeros(1)}))),
    folder("a description cut short", f"{ABOUT}: cannot be read as JSON", cut(ABOUT)),
    folder("a description that is missing", f"{ABOUT}: cannot be read as JSON", remove(ABOUT)),
    folder("a description that is a loop", f"{ABOUT}: cannot be read as JSON", make_loop(ABOUT)),
    folder("a description nested too deep", f"{ABOUT}: cannot be read as JSON",
           write(ABOUT, "[" * 100_000)),
    folder("a list for a description", f"{ABOUT}: does not name a method", write(ABOUT, "[]")),
    folder("an unknown method", f"{ABOUT}: method is 'magic'", edit_json(ABOUT, method="magic")),
    folder("a method that is a list", f"{ABOUT}: does not name a method",
           edit_json(ABOUT, method=[])),
    folder("another D than the weights'", f"{RELEASED}: dimension is 17",
           edit_json(ABOUT, dimension=17)),
    folder("a D beyond all memory", f"{RELEASED}: dimension is 1000000000000",
           edit_json(ABOUT, dimension=10**12)),
    folder("a D that is no number", f"{RELEASED}: dimension is '16'",
           edit_json(ABOUT, dimension="16")),
    *in_every_training("embeddings with NaN", "is zero, not finite", with_first(np.nan)),
    *in_every_training("infinite embeddings", "is zero, not finite", with_first(np.inf)),
    *in_every_training("zero embeddings", "is zero", zero),
    *in_every_training("embeddings cut short", f"{EMBEDDINGS}: cannot be read", cut(EMBEDDINGS)),
    *in_every_training("an index of other rows", f"{INDEX}: has", edit_parquet(
        INDEX, lambda index: index[:-1])),
    *in_every_training("an index beyond the matrix", f"{INDEX}: ", edit_parquet(
        INDEX, lambda index: index.assign(row=index["row"] + 1))),
    *in_every_training("one speaker who trains", f"{SPLIT}: training needs at least two",
                       edit_csv(SPLIT, one_trains)),
    *in_every_training("an initial policy for another D", "embeddings of 16 dimensions",
                       edit_npy(EMBEDDINGS, lambda matrix: matrix[:, :8])),
    *in_every_training("a manifest cut short", f"{MANIFEST}: cannot be read", cut(MANIFEST)),
    bad("training.pretrain_policy", "an initial policy that is missing", "none/policy.json: ",
        initial="none"),
    bad("training.finetune_policy", "speakers with one day", "finetuning.episode: no training",
        edit_parquet(MANIFEST, first_days)),
    bad("training.finetune_policy", "a file where its folder goes", "model.onnx/policy", out_dir=(
        "model.onnx/policy")),
    *in_every_fit("embeddings with NaN", "is zero, not finite", with_first(np.nan)),
    *in_every_fit("zero embeddings", "is zero, not finite", zero),
    *in_every_fit("embeddings that are no matrix", f"{EMBEDDINGS}: ",
                  edit_npy(EMBEDDINGS, np.ravel)),
    *in_every_fit("no development trials", f"{DEVELOPMENT}/random.parquet: cannot be read",
                  remove(f"{DEVELOPMENT}/random.parquet")),
    *in_every_fit("trials without labels", "lacks the column 'target'", edit_parquet(
        f"{DEVELOPMENT}/random.parquet", lambda table: table.drop(columns="target"))),
    *in_every_fit("no non-targets", "is a non-target", only(True)),
    *in_every_fit("no targets", "is a target", only(False)),
    *in_every_fit("one speaker", "development trials: at least two", edit_parquet(
        f"{DEVELOPMENT}/random.parquet",
        lambda table: table[table["speaker"] == table["speaker"].iloc[0]])),
    *in_every_fit("an index that lacks utterances", "has no embedding",
                  edit_parquet(INDEX, lambda index: index[:5])),
    bad("methods.fit_method", "empty development trials", "at least two training speakers must",
        edit_parquet(f"{DEVELOPMENT}/random.parquet", lambda table: table.head(0))),
    bad("methods.fit_method", "a start that is missing", "--start is missing", start=None),
    bad("methods.fit_method", "a fixed weight that is none", "is no whole policy of TunedFixed",
        start=RELEASED),
    bad("methods.fit_method", "a fixed weight that is text", f"{FIXED}: is no whole policy",
        edit_json(f"{FIXED}/policy.json", alpha="x")),
    bad("methods.fit_method", "a fixed weight beyond 1", f"{FIXED}: is no whole policy",
        edit_json(f"{FIXED}/policy.json", alpha=5)),
    bad("methods.fit_method", "a fixed weight that is missing", "none/policy.json: cannot be",
        start="none"),
    bad("methods.fit_method", "nobody trains", f"{SPLIT}: ", edit_csv(
        SPLIT, lambda split: split.assign(part="test"))),
    bad("methods.fit_method", "a file where its folder goes", "model.onnx/policy.safetensors: ",
        out_dir="model.onnx"),
    bad("methods.fit_method", "a module that is not there", "no module 'nowhere' is installed",
        entry="nowhere:Rule"),
    bad("methods.fit_method", "a class that is not there", "has no class Nobody that is an update",
        entry="workflow_src.methods.kalman:Nobody"),
    bad("methods.fit_method", "a class that is no rule", "has no class Partition that is an update",
        entry="workflow_src.methods.development:Partition"),
    bad("methods.fit_method", "an entry point without a class", "'kalman' is no entry point",
        entry="kalman"),
    bad("methods.fit_method:through-time", "a setting of its own", "--own: window: 1 is not",
        own={"window": 1}),
    bad("methods.train_ready_made", "a law that is missing", "law.yaml: cannot be read",
        remove("law.yaml")),
    bad("methods.train_ready_made", "one speaker of a law", "settings: speakers: 1 is not",
        settings={"speakers": 1}),
    bad("methods.train_ready_made", "a longer enrolment than recordings",
        "have 100000 recordings or more", settings={"laws": 1, "speakers": 2, "enrolled": 99999}),
    bad("methods.tune_threshold", "a run that is no JSON", "--run: ", run="{"),
    bad("methods.tune_threshold", "a run of an unknown key", "--run: ",
        run=MULTI_HEAD | {"colour": 1}),
    bad("methods.tune_threshold", "a policy that is missing", "none/policy.json: cannot be read",
        run=MULTI_HEAD | {"checkpoint": "none"}),
    bad("methods.tune_threshold", "a policy for another D", "dimensions", edit_npy(
        EMBEDDINGS, lambda matrix: matrix[:, :8])),
]  # fmt: skip
