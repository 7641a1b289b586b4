"""The error measures of a scenario: one row of ``summary.csv``."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workflow_src.evaluation.metrics import error_rates


def summarise_scores(scored: pd.DataFrame) -> dict[str, float | int]:
    """Return the error measures of a scenario, over all its trials pooled.

    Parameters
    ----------
    scored
        Columns score and target.

    Returns
    -------
    dict
        eer_percent, eer_threshold, min_dcf (P_target 0.01), min_dcf_threshold, target_trials,
        nontarget_trials.

    Raises
    ------
    InputError
        One of the two kinds of trial is missing, or a score is not finite.
    """
    return error_measures(scored["score"].to_numpy(), scored["target"].to_numpy(dtype=bool))


def error_measures(scores: np.ndarray, target: np.ndarray) -> dict[str, float | int]:
    """Return the error measures of scores; as `summarise_scores`, from arrays.

    Parameters
    ----------
    scores
        float [T].
    target
        bool [T].
    """
    rates = error_rates(scores, target)
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
