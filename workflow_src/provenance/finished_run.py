"""A finished run: its record and, if they exist, its files."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from workflow_src.common.digests import digest_file
from workflow_src.common.errors import InputError
from workflow_src.provenance.record import CONFIG, RECORD, Record, read_record


@dataclass(frozen=True)
class FinishedRun:
    """A record and its results.

    `path` is the path that the user gave. `results` is the results folder, or None if there is only
    a record.
    """

    path: Path
    record: Record
    results: Path | None

    @cached_property
    def digests(self) -> dict[str, str]:
        """Path -> digest of every recorded result that exists; without files, as recorded."""
        if self.results is None:
            return self.record.results
        return {
            name: digest_file(self.results / name)
            for name in self.record.results
            if (self.results / name).is_file()
        }

    @property
    def changed(self) -> list[str]:
        """The results that differ from the record."""
        return [name for name, found in self.digests.items() if found != self.record.results[name]]

    @property
    def lost(self) -> list[str]:
        """The recorded results that no longer exist."""
        return [name for name in self.record.results if name not in self.digests]

    @property
    def added(self) -> list[str]:
        """The files in the folders of results that the record does not have."""
        if self.results is None:
            return []
        folders = {name.partition("/")[0] for name in self.record.results if "/" in name}
        found = (
            path.relative_to(self.results)
            for folder in sorted(folders)
            for path in sorted((self.results / folder).rglob("*"))
            if path.is_file() and not path.name.startswith(".")
        )
        return [
            path.as_posix()
            for path in found
            if path.as_posix() not in self.record.results
            and not any(path.is_relative_to(known) for known in self.record.beside)
        ]

    @property
    def config_changed(self) -> bool:
        """Whether the settings in YAML differ from the record."""
        if self.results is None:
            return False
        path = self.results / CONFIG
        return not path.is_file() or digest_file(path) != self.record.config


def find_run(path: str | Path) -> FinishedRun:
    """Find the run of a results folder, of the folder that holds ``results/``, or of a record.

    Raises
    ------
    InputError
        The file is missing, the folder has no record, or the record is damaged.
    """
    path = Path(path)
    if not path.is_dir():
        return FinishedRun(path, read_record(path), None)
    for folder in (path, path / "results"):
        if (folder / RECORD).is_file():
            return FinishedRun(path, read_record(folder / RECORD), folder)
    raise InputError(f"{path}: no {RECORD} lies in this folder or in its results/; a run writes it")
