"""Files and folders that appear whole: after failures, beside other writers, after a power cut."""

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.workflow.running import CLONE
from workflow_src.common import whole_files
from workflow_src.common.whole_files import (
    DAY,
    PART,
    folder_written_whole,
    remove_parts,
    sync,
    sync_folder,
    written_whole,
)

# One of two processes that are the same to os.getpid, as in containers: every thread saves and
# loads the templates of one folder.
SERVICE = """
import os, sys, threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from workflow_src.serving import Template

os.getpid = lambda: 7
own = threading.local()
threading.get_native_id = lambda: getattr(own, "number", 0)
template = Template(np.ones(8, np.float32), {}, None, 0, "0" * 64)

def serve(thread):
    own.number = thread
    for turn in range(int(sys.argv[2])):
        path = Path(sys.argv[1], f"{turn % 2}.now")
        template.save(path)
        Template.load(path, template.method)

with ThreadPoolExecutor(4) as pool:
    list(pool.map(serve, range(4)))
"""


@pytest.fixture
def calls(monkeypatch):
    """The syncs and renamings, in their order, with the names of files."""
    made = []

    def watch(name, words):
        original = getattr(whole_files.os, name)

        def call(*arguments):
            made.append((words, *map(told, arguments)))
            return original(*arguments)

        monkeypatch.setattr(whole_files.os, name, call)

    watch("fsync", "sync")
    for name in ("rename", "replace"):
        watch(name, "rename")
    return made


def told(argument):
    """Return the name of a file, which may be open; parts have one name."""
    path = Path(f"/proc/self/fd/{argument}").readlink() if isinstance(argument, int) else argument
    return PART.sub("part", Path(path).name)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")
    with pytest.raises(RuntimeError), written_whole(path) as part:
        part.write_text("half of the ne")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_folder_leaves_the_old_one_and_nothing_else(tmp_path):
    path = tmp_path / "folder"
    for content in ("old", "new"):
        with folder_written_whole(path) as part:
            (part / "file").write_text(content)
    with pytest.raises(RuntimeError), folder_written_whole(path) as part:
        (part / "file").write_text("half of the ne")
        raise RuntimeError
    assert (path / "file").read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_the_longest_name_is_written(tmp_path):
    for name in ("x" * 255, "\u00e4" * 127):
        with written_whole(tmp_path / name) as part:
            part.write_text("whole")
        assert (tmp_path / name).read_text() == "whole"


def test_a_file_has_the_usual_permissions(tmp_path):
    plain = tmp_path / "plain"
    plain.touch()
    with written_whole(tmp_path / "whole"):
        pass
    assert (tmp_path / "whole").stat().st_mode == plain.stat().st_mode


def test_writers_in_two_containers_do_not_disturb_each_other(tmp_path):
    command = [sys.executable, "-c", SERVICE, str(tmp_path), "40"]
    environment = os.environ | {"PYTHONPATH": str(CLONE)}
    pipe = subprocess.PIPE
    services = [
        subprocess.Popen(command, env=environment, stderr=pipe, text=True) for _ in range(2)
    ]
    assert [(service.communicate()[1], service.returncode) for service in services] == [("", 0)] * 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.now", "1.now"]


def test_the_part_of_another_writer_is_never_taken(tmp_path, monkeypatch):
    names = iter(["0" * 16, "1" * 16])
    monkeypatch.setattr(whole_files.secrets, "token_hex", lambda size: next(names))
    theirs = tmp_path / f".{'0' * 16}.part"
    theirs.write_text("theirs")
    with written_whole(tmp_path / "x") as part:
        part.write_text("mine")
    assert theirs.read_text() == "theirs"
    assert (tmp_path / "x").read_text() == "mine"


def test_what_a_killed_writer_left_goes_a_day_later(tmp_path):
    old, new, other = (
        tmp_path / name for name in (f".{'0' * 16}.part", f".{'1' * 16}.part", "x.part")
    )
    for path in (old, new, other):
        path.write_text("half of the ne")
    for path in (old, other):
        os.utime(path, (time.time() - DAY - 10,) * 2)
    for _ in range(2):
        with written_whole(tmp_path / "whole"):
            pass
    assert sorted(tmp_path.iterdir()) == [new, tmp_path / "whole", other]
    remove_parts(tmp_path.parent)
    assert sorted(tmp_path.iterdir()) == [tmp_path / "whole", other]


def test_a_file_is_on_the_disk_before_its_name_and_its_name_before_the_writer_goes_on(
    tmp_path, calls
):
    with written_whole(tmp_path / "new" / "folder" / "file"):
        pass
    assert calls == [
        ("sync", tmp_path.name),
        ("sync", "new"),
        ("sync", "part"),
        ("rename", "part", "file"),
        ("sync", "folder"),
    ]


def test_a_folder_is_on_the_disk_with_all_that_is_in_it_before_its_name(tmp_path, calls):
    for _ in range(2):
        calls.clear()
        with folder_written_whole(tmp_path / "folder") as part:
            (part / "inner").mkdir()
            for name in ("one", "inner/two"):
                (part / name).write_text(name)
    renamed = [call for call in calls if call[0] == "rename"]
    assert renamed == [("rename", "folder", "part"), ("rename", "part", "folder")]
    first = calls.index(renamed[0])
    assert sorted(name for _, name in calls[:first]) == ["inner", "one", "part", "two"]
    assert calls[-1] == ("sync", tmp_path.name)


def test_a_disk_that_cannot_sync_is_none_the_worse_but_one_that_fails_is_told(
    tmp_path, monkeypatch
):
    def fail(number):
        def fsync(file):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(whole_files.os, "fsync", fsync)

    fail(errno.EINVAL)
    with written_whole(tmp_path / "file") as part:
        part.write_text("whole")
    sync_folder(tmp_path)
    fail(errno.EIO)
    with (
        pytest.raises(OSError, match="error") as told_error,
        written_whole(tmp_path / "file") as part,
    ):
        part.write_text("lost")
    assert told_error.value.filename == str(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "whole"
    with pytest.raises(OSError, match="error"):
        sync(tmp_path)
