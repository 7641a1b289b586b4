"""The given files of a run as they are now: which of them are not those of its record."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import NamedTuple

from workflow_src.common.digests import ROOT, digest_file
from workflow_src.common.errors import InputError
from workflow_src.corpus.recording_digests import digest_recordings
from workflow_src.provenance.finished_run import FinishedRun
from workflow_src.provenance.record import Record
from workflow_src.settings.corpus import DirectoryCorpus

SNAKEMAKE = Path(".snakemake")


class Given(NamedTuple):
    """Given files that differ from a record.

    Attributes
    ----------
    changed
        Their paths, each with the steps that read it.
    lost
        Those that are not there.
    is_place
        Whether the folder is the one in which the run worked. A copy of results elsewhere has no
        given files beside it.
    """

    changed: list[str]
    lost: list[str]
    is_place: bool


def compare_given(run: FinishedRun) -> Given:
    """Compare the files that settings name with the digests of a run's record."""
    assert run.results is not None
    changed: dict[str, list[str]] = {}
    lost: dict[str, list[str]] = {}
    # Relative paths are relative to the working directory.
    with contextlib.chdir(run.results.absolute().parent):
        for step, folder in run.record.folders.items():
            for name, digest in run.record.inputs.get(step, {}).items():
                path = Path(folder, name)
                if not path.is_absolute() and path.parts[0] == "resources":
                    path = ROOT / path
                if not path.is_file():
                    lost.setdefault(str(path), []).append(step)
                elif digest_file(path) != digest:
                    changed.setdefault(str(path), []).append(step)
        _compare_recordings(run.record, changed, lost)
        return Given(_say(changed), _say(lost), SNAKEMAKE.is_dir())


def _compare_recordings(
    record: Record, changed: dict[str, list[str]], lost: dict[str, list[str]]
) -> None:
    """Add the folder of recordings, which a step knows by a digest of all."""
    try:
        settings, steps = record.settings["corpus"].get("directory"), record.steps
        if settings is None:
            return
        root = str(settings["root"])
        corpus = DirectoryCorpus.model_validate(settings)
        shards = int(record.settings["extractor"]["shards"])
        recorded = {"build_manifest": steps["corpus.build_manifest"].given["recordings"]}
        extraction = steps["embeddings.extract_embeddings"]
        for shard, given in extraction.jobs.items():
            recorded[f"extract_embeddings {shard}"] = (extraction.given | given)["recordings"]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"the record says nothing of its recordings ({error})") from error
    if not Path(root).is_dir():
        lost[root] = list(recorded)
        return
    with tempfile.TemporaryDirectory() as empty:
        cache = SNAKEMAKE / "recordings"
        try:
            found = digest_recordings(corpus, shards, cache)
        except (InputError, OSError):
            found = digest_recordings(corpus, shards, Path(empty))
    now = {"build_manifest": found.listing}
    now |= {f"extract_embeddings {shard}": digest for shard, digest in enumerate(found.shards)}
    if differ := [step for step, digest in recorded.items() if digest != now.get(step)]:
        changed[root] = differ


def _say(found: dict[str, list[str]]) -> list[str]:
    return [f"{path} (read by {', '.join(steps)})" for path, steps in found.items()]
