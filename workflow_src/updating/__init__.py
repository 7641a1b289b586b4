"""Template updating itself: the update rule, histories of scores, the lockstep scorer."""
