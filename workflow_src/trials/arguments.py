"""The arguments that the steps for one scenario's tables share."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from workflow_src.common.files import read_csv
from workflow_src.common.passed_over import note
from workflow_src.running.arguments import Input, Output
from workflow_src.settings.generation import Scenario
from workflow_src.settings.orders import Order, list_id


@dataclass(frozen=True, kw_only=True)
class ScenarioArguments:
    """Input: corpus, split and scenario. Output: trials and enrolments."""

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


@dataclass(frozen=True, kw_only=True)
class ListArguments(ScenarioArguments):
    """Further input: the order and its seed. Further output: what is passed over."""

    order: Order = "published"
    """The order of the trials."""
    seed: int
    """The config's seed."""
    passed_over: Output | None = None
    """Days, models and speakers without trials, CSV."""

    @property
    def list_id(self) -> str:
        """The name of the trial list."""
        return list_id(self.scenario.id, self.order)


def note_speakers_without_trials(
    kind: str, split: pd.DataFrame, enrolment: pd.DataFrame, name: str
) -> None:
    """Note the speakers of the part ``test`` who have no trial of their own in a trial list.

    `kind` says which speakers of the corpus these are.
    """
    tested = split.loc[split["part"] == "test", "speaker"]
    without = sorted(set(tested) - set(enrolment["speaker"]))
    note(f"{kind} speakers without a trial ({name})", len(without), *without[:1])


def read_rejected(path: Path | None) -> list[str]:
    """Read the utterances without an embedding; without a table, there are none.

    Raises
    ------
    InputError
        The file cannot be read, or lacks the column utterance.
    """
    if path is None:
        return []
    return read_csv(path, ["utterance"], text=["utterance"])["utterance"].tolist()
