import os
import time

import pytest

from workflow_src.common.errors import InputError
from workflow_src.running import given_files
from workflow_src.running.given_files import GivenFiles, check_given

LONG_AGO = time.time() - 1000


@pytest.fixture
def given(tmp_path):
    path = tmp_path / "given"
    path.write_text("one")
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def digest(given, folder):
    return GivenFiles(folder / "cache.json").digest([str(given)])[0]


def test_other_content_of_the_same_size_and_time_is_noticed(given, tmp_path):
    before = digest(given, tmp_path)
    given.write_text("two")
    os.utime(given, (LONG_AGO, LONG_AGO))
    assert digest(given, tmp_path) != before


def test_another_time_alone_changes_nothing(given, tmp_path):
    before = digest(given, tmp_path)
    os.utime(given, (0, 0))
    assert digest(given, tmp_path) == before


def test_an_unchanged_file_is_read_once(given, tmp_path, monkeypatch):
    monkeypatch.setattr(given_files, "TICK_NS", 0)
    before = digest(given, tmp_path)
    monkeypatch.setattr(given_files, "digest_file", None)
    assert digest(given, tmp_path) == before


def test_a_damaged_cache_and_a_missing_file_end_nothing(given, tmp_path):
    before = digest(given, tmp_path)
    (tmp_path / "cache.json").write_text("[{")
    assert digest(given, tmp_path) == before
    given.unlink()
    assert digest(given, tmp_path) == ""


def test_the_cache_is_written_once_for_many_files(tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(given_files, "TICK_NS", 0)
    monkeypatch.setattr(given_files, "write_json", lambda content, path: written.append(content))
    files = [str(tmp_path / f"{number}") for number in range(50)]
    for file in files:
        (tmp_path / file).write_text(file)
    assert len(set(GivenFiles(tmp_path / "cache.json").digest(files))) == 50
    assert [sorted(content) for content in written] == [sorted(files)]


def test_a_missing_file_is_told_with_the_setting(tmp_path):
    with pytest.raises(InputError, match=r"none: there is no such file; extractor\.model names it"):
        check_given(f"{tmp_path}/none", "extractor.model")
