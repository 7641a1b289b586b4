"""Making the rule of a method that is not trained, from the settings of its run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from workflow_src.common.errors import InputError, first_line
from workflow_src.settings.runs import Run
from workflow_src.updating.interface import UpdateRule


def make_rule(
    run: Run, kind: Callable[..., UpdateRule], thresholds: Sequence[float] = ()
) -> UpdateRule:
    """Make a rule from a run's weight, threshold and options, those that the run has.

    Parameters
    ----------
    run
        The run.
    kind
        The class of its rule.
    thresholds
        One for each variant. By default there is one variant, with the run's threshold.

    Raises
    ------
    InputError
        The options are not those of the class.
    """
    if not thresholds and run.threshold is not None:
        thresholds = [run.threshold]
    numbers = [list(thresholds)] if thresholds else []
    if run.alpha is not None:
        numbers.insert(0, [run.alpha] * len(thresholds))
    try:
        return kind(*numbers, **run.options)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"--run: options of {run.method}: {run.options} is not allowed ({first_line(error)})"
        ) from error
