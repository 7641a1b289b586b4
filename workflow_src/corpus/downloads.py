"""Downloading an archive: a broken download resumes, and the whole file is verified."""

from __future__ import annotations

import contextlib
import http.client
import re
import ssl
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urlsplit

from workflow_src.common.digests import digest_file
from workflow_src.common.errors import InputError, first_line
from workflow_src.common.files import read_json, write_json
from workflow_src.settings.corpus import SHORT_SHA256, Archive

TIMEOUT = 60.0
"""Seconds without a byte after which a connection counts as broken."""
FRUITLESS_TRIES = 5
FRUIT = 1 << 20
"""A try counts as fruitless unless the file grew by this many bytes."""
PAUSE = 1.0
"""Seconds before the second try; they double with each fruitless try."""
BLOCK = 1 << 18
SECONDS_BETWEEN_LINES = 10.0


class BrokenDownloadError(Exception):
    """A download that may succeed at another try; the message says what broke."""


@dataclass(frozen=True)
class Download:
    """An archive, and the folder of downloads that keeps it."""

    archive: Archive
    folder: Path

    @property
    def complete(self) -> Path:
        """The verified archive; its name begins with its digest, as base names can be equal."""
        base = unquote(urlsplit(self.archive.url).path).rpartition("/")[2]
        base = re.sub(r"[^\w.-]", "_", base, flags=re.ASCII)[-100:]
        return self.folder / f"{self.archive.sha256[:SHORT_SHA256]}-{base}"

    @property
    def part(self) -> Path:
        """The bytes that have arrived so far."""
        return self.complete.with_name(f"{self.complete.name}.part")

    @property
    def state(self) -> Path:
        """The URL of the part and the file's version on the server."""
        return self.complete.with_name(f"{self.complete.name}.part.json")

    def discard(self) -> None:
        """Remove the part."""
        self.state.unlink(missing_ok=True)
        self.part.unlink(missing_ok=True)


def fetch_archive(download: Download) -> None:
    """Download an archive and verify it; bytes of an earlier run are reused.

    Raises
    ------
    InputError
        The download fails, or the file has another digest.
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
    """Request the missing bytes of an archive once, and append them.

    Raises
    ------
    BrokenDownloadError
        Some bytes are still missing.
    InputError
        The server has no such file.
    """
    start, validator = _resumable(download)
    headers = {"User-Agent": "fetch_corpus"}
    if start:
        # With If-Range, the server sends a changed file as a whole.
        headers |= {"Range": f"bytes={start}-", "If-Range": validator}
    with _open(download, headers) as response:
        if response.status == 206:
            span = re.fullmatch(
                r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", "").strip()
            )
            # Some servers know Range but not If-Range. Others send no validator in a part.
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
    """Send a request; tell failures that deserve another try from those that do not."""
    url = download.archive.url
    try:
        return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        said = f"the server answered {error.code} {first_line(error.reason)}"
        if error.code == 416:
            # The part is complete or too long, yet was never verified: the download starts anew.
            download.discard()
        elif error.code not in (408, 425, 429) and error.code < 500:
            raise InputError(f"{url}: {said}") from error
        raise BrokenDownloadError(said) from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise InputError(f"{url}: {first_line(reason)}") from error
        raise BrokenDownloadError(f"no connection ({first_line(reason)})") from error


def _append(response: http.client.HTTPResponse, file: IO[bytes], start: int, url: str) -> None:
    """Write the body of a response to a file; raises `BrokenDownloadError` where it ends early."""
    length = response.headers.get("Content-Length", "")
    expected = start + int(length) if length.isdecimal() else None
    size, told = start, time.monotonic()
    while size != expected:
        # Only reading may be tried again; writing to a full disk may not.
        try:
            block = response.read1(BLOCK)
        except (OSError, http.client.HTTPException) as error:
            raise BrokenDownloadError(
                f"the connection broke at {size:,} bytes ({first_line(error)})"
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
    """Return how many bytes of an archive are there, and the version of the file they belong to.

    Bytes of another or an unknown version count as none.
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


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
