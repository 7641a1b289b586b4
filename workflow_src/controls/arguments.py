"""The arguments that the controls share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from workflow_src.common.files import read_parquet
from workflow_src.common.tables import read_embeddings, read_index, read_split
from workflow_src.controls.conditions import Bench
from workflow_src.inference.methods import build_rule
from workflow_src.inference.tuned import resolve_tuned
from workflow_src.running.arguments import Input, Output
from workflow_src.settings.generation import Generation, Scenario
from workflow_src.settings.intervals import Intervals
from workflow_src.settings.orders import TrialList
from workflow_src.settings.runs import Run
from workflow_src.trials.arguments import read_rejected
from workflow_src.trials.pool import MANIFEST_COLUMNS, Pool, build_pool
from workflow_src.updating.interface import UpdateRule


@dataclass(frozen=True, kw_only=True)
class ControlArguments:
    """Input: runs and embeddings. Output: a table."""

    runs: list[Run]
    """The runs, rows of the run table."""
    baseline: str
    """The run that never updates, with which the others are compared."""
    embeddings: Input
    """The embeddings, .npy, [N, D]."""
    index: Input
    """The utterance of each row, parquet: row, utterance, speaker, date."""
    intervals: Intervals
    """Resamples and confidence."""
    seed: int
    """The config's seed."""
    table: Output
    """The EER of every run under every condition, CSV."""

    def open_bench(self) -> Bench:
        """Read the embeddings and their index; raises `InputError` where one is broken."""
        embeddings = read_embeddings(self.embeddings, mmap=True)
        return Bench(embeddings, read_index(self.index), self.intervals, self.seed)


@dataclass(frozen=True, kw_only=True)
class ListControlArguments(ControlArguments):
    """Further input: trial lists."""

    trials: Path
    """Folder with <trial list>.parquet and <trial list>.enrolment.parquet."""
    lists: list[TrialList]
    """The trial lists."""


@dataclass(frozen=True, kw_only=True)
class NewTrialsArguments(ControlArguments):
    """Further input: what trials are made from."""

    manifest: Input
    """Table of utterances, parquet."""
    split: Input
    """Table of speaker and part, CSV."""
    rejected: Input | None = None
    """Table of utterances without an embedding, CSV; without it, every utterance has one."""
    scenarios: list[Scenario]
    """The rows of the scenarios."""
    generation: Generation
    """How trials are made."""

    def build_pool(self, scenario: Scenario) -> Pool:
        """Read who speaks in the trials of a scenario; raises `InputError` if there are none."""
        return build_pool(
            manifest=read_parquet(self.manifest, MANIFEST_COLUMNS),
            split=read_split(self.split),
            rejected=read_rejected(self.rejected),
            settings=self.generation,
            unit=scenario.unit,
        )


def build_rules(runs: list[Run]) -> dict[str, UpdateRule]:
    """Return run -> its update rule, with its tuned numbers.

    Raises
    ------
    InputError
        A file of a policy or of a tuned threshold is missing or broken.
    """
    return {run.run: build_rule(resolve_tuned(run)) for run in runs}
