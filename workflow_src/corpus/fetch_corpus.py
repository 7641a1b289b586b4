"""Download the archives of a corpus, verify them, and extract them into one folder.

Every archive is verified by its sha256 before any is opened. A download that broke goes on where
it stopped, in this run or a later one. Downloads lie in <root>.archives until the folder appears,
whole; then they are removed. A folder that this step did not make is left alone.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import shutil
import ssl
import stat
import struct
import tarfile
import time
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from lzma import LZMAError
from pathlib import Path
from typing import IO, Any, NamedTuple
from urllib.parse import unquote, urlsplit

from workflow_src.common.digests import digest_file
from workflow_src.common.errors import InputError
from workflow_src.common.files import read_json, write_json
from workflow_src.running.arguments import Output
from workflow_src.running.progress import show_progress
from workflow_src.settings.corpus import Archive, DirectoryCorpus, archive_format

MARKER = ".fetched.json"
TIMEOUT = 60.0
"""Seconds without a byte after which a connection counts as broken."""
FRUITLESS_TRIES = 5
FRUIT = 1 << 20
"""A try that got the file this many bytes further than ever before is not fruitless."""
PAUSE = 1.0
"""Seconds before the second try; each fruitless try doubles them."""
BLOCK = 1 << 18
SECONDS_BETWEEN_LINES = 10.0
DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    LZMAError,
    EOFError,
    struct.error,
    ValueError,
)


class BrokenDownloadError(Exception):
    """A download that may succeed when tried again; the message says what broke."""


class UnsafeMemberError(Exception):
    """A member that must not be extracted; the message says why."""


class Member(NamedTuple):
    """A file or folder of an archive.

    Attributes
    ----------
    name
        As the archive has it.
    kind
        ``file``, ``folder``, or in words what it is instead.
    handle
        What the archive's reader opens it by.
    """

    name: str
    kind: str
    handle: Any


@dataclass(frozen=True)
class Download:
    """Where an archive is kept.

    Attributes
    ----------
    archive
        Its URL and digest.
    folder
        The folder of downloads.
    """

    archive: Archive
    folder: Path

    @property
    def complete(self) -> Path:
        """The verified archive. Its name begins with its digest: two may be called the same."""
        base = unquote(urlsplit(self.archive.url).path).rpartition("/")[2]
        base = re.sub(r"[^\w.-]", "_", base, flags=re.ASCII)[-100:]
        return self.folder / f"{self.archive.sha256[:12]}-{base}"

    @property
    def part(self) -> Path:
        """What there is of it so far."""
        return self.complete.with_name(f"{self.complete.name}.part")

    @property
    def state(self) -> Path:
        """Of which version of the file on the server the part is."""
        return self.complete.with_name(f"{self.complete.name}.part.json")

    def discard(self) -> None:
        """Remove what there is so far."""
        self.state.unlink(missing_ok=True)
        self.part.unlink(missing_ok=True)


def fetch_corpus(root: str | Path, archives: Sequence[Archive]) -> bool:
    """Make a folder from archives: download, verify, extract.

    Parameters
    ----------
    root
        The folder to make; it may exist when it is empty.
    archives
        URLs and digests, in the order of extraction.

    Returns
    -------
    bool
        False where the folder was made from the same archives before.

    Raises
    ------
    InputError
        The folder holds something else, an archive cannot be had, is not the one that was
        asked for, or holds a member that must not be extracted.
    """
    root = Path(root).resolve()
    downloads = [Download(archive, root.with_name(f"{root.name}.archives")) for archive in archives]
    fetched = _is_fetched(root, archives)
    if not fetched:
        folder = downloads[0].folder
        folder.mkdir(parents=True, exist_ok=True)
        for download in downloads:
            fetch_archive(download)
        # On the same file system as the root, so that the folder appears by one renaming.
        extracted = folder / ".extracting"
        if extracted.exists():
            shutil.rmtree(extracted)
        extracted.mkdir()
        try:
            for download in downloads:
                extract_archive(download.complete, extracted, download.archive.url)
            write_json(_describe(archives), extracted / MARKER)
            extracted.rename(root)
        finally:
            shutil.rmtree(extracted, ignore_errors=True)
    _clear(downloads)
    return not fetched


def fetch_archive(download: Download) -> None:
    """Download an archive and verify it; what an earlier run got of it is used.

    Raises
    ------
    InputError
        It cannot be had, or is not the one that was asked for.
    """
    url, expected = download.archive.url, download.archive.sha256
    if download.complete.exists():
        if digest_file(download.complete) == expected:
            print(f"{url}: downloaded before", flush=True)
            return
        download.complete.unlink()
    fruitless, furthest = 0, _size(download.part)
    while True:
        try:
            _receive(download)
            break
        except BrokenDownloadError as error:
            size = _size(download.part)
            fruitless = 0 if size >= furthest + FRUIT else fruitless + 1
            furthest = max(furthest, size)
            if fruitless == FRUITLESS_TRIES:
                raise InputError(
                    f"{url}: {error}; given up after {FRUITLESS_TRIES} tries. "
                    f"{size:,} bytes are kept; run the same again to go on"
                ) from error
            print(f"{url}: {error}; trying again", flush=True)
            time.sleep(PAUSE * 2 ** max(fruitless - 1, 0))
    got = digest_file(download.part)
    if got != expected:
        download.discard()
        raise InputError(
            f"{url}: is not the archive that was asked for: expected sha256 {expected}, got {got}"
        )
    download.part.rename(download.complete)
    download.state.unlink(missing_ok=True)
    print(f"{url}: {_size(download.complete):,} bytes, sha256 as expected", flush=True)


def _receive(download: Download) -> None:
    """Ask once for what is missing of an archive, and append it.

    Raises
    ------
    BrokenDownloadError
        Not all of it came.
    InputError
        The server has no such file.
    """
    start, validator = _resumable(download)
    headers = {"User-Agent": "fetch_corpus"}
    if start:
        # If-Range: a file that changed meanwhile comes whole, not its rest.
        headers |= {"Range": f"bytes={start}-", "If-Range": validator}
    with _open(download, headers) as response:
        if response.status == 206:
            span = re.fullmatch(
                r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", "").strip()
            )
            # Not every server that knows Range knows If-Range. One that does may leave out what
            # the request said already.
            same = _validator(response) in ("", validator)
            if not start or not span or int(span[1]) != start or not same:
                download.discard()
                raise BrokenDownloadError("the server sent another part than was asked for")
            print(f"{download.archive.url}: going on from {start:,} bytes", flush=True)
        elif response.status == 200:
            start = 0
            download.discard()
            write_json(
                {"url": download.archive.url, "validator": _validator(response)}, download.state
            )
        else:
            raise InputError(f"{download.archive.url}: the server answered {response.status}")
        with download.part.open("ab") as file:
            _append(response, file, start, download.archive.url)


def _open(download: Download, headers: dict[str, str]) -> http.client.HTTPResponse:
    """Send a request; sort its failures into those worth another try and those that are not."""
    url = download.archive.url
    try:
        return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        said = f"the server answered {error.code} {_one_line(error.reason)}"
        if error.code == 416:
            # No byte is missing or the part is too long: it starts anew, because a part whose
            # download ended well has been verified and renamed.
            download.discard()
        elif error.code not in (408, 425, 429) and error.code < 500:
            raise InputError(f"{url}: {said}") from error
        raise BrokenDownloadError(said) from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise InputError(f"{url}: {_one_line(reason)}") from error
        raise BrokenDownloadError(f"no connection ({_one_line(reason)})") from error


def _append(response: http.client.HTTPResponse, file: IO[bytes], start: int, url: str) -> None:
    """Write the body of a response to a file; raises `BrokenDownloadError` where it ends early."""
    length = response.headers.get("Content-Length", "")
    expected = start + int(length) if length.isdecimal() else None
    size, told = start, time.monotonic()
    while size != expected:
        # Only reading is about the connection: a full disk is no reason to try again.
        try:
            block = response.read1(BLOCK)
        except (OSError, http.client.HTTPException) as error:
            raise BrokenDownloadError(
                f"the connection broke at {size:,} bytes ({_one_line(error)})"
            ) from error
        if not block:
            break
        file.write(block)
        size += len(block)
        if time.monotonic() - told >= SECONDS_BETWEEN_LINES:
            told = time.monotonic()
            of = f" of {expected:,}" if expected else ""
            print(f"{url}: {size:,}{of} bytes", flush=True)
    if expected is not None and size != expected:
        raise BrokenDownloadError(f"the connection broke at {size:,} of {expected:,} bytes")


def _resumable(download: Download) -> tuple[int, str]:
    """Return how many bytes of an archive are there, and of which version of the file they are.

    Nothing counts as there when it is not known to be of the file that the URL names now.
    """
    with contextlib.suppress(InputError):
        state = read_json(download.state) if download.state.exists() else {}
        if not isinstance(state, dict):
            return 0, ""
        if state.get("url") == download.archive.url and state.get("validator"):
            return _size(download.part), state["validator"]
    return 0, ""


def _validator(response: http.client.HTTPResponse) -> str:
    """Return what If-Range may hold: a strong entity tag, else the date of change, else nothing."""
    tag = response.headers.get("ETag", "")
    return tag if tag.startswith('"') else response.headers.get("Last-Modified", "")


def extract_archive(path: Path, target: Path, source: str) -> None:
    """Extract an archive into a folder that is this step's own.

    Only plain files and folders are made, by their content and name alone: no links, owners or
    permissions. So no path can lead out of the folder once its name is checked.

    Parameters
    ----------
    path
        The archive.
    target
        The folder, in which earlier archives may have been extracted.
    source
        What to call the archive in errors; it ends as the archive's name does.

    Raises
    ------
    InputError
        The archive is damaged, or a member must not be extracted.
    """
    form = archive_format(source)
    members = _zip_members if form == ".zip" else _tar_members
    name = ""
    try:
        with members(path, form) as (found, opened):
            for member in show_progress(found, f"extracting {source.rpartition('/')[2]}"):
                name = member.name
                _extract_member(member, opened, target)
    except UnsafeMemberError as error:
        raise InputError(f"{source}: member {name!r}: {error}") from error
    except DAMAGED as error:
        raise InputError(f"{source}: is damaged, or no {form} ({_one_line(error)})") from error
    except (RuntimeError, NotImplementedError) as error:
        raise InputError(f"{source}: member {name!r}: {_one_line(error)}") from error
    except OSError as error:
        # gzip and bz2 tell of damaged content by errors without a number.
        if error.errno is None:
            raise InputError(f"{source}: is damaged, or no {form} ({_one_line(error)})") from error
        raise


def _extract_member(member: Member, opened: Any, target: Path) -> None:
    path = target.joinpath(*_safe_parts(member.name))
    if member.kind not in ("file", "folder"):
        raise UnsafeMemberError(f"is {member.kind}; only plain files and folders are extracted")
    if path == target and member.kind == "file":
        raise UnsafeMemberError("has no name")
    try:
        if member.kind == "folder":
            path.mkdir(parents=True, exist_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise UnsafeMemberError("is a file here, and a folder elsewhere in the archives")
    except (FileExistsError, NotADirectoryError) as error:
        raise UnsafeMemberError(
            "lies in a folder that is a file elsewhere in the archives"
        ) from error
    with opened(member.handle) as content:
        if not path.exists():
            with path.open("xb") as file:
                shutil.copyfileobj(content, file, BLOCK)
        elif not _same(content, path):
            raise UnsafeMemberError("stands in the archives twice, with different content")


def _safe_parts(name: str) -> list[str]:
    """Split a member's name into the folders and the file that it names below the target.

    Raises
    ------
    UnsafeMemberError
        It is absolute, leads upwards, or means different paths on different systems.
    """
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if "\0" in name:
        raise UnsafeMemberError("its name holds a NUL")
    if name.startswith("/"):
        raise UnsafeMemberError("its path is absolute")
    if ".." in parts:
        raise UnsafeMemberError("its path leads upwards")
    if "\\" in name:
        raise UnsafeMemberError("its path holds a backslash")
    if not name.isascii():
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise UnsafeMemberError("its name is not UTF-8") from error
    if parts and parts[0].casefold() == MARKER:
        raise UnsafeMemberError("its name is kept for the record of what was fetched")
    return parts


@contextlib.contextmanager
def _tar_members(path: Path, form: str) -> Iterator[tuple[Iterator[Member], Any]]:
    """Give the members of a tar archive and what opens one; each must be read when it is met."""
    compression = {".tar": "", ".tar.gz": "gz", ".tgz": "gz", ".tar.bz2": "bz2", ".tar.xz": "xz"}
    words = {
        tarfile.SYMTYPE: "a symbolic link",
        tarfile.LNKTYPE: "a hard link",
        tarfile.CHRTYPE: "a device",
        tarfile.BLKTYPE: "a device",
        tarfile.FIFOTYPE: "a pipe",
    }
    with tarfile.open(path, f"r:{compression[form]}") as archive:

        def members() -> Iterator[Member]:
            while (info := archive.next()) is not None:
                kind = "file" if info.isreg() else "folder" if info.isdir() else None
                yield Member(info.name, kind or words.get(info.type, "of no known kind"), info)
                # The archive keeps every header it has read; a corpus has a million.
                archive.members.clear()
            # A header that cannot be read ends an archive for tarfile as its last block does.
            # To the end also because gzip checks its content only there.
            while block := archive.fileobj.read(BLOCK):
                if block.strip(b"\0"):
                    raise tarfile.ReadError("something follows that is no member")

        yield members(), archive.extractfile


@contextlib.contextmanager
def _zip_members(path: Path, form: str) -> Iterator[tuple[Iterator[Member], Any]]:
    """Give the members of a zip archive and what opens one."""
    with zipfile.ZipFile(path) as archive:

        def members() -> Iterator[Member]:
            for info in archive.infolist():
                mode = stat.S_IFMT(info.external_attr >> 16)
                kind = "folder" if info.filename.endswith("/") else "file"
                if mode == stat.S_IFLNK:
                    kind = "a symbolic link"
                elif mode not in (0, stat.S_IFREG, stat.S_IFDIR):
                    kind = "a device or pipe"
                # zipfile cuts names at a NUL.
                yield Member(info.orig_filename, kind, info)

        yield members(), archive.open


def _same(content: IO[bytes], path: Path) -> bool:
    """Whether a stream and a file hold the same bytes."""
    with path.open("rb") as file:
        while True:
            # Readers of archives may give less than was asked for.
            block = content.read(BLOCK)
            if file.read(len(block) or 1) != block:
                return False
            if not block:
                return True


def _is_fetched(root: Path, archives: Sequence[Archive]) -> bool:
    """Whether the folder was made from these archives; refuse one that holds anything else."""
    if not root.exists() or (root.is_dir() and not any(root.iterdir())):
        return False
    if not root.is_dir():
        raise InputError(f"{root}: is no folder; corpus.directory.root names the folder to make")
    if not (root / MARKER).exists():
        raise InputError(
            f"{root}: is not empty and was not made by fetch_corpus; name another folder in "
            "corpus.directory.root, or move this one away"
        )
    record = read_json(root / MARKER)
    found = record.get("archives") if isinstance(record, dict) else None
    if _digests(found or []) != {archive.sha256 for archive in archives}:
        raise InputError(
            f"{root}: was made from other archives than corpus.directory.archives lists now "
            f"(see {MARKER} there); name another folder, or move this one away"
        )
    return True


def _digests(entries: list[Any]) -> set[str]:
    return {entry.get("sha256") for entry in entries if isinstance(entry, dict)}


def _describe(archives: Sequence[Archive]) -> dict[str, Any]:
    return {"archives": [archive.model_dump() for archive in archives]}


def _clear(downloads: Sequence[Download]) -> None:
    """Remove the downloads, and their folder when nothing else lies in it."""
    for download in downloads:
        download.complete.unlink(missing_ok=True)
        download.discard()
    with contextlib.suppress(OSError):
        downloads[0].folder.rmdir()


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _one_line(error: BaseException | str) -> str:
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(said).split())


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments."""

    root: str = ""
    """The folder to make."""
    settings: DirectoryCorpus = DirectoryCorpus()
    """URLs and digests of the archives."""
    record: Output
    """The URLs and digests of what was fetched, JSON."""


def run(args: Arguments) -> None:
    """Fetch the corpus and leave a record."""
    archives = args.settings.archives
    if not args.root:
        raise InputError("corpus.directory.root must name the folder to make")
    if not archives:
        raise InputError("corpus.directory.archives lists nothing to download")
    new = fetch_corpus(args.root, archives)
    print(f"{args.root}: {'complete' if new else 'made of these archives before; nothing to do'}")
    write_json(_describe(archives), args.record)
