"""Lists of pairs: a line for each trial.

A line is ``<enrol> <test> <label>``, as Kaldi, WeSpeaker and BOSARIS have it, or ``<label> <enrol>
<test>``, as VoxCeleb has it. The label is ``1`` or ``target``, ``0`` or ``nontarget``. A line of an
enrolment map is ``<model> <utterance> <utterance> ...``; with it, ``<enrol>`` is a model, else it
is an utterance.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from workflow_src.common.arrow import arrow_texts
from workflow_src.common.errors import InputError, printable
from workflow_src.common.files import read_text
from workflow_src.common.limits import within_budget
from workflow_src.trials.listing import Listing
from workflow_src.trials.tables import take_texts

LABELS = {"1": True, "target": True, "0": False, "nontarget": False}
WORDS = np.array(["nontarget", "target"])
FORMS = (
    "'<enrol> <test> <label>' or '<label> <enrol> <test>', and a label 1, 0, target or nontarget"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def read_pairs(path: Path) -> Listing:
    """Read a list of pairs.

    Returns
    -------
    Listing
        Of trials, with targets.

    Raises
    ------
    InputError
        The file cannot be read, is empty, or a line has another form than the first.
    """
    places: list[int] = []
    lines: list[list[str]] = []
    label = 2
    with within_budget(path):
        for place, line in _read_lines(path):
            if not lines and line[0] in LABELS and line[-1] not in LABELS:
                label = 0  # so it is in the whole file
            if len(line) != 3 or line[label] not in LABELS:
                raise InputError(
                    f"{path}: line {place}: is {printable(' '.join(line))!r}; a line is {FORMS}, "
                    "all lines alike"
                )
            places.append(place)
            lines.append(line)
        enrol, test = (1, 2) if label == 0 else (0, 1)
        table = pd.DataFrame(
            {
                "place": np.array(places, dtype=np.int64),
                "model": pd.array([line[enrol] for line in lines], dtype="str"),
                "utterance": pd.array([line[test] for line in lines], dtype="str"),
                "target": np.array([LABELS[line[label]] for line in lines], dtype=bool),
            }
        )
    return Listing(path, table, "line {}".format)


def read_enrolment_map(path: Path) -> Listing:
    """Read an enrolment map.

    Returns
    -------
    Listing
        Of enrolments; the utterances of a line share its number.

    Raises
    ------
    InputError
        The file cannot be read, is empty, or a line is no model with an utterance, or of a model of
        an earlier line.
    """
    found: dict[str, tuple[int, list[str]]] = {}
    with within_budget(path):
        for place, (model, *utterances) in _read_lines(path):
            where = f"{path}: line {place}: {printable(model)!r}"
            if not utterances:
                raise InputError(f"{where} has no utterance; a line is <model> <utterance> ...")
            if _CONTROL.search(model):
                raise InputError(f"{where} holds a control character")
            if model in found:
                raise InputError(f"{where} stands in line {found[model][0]} already")
            found[model] = place, utterances
        count = [len(utterances) for _, utterances in found.values()]
        of_line = np.repeat(np.arange(len(count)), count)
        names = [name for _, utterances in found.values() for name in utterances]
        table = pd.DataFrame(
            {
                "place": np.array([place for place, _ in found.values()], dtype=np.int64)[of_line],
                "model": take_texts(list(found), of_line),
                "utterance": pd.array(names, dtype="str"),
            }
        )
    return Listing(path, table, "line {}".format)


def _read_lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Give the numbers and the fields of the lines that are not empty."""
    there = False
    for place, line in enumerate(read_text(path).split("\n"), 1):
        if fields := line.split():
            there = True
            yield place, fields
    if not there:
        raise InputError(f"{path}: has no line")


def join_fields(*columns: pd.Series | np.ndarray, where: str) -> list[str]:
    """Join columns, text or numbers, to lines with a blank between fields.

    Floats have the fewest digits that give them back. `where` names the scenario, for errors.

    Raises
    ------
    InputError
        A text has white space, on which other programs would split it.
    """
    texts = []
    for column in columns:
        if pd.api.types.is_numeric_dtype(column):
            texts.append(pa.array(np.asarray(column)).cast(pa.large_string()))
            continue
        text = arrow_texts(pd.Series(column))
        split = pc.match_substring_regex(text, r"\s").to_numpy(zero_copy_only=False)
        if split.any():
            name = text[int(split.argmax())].as_py()
            raise InputError(
                f"{where}: {name!r} has white space, which a list of pairs cannot hold"
            )
        texts.append(text)
    return pc.binary_join_element_wise(*texts, pa.scalar(" ", pa.large_string())).to_pylist()


def in_order(trials: pd.DataFrame) -> pd.DataFrame:
    """Return trials in the order of their models, each with its rounds and steps in order."""
    model = pd.factorize(trials["model"])[0]
    return trials.iloc[np.lexsort((trials["step"], trials["round"], model))]


def list_pairs(trials: pd.DataFrame, where: str) -> list[str]:
    """Return the lines ``<model> <utterance> target|nontarget`` of a table of trials.

    The trials are in the order of models, rounds and steps. Rounds are not told.
    """
    trials = in_order(trials)
    target = WORDS[trials["target"].to_numpy(dtype=np.int64)]
    return join_fields(trials["model"], trials["utterance"], target, where=where)


def list_enrolment_map(enrolment: pd.DataFrame, where: str) -> list[str]:
    """Return the lines ``<model> <utterance> ...`` of a table of enrolments."""
    join_fields(enrolment["model"], where=where)
    ordered = enrolment.sort_values("order", kind="stable")
    lists = ordered.groupby("model", sort=False)["utterance"].agg(" ".join)
    return [f"{model} {lists[model]}" for model in enrolment["model"].drop_duplicates()]
