"""The tables that steps pass on: their columns, and readers that check them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from workflow_src.common.errors import InputError
from workflow_src.common.files import read_csv, read_npy, read_parquet

TRIAL_COLUMNS = ["model", "speaker", "round", "step", "day", "utterance", "target"]
ENROLMENT_COLUMNS = ["model", "speaker", "order", "utterance"]


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
