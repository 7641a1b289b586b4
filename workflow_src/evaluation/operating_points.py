"""Operating points: thresholds that are chosen on development trials.

A threshold is chosen before any test trial is scored. There are two kinds of values to compare with
it: the scores of a run, and the log-likelihood ratios (LLRs) of its back-end. The rates of a choice
are means over the development scenarios, so that none decides by its number of trials.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, NamedTuple, Self

import numpy as np
from pydantic import ValidationError

from workflow_src.common.errors import InputError, describe_validation_error
from workflow_src.common.files import read_json
from workflow_src.evaluation.calibration import (
    BackEnd,
    ScoredTrials,
    bayes_threshold,
    cllr,
    fit_back_end,
    min_cllr,
)
from workflow_src.evaluation.metrics import equal_error_rate
from workflow_src.settings.base import Block
from workflow_src.settings.evaluation import Evaluation, OperatingPoints

COST = "cost"
KINDS = ("score", "llr")


class Development(Block):
    """The development trials on which something was chosen."""

    key: ClassVar[str] = "development"

    target_trials: int
    nontarget_trials: int


class Chosen(Block):
    """What was chosen for one kind of values, and how good these are on the development trials.

    Attributes
    ----------
    eer_percent, cllr, min_cllr
        Means over the scenarios.
    thresholds
        Name of the point -> threshold.
    """

    key: ClassVar[str] = "score"

    eer_percent: float
    cllr: float
    min_cllr: float
    thresholds: dict[str, float]


class SetPoints(Block):
    """The operating points of a run and its back-end, as in ``operating_points.json``.

    Attributes
    ----------
    development
        Numbers of development trials; None where there are none, and then nothing is chosen.
    back_end
        None where the settings want none.
    score, llr
        What was chosen for each kind of values.
    """

    key: ClassVar[str] = "operating points"

    development: Development | None = None
    back_end: BackEnd | None = None
    score: Chosen | None = None
    llr: Chosen | None = None

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read ``operating_points.json``; raises `InputError` where it is missing or broken."""
        try:
            # A dataclass is read from JSON alone.
            return cls.model_validate_json(json.dumps(read_json(path)))
        except ValidationError as error:
            raise InputError(describe_validation_error(error, str(path))) from error

    def chosen(self, kind: str) -> Chosen | None:
        """Return what was chosen for a kind of values."""
        return self.score if kind == "score" else self.llr


class Labelled(NamedTuple):
    """Values of one kind and their labels: float [T] and bool [T], with both labels."""

    values: np.ndarray
    target: np.ndarray


def name_points(settings: OperatingPoints) -> dict[str, float | None]:
    """Return the operating points: name -> false acceptance rate; None for the least cost."""
    rates = {f"far_{100 * far:.10g}": far for far in settings.far}
    return {**rates, COST: None}


def choose_thresholds(lists: Sequence[Labelled], settings: OperatingPoints) -> dict[str, float]:
    """Choose the threshold of each operating point.

    Parameters
    ----------
    lists
        The trials of each scenario. A rate is the mean of its rates in the scenarios.
    settings
        The operating points.

    Returns
    -------
    dict
        Name of the point -> threshold, which is the score of a trial. For a false acceptance rate,
        the lowest one that keeps it; for the cost, the lowest one with the least cost.
    """
    cuts = np.unique(np.concatenate([each.values for each in lists]).astype(np.float64))
    frr, far = np.zeros(len(cuts)), np.zeros(len(cuts))
    for values, target in lists:
        for rate, own, sign in ((frr, values[target], 1), (far, values[~target], -1)):
            below = np.searchsorted(np.sort(own).astype(np.float64), cuts, side="right")
            rate += (below if sign > 0 else len(own) - below) / len(own) / len(lists)
    prior = settings.cost.effective_prior
    chosen = {
        name: int(np.argmin(prior * frr + (1 - prior) * far))
        if wanted is None
        # The rates are sums of shares, which round.
        else int(np.argmax(far <= wanted * (1 + 1e-9)))
        for name, wanted in name_points(settings).items()
    }
    return {name: float(cuts[place]) for name, place in chosen.items()}


def set_operating_points(
    trials: Sequence[ScoredTrials], targets: Sequence[np.ndarray], settings: Evaluation
) -> SetPoints:
    """Fit the back-end and choose all thresholds on development trials.

    Parameters
    ----------
    trials, targets
        The trials of each scenario and their labels, bool [T]. Scenarios without targets or
        without non-targets are left out.
    settings
        The block ``evaluation``.
    """
    both = [place for place, target in enumerate(targets) if target.any() and not target.all()]
    trials, targets = [trials[place] for place in both], [targets[place] for place in both]
    if not trials:
        return SetPoints()
    target = np.concatenate(targets)
    values = {"score": [each.scores for each in trials]}
    back_end = None
    if settings.calibration.back_end != "none":
        back_end = fit_back_end(
            settings.calibration.back_end, trials, targets, settings.calibration.p_target
        )
        values["llr"] = [back_end.llrs(each) for each in trials]
    chosen = {}
    for kind, of_kind in values.items():
        lists = [Labelled(*each) for each in zip(of_kind, targets, strict=True)]
        thresholds = choose_thresholds(lists, settings.operating_points)
        if kind == "llr":
            prior = settings.operating_points.cost.effective_prior
            thresholds[COST] = bayes_threshold(prior)
        chosen[kind] = Chosen(
            eer_percent=float(100 * np.mean([equal_error_rate(*each)[0] for each in lists])),
            cllr=float(np.mean([cllr(*each) for each in lists])),
            min_cllr=float(np.mean([min_cllr(*each) for each in lists])),
            thresholds=thresholds,
        )
    return SetPoints(
        development=Development(
            target_trials=int(target.sum()), nontarget_trials=int((~target).sum())
        ),
        back_end=back_end,
        **chosen,
    )
