"""Template updating: the update rule, histories of scores, the lockstep scorer."""
