"""Mutated input: settings, ids and every file that somebody else may have made.

What comes out is a valid result or an `InputError` of one line that names the file, and nothing
else; nothing that stands in a file is run.
"""

import json
import pickle
import sys
from pathlib import Path

import kaldiio
import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from tests.inference.made_up_policies import made_up_state_dict
from tests.manifests import manifest_of
from tests.workflow.running import CLONE
from workflow_src.common.errors import InputError
from workflow_src.common.files import read_csv, read_json, read_npy, read_npz, read_parquet
from workflow_src.corpus.naming import open_naming
from workflow_src.corpus.tables import read_rows
from workflow_src.embeddings.importing import merge_parts, read_part
from workflow_src.methods.import_policy import read_given_policy
from workflow_src.methods.multi_head import MultiHead
from workflow_src.methods.storage import read_tensors
from workflow_src.serving import Template
from workflow_src.settings.corpus import DirectoryCorpus
from workflow_src.settings.scenarios import BY_ID
from workflow_src.settings.schema import Config, validate_config
from workflow_src.trials.lists import Lists, read_lists
from workflow_src.trials.tabulating import Utterances, tabulate_lists

IDS = [f"000{speaker}_0501{hour}00_3_1_ti_0" for speaker in (1, 2) for hour in (11, 12)]
ENROLLED = [f"0001_05021{hour}00_3_1_ti_0" for hour in range(5)]
VECTORS = np.random.default_rng(1).standard_normal((4, 5)).astype(np.float32)
# No shrinking: what fails is printed whole, and looking for less takes minutes.
PHASES = [Phase.explicit, Phase.generate]
FAST, LONG = 150, 600


def fuzz(examples):
    return settings(
        max_examples=examples,
        phases=PHASES,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


# --- files --------------------------------------------------------------------------------------


def pickled_dict(path):
    np.save(path, dict(zip(IDS, VECTORS, strict=True)), allow_pickle=True)


def npz(path):
    np.savez(path, utterance=np.array(IDS), embedding=VECTORS)


def ark(path):
    kaldiio.save_ark(str(path), dict(zip(IDS, VECTORS, strict=True)))


def scp(path):
    archive = path.with_suffix(".ark")
    kaldiio.save_ark(str(archive), dict(zip(IDS, VECTORS, strict=True)), scp=str(path))


def lists(path):
    path.write_bytes(pickle.dumps({"spk0001_0": [IDS[1], IDS[3]]}, protocol=3))


def state_dict(path):
    torch.save(made_up_state_dict("mh_pretrain", 2), path)


def old_state_dict(path):
    content = {"pi": {"mu.weight": torch.zeros(1, 3)}}
    torch.save(content, path, _use_new_zipfile_serialization=False)


def safetensors(path):
    path.write_bytes(save({"a": torch.ones(3), "b": torch.zeros(2, 2, dtype=torch.int64)}))


def template(path):
    Template(VECTORS[0], {"count": VECTORS[1]}, None, 3, "0" * 64).save(path)


def parquet(path):
    pd.DataFrame({"utterance": IDS, "score": VECTORS[:, 0]}).to_parquet(path, index=False)


def csv(path):
    path.write_text("utterance,state\n" + "".join(f'{name},"a, b"\n' for name in IDS))


def recordings(path):
    path.write_text("path,speaker,time\n" + "".join(f"{name}.wav,a,2020-01-01\n" for name in IDS))


def recording_lines(path):
    rows = [{"path": f"{name}.wav", "speaker": "a", "time": "2020-01-01"} for name in IDS]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def name_recordings(path):
    settings = DirectoryCorpus(table=str(path))
    open_naming(settings, "root").describe([f"{name}.wav" for name in IDS], "root")


def times(path):
    path.write_text("".join(f"{name} 2020-01-01\n" for name in IDS))


def name_by_data_directory(path):
    (path.parent / "wav.scp").write_text("".join(f"{name} {name}.wav\n" for name in IDS))
    (path.parent / "utt2spk").write_text("".join(f"{name} a\n" for name in IDS))
    settings = DirectoryCorpus(kaldi=str(path.parent))
    open_naming(settings, "root").describe([f"{name}.wav" for name in IDS], "root")


def import_embeddings(path):
    merge_parts([read_part(path)])


def pairs(path):
    path.write_text(f"{IDS[0]} {IDS[1]} 1\n{IDS[0]} {IDS[2]}.wav 0\n{IDS[0]} {IDS[3]} 0\n")


def map_of_models(path):
    path.write_text(f"m {IDS[0]} {IDS[1]}\nn {IDS[2]}\n")


def trial_rows():
    rows = {"model": "m", "speaker": "0001", "round": 0, "step": range(3), "day": "2020-05-01",
            "utterance": IDS[1:4], "target": [True, False, False]}  # fmt: skip
    return pd.DataFrame(rows)


def enrolment_rows():
    return pd.DataFrame({"model": ["m"], "speaker": "0001", "order": 0, "utterance": IDS[:1]})


def import_lists(form, of_enrolments=False):
    """Return what imports a list of one kind, with a good list of the other."""

    def read(path):
        other = path.with_name("other.parquet" if form == "tables" else "other.txt")
        if form == "pairs" and of_enrolments:
            other.write_text(f"m {IDS[1]} 1\nm {IDS[2]} 0\n")
        elif form == "published":
            other.write_text(" ".join(["spk0001_0", *ENROLLED]))
        elif form == "tables":
            (trial_rows() if of_enrolments else enrolment_rows()).to_parquet(other)
        given = None if form == "pairs" else other
        lists = Lists(other, path) if of_enrolments else Lists(path, given)
        listed, enrolled = read_lists(lists, form, BY_ID["random"])
        manifest = manifest_of([*IDS, *ENROLLED])
        split = pd.DataFrame({"speaker": manifest["speaker"].unique(), "part": "test"})
        tabulate_lists(listed, enrolled, Utterances(manifest, []), split, scenario="s", spare=True)

    return read


def import_policy(path):
    read_given_policy(path, "multi-head", MultiHead)


READERS = {
    "a.npy": (pickled_dict, import_embeddings),
    "a.npz": (npz, import_embeddings),
    "a.ark": (ark, import_embeddings),
    "a.scp": (scp, import_embeddings),
    "trial.pkl": (lists, import_lists("published")),
    "pairs.txt": (pairs, import_lists("pairs")),
    "pairs.enrolment.txt": (map_of_models, import_lists("pairs", of_enrolments=True)),
    **{
        f"{kind}{suffix}": (
            lambda path, table=table: (
                table().to_parquet(path, index=False)
                if path.suffix == ".parquet"
                else table().to_csv(path, index=False)
            ),
            import_lists("tables", of_enrolments=kind == "enrolment"),
        )
        for kind, table in (("trials", trial_rows), ("enrolment", enrolment_rows))
        for suffix in (".csv", ".parquet")
    },
    "new.pt": (state_dict, import_policy),
    "old.pt": (old_state_dict, import_policy),
    "a.safetensors": (safetensors, read_tensors),
    "a.template": (template, Template.load),
    "a.parquet": (parquet, read_parquet),
    "a.csv": (csv, lambda path: read_csv(path, ["utterance"], all_text=True)),
    "metadata.csv": (csv, lambda path: read_rows(path, ["utterance"])),
    "a.json": (lambda path: path.write_text('{"a": [1, {"b": null}]}'), read_json),
    "recordings.csv": (recordings, name_recordings),
    "recordings.jsonl": (recording_lines, name_recordings),
    "utt2time": (times, name_by_data_directory),
    "array.npy": (lambda path: np.save(path, VECTORS), read_npy),
    "array.npz": (npz, lambda path: read_npz(path, ["utterance", "embedding"])),
}


@st.composite
def mutations(draw):
    """Draw changes of a file: where (as a share), what is taken away, and what is put there."""
    change = st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 4), st.binary(max_size=4))
    cut = draw(st.none() | st.floats(0, 1, exclude_max=True))
    return cut, draw(st.lists(change, max_size=3))


def mutate(content, mutation):
    cut, changes = mutation
    content = bytearray(content)
    for where, taken, put in changes:
        place = int(where * len(content))
        content[place : place + taken] = put
    if cut is not None:
        del content[int(cut * len(content)) :]
    return bytes(content)


@pytest.fixture
def nothing_runs():
    """Fail when a file that is read starts a process, or makes something."""
    seen = []

    def hook(event, arguments):
        if watching and event in {"os.system", "subprocess.Popen", "os.exec", "os.posix_spawn"}:
            seen.append((event, arguments))

    watching = True
    sys.addaudithook(hook)
    yield
    watching = False
    assert not seen


def try_all(tmp_path, name, mutation):
    make, read = READERS[name]
    good, path = tmp_path / f"good-{name}", tmp_path / name
    if not good.exists():
        make(path)
        path.rename(good)
    path.write_bytes(mutate(good.read_bytes(), mutation))
    try:
        read(path)
    except InputError as error:
        said = str(error)
        assert "\n" not in said
        # What a script file points to is named in its place; so is the list that goes with another.
        blamed = (path, path.with_suffix(".ark"), path.with_name("other."))
        assert said.startswith(tuple(map(str, blamed))), said


@pytest.mark.parametrize("name", READERS)
def test_the_file_that_is_mutated_is_valid(tmp_path, name):
    if name != "old.pt":  # a part of a policy
        make, read = READERS[name]
        make(tmp_path / name)
        read(tmp_path / name)


@pytest.mark.parametrize("name", READERS)
def test_a_mutated_file_is_read_or_refused(tmp_path, nothing_runs, name):
    fuzz(FAST)(given(mutations())(lambda mutation: try_all(tmp_path, name, mutation)))()


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_many_mutated_files_are_read_or_refused(tmp_path, nothing_runs, name):
    fuzz(LONG)(given(mutations())(lambda mutation: try_all(tmp_path, name, mutation)))()


# --- settings -----------------------------------------------------------------------------------

DEFAULTS = yaml.safe_load((CLONE / "config.yaml").read_text())
# .inf and .nan are numbers of YAML too.
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 10**6),
    st.floats(),
    st.sampled_from([[], {}, [[]], [None], "", "tuned", "3e-4", "a{b}", "a\nb", "1" * 500]),
    st.text(max_size=5),
    st.lists(st.integers(-1, 3), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


def places(tree, path=()):
    """Return every key's place in nested dicts."""
    found = []
    for key, value in tree.items():
        found.append((*path, key))
        if isinstance(value, dict):
            found += places(value, (*path, key))
    return found


PLACES = places(DEFAULTS)


@fuzz(500)
@given(st.lists(st.tuples(st.sampled_from(PLACES), VALUES, st.booleans()), max_size=3))
def test_mutated_settings_are_valid_or_name_a_key_that_is_there(changes):
    content = json.loads(json.dumps(DEFAULTS))
    for path, value, added in changes:
        block = content
        for key in path[:-1]:
            block = block.get(key) if isinstance(block, dict) else None
        if isinstance(block, dict):
            block[path[-1] + ("x" if added else "")] = value
    try:
        config = validate_config(content, "mine.yaml")
    except InputError as error:
        lines = str(error).split("\n")
        keys = [line.removeprefix("mine.yaml: ").split(": ")[0] for line in lines]
        assert len(set(lines)) == len(lines)
        for line, key in zip(lines, keys, strict=True):
            assert line.startswith("mine.yaml: ") and line.isprintable() and len(line) < 500
            assert names_a_place(content, key), line
    else:
        assert validate_config(json.loads(config.model_dump_json())) == config


def names_a_place(tree, said):
    """Whether what is said begins with the place of something in nested dicts and lists."""
    if isinstance(tree, list):
        tree = dict(enumerate(tree))
    if not isinstance(tree, dict):
        return False
    for key, value in tree.items():
        name = str(key) if str(key).isprintable() else repr(str(key))
        # A fault of several keys names their block, and them in its words.
        if said == name or said.startswith(f"{name} "):
            return True
        if said.startswith(f"{name}.") and names_a_place(value, said[len(name) + 1 :]):
            return True
    return False


def test_defaults_are_what_is_mutated():
    assert validate_config(DEFAULTS) == Config()
    assert names_a_place(DEFAULTS, "corpus.synthetic.seconds.1")
    assert not names_a_place(DEFAULTS, "corpus.synthetic.second")
    assert len(PLACES) > 100
    assert Path(CLONE / "config.yaml").is_file()
