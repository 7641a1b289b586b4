"""Every reader against every hostile file: an answer of one line, in seconds and little memory."""

import os
import resource
import signal
import sys
import time
import traceback

import pandas as pd
import pytest

from tests.bad_input.hostile_files import FILES, ID, content_of
from tests.manifests import manifest_of
from workflow_src.common import limits
from workflow_src.common.errors import MAX_LINE, InputError
from workflow_src.common.files import read_csv, read_json
from workflow_src.common.unpickling import read_plain_pickle
from workflow_src.corpus import archives
from workflow_src.corpus.archives import extract_archive
from workflow_src.corpus.ids import read_id_lines
from workflow_src.corpus.kaldi_data import read_data_directory
from workflow_src.corpus.tables import read_table
from workflow_src.embeddings.extractor import SpeakerModel
from workflow_src.embeddings.importing import merge_parts, read_part
from workflow_src.methods.import_policy import read_given_policy
from workflow_src.methods.multi_head import MultiHead
from workflow_src.methods.storage import read_tensors
from workflow_src.serving import Template
from workflow_src.settings.laws import VoiceLaw, read_law
from workflow_src.settings.scenarios import BY_ID
from workflow_src.trials.pair_lists import read_enrolment_map, read_pairs
from workflow_src.trials.published_layout import parse_enrolments, parse_trials
from workflow_src.trials.tabulating import Utterances, tabulate_lists

# Less than what readers allow, so that the tests are quick; and more than what any of them needs.
MEMORY, SECONDS = 64 << 20, 1.0
SLACK_MEMORY, SLACK_SECONDS = 400 << 20, 20


def extract(path):
    (path.parent / "out").mkdir(exist_ok=True)
    extract_archive(path, path.parent / "out", f"http://host/{path.name}")


def import_embeddings(path):
    merge_parts([read_part(path)])


def import_lists(path):
    enrolled = [f"0001_05021{hour}00_3_1_ti_0" for hour in range(5)]
    manifest = manifest_of([ID, *enrolled])
    split = pd.DataFrame({"speaker": ["0001"], "part": "test"})
    trials = parse_trials(read_plain_pickle(path), BY_ID["random"], path)
    enrolment = parse_enrolments([" ".join(["spk0001_0", *enrolled])], BY_ID["random"], path)
    tabulate_lists(trials, enrolment, Utterances(manifest, []), split, scenario="random")


READERS = {
    ".npy": import_embeddings,
    ".npz": import_embeddings,
    ".ark": import_embeddings,
    ".scp": import_embeddings,
    ".pkl": import_lists,
    ".pt": lambda path: read_given_policy(path, "multi-head", MultiHead),
    ".template": Template.load,
    ".json": read_json,
    ".yaml": lambda path: read_law(path, VoiceLaw),
    ".csv": lambda path: read_csv(path, ["utterance", "state"], all_text=True),
    ".txt": lambda path: read_id_lines(path, "speaker"),
    ".safetensors": read_tensors,
    ".tar.xz": extract,
    ".onnx": lambda path: SpeakerModel(path, device="cpu"),
}
# What is read as a table of recordings or trials too, as a list of pairs, or as a file of a Kaldi
# data directory.
TABLES = {".csv": ".csv", ".json": ".jsonl", ".txt": ".csv"}
# What is large or long is no mistake where the reader has room for it.
RIGHT = {(".json", "a long text"), (".safetensors", "a long name")}


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(limits, "LEAST_MEMORY", MEMORY)
    monkeypatch.setattr(limits, "LEAST_SECONDS", SECONDS)
    monkeypatch.setattr(archives, "LEAST_MEMBERS", 500)


def answer_of(read, path):
    """Read in a child; return what it said, its memory beyond the start, and its seconds."""
    inside, outside = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(120)
        said = "right"
        start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            read(path)
        except InputError as error:
            said = f"InputError {error}"
        except BaseException:
            said = traceback.format_exc()
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        most = max(who.ru_maxrss for who in used) - start
        spent = sum(who.ru_utime + who.ru_stime for who in used)
        with os.fdopen(outside, "w", errors="backslashreplace") as file:
            file.write(f"{most * 1024}\n{spent}\n{said}")
        os._exit(0)
    os.close(outside)
    with os.fdopen(inside, errors="backslashreplace") as file:
        answer = file.read()
    status = os.waitpid(child, 0)[1]
    assert status == 0, f"ended by signal {os.WTERMSIG(status)}"
    memory, seconds, said = answer.split("\n", 2)
    return said, int(memory), float(seconds)


CASES = [(suffix, what) for suffix, cases in FILES.items() for what in cases]
# What takes seconds of computing before it is refused.
SLOW = {"a deep list", "tuples with one hash", "long numbers with one hash", "compressed zeros"}
QUICK_TORCH = {"a deep tuple as a key", "a tensor on no device", "strides of zero", "a long number"}


def mark(suffix, what):
    slow = what in SLOW or (suffix == ".pt" and what not in QUICK_TORCH)
    return pytest.param(
        suffix, what, id=f"{suffix}: {what}", marks=[pytest.mark.slow] if slow else []
    )


@pytest.mark.parametrize(("suffix", "what"), [mark(*case) for case in CASES])
def test_a_hostile_file_is_refused_in_a_line(tmp_path, small, suffix, what):
    path = tmp_path / f"a{suffix}"
    content = content_of(suffix, what)
    path.write_bytes(content)
    said, memory, seconds = answer_of(READERS[suffix], path)
    if (suffix, what) in RIGHT:
        assert said == "right"
    else:
        assert said.startswith(("InputError " + str(path), "InputError http://host/")), said[-2000:]
        assert "\n" not in said and len(said) < MAX_LINE + 100
    assert memory < MEMORY + limits.MEMORY_PER_BYTE * len(content) + SLACK_MEMORY
    assert seconds < SECONDS + SLACK_SECONDS


@pytest.mark.parametrize(
    ("suffix", "what"), [(suffix, what) for suffix in TABLES for what in FILES[suffix]]
)
def test_hostile_tables_and_lists_are_refused_in_a_line(tmp_path, small, suffix, what):
    path = tmp_path / f"a{TABLES[suffix]}"
    content = content_of(suffix, what)
    for read, file in (
        (lambda file: read_table(file, ["path", "speaker", "time"]), path),
        (lambda file: read_data_directory(file.parent), tmp_path / "wav.scp"),
        (read_pairs, path),
        (read_enrolment_map, path),
    ):
        for name in ("wav.scp", "utt2spk", "utt2time"):
            (tmp_path / name).write_text("u x\n")
        file.write_bytes(content)
        said, memory, seconds = answer_of(read, file)
        # Any two words are a line of an enrolment map.
        accepted = ("right",) if read is read_enrolment_map else ()
        assert said.startswith((f"InputError {tmp_path}/", *accepted)), said[-2000:]
        assert "\n" not in said and len(said) < MAX_LINE + 100
        assert memory < MEMORY + limits.MEMORY_PER_BYTE * len(content) + SLACK_MEMORY
        assert seconds < SECONDS + SLACK_SECONDS


@pytest.mark.parametrize("suffix", READERS)
def test_a_pipe_or_a_device_is_not_opened(tmp_path, suffix):
    began = time.monotonic()
    path = tmp_path / f"a{suffix}"
    os.mkfifo(path)
    with pytest.raises(InputError, match=rf"a{suffix}: is no plain file"):
        READERS[suffix](path)
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(InputError, match=rf"a{suffix}: is no plain file"):
        READERS[suffix](path)
    assert time.monotonic() - began < 10


def test_every_reader_is_tried():
    assert READERS.keys() == FILES.keys()
    assert all(FILES.values()) and len(CASES) > 80


def test_memory_is_as_it_was_after_a_file(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_DATA)
    (tmp_path / "a.txt").write_text("0001")
    with limits.within_budget(tmp_path / "a.txt"):
        inside = resource.getrlimit(resource.RLIMIT_DATA)
        with limits.within_budget(tmp_path / "a.txt"):
            assert resource.getrlimit(resource.RLIMIT_DATA)[0] <= inside[0]
        assert resource.getrlimit(resource.RLIMIT_DATA) == inside
    assert inside[0] > 0 and inside != before
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


def test_what_runs_too_long_is_stopped():
    stopped = []
    with limits.stopped_after(0.0, lambda: stopped.append(True)):
        end = time.monotonic() + 10
        while not stopped and time.monotonic() < end:
            time.sleep(0.01)
    assert stopped
    with limits.stopped_after(60, lambda: sys.exit("not this one")):
        time.sleep(0.3)
