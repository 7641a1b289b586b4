"""Downloading an archive: a broken download resumes, and the whole file is verified."""

from __future__ import annotations

import contextlib
import errno
import http.client
import re
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeVar
from urllib.parse import unquote, urlsplit

from workflow_src.common.digests import digest_file
from workflow_src.common.errors import InputError, first_line, naming
from workflow_src.common.files import read_json, write_json
from workflow_src.common.whole_files import move_whole
from workflow_src.settings.corpus import SHORT_SHA256, Archive

TIMEOUT = 60.0
"""Seconds without a byte after which a connection counts as broken."""
PATIENCE = 300.0
"""Seconds for an answer, and for each next `FRUIT` bytes; a slower server counts as broken."""
FRUITLESS_TRIES = 5
FRUIT = 1 << 20
"""A try counts as fruitless unless the file grew by this many bytes."""
PAUSE = 1.0
"""Seconds before the second try; they double with each fruitless try."""
BLOCK = 1 << 18
SECONDS_BETWEEN_LINES = 10.0
NUMBER = "[0-9]{1,18}"
"""Regular expression of a number in a header."""
Answer = TypeVar("Answer")


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
    kept = furthest = _size(download.part)
    fruitless, began = 0, time.monotonic()
    while True:
        before = _size(download.part)
        try:
            if _receive(download):
                break
            # A server that sends small parts is asked for the next one, as long as it is not slow.
            size, now = _size(download.part), time.monotonic()
            if size >= furthest + FRUIT:
                furthest, began = size, now
            elif size <= before or now - began >= PATIENCE:
                raise BrokenDownloadError(f"the server sent {size:,} bytes and not the rest")
        except BrokenDownloadError as error:
            size = _size(download.part)
            fruitless = 0 if size >= furthest + FRUIT else fruitless + 1
            furthest, began = max(furthest, size), time.monotonic()
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
        if kept:
            # A power cut may have taken bytes of the part that an earlier run left.
            print(
                f"{url}: the part of an earlier run is damaged; downloading all again", flush=True
            )
            fetch_archive(download)
            return
        raise InputError(
            f"{url}: is not the archive that was asked for: expected sha256 {expected}, got {got}"
        )
    move_whole(download.part, download.complete)
    download.state.unlink(missing_ok=True)
    print(f"{url}: {_size(download.complete):,} bytes, sha256 as expected", flush=True)


def _receive(download: Download) -> bool:
    """Request the missing bytes of an archive once, and append them.

    Returns
    -------
    bool
        Whether the server has no more bytes. It may send less than it was asked for.

    Raises
    ------
    BrokenDownloadError
        Some bytes are still missing.
    InputError
        The server has no such file.
    """
    start, validator, total = _resumable(download)
    headers = {"User-Agent": "fetch_corpus"}
    if start:
        # With If-Range, the server sends a changed file as a whole.
        headers |= {"Range": f"bytes={start}-", "If-Range": validator}
    with _open(download, headers) as response:
        length = _number(response.headers.get("Content-Length", ""))
        whole = None if length is None else start + length
        if response.status == 206:
            span = re.fullmatch(
                rf"bytes ({NUMBER})-{NUMBER}/({NUMBER}|\*)",
                response.headers.get("Content-Range", "").strip(),
            )
            # Some servers know Range but not If-Range. Others send no validator in a part.
            same = _validator(response) in ("", validator)
            if not start or not span or int(span[1]) != start or not same:
                download.discard()
                raise BrokenDownloadError("the server sent another part than was asked for")
            size = _number(span[2]) or total
            print(f"{download.archive.url}: going on from {start:,} bytes", flush=True)
        elif response.status == 200:
            start, whole, size = 0, length, length
            download.discard()
            state = {"url": download.archive.url, "validator": _validator(response), "size": size}
            write_json(state, download.state)
        else:
            raise InputError(f"{download.archive.url}: the server answered {response.status}")
        with naming(download.part), download.part.open("ab") as file:
            got = _append(response, file, start, whole, download.archive.url)
        return size is None or got >= size


def _open(download: Download, headers: dict[str, str]) -> http.client.HTTPResponse:
    """Send a request; tell failures that deserve another try from those that do not."""
    url = download.archive.url
    try:
        request = urllib.request.Request(url, headers=headers)
        return _within_patience(lambda: OPENER.open(request, timeout=TIMEOUT))
    except urllib.error.HTTPError as error:
        error.close()
        said = f"the server answered {error.code} {first_line(error.reason):.200}"
        if error.code == 416:
            # The part is complete or too long, yet was never verified: the download starts anew.
            download.discard()
        elif error.code not in (408, 425, 429) and error.code < 500:
            raise InputError(f"{url}: {said}") from error
        raise BrokenDownloadError(said) from error
    except (ValueError, http.client.InvalidURL) as error:
        raise InputError(
            f"{url}: the server sends to what is no http or https URL ({first_line(error):.200})"
        ) from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise InputError(f"{url}: {first_line(reason):.200}") from error
        raise BrokenDownloadError(f"no connection ({first_line(reason):.200})") from error


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Redirects to http and https alone: urllib would also follow one to ftp."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        parts = urlsplit(newurl)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            raise ValueError(f"{newurl!a:.200}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


OPENER = urllib.request.build_opener(_Redirects)


def _within_patience(ask: Callable[[], Answer]) -> Answer:
    """Return what a server answers; raises `TimeoutError` where that takes too long.

    A time limit of a socket begins anew with each byte. So the answer is awaited in a thread, which
    is left to itself when it is late.
    """
    answer: Future[Answer] = Future()

    def work() -> None:
        try:
            answer.set_result(ask())
        except BaseException as error:
            answer.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    try:
        return answer.result(PATIENCE)
    except TimeoutError as error:
        if answer.done():
            raise
        raise TimeoutError(errno.ETIMEDOUT, f"no answer in {PATIENCE:g} s") from error


def _number(text: str) -> int | None:
    """Return the number of a header, or None where it is none."""
    return int(text) if re.fullmatch(NUMBER, text.strip()) else None


def _append(
    response: http.client.HTTPResponse, file: IO[bytes], start: int, expected: int | None, url: str
) -> int:
    """Write the body of a response to a file, and return the file's size.

    Raises `BrokenDownloadError` where the body ends early or comes too slowly.
    """
    size, told = start, time.monotonic()
    mark, marked = start, told
    while size != expected:
        # Only reading may be tried again; writing to a full disk may not.
        try:
            block = _within_patience(lambda: response.read1(BLOCK))
        except (OSError, http.client.HTTPException) as error:
            raise BrokenDownloadError(
                f"the connection broke at {size:,} bytes ({first_line(error):.200})"
            ) from error
        if not block:
            break
        file.write(block)
        size += len(block)
        now = time.monotonic()
        if size >= mark + FRUIT:
            mark, marked = size, now
        elif now - marked >= PATIENCE:
            raise BrokenDownloadError(
                f"the server is too slow: {size - mark:,} bytes in {now - marked:.0f} s"
            )
        if now - told >= SECONDS_BETWEEN_LINES:
            told = now
            of = f" of {expected:,}" if expected else ""
            print(f"{url}: {size:,}{of} bytes", flush=True)
    if expected is not None and size != expected:
        raise BrokenDownloadError(f"the connection broke at {size:,} of {expected:,} bytes")
    return size


def _resumable(download: Download) -> tuple[int, str, int | None]:
    """Return how many bytes of an archive are there, of which version of the file, and its size.

    Bytes of another or an unknown version count as none. The size may be unknown.
    """
    with contextlib.suppress(InputError):
        state = read_json(download.state) if download.state.exists() else {}
        if not isinstance(state, dict):
            return 0, "", None
        validator, size = state.get("validator"), state.get("size")
        # A header holds what a server sent, but the file may be damaged.
        if state.get("url") == download.archive.url and isinstance(validator, str) and validator:
            return _size(download.part), validator, size if isinstance(size, int) else None
    return 0, "", None


def _validator(response: http.client.HTTPResponse) -> str:
    """Return what If-Range may hold: a strong entity tag, else the date of change, else nothing."""
    tag = response.headers.get("ETag", "")
    found = tag if tag.startswith('"') else response.headers.get("Last-Modified", "")
    # No request may hold a line end.
    return found if found.isascii() and found.isprintable() else ""


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
