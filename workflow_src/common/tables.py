"""The tables that steps pass on: their columns, and readers that check them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from workflow_src.common.errors import AbsentError, InputError
from workflow_src.common.files import (
    read_csv,
    read_npy,
    read_parquet,
    read_parquet_metadata,
    write_parquet,
)

TRIAL_COLUMNS = ["model", "speaker", "round", "step", "day", "utterance", "target"]
ENROLMENT_COLUMNS = ["model", "speaker", "order", "utterance"]
INDEX_COLUMNS = ["row", "utterance", "speaker", "date"]
EXTRACTOR = "extractor"
"""The key of the speaker model in the metadata of an index."""


def read_split(path: str | Path) -> pd.DataFrame:
    """Read the split of speakers: speaker, part.

    Raises
    ------
    InputError
        The file cannot be read, or lists a speaker twice.
    """
    split = read_csv(path, ["speaker", "part"], text=["speaker", "part"])
    twice = split["speaker"].duplicated()
    if twice.any():
        raise InputError(
            f"{path}: the speaker {split['speaker'][twice].iloc[0]!r} stands there twice"
        )
    return split


def require_dates(dates: pd.Series, reader: str) -> None:
    """Refuse utterances of which a corpus does not know the day.

    Parameters
    ----------
    dates
        Their dates, ISO; empty where unknown.
    reader
        What needs the days, for the error.

    Raises
    ------
    AbsentError
        A date is empty.
    """
    unknown = int((dates.isna() | (dates == "")).sum())
    if unknown:
        raise AbsentError(
            f"{reader} needs the day of each utterance, and {unknown:,} of {len(dates):,} have "
            "none in the manifest; tell their times in the names or the table of the corpus"
        )


def read_embeddings(path: str | Path, mmap: bool = False) -> np.ndarray:
    """Read the matrix of embeddings, float [N, D], or map it into memory.

    Raises
    ------
    InputError
        The file cannot be read, or holds something else.
    """
    matrix = read_npy(path, mmap)
    if matrix.ndim != 2 or matrix.dtype.kind != "f":
        raise InputError(
            f"{path}: is {matrix.dtype} {list(matrix.shape)}; embeddings are floats [N, D]"
        )
    return matrix


def read_index(path: str | Path) -> pd.DataFrame:
    """Read the index of a matrix of embeddings: `INDEX_COLUMNS`, a row for each embedding.

    Raises
    ------
    InputError
        The file cannot be read, or lacks a column.
    """
    return read_parquet(path, INDEX_COLUMNS)


def read_extractor(path: str | Path) -> str | None:
    """Read from an index which speaker model made the embeddings; None where it is unknown.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    return read_parquet_metadata(path).get(EXTRACTOR)


def write_index(utterances: pd.DataFrame, path: str | Path, extractor: str | None = None) -> None:
    """Write the index of a matrix of embeddings.

    Parameters
    ----------
    utterances
        Rows of the manifest (utterance, speaker, date), in the order of the embeddings.
    path
        The parquet file.
    extractor
        The sha256 of the speaker model, or its name. It goes into the metadata of the file.
    """
    rows = pd.Series(np.arange(len(utterances), dtype=np.int64), name="row")
    known = utterances[INDEX_COLUMNS[1:]].reset_index(drop=True)
    metadata = {EXTRACTOR: extractor} if extractor else None
    write_parquet(pd.concat([rows, known], axis=1), path, metadata)


def read_scenario(folder: str | Path, scenario: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the trials and the enrolments of a scenario.

    Raises
    ------
    InputError
        A file cannot be read, or lacks a column.
    """
    return (
        read_parquet(Path(folder) / f"{scenario}.parquet", TRIAL_COLUMNS),
        read_parquet(Path(folder) / f"{scenario}.enrolment.parquet", ENROLMENT_COLUMNS),
    )
