import contextlib
import errno
import hashlib
import io
import json
import os
import random
import resource
import socket
import stat
import subprocess
import sys
import tarfile
import threading
import time
import warnings
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.launching import launch
from workflow_src.common.errors import InputError
from workflow_src.corpus import downloads
from workflow_src.corpus.archives import MARKER, extract_archive
from workflow_src.corpus.downloads import Download
from workflow_src.corpus.fetch_corpus import fetch_corpus
from workflow_src.settings.corpus import Archive
from workflow_src.settings.schema import validate_config

NOISE = random.Random(1).randbytes(400_000)
SMALL = {"wav/0001/a.wav": b"RIFF a", "wav/0002/b.wav": NOISE[:20_000]}
FILES = {"wav/0001/a.wav": b"RIFF a", "wav/0002/b.wav": NOISE}


class Served:
    """A file of the server, how the server fails, and what was asked of it."""

    def __init__(self, content):
        self.content = content
        self.tag = '"1"'
        self.ranges = True
        self.if_range = True
        self.terse = False  # a part comes without the tag
        self.breaks_after = []  # for each coming request, bytes of the body after which it ends
        self.status = []  # answers of the coming requests, before any is served
        self.most = None  # bytes of a part, at most
        self.total = None  # what a part calls the size of the file
        self.raw = None  # an answer that is no good, piece by piece if `drips`
        self.drips = False
        self.asked = []
        self.sent = 0


class Slow(list):
    """Bytes: a head that is sent at once, and a body that drips."""

    def __init__(self, head, body):
        super().__init__([head, *(bytes([byte]) for byte in body)])


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        served = self.server.files.get(self.path)
        if served is None:
            self.send_error(404)
            return
        served.asked.append(dict(self.headers))
        if served.status:
            self.send_error(served.status.pop(0))
            return
        if served.raw is not None:
            with contextlib.suppress(OSError):
                for piece in served.raw if served.drips else [served.raw]:
                    self.wfile.write(piece)
                    time.sleep(0.02 * served.drips)
            self.close_connection = True
            return
        start = 0
        asked = self.headers.get("Range")
        same = self.headers.get("If-Range") == served.tag or not served.if_range
        if asked and served.ranges and same:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(served.content):
                self.send_error(416)
                return
            self.send_response(206)
            end = min(len(served.content), start + (served.most or len(served.content))) - 1
            total = served.total or len(served.content)
            self.send_header("Content-Range", f"bytes {start}-{end}/{total}")
        else:
            self.send_response(200)
            end = len(served.content) - 1
        body = served.content[start : end + 1]
        self.send_header("Content-Length", str(len(body)))
        if served.tag and not (start and served.terse):
            self.send_header("ETag", served.tag)
        self.end_headers()
        if served.breaks_after:
            body = body[: served.breaks_after.pop(0)]
        served.sent += len(body)
        self.wfile.write(body)
        self.close_connection = True

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(downloads, "PAUSE", 0)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.files = {}
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def serve(server, name, content):
    """Serve a file; return it and the entry of the settings that asks for it."""
    served = server.files[f"/{name}"] = Served(content)
    url = f"http://127.0.0.1:{server.server_port}/{name}"
    return served, Archive(url=url, sha256=hashlib.sha256(content).hexdigest())


def make_tar(members, mode="w:gz"):
    """Make a tar archive of names to contents, or of whole headers."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, content in members.items() if isinstance(members, dict) else members:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def make_zip(members):
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.filterwarnings("ignore", "Duplicate name")
        for name, content in members.items() if isinstance(members, dict) else members:
            archive.writestr(name, content)
    return out.getvalue()


def files_below(root):
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and path.name != MARKER
    }


def left(tmp_path):
    return sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("a.tar", lambda files: make_tar(files, "w")),
        ("a.tar.gz", make_tar),
        ("a.tgz", make_tar),
        ("a.tar.bz2", lambda files: make_tar(files, "w:bz2")),
        ("A.TAR.XZ", lambda files: make_tar(files, "w:xz")),
        ("a.zip", make_zip),
    ],
)
def test_every_format(server, tmp_path, name, make):
    _, archive = serve(server, name, make(SMALL))
    assert fetch_corpus(tmp_path / "below/corpus", [archive])
    assert files_below(tmp_path / "below/corpus") == SMALL
    assert [path.name for path in (tmp_path / "below").iterdir()] == ["corpus"]


def test_many_archives_make_one_folder_once(server, tmp_path):
    one, first = serve(server, "x/part.zip", make_zip({"wav/a.wav": b"a", "./same": b"s"}))
    _, second = serve(server, "y/part.zip", make_zip({"wav/b.wav": b"b", "same": b"s"}))
    (tmp_path / "corpus").mkdir()
    assert fetch_corpus(tmp_path / "corpus", [first, second])
    assert files_below(tmp_path / "corpus") == {"wav/a.wav": b"a", "wav/b.wav": b"b", "same": b"s"}
    assert not fetch_corpus(tmp_path / "corpus", [second, first])
    assert len(one.asked) == 1
    with pytest.raises(InputError, match="was made from other archives"):
        fetch_corpus(tmp_path / "corpus", [first])
    assert files_below(tmp_path / "corpus")["wav/b.wav"] == b"b"


@pytest.mark.parametrize("name", ["mine.wav", ".hidden"])
def test_a_folder_of_the_user_is_left_alone(server, tmp_path, name):
    served, archive = serve(server, "a.zip", make_zip(FILES))
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / name).write_bytes(b"mine")
    with pytest.raises(InputError, match="is not empty and was not made by fetch_corpus"):
        fetch_corpus(tmp_path / "corpus", [archive])
    assert served.asked == []
    assert left(tmp_path) == ["corpus", f"corpus/{name}"]
    with pytest.raises(InputError, match="is no folder"):
        fetch_corpus(tmp_path / "corpus" / name, [archive])


@pytest.mark.parametrize("terse", [True, False])
def test_a_broken_connection_goes_on_where_it_broke(server, tmp_path, terse):
    served, archive = serve(server, "a.tar.gz", make_tar(FILES))
    served.terse = terse
    served.breaks_after = [150_000, 100_000]
    fetch_corpus(tmp_path / "corpus", [archive])
    assert files_below(tmp_path / "corpus") == FILES
    assert [asked.get("Range") for asked in served.asked] == [
        None, "bytes=150000-", "bytes=250000-",
    ]  # fmt: skip
    assert served.asked[1]["If-Range"] == '"1"'
    assert served.sent == len(served.content)


@pytest.mark.parametrize("total", [None, "*"])
def test_a_part_that_is_less_than_asked_for_goes_on(server, tmp_path, total, monkeypatch):
    monkeypatch.setattr(downloads, "FRUITLESS_TRIES", 2)
    served, archive = serve(server, "a.tar.gz", make_tar(FILES))
    served.breaks_after = [100_000]
    served.most, served.total = 40_000, total
    fetch_corpus(tmp_path / "corpus", [archive])
    assert files_below(tmp_path / "corpus") == FILES
    assert served.sent == len(served.content)
    assert len(served.asked) == 2 + (len(served.content) - 100_001) // 40_000


LONG = b"9" * 5000


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"HTTP/1.0 302 Found\r\nLocation: http://localhost:abc/a.zip\r\n\r\n", "no http or https"),
        (b"HTTP/1.0 302 Found\r\nLocation: http://localhost:99999/\r\n\r\n", "no http or https"),
        (b"HTTP/1.0 302 Found\r\nLocation: http://[::1/a.zip\r\n\r\n", "no http or https"),
        (b"HTTP/1.0 302 Found\r\nLocation: ftp://localhost/a.zip\r\n\r\n", "no http or https"),
        (b"HTTP/1.0 302 Found\r\nLocation: file:///etc/hosts\r\n\r\n", "answered 302"),
        (b"HTTP/1.0 302 \x1b[31mred\x07\r\nLocation: /\x1b[0m\r\n\r\n", "server"),
        (b"HTTP/1.0 404 \x1b]0;title\x07\r\n\r\n", r"answered 404 \\x1b]0;title\\x07"),
        (b"HTTP/1.0 " + LONG + b" OK\r\n\r\n", "no connection"),
        (b"\x1b[2J\r\n\r\n", r"no connection"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: " + LONG + b"\r\n\r\nabc", "is not the archive"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: -5\r\n\r\nabc", "is not the archive"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 3x\r\n\r\nabc", "is not the archive"),
        (b"HTTP/1.0 206 OK\r\nContent-Range: bytes x-y/z\r\n\r\nabc", "another part than"),
        (b"HTTP/1.0 206 OK\r\nContent-Range: bytes 0-2/" + LONG + b"\r\n\r\nabc", "another part"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nabc", "connection broke at"),
        (b'HTTP/1.0 200 OK\r\nETag: "a\r\n b"\r\nContent-Length: 9\r\n\r\nabc', "broke at 3"),
    ],
    ids=range(16),
)
def test_an_answer_that_makes_no_sense_ends_in_a_line(server, tmp_path, capsys, raw, says):
    served, archive = serve(server, "a.zip", make_zip(SMALL))
    served.raw = raw
    with pytest.raises(InputError, match=says) as caught:
        fetch_corpus(tmp_path / "corpus", [archive])
    assert str(caught.value).startswith(archive.url)
    assert str(caught.value).isprintable() and len(str(caught.value)) < 500
    assert capsys.readouterr().out.replace("\n", "").isprintable()
    served.raw = None
    fetch_corpus(tmp_path / "corpus", [archive])
    assert files_below(tmp_path / "corpus") == SMALL


@pytest.mark.parametrize(
    ("head", "says"),
    [
        (b"", r"no answer in 0\.2 s"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 500\r\n\r\n", "the server is too slow: "),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "broke at 0 bytes"),
    ],
)
def test_a_server_that_sends_a_byte_now_and_then_is_given_up(
    server, tmp_path, monkeypatch, head, says
):
    monkeypatch.setattr(downloads, "PATIENCE", 0.2)
    monkeypatch.setattr(downloads, "FRUITLESS_TRIES", 2)
    served, archive = serve(server, "a.zip", make_zip(SMALL))
    served.raw, served.drips = Slow(head, b"0" * 60), True
    # On a busy machine, no byte may come in time.
    with pytest.raises(InputError, match=rf"({says}|no answer in 0\.2 s).*given up after 2 tries"):
        fetch_corpus(tmp_path / "corpus", [archive])


@pytest.mark.parametrize(
    ("content", "file"),
    [(NOISE, "corpus.archives/*.part"), (bytes(400_000), "*/.extracting/a.wav")],
)
def test_a_full_disk_is_told_with_the_file(server, tmp_path, content, file):
    _, archive = serve(server, "a.zip", make_zip({"a.wav": content}))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, hard))
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            fetch_corpus(tmp_path / "corpus", [archive])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert Path(caught.value.filename).match(file)
    fetch_corpus(tmp_path / "corpus", [archive])
    assert files_below(tmp_path / "corpus") == {"a.wav": content}


def test_a_place_that_cannot_be_replaced_is_refused_before_the_download(
    server, tmp_path, monkeypatch
):
    served, archive = serve(server, "a.zip", make_zip(SMALL))
    root = tmp_path / "corpus"
    root.mkdir()
    rename = Path.rename

    def busy(self, target):
        if Path(target) == root:
            raise OSError(errno.EBUSY, "Device or resource busy", str(self))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", busy)
    with pytest.raises(InputError, match=r"corpus: cannot be replaced .*busy.*a folder below it"):
        fetch_corpus(root, [archive])
    assert served.asked == []
    assert left(tmp_path) == ["corpus"]


def test_a_later_run_goes_on(server, tmp_path):
    served, archive = serve(server, "a.tar.gz", make_tar(FILES))
    served.breaks_after = [100_000, *[0] * 10]
    with pytest.raises(InputError, match=r"given up after 5 tries. 100,000 bytes are kept"):
        fetch_corpus(tmp_path / "corpus", [archive])
    assert len(served.asked) == 5
    served.breaks_after = []
    fetch_corpus(tmp_path / "corpus", [archive])
    assert served.sent == len(served.content)
    assert files_below(tmp_path / "corpus") == FILES


def test_a_try_that_gets_further_is_not_counted(server, tmp_path, monkeypatch):
    monkeypatch.setattr(downloads, "FRUIT", 20_000)
    served, archive = serve(server, "a.tar.gz", make_tar(FILES))
    served.breaks_after = [20_000] * 15
    fetch_corpus(tmp_path / "corpus", [archive])
    assert len(served.asked) == 16
    assert served.sent == len(served.content)


def test_a_server_that_always_breaks_anew_is_given_up(server, tmp_path):
    served, archive = serve(server, "a.tar.gz", make_tar(FILES))
    served.ranges = False
    served.breaks_after = [150_000] * 20
    with pytest.raises(InputError, match="the connection broke at 150,000 of"):
        fetch_corpus(tmp_path / "corpus", [archive])
    assert len(served.asked) == 5
    assert not (tmp_path / "corpus").exists()


@pytest.mark.parametrize("tag", ['"1"', 'W/"1"', ""])
def test_a_server_without_ranges_or_strong_tags_starts_anew(server, tmp_path, tag):
    served, archive = serve(server, "a.tar.gz", make_tar(FILES))
    served.ranges, served.tag = False, tag
    served.breaks_after = [150_000]
    fetch_corpus(tmp_path / "corpus", [archive])
    assert files_below(tmp_path / "corpus") == FILES
    assert ("Range" in served.asked[1]) == (tag == '"1"')


@pytest.mark.parametrize("if_range", [True, False])
def test_a_file_that_changes_between_tries_starts_anew(server, tmp_path, if_range):
    served, archive = serve(server, "a.tar.gz", make_tar(FILES))
    whole = served.content
    served.content, served.tag = b"older" * 50_000, '"0"'
    served.if_range = if_range
    served.breaks_after = [150_000, *[0] * 10]
    with pytest.raises(InputError, match="given up"):
        fetch_corpus(tmp_path / "corpus", [archive])
    served.content, served.tag, served.breaks_after = whole, '"1"', []
    fetch_corpus(tmp_path / "corpus", [archive])
    assert files_below(tmp_path / "corpus") == FILES


def test_a_part_that_is_too_long_starts_anew(server, tmp_path):
    served, archive = serve(server, "a.tar.gz", make_tar(FILES))
    download = Download(archive, tmp_path / "corpus.archives")
    download.folder.mkdir()
    download.part.write_bytes(served.content + b"more")
    download.state.write_text(json.dumps({"url": archive.url, "validator": served.tag}))
    fetch_corpus(tmp_path / "corpus", [archive])
    assert files_below(tmp_path / "corpus") == FILES


def test_a_part_that_lost_bytes_in_a_power_cut_is_downloaded_again(server, tmp_path):
    served, archive = serve(server, "a.tar.gz", make_tar(FILES))
    download = Download(archive, tmp_path / "corpus.archives")
    download.folder.mkdir()
    download.part.write_bytes(served.content[:1000] + bytes(1000))
    download.state.write_text(json.dumps({"url": archive.url, "validator": served.tag}))
    fetch_corpus(tmp_path / "corpus", [archive])
    assert files_below(tmp_path / "corpus") == FILES


def test_the_recordings_are_on_the_disk_before_the_archives_go(server, tmp_path, monkeypatch):
    _, archive = serve(server, "a.tar.gz", make_tar(FILES))
    download = Download(archive, tmp_path / "corpus.archives")
    synced, fsync = {}, os.fsync

    def watch(file):
        synced[os.fstat(file).st_ino] = download.complete.exists()
        fsync(file)

    monkeypatch.setattr(os, "fsync", watch)
    fetch_corpus(tmp_path / "corpus", [archive])
    made = [tmp_path, tmp_path / "corpus", *(tmp_path / "corpus").rglob("*")]
    assert all(synced.get(path.stat().st_ino) for path in made)


def test_a_busy_server_is_asked_again(server, tmp_path):
    served, archive = serve(server, "a.tar.gz", make_tar(FILES))
    served.status = [503, 429, 500]
    fetch_corpus(tmp_path / "corpus", [archive])
    assert len(served.asked) == 4


def test_a_wrong_digest_is_refused_and_removed(server, tmp_path):
    served, archive = serve(server, "a.tar.gz", make_tar(FILES))
    wrong = Archive(url=archive.url, sha256="AB" * 32)
    with pytest.raises(InputError) as error:
        fetch_corpus(tmp_path / "corpus", [wrong])
    for part in (archive.url, f"expected sha256 {'ab' * 32}", f"got {archive.sha256}"):
        assert part in str(error.value)
    assert "\n" not in str(error.value)
    assert left(tmp_path) == ["corpus.archives"]
    fetch_corpus(tmp_path / "corpus", [archive])
    assert len(served.asked) == 2


def test_verified_archives_are_kept_until_all_is_extracted(server, tmp_path):
    first, good = serve(server, "a.tar.gz", make_tar(FILES))
    _, hostile = serve(server, "b.tar.gz", make_tar({"../b.wav": b"b"}))
    for _ in range(2):
        with pytest.raises(InputError, match="leads upwards"):
            fetch_corpus(tmp_path / "corpus", [good, hostile])
    assert len(first.asked) == 1
    names = {path.name.partition("-")[2] for path in (tmp_path / "corpus.archives").iterdir()}
    assert names == {"a.tar.gz", "b.tar.gz"}
    damaged = Download(good, tmp_path / "corpus.archives").complete
    damaged.write_bytes(b"damaged meanwhile")
    fetch_corpus(tmp_path / "corpus", [good])
    assert files_below(tmp_path / "corpus") == FILES


def test_an_interrupted_extraction_starts_again(server, tmp_path):
    _, archive = serve(server, "a.tar.gz", make_tar(FILES))
    stale = tmp_path / "corpus.archives/.extracting/wav"
    stale.mkdir(parents=True)
    (stale / "half.wav").write_bytes(b"half")
    fetch_corpus(tmp_path / "corpus", [archive])
    assert files_below(tmp_path / "corpus") == FILES


def link(name, kind, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def zipped(name, kind):
    info = zipfile.ZipInfo(name)
    info.external_attr = (kind | 0o644) << 16
    return info


HOSTILE = [
    ([("../out.wav", b"x")], "its path leads upwards"),
    ([("wav/../../out.wav", b"x")], "its path leads upwards"),
    ([("/tmp/out.wav", b"x")], "its path is absolute"),
    ([("wav\\..\\out.wav", b"x")], "its path holds a backslash"),
    ([(".fetched.json", b"{}")], "is kept for the record"),
    ([("./.FETCHED.json/x", b"{}")], "is kept for the record"),
    ([("a.wav", b"one"), ("./a.wav", b"two")], "twice, with different content"),
    ([("a.wav", NOISE), ("a.wav", NOISE[:-1])], "twice, with different content"),
    ([("a.wav", NOISE[:-1]), ("a.wav", NOISE)], "twice, with different content"),
    ([("a", b"one"), ("a/b.wav", b"two")], "lies in a folder that is a file"),
    ([("a", b"one"), ("a/b/c.wav", b"two")], "lies in a folder that is a file"),
    ([("a/b.wav", b"one"), ("a", b"two")], "is a file here, and a folder elsewhere"),
]
HOSTILE_TAR = [
    ([(link("out", tarfile.SYMTYPE, "/etc"), b""), ("out/x", b"x")], "is a symbolic link"),
    ([(link("out", tarfile.SYMTYPE, "a.wav"), b"")], "is a symbolic link"),
    ([("a", b"a"), (link("out", tarfile.LNKTYPE, "a"), b"")], "is a hard link"),
    ([(link("null", tarfile.CHRTYPE), b"")], "is a device"),
    ([(link("disk", tarfile.BLKTYPE), b"")], "is a device"),
    ([(link("pipe", tarfile.FIFOTYPE), b"")], "is a pipe"),
    ([(link("odd", b"V"), b"")], "is of no known kind"),
    ([("caf\udce9.wav", b"x")], "its name is not UTF-8"),
    ([(link("../up", tarfile.DIRTYPE), b"")], "its path leads upwards"),
]
HOSTILE_ZIP = [
    ([(zipped("out", stat.S_IFLNK), b"/etc")], "is a symbolic link"),
    ([(zipped("null", stat.S_IFCHR), b"")], "is a device or pipe"),
    ([("../", b"")], "its path leads upwards"),
]


def hostile_cases():
    for members, message in HOSTILE:
        yield "a.tar.gz", make_tar(members), message
        yield "a.zip", make_zip(members), message
    for members, message in HOSTILE_TAR:
        yield "a.tar", make_tar(members, "w"), message
    for members, message in HOSTILE_ZIP:
        yield "a.zip", make_zip(members), message
    # Python's writers cut a name at its NUL.
    whole = make_zip({"a.wav_x": b"x"}).replace(b"a.wav_x", b"a.wav\0x")
    yield "a.zip", whole, "its name holds a NUL"
    info = tarfile.TarInfo("a.wav")
    info.pax_headers = {"path": "a.wav\0../x"}
    yield "a.tar", make_tar([(info, b"x")], "w"), "its name holds a NUL"


# Named without their content, in which the time of collection stands: workers must agree.
@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        pytest.param(*case, id=f"{number}-{case[0]}-{case[2]}")
        for number, case in enumerate(hostile_cases())
    ],
)
def test_hostile_members(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    (tmp_path / "target").mkdir()
    with pytest.raises(InputError, match=message) as error:
        extract_archive(tmp_path / name, tmp_path / "target", f"http://host/{name}")
    assert str(error.value).startswith(f"http://host/{name}: member '")
    assert "\n" not in str(error.value)
    assert {path.name for path in tmp_path.iterdir()} == {name, "target"}
    assert not any(path.is_symlink() for path in tmp_path.rglob("*"))


def test_duplicates_that_are_equal_are_fine(tmp_path):
    (tmp_path / "a.tar").write_bytes(make_tar([("a", NOISE), ("./a", NOISE), ("b//c", b"")], "w"))
    (tmp_path / "target").mkdir()
    extract_archive(tmp_path / "a.tar", tmp_path / "target", "http://host/a.tar")
    assert files_below(tmp_path / "target") == {"a": NOISE, "b/c": b""}


def test_permissions_and_owners_are_not_extracted(tmp_path):
    info = tarfile.TarInfo("a")
    info.mode, info.uid = 0o4000, 0
    (tmp_path / "a.tar").write_bytes(make_tar([(info, b"a")], "w"))
    (tmp_path / "target").mkdir()
    extract_archive(tmp_path / "a.tar", tmp_path / "target", "http://host/a.tar")
    mode = (tmp_path / "target/a").stat().st_mode
    assert mode & 0o400
    assert not mode & (stat.S_ISUID | stat.S_IXUSR)


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tar.bz2", "a.tar.xz", "a.zip"])
@pytest.mark.parametrize("damage", ["cut", "noise", "empty", "flipped"])
def test_damaged_archives(tmp_path, name, damage):
    mode = {"a.tar.gz": "w:gz", "a.tar.bz2": "w:bz2", "a.tar.xz": "w:xz"}.get(name, "w")
    whole = make_zip(SMALL) if name == "a.zip" else make_tar(SMALL, mode)
    # A plain tar has checksums of its headers only: hit the second one.
    place = 1024 if name == "a.tar" else len(whole) // 2
    content = {
        "cut": whole[: len(whole) // 2],
        "noise": NOISE[:5000],
        "empty": b"",
        "flipped": whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :],
    }[damage]
    (tmp_path / name).write_bytes(content)
    (tmp_path / "target").mkdir()
    with pytest.raises(InputError, match="is damaged, or no"):
        extract_archive(tmp_path / name, tmp_path / "target", f"http://host/{name}")


def test_an_encrypted_zip_is_refused(tmp_path):
    content = bytearray(make_zip({"a.wav": b"a"}))
    content[6] |= 1
    content[content.index(b"PK\1\2") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(content)
    (tmp_path / "target").mkdir()
    with pytest.raises(InputError, match=r"member 'a.wav': .*encrypted"):
        extract_archive(tmp_path / "a.zip", tmp_path / "target", "http://host/a.zip")


SHA = "0" * 64


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([{"url": "ftp://host/a.zip", "sha256": SHA}], "no http or https URL"),
        ([{"url": "file:///etc/a.zip", "sha256": SHA}], "no http or https URL"),
        ([{"url": "https:///a.zip", "sha256": SHA}], "no http or https URL"),
        ([{"url": "https://host/a b.zip", "sha256": SHA}], "no http or https URL"),
        ([{"url": "https://host/a.zip\nHost: x", "sha256": SHA}], "no http or https URL"),
        ([{"url": "https://host:x/a.zip", "sha256": SHA}], "no http or https URL"),
        ([{"url": "https://me:secret@host/a.zip", "sha256": SHA}], "holds a user name"),
        ([{"url": "https://host/a.rar", "sha256": SHA}], r"ends in none of: .tar, .tar.gz"),
        ([{"url": "https://host/?a.zip", "sha256": SHA}], "ends in none of"),
        ([{"url": "https://host/a.zip", "sha256": "0" * 63}], "archives.0.sha256"),
        ([{"url": "https://host/a.zip", "sha256": SHA + "\n"}], "archives.0.sha256"),
        ([{"url": "https://host/a.zip"}], "archives.0.sha256"),
        ([{"url": "https://host/a.zip", "sha256": SHA, "md5": "x"}], "unknown key"),
        (
            [{"url": f"https://host/{name}.zip", "sha256": SHA} for name in "ab"],
            r"archives \(sha256\) lists a value twice",
        ),
    ],
)
def test_settings_that_are_refused(entries, message):
    with pytest.raises(InputError, match=message) as error:
        validate_config({"corpus": {"directory": {"archives": entries}}})
    assert "secret" not in str(error.value)


def arguments(tmp_path, archives, root="corpus"):
    settings = json.dumps({"archives": [archive.model_dump() for archive in archives]})
    where = str(tmp_path / root) if root else ""
    record = str(tmp_path / "fetched.json")
    return ["--root", where, "--settings", settings, "--record", record]


def test_step(server, tmp_path, capsys):
    _, archive = serve(server, "a.tar.gz", make_tar(SMALL))
    for said in ("corpus: complete", "corpus: made of these archives before"):
        launch("corpus.fetch_corpus", *arguments(tmp_path, [archive]))
        assert said in capsys.readouterr().out
    record = json.loads((tmp_path / "fetched.json").read_text())
    assert record == {"archives": [{"url": archive.url, "sha256": archive.sha256}]}
    assert json.loads((tmp_path / "corpus" / MARKER).read_text()) == record


def test_a_missing_file_ends_in_one_line(server, tmp_path):
    missing = Archive(url=f"http://127.0.0.1:{server.server_port}/none.zip", sha256=SHA)
    command = [sys.executable, "-m", "workflow_src.run", "corpus.fetch_corpus"]
    command += arguments(tmp_path, [missing])
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == f"error: {missing.url}: the server answered 404 Not Found\n"
    assert not (tmp_path / "fetched.json").exists()


def test_no_connection_ends_in_one_line(server, tmp_path, monkeypatch):
    monkeypatch.setattr(downloads, "FRUITLESS_TRIES", 2)
    # Bound but not listening: nobody else takes the port, and nobody answers.
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/a.zip"
        with pytest.raises(InputError, match=r"no connection \(.*refused\); given up after 2"):
            fetch_corpus(tmp_path / "corpus", [Archive(url=url, sha256=SHA)])


@pytest.mark.parametrize(
    ("root", "archives", "message"),
    [
        ("", [Archive(url="https://host/a.zip", sha256=SHA)], "corpus.directory.root must name"),
        ("corpus", [], "corpus.directory.archives lists nothing"),
    ],
)
def test_nothing_to_fetch(tmp_path, root, archives, message):
    with pytest.raises(InputError, match=message):
        launch("corpus.fetch_corpus", *arguments(tmp_path, archives, root))
