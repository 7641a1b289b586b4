"""Comparing methods over populations: means, paired intervals, shares of the headroom.

Populations differ more than methods do. So methods are compared within a population, on the same
speakers. A resample draws the test speakers of every population again, and the seeds of trained
methods. The EERs of both methods, and their difference, are taken on the resample. The intervals
are about other test speakers and seeds; the training speakers stay.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from workflow_src.common.errors import blamed_on
from workflow_src.evaluation.bootstrap import (
    MEASURES,
    ResampledTrials,
    Resamples,
    draw_resamples,
)
from workflow_src.evaluation.calibration import cllr
from workflow_src.evaluation.intervals import Sampled, mean_over_populations, ratio_interval
from workflow_src.evaluation.method_tables import Lists, Measured, average_seeds
from workflow_src.evaluation.metrics import error_rates
from workflow_src.settings.catalogue import find_by_role

Tables = Mapping[tuple[int, str, str], pd.DataFrame]
"""(population, scenario, order) -> a table of `score_population`: all of one kind of values."""
KEYS = ["scenario", "order", "kind", "method"]
"""What a row is about in tables of methods; the kind is ``score`` or ``llr`` (calibrated)."""


def error_table(tables: Tables, methods: pd.Series, kind: str = "score") -> pd.DataFrame:
    """Return the error measures of every run.

    Parameters
    ----------
    tables
        Of all populations and trial lists.
    methods
        Run -> its method, with its weight where the method has several.
    kind
        The kind of the values in the tables.

    Returns
    -------
    DataFrame
        population, scenario, order, kind, run, method, eer_percent, min_dcf, cllr (empty for
        scores).
    """
    rows = []
    for (population, scenario, order), table in tables.items():
        target = table["target"].to_numpy(dtype=bool)
        for run in methods.index:
            with blamed_on(f"population {population}, {scenario}, {order} order, {run}"):
                values = table[run].to_numpy()
                rates = error_rates(values, target)
            rows.append(
                {
                    "population": population,
                    "scenario": scenario,
                    "order": order,
                    "kind": kind,
                    "run": run,
                    "method": methods[run],
                    "eer_percent": 100 * rates.equal_error_rate()[0],
                    "min_dcf": rates.min_dcf()[0],
                    "cllr": cllr(values, target) if kind == "llr" else np.nan,
                }
            )
    return pd.DataFrame(rows)


def headroom_share(errors: pd.DataFrame) -> pd.Series:
    """Return the share of the way from baseline to ceiling, of mean EERs.

    It is by `KEYS`.
    """
    mean = errors.groupby(KEYS)["eer_percent"].mean()
    lists = mean.index.droplevel("method")
    start, end = (
        mean.xs(find_by_role(role).id, level="method").reindex(lists).to_numpy()
        for role in ("baseline", "ceiling")
    )
    return (start - mean) / (start - end)


def sample_methods(
    tables: Tables, methods: pd.Series, resamples: int, seed: int
) -> dict[tuple[str, str], dict[str, Measured]]:
    """Return the measures of all methods: means over populations and seeds.

    The speakers of each population are drawn again, on both sides of the trials, in the same way
    for all runs and trial lists.

    Parameters
    ----------
    tables, methods
        As for `error_table`.
    resamples, seed
        The number of resamples, the seed of the draws.

    Returns
    -------
    dict
        (scenario, order) -> method -> its measures.
    """
    populations = {}
    for population in dict.fromkeys(population for population, *_ in tables):
        own = {(s, o): table for (number, s, o), table in tables.items() if number == population}
        known = set().union(
            *(set(table[side]) for table in own.values() for side in ("speaker", "tested"))
        )
        drawn = draw_resamples(known, resamples, seed, "population", population)
        populations[population] = {
            key: _sample_population(table, methods, drawn, population) for key, table in own.items()
        }
    first, *_ = populations.values()
    return {
        key: {
            method: {
                name: mean_over_populations(
                    [part[key][method][name] for part in populations.values()]
                )
                for name in MEASURES
            }
            for method in of_methods
        }
        for key, of_methods in first.items()
    }


def _sample_population(
    table: pd.DataFrame, methods: pd.Series, drawn: Resamples, seed: int
) -> dict[str, Measured]:
    trials = ResampledTrials(table["speaker"], table["tested"], table["target"], drawn)
    runs = {run: trials.sample(table[run].to_numpy()) for run in methods.index}
    return average_seeds(runs, methods, seed)


def compare_with_reference(
    sampled: Lists,
    differences: pd.DataFrame,
    reference: str,
    confidence: float,
    *,
    scores: Lists | None = None,
) -> pd.DataFrame:
    """Compare the EER of every method with that of a reference.

    Parameters
    ----------
    sampled
        Of `sample_methods`, of one kind of values.
    differences
        The same of `tabulate_differences`.
    reference
        The method with which the others are compared.
    confidence
        Of the intervals, 0..1.
    scores
        Of `sample_methods`, of the scores as they are; by default `sampled`.

    Returns
    -------
    DataFrame
        scenario, order, method, difference (from the reference, in per cent absolute), low, high,
        adjusted_low, adjusted_high, resolved, ratio (of mean EERs), ratio_low, ratio_high; and the
        ratio to the reference's EER of `scores`: score_ratio, score_ratio_low, score_ratio_high.
    """
    eer = differences[differences["measure"] == "eer"].drop(columns="measure")
    numbers = ["difference", "low", "high", "adjusted_low", "adjusted_high"]
    turned = eer.rename(columns={"method": "other", "other": "method"})
    # What was the low end of a difference is the high end of the opposite one.
    turned[numbers] = -turned[["difference", "high", "low", "adjusted_high", "adjusted_low"]]
    both = pd.concat([eer, turned])
    both = both[both["other"] == reference].drop(columns="other")
    rows = []
    for key, methods in sampled.items():
        others = methods[reference]["eer"], (scores or sampled)[key][reference]["eer"]
        for method, measured in methods.items():
            ratios = [_compute_ratio(measured["eer"], other, confidence) for other in others]
            rows.append((*key, method, *ratios[0], *ratios[1]))
    keys = ["scenario", "order", "method"]
    ends = [f"{name}{end}" for name in ("ratio", "score_ratio") for end in ("", "_low", "_high")]
    table = pd.DataFrame(rows, columns=[*keys, *ends])
    table = table[keys].merge(both, on=keys, how="left").merge(table, on=keys)
    itself = table["method"] == reference
    table.loc[itself, numbers] = 0.0
    table.loc[itself, "resolved"] = False
    return table.astype({"resolved": bool})


def _compute_ratio(one: Sampled, other: Sampled, confidence: float) -> tuple[float, float, float]:
    ratio = one.value / other.value if other.value else np.nan
    return ratio, *ratio_interval(one, other, confidence)
