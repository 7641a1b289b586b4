"""The forms of trial lists from elsewhere: which files a scenario has, and how they are read."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from workflow_src.common.errors import InputError
from workflow_src.common.files import read_text
from workflow_src.common.unpickling import read_plain_pickle
from workflow_src.settings.generation import Scenario
from workflow_src.settings.imported_trials import ListForm
from workflow_src.trials import pair_lists, trial_tables
from workflow_src.trials.listing import Listing
from workflow_src.trials.published_layout import parse_enrolments, parse_trials

TRIAL_FILE = "trial.pkl"
ENROLMENT_FILES = ("enroll_model", "enrol_model")
PAIRS, ENROLMENT_MAP = "{scenario}.txt", "{scenario}.enrolment.txt"
TABLE_SUFFIXES = (".parquet", ".csv")


class Lists(NamedTuple):
    """The files of a scenario; pairs need no enrolments."""

    trials: Path
    enrolment: Path | None


def find_lists(root: str | Path, form: ListForm, scenario: str) -> Lists:
    """Find the files of a scenario; of files that may have several names the first that is there.

    Raises
    ------
    InputError
        A table is there in two forms.
    """
    folder = Path(root)
    if form == "published":
        paths = [folder / scenario / name for name in ENROLMENT_FILES]
        return Lists(folder / scenario / TRIAL_FILE, _first_file(paths))
    if form == "tables":
        return Lists(_find_table(folder, scenario), _find_table(folder, f"{scenario}.enrolment"))
    enrolments = folder / ENROLMENT_MAP.format(scenario=scenario)
    return Lists(
        folder / PAIRS.format(scenario=scenario), enrolments if enrolments.is_file() else None
    )


def _find_table(folder: Path, stem: str) -> Path:
    paths = [folder / f"{stem}{suffix}" for suffix in TABLE_SUFFIXES]
    if all(path.is_file() for path in paths):
        raise InputError(
            f"trials.imported.root: there are both {paths[0]} and {paths[1].name}; remove one"
        )
    return _first_file(paths)


def _first_file(paths: list[Path]) -> Path:
    """Return the first path with a file; without any, the first path."""
    return next((path for path in paths if path.is_file()), paths[0])


def check_lists(root: str | Path, form: ListForm, scenarios: Iterable[str]) -> None:
    """Check that the files of each scenario exist.

    Raises
    ------
    InputError
        One is missing.
    """
    needed = {
        "published": f"{TRIAL_FILE} and {' or '.join(ENROLMENT_FILES)} in its folder",
        "tables": "<scenario> and <scenario>.enrolment, each ending in .parquet or .csv",
        "pairs": "<scenario>.txt",
    }
    for scenario in scenarios:
        for path in find_lists(root, form, scenario):
            if path is not None and not path.is_file():
                raise InputError(
                    f"trials.imported.root: there is no file {path}; in the form {form}, each of "
                    f"trials.scenarios needs {needed[form]}"
                )


def read_lists(lists: Lists, form: ListForm, scenario: Scenario) -> tuple[Listing, Listing | None]:
    """Read the trials and the enrolments of a scenario; pairs without an enrolment map have none.

    Raises
    ------
    InputError
        A file cannot be read, or has another form.
    """
    trials, enrolment = lists
    if form == "pairs":
        enrolled = None if enrolment is None else pair_lists.read_enrolment_map(enrolment)
        return pair_lists.read_pairs(trials), enrolled
    if enrolment is None:
        raise InputError(f"{trials}: has no list of enrolments, which the form {form} needs")
    if form == "tables":
        return trial_tables.read_trials(trials), trial_tables.read_enrolments(enrolment)
    return (
        parse_trials(read_plain_pickle(trials), scenario, trials),
        parse_enrolments(read_text(enrolment).splitlines(), scenario, enrolment),
    )
