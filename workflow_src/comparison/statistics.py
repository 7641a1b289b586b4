"""Comparing methods over populations: means, paired intervals, shares of the headroom.

Populations differ more than methods do. So methods are compared within a population, on the same
speakers. A bootstrap sample draws the speakers of every population again, with all their models and
trials. The EERs of both methods, and their difference, are taken on the sample.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from workflow_src.common.errors import blamed_on
from workflow_src.common.seeds import generator
from workflow_src.evaluation.metrics import error_rates
from workflow_src.settings.catalogue import find_by_role

# Bins of the score histogram that gives the EER of a bootstrap sample. The error is below 0.02 %
# absolute.
BINS = 4096


def error_table(tables: dict[tuple[int, str], pd.DataFrame], methods: pd.Series) -> pd.DataFrame:
    """Return the error measures of every run.

    Parameters
    ----------
    tables
        (population, scenario) -> the table of `score_population`.
    methods
        Run -> its method, with its weight where the method has several.

    Returns
    -------
    DataFrame
        population, scenario, run, method, eer_percent, min_dcf.
    """
    rows = []
    for (population, scenario), table in tables.items():
        target = table["target"].to_numpy(dtype=bool)
        for run in methods.index:
            with blamed_on(f"population {population}, {scenario}, {run}"):
                rates = error_rates(table[run].to_numpy(), target)
            rows.append(
                {
                    "population": population,
                    "scenario": scenario,
                    "run": run,
                    "method": methods[run],
                    "eer_percent": 100 * rates.equal_error_rate()[0],
                    "min_dcf": rates.min_dcf()[0],
                }
            )
    return pd.DataFrame(rows)


def headroom_share(errors: pd.DataFrame) -> pd.Series:
    """Return by (scenario, method) the share of the way from baseline to ceiling, of mean EERs."""
    mean = errors.groupby(["scenario", "method"])["eer_percent"].mean()
    scenario = mean.index.get_level_values(0)
    start, end = (
        mean.xs(find_by_role(role).id, level=1).reindex(scenario).to_numpy()
        for role in ("baseline", "ceiling")
    )
    return (start - mean) / (start - end)


class SpeakerHistograms:
    """Counts of one run's scores by speaker; a matrix product gives the EERs of bootstrap samples.

    The table has the columns speaker, target and `run`, the run's scores.
    """

    def __init__(self, table: pd.DataFrame, run: str) -> None:
        scores, target = table[run].to_numpy(), table["target"].to_numpy(dtype=bool)
        speaker, names = pd.factorize(table["speaker"], sort=True)
        self.speakers = len(names)
        # Edges at quantiles of the pooled scores: bins are narrow where scores are dense.
        edges = np.unique(np.quantile(scores, np.linspace(0, 1, BINS + 1)[1:-1]))
        place = np.searchsorted(edges, scores, side="left")
        shape = (self.speakers, len(edges) + 1)
        self.targets, self.nontargets = (
            np.bincount((speaker * shape[1] + place)[kind], minlength=shape[0] * shape[1])
            .reshape(shape)
            .astype(np.float32)
            for kind in (target, ~target)
        )

    def equal_error_rates(self, weights: np.ndarray) -> np.ndarray:
        """Return the EER (a share) under each of R samples; `weights` are float [R, speakers]."""
        weights = weights.astype(np.float32)
        # Trials of each kind up to each edge; float32 holds these whole numbers exactly.
        below = [weights @ counts for counts in (self.targets, self.nontargets)]
        for counts in below:
            np.cumsum(counts, axis=1, out=counts)
        targets, nontargets = below
        # Misses minus false alarms: misses rise with the threshold, false alarms fall.
        gap = targets / targets[:, -1:]
        gap += nontargets / nontargets[:, -1:]
        gap -= 1
        cut = np.argmin(np.abs(gap, out=gap), axis=1)[:, None]
        miss, passed = (
            np.take_along_axis(counts, cut, 1)[:, 0].astype(np.float64) / counts[:, -1]
            for counts in below
        )
        return (miss + 1 - passed) / 2


def draw_samples(speakers: int, resamples: int, seed: int, *names: str | int) -> np.ndarray:
    """Draw bootstrap samples: int64 [R, speakers], how often each sample has each speaker."""
    drawn = generator(seed, "comparison", *names).integers(0, speakers, (resamples, speakers))
    offset = np.arange(resamples)[:, None] * speakers
    return np.bincount((drawn + offset).ravel(), minlength=resamples * speakers).reshape(
        resamples, speakers
    )


def paired_differences(
    tables: dict[tuple[int, str], pd.DataFrame],
    methods: pd.Series,
    reference: str,
    resamples: int,
    confidence: float,
    seed: int,
) -> pd.DataFrame:
    """Compare every method with a reference by a paired bootstrap over speakers.

    Parameters
    ----------
    tables, methods
        As for `error_table`.
    reference
        The method with which the others are compared.
    resamples, confidence, seed
        The number of samples, the confidence of the intervals (0..1), the seed of the draws.

    Returns
    -------
    DataFrame
        scenario, method, difference (of EERs in per cent from the reference, mean over populations
        and seeds), low, high (of its interval), ratio (of mean EERs), ratio_low, ratio_high.
    """
    scenarios = list(dict.fromkeys(scenario for _, scenario in tables))
    populations = list(dict.fromkeys(population for population, _ in tables))
    tail = 100 * (1 - confidence) / 2
    rows = []
    for scenario in scenarios:
        samples: dict[str, np.ndarray] = {}
        for population in populations:
            table = tables[population, scenario]
            weights = draw_samples(
                table["speaker"].nunique(), resamples, seed, population, scenario
            )
            # The first sample has every speaker once: it gives the estimate itself.
            weights = np.vstack([np.ones_like(weights[:1]), weights])
            for method, runs in methods.groupby(methods, sort=False):
                eer = np.mean(
                    [SpeakerHistograms(table, r).equal_error_rates(weights) for r in runs.index],
                    axis=0,
                )
                samples[method] = samples.get(method, 0) + 100 * eer / len(populations)
        for method, eer in samples.items():
            difference, ratio = eer - samples[reference], eer / samples[reference]
            low, high = np.percentile(difference[1:], [tail, 100 - tail])
            ratio_low, ratio_high = np.percentile(ratio[1:], [tail, 100 - tail])
            rows.append(
                {
                    "scenario": scenario,
                    "method": method,
                    "difference": difference[0],
                    "low": low,
                    "high": high,
                    "ratio": ratio[0],
                    "ratio_low": ratio_low,
                    "ratio_high": ratio_high,
                }
            )
    return pd.DataFrame(rows)
