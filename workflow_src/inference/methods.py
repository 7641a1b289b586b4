"""From a row of the run table to its update rule."""

from collections.abc import Callable

from workflow_src.methods.entries import load_entry
from workflow_src.methods.making import make_rule
from workflow_src.methods.storage import load_policy
from workflow_src.settings.catalogue import GUARDED
from workflow_src.settings.runs import Run
from workflow_src.updating.interface import UpdateRule


def build_rule(run: Run) -> UpdateRule:
    """Return the update rule of a run.

    A policy is read from the run's checkpoint. Any other rule is made from the run's settings. The
    limits of guards must be numbers, see `workflow_src.inference.tuned.resolve_tuned`.

    Raises
    ------
    InputError
        The rule cannot be imported, its policy's files are missing or broken, or its options
        are not those of its class.
    """
    kind = load_entry(run.entry, run.folder)
    if run.checkpoint is not None:
        rule = load_policy(run.checkpoint, kind, run.threshold)
    else:
        rule = make_rule(run, kind)
    if not run.guards:
        return rule
    guarded: Callable[..., UpdateRule] = load_entry(GUARDED)
    return guarded(rule, run.guards)
