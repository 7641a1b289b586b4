"""What was chosen on the training speakers, filled in."""

from dataclasses import replace

from workflow_src.common.errors import InputError
from workflow_src.common.files import read_json
from workflow_src.settings.runs import FIXED, Run


def resolve_tuned(run: Run) -> Run:
    """Fill in what was chosen on the training speakers: a tuned threshold, a tuned fixed weight.

    Raises
    ------
    InputError
        The file of what was chosen is missing, broken, or lacks it.
    """
    if run.tuned is not None:
        return replace(run, threshold=_read_numbers(run.tuned, "threshold")[0])
    if run.method == FIXED:
        alpha, threshold = _read_numbers(f"{run.checkpoint}/policy.json", "alpha", "threshold")
        return replace(run, alpha=alpha, threshold=threshold)
    return run


def _read_numbers(path: str, *names: str) -> list[float]:
    content = read_json(path)
    numbers = [content.get(name) if isinstance(content, dict) else None for name in names]
    for name, number in zip(names, numbers, strict=True):
        if not isinstance(number, int | float):
            raise InputError(f"{path}: {name} is {number!r}; it must be a number")
    return [float(number) for number in numbers]
