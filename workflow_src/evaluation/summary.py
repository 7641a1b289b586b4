"""The error measures of a scenario: one row of ``summary.csv``."""

from __future__ import annotations

import pandas as pd

from workflow_src.evaluation.metrics import error_rates


def summarise_scores(scored: pd.DataFrame) -> dict[str, float | int]:
    """Return the error measures of a scenario, over all its trials pooled.

    `scored` has the columns score and target. The keys are eer_percent, eer_threshold, min_dcf
    (P_target 0.01), min_dcf_threshold, target_trials, nontarget_trials.

    Raises
    ------
    InputError
        One of the two kinds of trial is missing, or a score is not finite.
    """
    rates = error_rates(scored["score"].to_numpy(), scored["target"].to_numpy(dtype=bool))
    eer, eer_threshold = rates.equal_error_rate()
    min_dcf, min_dcf_threshold = rates.min_dcf()
    return {
        "eer_percent": 100 * eer,
        "eer_threshold": eer_threshold,
        "min_dcf": min_dcf,
        "min_dcf_threshold": min_dcf_threshold,
        "target_trials": rates.targets,
        "nontarget_trials": rates.nontargets,
    }
