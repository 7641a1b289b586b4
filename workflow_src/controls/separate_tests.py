"""Measure all runs on tests that never update the template.

Usually each trial is a test, and then may update the template. So a method chooses by its own
decisions which template later tests meet, and a test profits from one of the same hour before it.
Here a coin decides for each trial whether it is a test or an update. The tests of a day are scored
first, against the template of the days before, and leave no trace. Then come the day's updates,
which are not counted. So all tests of a day see the same updates, whatever happens to the others.

Compared is the EER of the same tests, in their usual order, where each trial may update: there
templates get about twice as many updates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from workflow_src.common.files import write_csv
from workflow_src.common.seeds import generator
from workflow_src.controls.arguments import Changed, ListControlArguments


@dataclass(frozen=True, kw_only=True)
class Arguments(ListControlArguments):
    """The step's arguments."""


def draw_tests(trials: pd.DataFrame, name: str, seed: int) -> np.ndarray:
    """Flip a coin for each trial: bool [T], whether it is a test.

    The draws depend on the seed, the name of the trial list and the model. Within a model they are
    by round and step. `trials` has the columns model, round and step.
    """
    drawn = np.zeros(len(trials), dtype=bool)
    order = np.lexsort((trials["step"], trials["round"]))
    model = trials["model"].to_numpy()[order]
    for one, places in pd.Series(order).groupby(model, sort=True):
        rng = generator(seed, "controls", "tests", name, str(one))
        drawn[places.to_numpy()] = rng.random(len(places)) < 0.5
    return drawn


def separate_tests(trials: pd.DataFrame, tests: np.ndarray) -> pd.DataFrame:
    """Put the tests of each day before its updates, and mark them: they leave no trace.

    Parameters
    ----------
    trials
        Columns model, round, step, day and others; rows in any order.
    tests
        bool [T]: which trials are tests.

    Returns
    -------
    DataFrame
        The same rows, with other steps and the column only_scored (bool).
    """
    sequence = trials.groupby(["model", "round"], sort=False).ngroup().to_numpy()
    step = trials["step"].to_numpy()
    in_order = np.lexsort((step, sequence))
    day = pd.factorize(trials["day"].replace("", None))[0]
    # A trial of an unknown day is a day of its own.
    day = np.where(day < 0, -1 - np.arange(len(day)), day)[in_order]
    changes = (np.diff(sequence[in_order]) != 0) | (np.diff(day) != 0)
    number = np.empty(len(trials), dtype=np.int64)
    number[in_order] = np.cumsum(np.r_[0, changes])
    place = np.lexsort((step, ~tests, number))
    begins = np.flatnonzero(np.r_[True, np.diff(sequence[place]) != 0])
    sizes = np.diff(np.r_[begins, len(trials)])
    steps = np.empty(len(trials), dtype=np.int32)
    steps[place] = np.arange(len(trials)) - np.repeat(begins, sizes)
    return trials.assign(step=steps, only_scored=tests)


def run(args: Arguments) -> None:
    """Read the trials, measure all runs with and without separate tests, write one table."""

    def change(trials: pd.DataFrame, name: str) -> Changed:
        tests = draw_tests(trials, name, args.seed)
        return Changed("usual", "separate", separate_tests(trials, tests), tests)

    write_csv(args.tabulate("tests", change), args.table)
