"""Listing the recordings of a folder, or those of one shard of its speakers.

The manifest lists the folder. Extraction lists one shard by itself, because the whole manifest
changes with any recording.
"""

import collections
from pathlib import Path

import pandas as pd

from workflow_src.common.errors import InputError
from workflow_src.common.passed_over import note
from workflow_src.common.tables import require_dates
from workflow_src.corpus.durations import read_durations
from workflow_src.corpus.ids import sort_in_corpus_order
from workflow_src.corpus.naming import open_naming
from workflow_src.corpus.scan import find_recordings
from workflow_src.corpus.shards import shard_of_speaker
from workflow_src.settings.corpus import DirectoryCorpus


def list_recordings(
    root: str | Path, settings: DirectoryCorpus, shard: int | None = None, shards: int = 1
) -> pd.DataFrame:
    """List the recordings of a folder.

    Parameters
    ----------
    root
        The folder.
    settings
        How recordings are named, and the speakers and days to use; its `root` and `metadata` are
        ignored.
    shard, shards
        The shard of the speakers to list, and the number of shards; None lists all recordings. A
        file whose name tells no speaker is in no shard.

    Returns
    -------
    DataFrame
        In corpus order: `workflow_src.corpus.naming.KNOWN`, what else the names say, path (relative
        to `root`), seconds (float32; NaN where the header cannot be read).

    Raises
    ------
    InputError
        The folder is invalid, or all are listed and a speaker of the settings has no recording.
    """
    others: collections.Counter[str] = collections.Counter()
    paths = find_recordings(root, others)
    for suffix, number in sorted(others.items()) if shard is None else ():
        note(f"{suffix} files, which can be converted to .wav or .flac", number)
    speakers = settings.speakers
    naming = open_naming(settings, root)
    if shard is None:
        table = naming.describe(paths, root)
    else:
        table = naming.describe(
            paths, root, lambda speaker: shard_of_speaker(speaker, shards) == shard
        )
        present = set(table["speaker"])
        speakers = None if speakers is None else sorted(present.intersection(speakers))
    print(f"found {len(table):,} recordings of {table['speaker'].nunique():,} speakers")
    found = len(table)
    table = sort_in_corpus_order(select_subset(table, speakers, settings.days))
    if len(table) and (settings.speakers is not None or settings.days is not None):
        print(f"using {len(table):,} of them, of {table['speaker'].nunique():,} speakers")
    note("recordings of other speakers and days than the settings name", found - len(table))
    seconds = table.pop("seconds") if "seconds" in table else None
    if seconds is None or seconds.isna().any():
        seconds = _read_seconds(table, root)
    table["seconds"] = seconds.astype("float32")
    unread = int(table["seconds"].isna().sum())
    if unread:
        print(f"the headers of {unread:,} recordings cannot be read; extraction will say why")
    return table


def _read_seconds(table: pd.DataFrame, root: str | Path) -> pd.Series:
    """Read the lengths of recordings, or of their parts."""
    seconds = pd.Series(read_durations(table["path"].tolist(), root), dtype="float64")
    if "start" in table:
        seconds = seconds.clip(upper=table["end"]) - table["start"].fillna(0)
    return seconds.astype("float32")


def select_subset(
    table: pd.DataFrame, speakers: list[str] | None, days: int | None
) -> pd.DataFrame:
    """Keep the given speakers, and the first `days` days on which each of them recorded.

    None keeps all. The table has the columns speaker and date.

    Raises
    ------
    InputError
        A speaker of the list has no recording; or days are to be counted, and a recording has none.
    """
    if speakers is not None:
        unknown = sorted(set(speakers) - set(table["speaker"]))
        if unknown:
            raise InputError(
                f"corpus.directory.speakers: {unknown[0]!r} has no recording"
                + (f", nor have {len(unknown) - 1} more of them" if len(unknown) > 1 else "")
            )
        table = table[table["speaker"].isin(speakers)]
    if days is not None:
        require_dates(table["date"], "corpus.directory.days")
        # Dense ranks number the days of each speaker 1, 2, ...
        table = table[table.groupby("speaker")["date"].rank(method="dense") <= days]
    return table.reset_index(drop=True)
