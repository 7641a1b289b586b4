"""Whom updating helps: the speakers under never updating and under the best updating method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from workflow_src.analysis.breakdowns import Redrawn, Shown, stack
from workflow_src.evaluation.findings import choose_methods, list_runs, name_kinds
from workflow_src.evaluation.intervals import Sampled, interval
from workflow_src.evaluation.speaker_rates import mean_of_worst
from workflow_src.settings.orders import TrialList

# The share of speakers that are called the worst.
WORST = 0.1


def choose_two(
    runs: pd.DataFrame, methods: pd.DataFrame, trial_list: TrialList
) -> dict[Shown, list[str]]:
    """Return never updating and the best updating method of a trial list, each with its runs.

    They are those of the findings. Where neither was run, the first method is taken.

    Parameters
    ----------
    runs
        The run table.
    methods
        ``analysis/tables/methods.csv``.
    trial_list
        The list.
    """
    chosen = choose_methods(runs, methods, trial_list.scenario, trial_list.order)["method"]
    kinds = name_kinds(runs)
    names = list(chosen) or list(methods["method"])[:1]
    return {Shown(name, kinds[name]): list_runs(runs, name) for name in names}


def frr_of_speakers(
    speakers: pd.DataFrame, two: Mapping[Shown, Sequence[str]], trial_list: TrialList
) -> pd.DataFrame:
    """Return the FRR (%) of each speaker at the first operating point, under chosen methods.

    Parameters
    ----------
    speakers
        ``analysis/tables/speakers.csv``.
    two
        The runs of the methods, of `choose_two`.
    trial_list
        The list.

    Returns
    -------
    DataFrame
        A row for each speaker with enough trials, the worst of the first method first, and a column
        for each method's label: the mean over its runs. It has no row where no threshold was set.
    """
    own = _of_list(speakers, trial_list)
    own = own[own["point"] == own["point"].iloc[0]] if len(own) else own
    by_run = own.pivot(index="speaker", columns="run", values="frr_percent")
    by_run = by_run.reindex(columns=[run for runs in two.values() for run in runs])
    rates = {method.label: by_run[list(runs)].mean(axis=1) for method, runs in two.items()}
    first = next(iter(two)).label
    return pd.DataFrame(rates).dropna().sort_values(first, ascending=False, kind="stable")


def _of_list(table: pd.DataFrame, trial_list: TrialList) -> pd.DataFrame:
    scenario, order = table["scenario"], table["order"]
    return table[(scenario == trial_list.scenario) & (order == trial_list.order)]


def list_rates(two: Mapping[Shown, Sequence[str]], rates: pd.DataFrame) -> pd.DataFrame:
    """Return the table of the figure: label, method, speaker, frr_percent.

    The arguments are of `choose_two` and `frr_of_speakers`.
    """
    frr = {shown: rates[shown.label].rename("frr_percent").reset_index() for shown in two}
    return stack(frr)


def tell_whom_it_helps(rates: pd.DataFrame, redrawn: Redrawn) -> str:
    """Say whether updating helps the worst speakers or only the mean of all.

    Each method has its own worst tenth: its speakers of the highest FRR. So nobody counts as the
    worst because one method had bad luck with them.

    Parameters
    ----------
    rates
        Of `frr_of_speakers`.
    redrawn
        The speakers drawn again, for the intervals.
    """
    if rates.empty or len(rates.columns) < 2:
        return "Not known without a threshold set in advance, a baseline and an updating method."
    weights = redrawn.resamples.weights[:, np.isin(redrawn.resamples.speakers, rates.index)]
    values = rates.sort_index().to_numpy().T
    measures = {"the mean speaker": 1.0, "the worst tenth": WORST}
    told, helped = [], []
    for who, share in measures.items():
        never, best = mean_of_worst(values, share)
        drawn = [mean_of_worst(np.repeat(values, times, axis=1), share) for times in weights]
        lost = np.array(drawn)[:, 0] - np.array(drawn)[:, 1]
        low, high = interval(Sampled(never - best, lost, len(rates) - 1), redrawn.confidence)
        told.append(
            f"from {never:.1f} % to {best:.1f} % for {who}, by {never - best:.1f} "
            f"({low:.1f} to {high:.1f})"
        )
        helped += [who] if low > 0 else []
    sure = " and ".join(helped) if helped else "neither"
    return (
        f"With {rates.columns[1]} in place of {rates.columns[0]}, the FRR goes "
        f"{'; '.join(told)}. Of {len(rates)} speakers, the worst tenth are "
        f"{max(1, round(WORST * len(rates)))}. The interval is above zero for {sure}."
    )


def resolved_gaps(groups: pd.DataFrame, run: str, trial_list: TrialList) -> pd.DataFrame:
    """Return the groups of a run whose FRR differs from the mean of the other groups.

    Parameters
    ----------
    groups
        ``analysis/tables/groups.csv``.
    run
        The run.
    trial_list
        The list.

    Returns
    -------
    DataFrame
        The rows whose interval of the gap of the FRR leaves out zero.
    """
    own = _of_list(groups, trial_list)
    own = own[own["run"] == run]
    sure = (own["frr_gap_low"] > 0) | (own["frr_gap_high"] < 0)
    columns = ["frr_percent", "frr_gap", "frr_gap_low", "frr_gap_high", "speakers"]
    return own.loc[sure, ["by", "group", *columns]].round(1).reset_index(drop=True)
