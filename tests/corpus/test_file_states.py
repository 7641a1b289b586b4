import os
import sys
from pathlib import Path

import pytest

from workflow_src.corpus import file_states
from workflow_src.corpus.file_states import NO_FILE, read_states

FOLDERS = [
    ("", ["a.wav", "gone.wav"]),
    ("gone/", ["b.wav", "c.wav"]),
    ("spaces and $(echo quotes')/", ["\N{SNOWMAN}.wav", os.fsdecode(b"\xff.wav"), "folder.wav"]),
    ("x/", []),
    ("x/y/", ["d.wav"]),
]


@pytest.fixture
def root(tmp_path):
    for within, names in FOLDERS:
        for size, name in enumerate(names, 1):
            if not (within + name).startswith("gone"):
                path = tmp_path / within / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(bytes(size))
    path = tmp_path / FOLDERS[2][0] / "folder.wav"
    path.unlink()
    path.mkdir()
    return str(tmp_path)


def state(path):
    status = Path(path).stat()
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns]


@pytest.mark.parametrize("files_for_two", [1, 100])
def test_states_are_the_systems_and_what_is_no_file_has_none(root, monkeypatch, files_for_two):
    monkeypatch.setattr(file_states, "FILES_FOR_TWO", files_for_two)
    within = f"{root}/{FOLDERS[2][0]}"
    expected = [
        *state(f"{root}/a.wav"),
        *NO_FILE * 3,
        *state(f"{within}\N{SNOWMAN}.wav"),
        *state(within + os.fsdecode(b"\xff.wav")),
        *NO_FILE,
        *state(f"{root}/x/y/d.wav"),
    ]
    assert read_states(root, FOLDERS).tolist() == expected


@pytest.mark.parametrize("first", range(len(FOLDERS)))
def test_two_processes_find_what_one_does_wherever_most_files_lie(root, monkeypatch, first):
    folders = FOLDERS[first:]
    alone = read_states(root, folders)
    monkeypatch.setattr(file_states, "FILES_FOR_TWO", 1)
    assert read_states(root, folders) == alone


# More than a pipe holds: a process that ended is noticed while it is told.
MANY = [*FOLDERS, ("many/", [f"{number}.wav" for number in range(50_000)])]


@pytest.mark.parametrize("folders", [FOLDERS, MANY], ids=["few", "many"])
def test_a_second_process_that_fails_costs_nothing_but_time(root, monkeypatch, folders):
    monkeypatch.setattr(file_states, "FILES_FOR_TWO", 100_000)
    alone = read_states(root, folders)
    monkeypatch.setattr(file_states, "FILES_FOR_TWO", 1)
    monkeypatch.setattr(file_states, "__file__", f"{root}/a.wav")
    assert read_states(root, folders) == alone


def test_a_second_process_that_cannot_start_costs_nothing_but_time(root, monkeypatch):
    alone = read_states(root, FOLDERS)
    monkeypatch.setattr(file_states, "FILES_FOR_TWO", 1)
    monkeypatch.setattr(sys, "executable", f"{root}/none")
    assert read_states(root, FOLDERS) == alone


def test_no_folders_have_no_states(root):
    assert read_states(root, []).tolist() == []
