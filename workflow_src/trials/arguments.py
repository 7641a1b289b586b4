"""What the steps that make one scenario's tables have in common."""

from dataclasses import dataclass
from pathlib import Path

from workflow_src.common.files import read_csv
from workflow_src.running.arguments import Input, Output
from workflow_src.settings.generation import Scenario


@dataclass(frozen=True, kw_only=True)
class ScenarioArguments:
    """Corpus and scenario in, trials and enrolments out."""

    manifest: Input
    """Table of utterances, parquet."""
    split: Input
    """Table of speaker and part, CSV."""
    rejected: Input | None = None
    """Table of utterances without an embedding, CSV; without it, every utterance has one."""
    scenario: Scenario
    """The scenario's row."""
    trials: Output
    """Table of trials, parquet."""
    enrolment: Output
    """Table of enrolments, parquet."""


def read_rejected(path: Path | None) -> list[str]:
    """Read the utterances without an embedding; none where no table is given.

    Raises
    ------
    InputError
        The file cannot be read, or lacks the column utterance.
    """
    if path is None:
        return []
    return read_csv(path, ["utterance"], text=["utterance"])["utterance"].tolist()
