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
the manifest. This module only looks for files; it opens none.
"""

from __future__ import annotations

import collections
import contextlib
import datetime
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workflow_src.common.errors import InputError
from workflow_src.common.limits import plain_size
from workflow_src.settings.generation import Scenario
from workflow_src.trials.tables import count_within_runs, take_texts

TRIAL_FILE = "trial.pkl"
ENROLMENT_FILES = ("enroll_model", "enrol_model")
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


def find_enrolment_list(folder: str | Path) -> Path:
    """Find a scenario's list of enrolments under either name; the first where neither exists."""
    paths = [Path(folder) / name for name in ENROLMENT_FILES]
    return next((path for path in paths if path.is_file()), paths[0])


def check_files(root: str | Path, scenarios: Iterable[str]) -> None:
    """Check that both files of each scenario exist.

    Raises
    ------
    InputError
        One is missing.
    """
    for scenario in scenarios:
        folder = Path(root) / scenario
        for path in (folder / TRIAL_FILE, find_enrolment_list(folder)):
            if not path.is_file():
                raise InputError(
                    f"trials.imported.root: there is no file {path}; each of trials.scenarios "
                    f"needs {TRIAL_FILE} and {' or '.join(ENROLMENT_FILES)} in its folder"
                )


def tabulate_trials(
    nested: Any, scenario: Scenario, corpus: pd.DataFrame, source: str | Path
) -> pd.DataFrame:
    """Turn the content of a ``trial.pkl`` into a table of trials.

    Parameters
    ----------
    nested
        The content, in the form of the scenario.
    scenario
        Its row.
    corpus
        The manifest: utterance, speaker, date.
    source
        The file, for errors.

    Returns
    -------
    DataFrame
        Columns model, speaker, round (0 in scenarios without rounds), step, day (ISO; a non-target
        has the day of the target before it), utterance, target. Models are in the order of the
        file, with their rounds together.

    Raises
    ------
    InputError
        The content has another form, an utterance is not in the corpus, or a target is not of its
        day.
    """
    parts = list(_split_into_parts(nested, scenario, source))
    if not parts:
        raise InputError(f"{source}: holds no trials")
    # Order by model, then round, as in generated tables. A file with rounds has the reverse order.
    model_number = {model: n for n, model in enumerate(dict.fromkeys(part[1] for part in parts))}
    parts.sort(key=lambda part: model_number[part[1]])
    sizes = np.array([len(part[3]) for part in parts])
    model = np.repeat([model_number[part[1]] for part in parts], sizes)
    number = np.repeat([part[0] for part in parts], sizes)

    utterance, names = pd.factorize(
        np.array([name for part in parts for name in part[3]], dtype=object)
    )
    known = _look_up(names, corpus, source)
    speakers = np.array([_speaker_of(name, source) for name in model_number], dtype=object)
    target = known["speaker"].to_numpy(dtype=object)[utterance] == speakers[model]
    dates = known["date"].to_numpy(dtype=object)[utterance]
    step = count_within_runs(model, number)
    begin = np.flatnonzero(step == 0)
    if scenario.family == "random":
        if not target[begin].all():
            wrong = begin[~target[begin]][0]
            raise InputError(
                f"{source}: {list(model_number)[model[wrong]]!r} begins with a non-target, "
                f"{names[utterance[wrong]]!r}; a step's day is that of its target, which comes "
                "first"
            )
        day = dates[np.maximum.accumulate(np.where(target, np.arange(len(target)), 0))]
    else:
        iso = [f"{part[2][:4]}-{part[2][5:7]}-{part[2][7:]}" for part in parts]
        day = np.repeat(np.array(iso, dtype=object), sizes)
        wrong = np.flatnonzero(target & (dates != day))
        if len(wrong):
            raise InputError(
                f"{source}: the target {names[utterance[wrong[0]]]!r} of "
                f"{list(model_number)[model[wrong[0]]]!r} stands under the day {day[wrong[0]]}"
            )
    for kind, there in (("target", target.any()), ("non-target", not target.all())):
        if not there:
            raise InputError(
                f"{source}: none of its {len(target)} trials is a {kind}; both are needed"
            )
    return pd.DataFrame(
        {
            "model": take_texts(list(model_number), model),
            "speaker": take_texts(speakers, model),
            "round": number.astype(np.int16),
            "step": step.astype(np.int32),
            "day": pd.Series(pd.array(day, dtype="str")),
            "utterance": take_texts(names, utterance),
            "target": target,
        }
    )


def tabulate_enrolments(
    lines: Iterable[str], scenario: Scenario, corpus: pd.DataFrame, source: str | Path
) -> pd.DataFrame:
    """Turn the lines of an ``enroll_model`` into a table: model, speaker, order (0..4), utterance.

    Models are in the order of the file. `corpus` is the manifest: utterance, speaker.

    Raises
    ------
    InputError
        A line is no ``spk<speaker>_<k>`` with five different utterances of that speaker; a model is
        listed twice, other than as the rounds of a ``1s`` scenario; an utterance is not in the
        corpus.
    """
    enrolled: dict[str, list[str]] = {}
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
        if len(set(utterances)) != len(utterances):
            raise InputError(f"{where}: {model!r} enrols with the same utterance twice")
        if model in enrolled and (scenario.family != "1s" or enrolled[model] != utterances):
            raise InputError(
                f"{where}: {model!r} stands there again; only the files of 1s scenarios repeat "
                "a line, and then unchanged"
            )
        enrolled[model] = utterances
    if not enrolled:
        raise InputError(f"{source}: holds no enrolments")
    names = pd.Series([name for names in enrolled.values() for name in names], dtype="str")
    place = np.repeat(np.arange(len(enrolled)), ENROLMENT_UTTERANCES)
    speakers = take_texts([_speaker_of(name, source) for name in enrolled], place)
    others = names[_look_up(names, corpus, source)["speaker"].to_numpy() != speakers.to_numpy()]
    if len(others):
        model = list(enrolled)[place[others.index[0]]]
        raise InputError(f"{source}: {others.iloc[0]!r} is not of the speaker of {model!r}")
    return pd.DataFrame(
        {
            "model": take_texts(list(enrolled), place),
            "speaker": speakers,
            "order": np.tile(np.arange(ENROLMENT_UTTERANCES), len(enrolled)).astype(np.int8),
            "utterance": names,
        }
    )


def check_lists(
    trials: pd.DataFrame,
    enrolment: pd.DataFrame,
    corpus: pd.DataFrame,
    split: pd.DataFrame,
    rejected: Sequence[str],
    source: str | Path,
) -> None:
    """Check that imported lists fit together, the corpus and the split of its speakers.

    Parameters
    ----------
    trials, enrolment
        From `tabulate_trials` and `tabulate_enrolments`.
    corpus
        The manifest: utterance, speaker.
    split
        Columns speaker and part.
    rejected
        Utterances of the manifest without an embedding.
    source
        The scenario's folder, for errors.

    Raises
    ------
    InputError
        A model has trials but no enrolment or the reverse; an utterance has no embedding; a model's
        speaker is not tested; a non-target's speaker trains.
    """
    tested, enrolled = (list(table["model"].unique()) for table in (trials, enrolment))
    for there, lacking, where, what in (
        (tested, set(enrolled), TRIAL_FILE, ENROLMENT_FILES[0]),
        (enrolled, set(tested), ENROLMENT_FILES[0], TRIAL_FILE),
    ):
        if alone := [model for model in there if model not in lacking]:
            raise InputError(f"{source}: {_first_of(alone, 'models')} of {where} are not in {what}")
    used = pd.concat([enrolment["utterance"], trials["utterance"]]).unique().tolist()
    without = set(rejected)
    if silent := [name for name in used if name in without]:
        raise InputError(
            f"{source}: {_first_of(silent, 'utterances')} have no embedding; rejected.csv says why"
        )
    part = dict(zip(split["speaker"], split["part"], strict=True))
    untested = [name for name in trials["speaker"].unique() if part.get(name) != "test"]
    if untested:
        raise InputError(
            f"{source}: {_first_of(untested, 'speakers')} of the models are not tested; "
            "corpus.test_speakers must name a file that lists them"
        )
    heard = _look_up(used, corpus, source)["speaker"].unique().tolist()
    if training := [name for name in heard if part.get(name) == "train"]:
        raise InputError(
            f"{source}: {_first_of(training, 'speakers')} of the non-targets would train; list "
            "them in trials.nontarget_only"
        )


def nest_trials(trials: pd.DataFrame, scenario: Scenario) -> dict[Any, Any]:
    """Turn a table of trials into the content of a ``trial.pkl``; the reverse of `tabulate_trials`.

    Raises
    ------
    InputError
        A day of a model and round is interrupted by another day; the layout cannot hold that.
    """
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
    """Turn a table of enrolments into lines; the reverse of `tabulate_enrolments`.

    In a scenario with rounds, each line is repeated `rounds` times.
    """
    ordered = enrolment.sort_values("order", kind="stable")
    lists = ordered.groupby("model", sort=False)["utterance"].agg(" ".join)
    models = enrolment["model"].drop_duplicates()
    times = rounds if scenario.family == "1s" else 1
    return [f"{model} {lists[model]}" for model in models for _ in range(times)]


def _look_up(
    names: Sequence[str] | pd.Index | pd.Series, corpus: pd.DataFrame, source: str | Path
) -> pd.DataFrame:
    """Return the rows of the manifest of utterances, in their order."""
    place = pd.Index(corpus["utterance"]).get_indexer(pd.Index(names))
    if (place < 0).any():
        unknown = pd.Index(names)[place < 0].unique().tolist()
        raise InputError(
            f"{source}: {_first_of(unknown, 'utterances')} are not in the corpus; the lists must "
            "be those of the corpus that corpus.source gives"
        )
    return corpus.iloc[place]


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


def _first_of(names: Sequence[str], what: str) -> str:
    """Return the number of names, and one name."""
    return f"{len(names)} {what} ({names[0]!r} first)"
