import os
import shutil
import time
from functools import partial

import numpy as np
import pytest

from workflow_src.common.digests import digest_file
from workflow_src.common.errors import InputError
from workflow_src.common.files import write_npz
from workflow_src.corpus import file_states, recording_digests
from workflow_src.corpus.recording_digests import digest_recordings, no_digests, read_digests
from workflow_src.settings.corpus import DirectoryCorpus

SHARDS = 4
# Speakers 1, 2, 3 and 5: shard 1 has two of them, shard 0 none.
NAMES = [
    "0001_05010700_1_1_ti_0.wav",
    "a/0002_05010700_1_1_ti_0.flac",
    "a/0003_05010700_1_1_ti_0.wav",
    "a/0003_05011300_3_1_ti_0.wav",
    "b/c/0005_05010700_1_1_ti_0.WAV",
]


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "corpus"
    for name in NAMES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"recording {name}")
    return folder


@pytest.fixture
def read(monkeypatch):
    """The names of all files read so far, in any order."""
    read = []

    def digest(path):
        read.append(path.rpartition("/")[2])
        return digest_file(path)

    monkeypatch.setattr(recording_digests, "digest_file", digest)
    return read


@pytest.fixture
def settled(monkeypatch):
    """Files count as settled at once: the clock of this file system ticks faster than the tests."""
    monkeypatch.setattr(recording_digests, "TICK_NS", 0)


def wait_a_tick():
    time.sleep(0.02)


@pytest.fixture
def look(root, read, settled, tmp_path):
    """Look at the recordings once more: (digests, names of the files read for them)."""

    def look(root=root, shards=SHARDS, speakers=None):
        wait_a_tick()
        read.clear()
        found = digest_recordings(
            DirectoryCorpus(root=str(root), speakers=speakers), shards, tmp_path / "records"
        )
        return found, sorted(read)

    return look


def changed_shards(before, after):
    """Return the shards with another digest; the listing's must change with any of them."""
    changed = {i for i in range(SHARDS) if before.shards[i] != after.shards[i]}
    assert (before.listing != after.listing) == bool(changed)
    return changed


def test_what_did_not_change_is_not_read_again(look):
    first, read = look()
    assert read == sorted(name.rpartition("/")[2] for name in NAMES)
    assert look() == (first, [])
    assert len({first.listing, *first.shards}) == SHARDS + 1


def test_a_touch_changes_nothing(root, look):
    first, _ = look()
    wait_a_tick()
    (root / NAMES[0]).touch()
    assert look() == (first, [NAMES[0]])
    assert look() == (first, [])


def add(root):
    (root / "new").mkdir()
    (root / "new/0007_05010700_1_1_ti_0.wav").write_text("new")


def change(root):
    (root / NAMES[3]).write_text("longer than before, whatever it was")


def change_and_set_the_time_back(root):
    """Same size, same time of modification: the time of status change tells."""
    path = root / NAMES[3]
    before = path.stat()
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def rename(root):
    (root / NAMES[3]).rename(root / "0002_05011300_3_1_ti_0.wav")


def swap(root):
    (root / NAMES[2]).rename(root / "x")
    (root / NAMES[3]).rename(root / NAMES[2])
    (root / "x").rename(root / NAMES[3])


@pytest.mark.parametrize(
    ("act", "shards", "read"),
    [
        (add, {3}, ["0007_05010700_1_1_ti_0.wav"]),
        (change, {3}, ["0003_05011300_3_1_ti_0.wav"]),
        (change_and_set_the_time_back, {3}, ["0003_05011300_3_1_ti_0.wav"]),
        (rename, {2, 3}, ["0002_05011300_3_1_ti_0.wav"]),
        (swap, {3}, ["0003_05010700_1_1_ti_0.wav", "0003_05011300_3_1_ti_0.wav"]),
        (lambda root: (root / NAMES[0]).unlink(), {1}, []),
        (lambda root: (root / "b").rename(root / "d"), {1}, ["0005_05010700_1_1_ti_0.WAV"]),
    ],
)
def test_a_change_concerns_the_shards_of_its_speakers(root, look, act, shards, read):
    before, _ = look()
    wait_a_tick()
    act(root)
    after, again = look()
    assert changed_shards(before, after) == shards
    assert again == read
    assert look() == (after, [])


def test_digests_do_not_depend_on_the_place_nor_on_the_order_of_making(root, look, tmp_path):
    first, _ = look()
    for name in reversed(NAMES):
        (tmp_path / "copy" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / name, tmp_path / "copy" / name)
    copied, read = look(root=tmp_path / "copy")
    assert copied == first
    assert len(read) == len(NAMES)
    # Each root has a cache of its own.
    assert look() == (first, [])


def test_a_file_that_was_new_when_it_was_read_is_read_again(root, read, tmp_path, monkeypatch):
    """On a clock that ticks slowly, a second change may leave all times as they were."""
    now = time.time_ns()
    status = (20, now, now)
    monkeypatch.setattr(file_states, "_state", lambda name, descriptor: status)
    digest = partial(
        digest_recordings, DirectoryCorpus(root=str(root)), SHARDS, tmp_path / "records"
    )
    before = digest()
    read.clear()
    (root / NAMES[0]).write_text("another content")
    assert changed_shards(before, digest()) == {1}
    assert len(read) == len(NAMES)
    # Once they were read long after their last change, they are not read any more.
    monkeypatch.setattr(time, "time_ns", lambda: now + 10**10)
    digest()
    read.clear()
    digest()
    assert read == []


def damage_truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


def damage_empty(path):
    path.write_bytes(b"")


def damage_remove(path):
    path.unlink()


def damage_other_arrays(path):
    zero = np.zeros((2, 3), np.uint8)
    write_npz(path, paths=zero[0], states=zero, contents=zero)


@pytest.mark.parametrize(
    "damage", [damage_truncate, damage_empty, damage_remove, damage_other_arrays]
)
def test_a_damaged_cache_is_made_anew(look, tmp_path, damage):
    first, _ = look()
    (cache,) = (tmp_path / "records").glob("*.npz")
    damage(cache)
    again, read = look()
    assert again == first
    assert len(read) == len(NAMES)
    assert look() == (first, [])


def test_no_flipped_bit_in_the_cache_gives_other_digests(look, tmp_path):
    first, _ = look()
    (cache,) = (tmp_path / "records").glob("*.npz")
    whole = cache.read_bytes()
    for place in np.random.default_rng(0).choice(len(whole), 60, replace=False):
        flipped = bytearray(whole)
        flipped[place] ^= 4
        cache.write_bytes(flipped)
        assert look()[0] == first, place


def test_links_are_followed(root, look, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "0006_05010700_1_1_ti_0.wav").write_text("linked folder")
    (root / "folder").symlink_to(outside)
    (root / "folder/loop").symlink_to(root)
    (tmp_path / "file").write_text("linked file")
    (root / "0004_05010700_1_1_ti_0.wav").symlink_to(tmp_path / "file")
    (root / "0004_05011300_3_1_ti_0.wav").symlink_to("nowhere")
    before, read = look()
    assert len(read) == len(NAMES) + 2
    wait_a_tick()
    (tmp_path / "file").write_text("changed behind the link")
    after, _ = look()
    assert changed_shards(before, after) == {0}
    wait_a_tick()
    (root / "nowhere").write_text("the link leads somewhere")
    assert changed_shards(after, look()[0]) == {0}


def test_what_is_no_plain_file_is_never_opened(root, look):
    before, _ = look()
    os.mkfifo(root / "0006_05010700_1_1_ti_0.wav")
    after, read = look()
    assert changed_shards(before, after) == {2}
    assert read == []


@pytest.mark.parametrize("error", [PermissionError, FileNotFoundError])
def test_a_recording_that_cannot_be_read_is_tried_anew(look, tmp_path, monkeypatch, error):
    whole, _ = look()
    shutil.rmtree(tmp_path / "records")
    readable = recording_digests.digest_file

    def fail(path):
        if "0002" in path:
            raise error(path)
        return readable(path)

    monkeypatch.setattr(recording_digests, "digest_file", fail)
    without, _ = look()
    assert changed_shards(whole, without) == {2}
    monkeypatch.setattr(recording_digests, "digest_file", readable)
    assert look() == (whole, ["0002_05010700_1_1_ti_0.flac"])


def test_what_was_read_before_an_interruption_is_kept(look, monkeypatch):
    readable = recording_digests.digest_file

    def interrupted(path):
        if path.endswith(NAMES[3]):
            raise KeyboardInterrupt
        return readable(path)

    monkeypatch.setattr(recording_digests, "FILES_AT_ONCE", 1)
    monkeypatch.setattr(recording_digests, "digest_file", interrupted)
    with pytest.raises(KeyboardInterrupt):
        look()
    monkeypatch.setattr(recording_digests, "digest_file", readable)
    _, read = look()
    assert set(read) == {name.rpartition("/")[2] for name in NAMES[3:]}


def test_recordings_of_speakers_that_are_not_used_are_not_read(root, look):
    before, read = look(speakers=["0002"])
    assert read == ["0002_05010700_1_1_ti_0.flac"]
    change(root)
    assert look(speakers=["0002"]) == (before, [])
    add(root)
    after, read = look(speakers=["0002"])
    # Any new name may be a second file of an utterance, or none at all.
    assert after.listing != before.listing
    assert (after.shards, read) == (before.shards, [])
    _, read = look()
    assert len(read) == len(NAMES)


def test_names_that_are_no_utterance_ids_are_the_listings_to_refuse(root, look):
    before, _ = look()
    for name in ("x.wav", "²²²²_05010700_1_1_ti_0.wav", os.fsdecode(b"\xff.wav")):
        (root / name).write_text("odd")
    after, read = look()
    assert after.listing != before.listing
    assert (after.shards, read) == (before.shards, [])


def test_jobs_read_what_was_found_without_looking(root, look, tmp_path):
    found, _ = look()
    for speakers in (["0002"], ["0003"]):
        look(speakers=speakers)
    shutil.rmtree(root)
    records = tmp_path / "records"
    settings = DirectoryCorpus(root=str(root))
    assert read_digests(settings, SHARDS, records) == found
    assert read_digests(settings, SHARDS + 1, records) == no_digests(SHARDS + 1)
    for path in records.glob("*.json"):
        path.write_text('{"other": 1}')
    assert read_digests(settings, SHARDS, records) == no_digests(SHARDS)


def test_a_place_that_cannot_be_written_ends_in_one_line(root, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is no folder") as error:
        digest_recordings(DirectoryCorpus(root=str(root)), SHARDS, tmp_path / "file/records")
    assert str(error.value).startswith(f"{tmp_path}/file/records/")
