"""The layout in which the paper's authors published their trial lists.

A scenario is a folder with two files. ``enroll_model`` (or ``enrol_model``) has a line for each
template: ``spk<speaker>_<k>``, then five utterance ids. In scenarios with rounds (family ``1s``)
each line is repeated for each round. ``trial.pkl`` is a pickle of nested dicts
(``collections.defaultdict`` at every level) and lists of utterance ids. The family of the scenario
sets its form:

- ``random``: ``{model: [utterance, ...]}``
- ``as``: ``{model: {"YYYY_MMDD": [utterance, ...]}}``
- ``1s``: ``{round: {model: {"YYYY_MMDD": [target, non-target]}}}``

The files have no labels: a trial is a target where its utterance is one of the model's speaker, by
the manifest. This module opens no files.
"""

from __future__ import annotations

import collections
import contextlib
import datetime
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workflow_src.common.errors import InputError
from workflow_src.common.limits import plain_size
from workflow_src.settings.generation import Scenario
from workflow_src.trials.listing import Listing
from workflow_src.trials.tables import take_texts

ENROLMENT_UTTERANCES = 5
MAX_ROUND = 32767
# A hundred times the largest published scenario.
MAX_TRIALS = 20_000_000
# A small pickle can name one list many times. Beyond this many trials, each needs a byte of it.
FEW_TRIALS = 1_000_000
_MODEL = re.compile(r"spk(\S+)_[0-9]+")
_DAY = re.compile(r"[0-9]{4}_[0-9]{4}")

# Round, model, key of the day (empty in `random`), utterances in the order of scoring.
_Part = tuple[int, str, str, list[str]]


def parse_trials(nested: Any, scenario: Scenario, source: str | Path) -> Listing:
    """List the content of a ``trial.pkl``.

    Parameters
    ----------
    nested
        The content, in the form of the scenario.
    scenario
        Its row.
    source
        The file, for errors.

    Returns
    -------
    Listing
        Of trials: round (0 in scenarios without rounds), and day where the form has days.

    Raises
    ------
    InputError
        The content has another form.
    """
    parts = list(_split_into_parts(nested, scenario, source))
    if not parts:
        raise InputError(f"{source}: holds no trials")
    place = np.repeat(np.arange(len(parts)), [len(part[3]) for part in parts])
    try:
        names = pd.array([name for part in parts for name in part[3]], dtype="str")
        models = take_texts([part[1] for part in parts], place)
    except UnicodeEncodeError as error:
        raise InputError(f"{source}: holds half of a character") from error
    numbers = np.array([part[0] for part in parts], dtype=np.int64)[place]
    table = pd.DataFrame({"place": place, "model": models, "utterance": names, "round": numbers})
    if scenario.family != "random":
        days = [f"{day[:4]}-{day[5:7]}-{day[7:]}" for _, _, day, _ in parts]
        table["day"] = take_texts(days, place)
    return Listing(Path(source), table, lambda part: _name_part(*parts[part][:3]))


def parse_enrolments(lines: Iterable[str], scenario: Scenario, source: str | Path) -> Listing:
    """List the lines of an ``enroll_model``, with the speakers that the models' names tell.

    Raises
    ------
    InputError
        A line is no ``spk<speaker>_<k>`` with five utterances; a model is listed twice, other than
        as the rounds of a ``1s`` scenario.
    """
    enrolled: dict[str, tuple[int, list[str]]] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        model, *utterances = line.split()
        where = f"{source}: line {number}"
        _speaker_of(model, where)
        if len(utterances) != ENROLMENT_UTTERANCES:
            raise InputError(
                f"{where}: {model!r} has {len(utterances)} utterances; a line is "
                f"spk<speaker>_<k> and {ENROLMENT_UTTERANCES} utterance ids"
            )
        if model in enrolled and (scenario.family != "1s" or enrolled[model][1] != utterances):
            raise InputError(
                f"{where}: {model!r} stands there again; only the files of 1s scenarios repeat "
                "a line, and then unchanged"
            )
        enrolled.setdefault(model, (number, utterances))
    if not enrolled:
        raise InputError(f"{source}: holds no enrolments")
    of_model = np.repeat(np.arange(len(enrolled)), ENROLMENT_UTTERANCES)
    numbers = np.array([number for number, _ in enrolled.values()], dtype=np.int64)
    names = [name for _, utterances in enrolled.values() for name in utterances]
    table = pd.DataFrame(
        {
            "place": numbers[of_model],
            "model": take_texts(list(enrolled), of_model),
            "utterance": pd.Series(pd.array(names, dtype="str")),
            "speaker": take_texts([_speaker_of(name, source) for name in enrolled], of_model),
        }
    )
    return Listing(Path(source), table, "line {}".format)


def nest_trials(trials: pd.DataFrame, scenario: Scenario) -> dict[Any, Any]:
    """Turn a table of trials into the content of a ``trial.pkl``; the reverse of `parse_trials`.

    Raises
    ------
    InputError
        The layout cannot hold the trials: a day of a model and round is interrupted by another day,
        or is unknown; a model has another name; or there are rounds where the form has none.
    """
    where = f"{scenario.id}: the published layout cannot hold the trials"
    if scenario.family != "1s" and trials["round"].nunique() > 1:
        raise InputError(f"{where}, because they have rounds; export_pairs can")
    if scenario.family != "random" and (trials["day"] == "").any():
        raise InputError(f"{where}, because their days are unknown; export_pairs can")
    for model in trials["model"].unique():
        if not _MODEL.fullmatch(model):
            raise InputError(
                f"{where}, because {model!r} is not of the form spk<speaker>_<k>; export_pairs can"
            )
    order = np.lexsort(
        (
            trials["step"],
            pd.factorize(trials["round"])[0],
            pd.factorize(trials["model"])[0],
        )
    )
    # One object for each text: a pickle then refers to it instead of repeating it, as the published
    # pickles do.
    one = {name: name for name in pd.unique(trials["utterance"])}
    utterance = [one[name] for name in trials["utterance"].iloc[order]]
    columns = ["round", "model"] if scenario.family == "random" else ["round", "model", "day"]
    keys = trials[columns].iloc[order].reset_index(drop=True)
    codes = [pd.factorize(keys[name])[0] for name in columns]
    begins = np.flatnonzero(np.r_[True, np.any([np.diff(code) != 0 for code in codes], axis=0)])
    nested: dict[Any, Any] = collections.defaultdict(list)
    ends = [*begins[1:].tolist(), len(keys)]
    for key, begin, end in zip(
        keys.iloc[begins].itertuples(index=False), begins.tolist(), ends, strict=True
    ):
        names = utterance[begin:end]
        if scenario.family == "random":
            nested[key.model] = names
            continue
        level = nested
        for outer in [key.round, key.model] if scenario.family == "1s" else [key.model]:
            level = level.setdefault(outer, collections.defaultdict(list))
        day = key.day[:4] + "_" + key.day[5:7] + key.day[8:]
        if day in level:
            raise InputError(
                f"{scenario.id}: the trials of {key.model!r} on {key.day} are interrupted by "
                "another day; the published layout cannot hold that"
            )
        level[day] = names
    return nested


def list_enrolments(enrolment: pd.DataFrame, scenario: Scenario, rounds: int) -> list[str]:
    """Turn a table of enrolments into lines; the reverse of `parse_enrolments`.

    In a scenario with rounds, each line is repeated `rounds` times.
    """
    ordered = enrolment.sort_values("order", kind="stable")
    lists = ordered.groupby("model", sort=False)["utterance"].agg(" ".join)
    models = enrolment["model"].drop_duplicates()
    times = rounds if scenario.family == "1s" else 1
    return [f"{model} {lists[model]}" for model in models for _ in range(times)]


def _name_part(number: int, model: str, day: str) -> str:
    """Return the words for the place of a list within a ``trial.pkl``."""
    return (f"round {number}, " if number else "") + repr(model) + (f", {day}" if day else "")


def _split_into_parts(nested: Any, scenario: Scenario, source: str | Path) -> Iterator[_Part]:
    """Walk through the nested dicts of a scenario and check their form."""
    total = 0
    size = plain_size(source)
    most = min(MAX_TRIALS, max(FEW_TRIALS, size)) if size else MAX_TRIALS
    rounds = nested if scenario.family == "1s" else {0: nested}
    by_days = scenario.family != "random"
    for number, models in _items(rounds, "rounds", scenario, source):
        if scenario.family == "1s" and not (type(number) is int and 1 <= number <= MAX_ROUND):
            raise InputError(
                f"{source}: {number!r} is no round; a 1s scenario is {{round: {{model: ...}}}} "
                f"with rounds 1..{MAX_ROUND}"
            )
        for model, days in _items(models, "models", scenario, source):
            _speaker_of(model, source)
            by_day: Iterable[tuple[Any, Any]] = [("", days)]
            if by_days:
                by_day = _items(days, f"days of {model!r}", scenario, source)
            for day, names in by_day:
                if by_days and not _is_day(day):
                    raise InputError(
                        f"{source}: {day!r} of {model!r} is no day; the form is YYYY_MMDD"
                    )
                where = f"{model!r}" + (f", {day}," if day else "")
                if not isinstance(names, list) or set(map(type, names)) - {str}:
                    raise InputError(
                        f"{source}: {where} is no list of utterance ids, as it is in the form of "
                        f"the scenario {scenario.id}"
                    )
                if not names:
                    raise InputError(f"{source}: {where} has no utterances")
                total += len(names)
                if total > most:
                    raise InputError(f"{source}: holds more than {most} trials, which are too many")
                yield number, model, day, names


def _is_day(key: Any) -> bool:
    """Whether a key is a date of the form YYYY_MMDD."""
    if not (isinstance(key, str) and _DAY.fullmatch(key)):
        return False
    with contextlib.suppress(ValueError):
        return bool(datetime.date.fromisoformat(key.replace("_", "")))
    return False


def _items(
    content: Any, what: str, scenario: Scenario, source: str | Path
) -> Iterable[tuple[Any, Any]]:
    if not isinstance(content, dict):
        raise InputError(
            f"{source}: a {type(content).__name__} stands where the form of the scenario "
            f"{scenario.id} has a dict of {what}"
        )
    return content.items()


def _speaker_of(model: Any, where: str | Path) -> str:
    found = _MODEL.fullmatch(model) if isinstance(model, str) else None
    if not found:
        raise InputError(f"{where}: {model!r} is no model; the form is spk<speaker>_<k>")
    return found[1]
