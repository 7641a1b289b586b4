"""The back-end of a run as part of one trial: the LLR, and the history that it needs."""

from __future__ import annotations

from dataclasses import asdict

import torch
from torch import Tensor

from workflow_src.evaluation.calibration import BackEnd
from workflow_src.evaluation.history import FEATURES
from workflow_src.evaluation.quality import QUALITIES
from workflow_src.updating.score_history import FEATURES as OBSERVED
from workflow_src.updating.score_history import ScoreHistory, ScoreScale

# What a template remembers for its back-end, float64 [1]: the exporter would compute with numbers
# without a dimension in float32.
SUMS = ("count", "total", "squares")


def looks_at_seconds(back_end: BackEnd | None) -> bool:
    """Whether a back-end looks at the seconds of a test."""
    return back_end is not None and "test_seconds" in back_end.quality


def begin_history(back_end: BackEnd) -> dict[str, Tensor]:
    """Return the memory of a back-end at enrolment; empty where it looks at no history."""
    names = SUMS if back_end.kind != "affine" else ()
    return {f"back_end_{name}": torch.zeros(1, dtype=torch.float64) for name in names}


def calibrate(
    back_end: BackEnd,
    history: dict[str, Tensor],
    score: Tensor,
    days: Tensor,
    norm: Tensor,
    seconds: Tensor,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the LLR of a trial, float64 [], and the history after it.

    Parameters
    ----------
    back_end
        The back-end.
    history
        The memory, as `begin_history` gives it.
    score, days
        float32 []: the score, and the days since enrolment.
    norm, seconds
        float32 []: the L2 norm of the test, and its length; NaN where unknown.
    """
    scale = ScoreScale(**asdict(back_end.scale))
    score, days = score.double().reshape(1), days.double().reshape(1)
    if back_end.kind == "affine":
        own = scale.slope * (score - scale.centre) / 4
        return (back_end.constant + back_end.slope * own).reshape(()), {}
    count, total, squares = history.values()
    before = ScoreHistory(count, total, squares, torch.zeros_like(score))
    features = dict(zip(OBSERVED, before.observe(scale, score, days).unbind(-1), strict=True))
    for name, value in zip(QUALITIES, (norm, seconds), strict=True):
        if name in back_end.quality:
            relative = value.double().reshape(1).log() - back_end.quality[name]
            features[name] = torch.where(relative.isnan(), torch.zeros_like(relative), relative)
    own = features[FEATURES[0]]
    llr = back_end.constant + back_end.slope * own
    for name in back_end.added:
        llr = llr + features[name] * (back_end.added[name] + back_end.times_score[name] * own)
    after = before.remember(scale, score, days).tensors()
    return llr.reshape(()), {name: after[name.removeprefix("back_end_")] for name in history}
