"""From a row of the run table to its update rule."""

from workflow_src.common.runs import Run
from workflow_src.policies.rules import load_policy
from workflow_src.updating.interface import UpdateRule
from workflow_src.updating.rules import Baseline, FixedWeight


def build_rule(run: Run) -> UpdateRule:
    """Return the update rule of a run; a trained policy is read from the run's checkpoint.

    Raises
    ------
    InputError
        The policy's files are missing or broken.
    """
    match run.method:
        case "baseline":
            return Baseline()
        case "fixed-weight":
            return FixedWeight(run.alpha, run.threshold)
        case _:
            return load_policy(run.checkpoint, run.threshold)
