"""What a file of trials or enrolments lists, before it meets the corpus."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from workflow_src.common.errors import InputError


@dataclass(frozen=True)
class Listing:
    """The entries of a file.

    Attributes
    ----------
    path
        The file.
    table
        A row for each entry, in the order of the file: place (int64, passed to `where`), model and
        utterance. What else a file of trials tells: round, step (int64), day (ISO; empty where it
        is unknown), target (bool), speaker (of the model). A file of enrolments: order (int64),
        speaker.
    where
        Says in words which entry of the file a place is, for example ``line 7``.
    """

    path: Path
    table: pd.DataFrame
    where: Callable[[int], str]

    def refuse(self, bad: np.ndarray | pd.Series, fault: Callable[[int], str]) -> None:
        """Refuse the file if an entry is bad.

        Parameters
        ----------
        bad
            bool [rows]: the bad entries.
        fault
            Says of the row of a bad entry what is wrong with it.

        Raises
        ------
        InputError
            An entry is bad; the error names the first, and counts the others.
        """
        rows = np.flatnonzero(bad)
        if not len(rows):
            return
        more = f" (and {len(rows) - 1:,} more)" if len(rows) > 1 else ""
        row = int(rows[0])
        where = self.where(int(self.table["place"].iloc[row]))
        raise InputError(f"{self.path}: {where}: {fault(row)}{more}")

    def keep(self, kept: np.ndarray) -> Listing:
        """Return only some entries; `kept` is bool [rows]."""
        return replace(self, table=self.table[kept].reset_index(drop=True))

    def __getitem__(self, column: str) -> pd.Series:
        """Return a column of the table."""
        return self.table[column]
