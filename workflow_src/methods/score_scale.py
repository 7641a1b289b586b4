"""What the scores of a rule look like on development trials."""

from __future__ import annotations

import numpy as np

from workflow_src.methods.development import Development
from workflow_src.updating.interface import UpdateRule
from workflow_src.updating.score_history import ScoreScale

# A weight below this share of the largest one is no update.
LEAST_SHARE = 0.01


def estimate_scale(development: Development, rule: UpdateRule) -> ScoreScale:
    """Return what a rule's scores look like, all scenarios pooled."""
    scores = development.scores(rule)
    targets = [task.sequences.targets for task in development.tasks.values()]
    return ScoreScale.estimate(np.concatenate(list(scores.values())), np.concatenate(targets))
