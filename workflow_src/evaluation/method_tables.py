"""The methods side by side: each with its intervals, and every two with their difference.

A method that is trained with several seeds is the mean over its runs. A method with several weights
is a method for each weight.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import pandas as pd

from workflow_src.common.seeds import generator
from workflow_src.evaluation.bootstrap import MEASURES
from workflow_src.evaluation.intervals import (
    Sampled,
    difference,
    half_width,
    mean_over_seeds,
    normal_quantile,
    rate_interval,
    simultaneous_quantile,
)

Measured = Mapping[str, Sampled]
"""Name of a measure -> its number."""
Lists = Mapping[tuple[str, str], Mapping[str, Measured]]
"""(scenario, order) -> run or method -> its measures."""
DIFFERENCE_COLUMNS = [
    "scenario",
    "order",
    "measure",
    "method",
    "other",
    "difference",
    "low",
    "high",
    "adjusted_low",
    "adjusted_high",
    "resolved",
]


def name_methods(runs: pd.DataFrame) -> pd.Series:
    """Return run -> the name of its method in tables: seeds share a name, weights do not.

    `runs` has the columns run, method, and alpha, which is empty where it does not apply.
    """
    names = runs["method"].where(runs["alpha"].isna(), runs["run"])
    return pd.Series(names.to_numpy(), index=runs["run"].to_numpy(), name="method")


def average_seeds(runs: Mapping[str, Measured], names: pd.Series, seed: int) -> dict[str, Measured]:
    """Return the mean over the runs of each method.

    Parameters
    ----------
    runs
        Run -> its measures, of one trial list.
    names
        Of `name_methods`.
    seed
        The config's seed. The draws from the seeds of a method depend on it and on the name of the
        method, so they are the same for all trial lists.
    """
    return {
        name: {
            measure: mean_over_seeds(
                [runs[run][measure] for run in own.index],
                generator(seed, "evaluation", "training seeds", str(name)),
            )
            for measure in MEASURES
        }
        for name, own in names.groupby(names, sort=False)
    }


def tabulate_measures(lists: Lists, name: str, confidence: float) -> pd.DataFrame:
    """Return the measures of all runs or methods, and their intervals.

    Parameters
    ----------
    lists
        (scenario, order) -> run or method -> its measures.
    name
        The name of the column of runs or methods.
    confidence
        Of the intervals.

    Returns
    -------
    DataFrame
        scenario, order, `name`; for each measure its column, and ``<measure>_low`` and
        ``<measure>_high``. So the EER has eer_percent, eer_low, eer_high. Where resamples tell
        nothing, intervals are NaN.
    """
    rows = []
    for (scenario, order), measured in lists.items():
        for one, numbers in measured.items():
            row: dict[str, object] = {"scenario": scenario, "order": order, name: one}
            for measure, (_, _, column, scale, _) in MEASURES.items():
                low, high = rate_interval(numbers[measure], confidence)
                row[column] = scale * numbers[measure].value
                row[f"{measure}_low"], row[f"{measure}_high"] = scale * low, scale * high
            rows.append(row)
    return pd.DataFrame(rows)


def tabulate_differences(lists: Lists, confidence: float) -> pd.DataFrame:
    """Return the difference of every two methods.

    Parameters
    ----------
    lists
        (scenario, order) -> method -> its measures. All have the same resamples.
    confidence
        Of each interval; and that no difference of a measure in a trial list is wrongly called
        resolved.

    Returns
    -------
    DataFrame
        scenario, order, measure, method, other; difference (method minus other, in the units of
        `tabulate_measures`), low, high (its interval), adjusted_low, adjusted_high (its
        interval, widened for the number of differences in its list), resolved (whether the
        widened interval leaves out 0). Where resamples tell nothing, intervals are NaN.
    """
    rows = []
    single = normal_quantile(confidence)
    for (name, measure), (key, methods) in itertools.product(MEASURES.items(), lists.items()):
        pairs = {
            (*key, name, one, other): difference(methods[one][name], methods[other][name])
            for one, other in itertools.combinations(methods, 2)
        }
        all_at_once = simultaneous_quantile(list(pairs.values()), confidence)
        for keys, pair in pairs.items():
            half, wide = (measure.scale * half_width(pair, z) for z in (single, all_at_once))
            value = measure.scale * pair.value
            ends = (value - half, value + half, value - wide, value + wide)
            rows.append((*keys, value, *ends, abs(value) > wide))
    return pd.DataFrame(rows, columns=DIFFERENCE_COLUMNS)
