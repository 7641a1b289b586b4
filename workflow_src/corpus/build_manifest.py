"""Make the manifest: one row per utterance, in corpus order.

The rows come from the recordings in a folder (--root), or from tables of the demo corpus
(--tables; table i describes the recordings under shard-<i>/).

Columns: utterance, speaker, date (ISO), time (HH:MM), what else the names say (for SMIIP-TV slot,
take, kind, phrase), path (relative to the root), seconds (float32; empty where the header cannot be
read), then the metadata columns.
"""

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from workflow_src.common.errors import InputError, printable
from workflow_src.common.files import read_parquet, write_parquet
from workflow_src.common.passed_over import note, noted_in
from workflow_src.corpus.ids import (
    ID_COLUMNS,
    check_distinct,
    parse_utterance_ids,
    sort_in_corpus_order,
)
from workflow_src.corpus.listing import list_recordings
from workflow_src.corpus.tables import read_rows
from workflow_src.running.arguments import Input, Inputs, Output
from workflow_src.settings.corpus import DirectoryCorpus

OWN_COLUMNS = [*ID_COLUMNS, "path", "seconds"]


def list_folder(
    root: str | Path, metadata: str | Path | None, settings: DirectoryCorpus
) -> pd.DataFrame:
    """List the recordings of a folder as a manifest.

    Parameters
    ----------
    root
        The folder.
    metadata
        Table with the column utterance and more columns for the manifest, or None.
    settings
        How recordings are named, and the speakers and days to use; its `root` and `metadata` are
        ignored.

    Raises
    ------
    InputError
        The folder or the metadata are invalid, or a speaker of the settings has no recording.
    """
    table = list_recordings(root, settings)
    if metadata is not None:
        rows = read_rows(Path(metadata), ["utterance"])
        table = join_metadata(table, rows, metadata)
    return table


def join_metadata(table: pd.DataFrame, metadata: pd.DataFrame, source: str | Path) -> pd.DataFrame:
    """Add the columns of a metadata table to a manifest, whose rows keep their order.

    An utterance without metadata gets empty values. Columns that the manifest has already are left
    out. Rows without an utterance are, too. `source` is the file of the metadata, for errors.

    Raises
    ------
    InputError
        The metadata list an utterance twice, or none of the manifest.
    """
    nameless = metadata["utterance"].isna()
    metadata = metadata[~nameless]
    twice = metadata["utterance"].duplicated()
    if twice.any():
        raise InputError(
            f"{source}: the utterance {metadata['utterance'][twice].iloc[0]!r} stands there twice"
        )
    own = [name for name in metadata.columns if name in table.columns and name != "utterance"]
    if own:
        print(f"metadata: not used, because ids and recordings say it: {', '.join(own)}")
    unknown = metadata["utterance"][~metadata["utterance"].isin(table["utterance"])]
    if len(unknown) and len(unknown) == len(metadata):
        raise InputError(
            f"{source}: no row is of an utterance of the corpus; the first has the id "
            f"{printable(unknown.iloc[0])}, but the form is {table['utterance'].iloc[0]}, without "
            "a path and without .wav"
        )
    unused = int(nameless.sum()) + len(unknown)
    note("rows of metadata without an utterance", unused, next(iter(unknown), ""))
    without = table["utterance"][~table["utterance"].isin(metadata["utterance"])]
    note("utterances without metadata", len(without), next(iter(without), ""))
    return table.merge(metadata.drop(columns=own), on="utterance", how="left", validate="1:1")


def list_tables(tables: list[Path]) -> pd.DataFrame:
    """List the recordings that tables describe as a manifest.

    Parameters
    ----------
    tables
        Parquet tables with the columns utterance, path, seconds and others. The paths of table i
        are relative to the folder ``shard-<i>``.

    Raises
    ------
    InputError
        A table is invalid, or the tables list an utterance twice or none.
    """
    parts = []
    for i, path in enumerate(tables):
        part = read_parquet(path, ["utterance", "path", "seconds"])
        ids = parse_utterance_ids(part["utterance"], str(path))
        ids["path"] = (f"shard-{i}/" + part["path"]).astype("str")
        ids["seconds"] = part["seconds"].astype("float32")
        parts.append(
            pd.concat([ids, part.drop(columns=part.columns.intersection(OWN_COLUMNS))], axis=1)
        )
    table = pd.concat(parts, ignore_index=True)
    check_distinct(table)
    if table.empty:
        raise InputError(f"{tables[0]}: no table lists any recording")
    return sort_in_corpus_order(table)


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments."""

    root: str = ""
    """Folder of .wav or .flac files; without it, `tables` are needed."""
    metadata: Input | None = None
    """With `root`: table with a column utterance and more columns for the manifest."""
    settings: DirectoryCorpus = DirectoryCorpus()
    """With `root`: how recordings are named, and which speakers and days are used."""
    named_by: Inputs = field(default_factory=list)
    """With `root`: the files of the table or data directory that `settings` names."""
    tables: Inputs = field(default_factory=list)
    """Tables of the demo corpus's shards, parquet, in the order of shards."""
    manifest: Output
    """Table of utterances, parquet."""
    passed_over: Output | None = None
    """With `root`: the files and rows of metadata that are not used, CSV."""


def run(args: Arguments) -> None:
    """Make the manifest."""
    if bool(args.root) == bool(args.tables):
        raise InputError("one of --root and --tables is needed, and not both")
    if args.tables:
        table = list_tables(args.tables)
        write_parquet(table, args.manifest)
    else:
        with noted_in(args.passed_over, "corpus"):
            table = list_folder(args.root, args.metadata, args.settings)
            write_parquet(table, args.manifest)
    hours = float(table["seconds"].astype("float64").sum()) / 3600
    print(f"{len(table):,} utterances, {table['speaker'].nunique():,} speakers, {hours:,.1f} h")
