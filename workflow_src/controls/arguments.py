"""The arguments that the controls share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from workflow_src.common.errors import blamed_on
from workflow_src.common.files import read_parquet
from workflow_src.common.tables import read_embeddings, read_index, read_scenario, read_split
from workflow_src.controls.conditions import Bench, Condition, name_list
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
class RunsArguments:
    """Input: runs and embeddings. Output: a table."""

    runs: list[Run]
    """The runs, rows of the run table."""
    embeddings: Input
    """The embeddings, .npy, [N, D]."""
    index: Input
    """The utterance of each row, parquet: row, utterance, speaker, date."""
    intervals: Intervals
    """Resamples and confidence."""
    seed: int
    """The config's seed."""
    table: Output
    """What is measured of every run, CSV."""

    def open_bench(self) -> Bench:
        """Read the embeddings and their index; raises `InputError` where one is broken."""
        embeddings = read_embeddings(self.embeddings, mmap=True)
        return Bench(embeddings, read_index(self.index), self.intervals, self.seed)


@dataclass(frozen=True, kw_only=True)
class ControlArguments(RunsArguments):
    """Further input: the run with which others are compared."""

    baseline: str
    """The run that never updates, with which the others are compared."""


class Changed(NamedTuple):
    """Changed trials of a list.

    Attributes
    ----------
    usual, name
        What tables call the trials as they are, and the changed ones.
    trials
        The changed trials, a row for each.
    counted
        bool [T]: the trials of which the EER is taken, in both; None: all.
    """

    usual: str
    name: str
    trials: pd.DataFrame
    counted: np.ndarray | None = None


@dataclass(frozen=True, kw_only=True)
class ListControlArguments(ControlArguments):
    """Further input: trial lists."""

    trials: Path
    """Folder with <trial list>.parquet and <trial list>.enrolment.parquet."""
    lists: list[TrialList]
    """The trial lists."""

    def tabulate(
        self, variable: str, change: Callable[[pd.DataFrame, str], Changed]
    ) -> pd.DataFrame:
        """Measure all runs on the trials of each list as they are, and after a change.

        Parameters
        ----------
        variable
            The column that says which of the two a row is of.
        change
            A function of the trials and the name of their list.

        Returns
        -------
        DataFrame
            scenario, order, and the columns of `Bench.tabulate`.

        Raises
        ------
        InputError
            A file is missing or broken, or files do not fit together.
        """
        bench, rules = self.open_bench(), build_rules(self.runs)
        tables = []
        for one in self.lists:
            trials, enrolment = read_scenario(self.trials, one.id)
            changed = change(trials, one.id)
            conditions = {
                changed.usual: Condition(trials, enrolment, rules, changed.counted),
                changed.name: Condition(changed.trials, enrolment, rules, changed.counted),
            }
            with blamed_on(self.trials / f"{one.id}.parquet"):
                table = bench.tabulate(conditions, one.id, variable, self.baseline)
            tables.append(name_list(table, one))
        return pd.concat(tables)


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
