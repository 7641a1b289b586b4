"""Who speaks in trials: what resamples of speakers need to know."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from workflow_src.common.errors import InputError, blamed_on
from workflow_src.common.files import read_parquet

# The columns of the speakers of a trial.
SIDES = ("enrolled", "tested")


def read_speakers(path: Path, index: pd.DataFrame) -> pd.DataFrame:
    """Read who speaks in the trials of a file, as `find_speakers` says.

    Raises
    ------
    InputError
        The file cannot be read, lacks a column, or has an utterance that the index lacks.
    """
    with blamed_on(path):
        return find_speakers(
            read_parquet(path, ["speaker", "utterance", "target"], only=True), index
        )


def find_speakers(trials: pd.DataFrame, index: pd.DataFrame) -> pd.DataFrame:
    """Find who speaks in trials: enrolled, tested (text) and target (bool).

    Parameters
    ----------
    trials
        Columns speaker, utterance, target.
    index
        Columns utterance, speaker.

    Raises
    ------
    InputError
        The index lacks an utterance.
    """
    tested = trials["utterance"].map(index.set_index("utterance")["speaker"])
    if tested.isna().any():
        utterance = trials["utterance"][tested.isna()].iloc[0]
        raise InputError(f"the utterance {utterance!r} has no embedding")
    return pd.DataFrame(
        {"enrolled": trials["speaker"], "tested": tested, "target": trials["target"].astype(bool)}
    )
