"""The scale of a rule's scores on development trials."""

from __future__ import annotations

import numpy as np

from workflow_src.methods.development import Development
from workflow_src.updating.interface import UpdateRule
from workflow_src.updating.score_history import ScoreScale

# A weight below this share of the largest weight does not count as an update.
LEAST_SHARE = 0.01


def estimate_scale(development: Development, rule: UpdateRule) -> ScoreScale:
    """Estimate the scale of a rule's scores in all scenarios together."""
    scores = development.scores(rule)
    targets = [task.sequences.labels for task in development.tasks.values()]
    return ScoreScale.estimate(np.concatenate(list(scores.values())), np.concatenate(targets))
