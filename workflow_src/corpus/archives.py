"""Extracting archives from the internet: only plain files and folders, only inside the target."""

from __future__ import annotations

import contextlib
import dataclasses
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from lzma import LZMAError
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

from workflow_src.common.errors import InputError, first_line, naming, quoted
from workflow_src.common.limits import plain_size, within_budget
from workflow_src.running.progress import show_progress
from workflow_src.settings.corpus import archive_format

MARKER = ".fetched.json"
"""The record of what was extracted, in the target; no member may have its name."""
BLOCK = 1 << 18
# What an archive may give: this much for any archive, and a multiple of its size. Recordings
# compress to a fifth, silence to a thousandth.
LEAST_BYTES, BYTES_PER_BYTE = 1 << 30, 100
LEAST_MEMBERS, BYTES_OF_MEMBER = 100_000, 512
# The longest of tar's own headers: long names and other attributes of a member.
MAX_HEADER = 1 << 16
DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    LZMAError,
    EOFError,
    MemoryError,
    RecursionError,
    struct.error,
    ValueError,
)


class UnsafeMemberError(Exception):
    """A member that must not be extracted; the message says why."""


class Member(NamedTuple):
    """A file or folder of an archive.

    Attributes
    ----------
    name
        Its name in the archive.
    kind
        ``file``, ``folder``, or words for anything else.
    handle
        What the archive's reader opens.
    """

    name: str
    kind: str
    handle: Any


def extract_archive(path: Path, target: Path, source: str) -> None:
    """Extract an archive into a folder that this step made.

    Only plain files and folders are made, from their content and name: no links, owners or
    permissions. So no path leads out of the folder once its name is checked.

    Parameters
    ----------
    path
        The archive.
    target
        The folder; earlier archives may already be in it.
    source
        The archive's name in errors. It has the archive's ending.

    Raises
    ------
    InputError
        The archive is damaged, or a member must not be extracted.
    """
    form = archive_format(source)
    assert form is not None  # the settings allow no other ending
    members = _zip_members if form == ".zip" else _tar_members
    name = ""
    size = plain_size(path)
    room = _Room(LEAST_BYTES + BYTES_PER_BYTE * size, LEAST_MEMBERS + size // BYTES_OF_MEMBER)
    try:
        with within_budget(path), members(path, form) as (found, opened):
            for member in show_progress(found, f"extracting {source.rpartition('/')[2]}"):
                name = member.name
                _extract_member(member, opened, target, room)
    except UnsafeMemberError as error:
        raise InputError(f"{source}: member {quoted(name)}: {error}") from error
    except DAMAGED as error:
        raise InputError(f"{source}: is damaged, or no {form} ({first_line(error)})") from error
    except (RuntimeError, NotImplementedError) as error:
        raise InputError(f"{source}: member {quoted(name)}: {first_line(error)}") from error
    except OSError as error:
        # gzip and bz2 report damaged content by errors without a number.
        if error.errno is None:
            raise InputError(f"{source}: is damaged, or no {form} ({first_line(error)})") from error
        raise


@dataclasses.dataclass
class _Room:
    """How many bytes and members an archive may still give."""

    size: int
    members: int

    def take(self, size: int = 0, members: int = 0) -> None:
        """Take some of it; refuse an archive that gives too much."""
        self.size -= size
        self.members -= members
        if min(self.size, self.members) < 0:
            raise UnsafeMemberError("the archive up to here holds too much for its size")


def _extract_member(member: Member, opened: Any, target: Path, room: _Room) -> None:
    room.take(members=1)
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
            with naming(path), path.open("xb") as file:
                while block := content.read(BLOCK):
                    room.take(len(block))
                    file.write(block)
        elif not _same(content, path):
            raise UnsafeMemberError("stands in the archives twice, with different content")


def _safe_parts(name: str) -> list[str]:
    """Split a member's name into folders and file; refuse a name that could leave the target."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if "\0" in name:
        raise UnsafeMemberError("its name holds a NUL")
    if name.startswith("/"):
        raise UnsafeMemberError("its path is absolute")
    if ".." in parts:
        raise UnsafeMemberError("its path leads upwards")
    if "\\" in name:
        raise UnsafeMemberError("its path holds a backslash")
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise UnsafeMemberError("its name is not UTF-8") from error
    if parts and parts[0].casefold() == MARKER:
        raise UnsafeMemberError("its name is kept for the record of what was fetched")
    return parts


class _Header(tarfile.TarInfo):
    """A tar header; one that announces a long name or attributes of gigabytes is refused."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Header:
        """Read a header."""
        header = super().frombuf(buf, encoding, errors)
        if header.type in _BEFORE_MEMBER and header.size > MAX_HEADER:
            raise tarfile.ReadError(f"a header of {header.size:,} bytes")
        return header


_BEFORE_MEMBER = {
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
}


@contextlib.contextmanager
def _tar_members(path: Path, form: str) -> Iterator[tuple[Iterator[Member], Any]]:
    """Give the members of a tar archive and what opens one; read each before the next."""
    modes: dict[str, Literal["r:", "r:gz", "r:bz2", "r:xz"]] = {
        ".tar": "r:",
        ".tar.gz": "r:gz",
        ".tgz": "r:gz",
        ".tar.bz2": "r:bz2",
        ".tar.xz": "r:xz",
    }
    words = {
        tarfile.SYMTYPE: "a symbolic link",
        tarfile.LNKTYPE: "a hard link",
        tarfile.CHRTYPE: "a device",
        tarfile.BLKTYPE: "a device",
        tarfile.FIFOTYPE: "a pipe",
        tarfile.GNUTYPE_SPARSE: "a sparse file",
    }
    with tarfile.open(path, modes[form], tarinfo=_Header) as archive:

        def members() -> Iterator[Member]:
            while (info := archive.next()) is not None:
                kind = "file" if info.isreg() else "folder" if info.isdir() else None
                if info.issparse():
                    kind = words[tarfile.GNUTYPE_SPARSE]
                yield Member(info.name, kind or words.get(info.type, "of no known kind"), info)
                # The archive would keep every header; a corpus has a million.
                archive.members.clear()  # type: ignore[attr-defined]  # not in its hints
            # tarfile takes an unreadable header for the end of the archive. Reading on to the real
            # end also makes gzip check its content.
            while block := archive.fileobj.read(BLOCK):
                if block.strip(b"\0"):
                    raise tarfile.ReadError("something follows that is no member")

        yield members(), archive.extractfile


@contextlib.contextmanager
def _zip_members(path: Path, form: str) -> Iterator[tuple[Iterator[Member], Any]]:
    """Give the members of a zip archive and a function that opens one."""
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
            # A reader of an archive may give fewer bytes than asked for.
            block = content.read(BLOCK)
            if file.read(len(block) or 1) != block:
                return False
            if not block:
                return True
