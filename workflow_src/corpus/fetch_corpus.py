"""Download the archives of a corpus, verify them, and extract them into one folder.

Every archive is verified by its sha256 before any is opened. A broken download resumes where it
stopped, in this run or a later one. Downloads lie in <root>.archives until the complete folder
appears and is on the disk; then they are removed. A folder that this step did not make is left
alone.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workflow_src.common.errors import InputError, first_line
from workflow_src.common.files import read_json, write_json
from workflow_src.common.whole_files import move_whole
from workflow_src.corpus.archives import MARKER, extract_archive
from workflow_src.corpus.downloads import Download, fetch_archive
from workflow_src.running.arguments import Output
from workflow_src.settings.corpus import Archive, DirectoryCorpus


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
        The folder holds something else, a download fails, an archive has another digest, or a
        member must not be extracted.
    """
    root = Path(root).resolve()
    downloads = [Download(archive, root.with_name(f"{root.name}.archives")) for archive in archives]
    fetched = _is_fetched(root, archives)
    if not fetched:
        folder = downloads[0].folder
        folder.mkdir(parents=True, exist_ok=True)
        _check_place(root, folder)
        for download in downloads:
            fetch_archive(download)
        # On the file system of the root, so that one renaming makes the folder appear.
        extracted = folder / ".extracting"
        if extracted.exists():
            shutil.rmtree(extracted)
        extracted.mkdir()
        try:
            for download in downloads:
                extract_archive(download.complete, extracted, download.archive.url)
            write_json(_describe(archives), extracted / MARKER)
            move_whole(extracted, root)
        finally:
            shutil.rmtree(extracted, ignore_errors=True)
    _clear(downloads)
    return not fetched


def _check_place(root: Path, folder: Path) -> None:
    """Check before the downloads that a folder can take the place of an empty root."""
    if not root.exists():
        return
    trial = folder / ".trial"
    try:
        trial.mkdir(exist_ok=True)
        trial.rename(root)
    except OSError as error:
        with contextlib.suppress(OSError):
            trial.rmdir()
            folder.rmdir()
        raise InputError(
            f"{root}: cannot be replaced by the folder of recordings ({first_line(error)}); if it "
            "is a mount point, name a folder below it in corpus.directory.root"
        ) from error


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
    digests = {entry.get("sha256") for entry in found or [] if isinstance(entry, dict)}
    if digests != {archive.sha256 for archive in archives}:
        raise InputError(
            f"{root}: was made from other archives than corpus.directory.archives lists now "
            f"(see {MARKER} there); name another folder, or move this one away"
        )
    return True


def _describe(archives: Sequence[Archive]) -> dict[str, Any]:
    return {"archives": [archive.model_dump() for archive in archives]}


def _clear(downloads: Sequence[Download]) -> None:
    """Remove the downloads, and their folder where it is empty then."""
    for download in downloads:
        download.complete.unlink(missing_ok=True)
        download.discard()
    with contextlib.suppress(OSError):
        downloads[0].folder.rmdir()


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
