"""From tables of trials and enrolments to packed sequences of embedding rows.

Training on development trials and inference use this module.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import torch
from torch import Tensor

from workflow_src.common.arrow import arrow_texts
from workflow_src.common.directions import NO_DIRECTION, have_directions
from workflow_src.common.errors import InputError
from workflow_src.updating.scorer import Sequences, mean_templates, pack_sequences

# What numpy makes of an empty date.
UNKNOWN_DAY = np.iinfo(np.int64).min


@dataclass(frozen=True)
class Task:
    """The input of the sequence scorer for a scenario.

    Attributes
    ----------
    templates
        float32 [M, D]: enrolment templates.
    sequences
        One sequence per (model, round), with its trials by step; ``order`` refers to the trial
        table.
    embeddings
        float32 [N, D]: the embeddings of the tested utterances.
    """

    templates: Tensor
    sequences: Sequences
    embeddings: Tensor


def build_task(
    trials: pd.DataFrame, enrolment: pd.DataFrame, embeddings: np.ndarray, index: pd.DataFrame
) -> Task:
    """Look up utterances and pack the trials of a scenario.

    Parameters
    ----------
    trials
        Columns model, round, step, utterance; rows in any order. With a column day (ISO dates), the
        sequences have the days since enrolment, 0 where a day is unknown (empty); with a column
        target, the labels; with a column only_scored, the trials that leave no trace.
    enrolment
        Columns model, utterance.
    embeddings
        float [N, D], may be memory-mapped: only rows in use are read.
    index
        Columns row and utterance of the embeddings; where the trials have days, also date (ISO).

    Raises
    ------
    InputError
        There are no trials; an utterance has no embedding, or one without a direction; a model has
        no enrolment, or one whose mean has no direction; or a step occurs twice within a
        model and round.
    """
    if trials.empty:
        raise InputError("scoring: the trial table is empty")
    utterances = pd.Index(index["utterance"])
    if not utterances.is_unique:
        twice = utterances[utterances.duplicated()][0]
        raise InputError(f"embedding index: {twice!r} stands there twice")
    row_of = index["row"].to_numpy(dtype=np.int64)
    if len(row_of) and not 0 <= row_of.min() <= row_of.max() < len(embeddings):
        raise InputError(
            f"embedding index: rows {row_of.min()}..{row_of.max()} do not lie within the "
            f"{len(embeddings)} rows of the embeddings"
        )
    enrolled = _find_rows(enrolment["utterance"], index["utterance"], row_of, "enrolment")
    tested = _find_rows(trials["utterance"], index["utterance"], row_of, "trial")

    enrolment_model, models = pd.factorize(enrolment["model"])
    codes, names = pd.factorize(trials["model"])
    model_of_code = pd.Index(models).get_indexer(names)
    if (model_of_code < 0).any():
        missing = names[model_of_code < 0][0]
        raise InputError(f"enrolment table: has no enrolment of the model {missing!r}")

    rounds = trials["round"].to_numpy(dtype=np.int64)
    sequence, keys = pd.factorize(codes * (rounds.max() + 1) + rounds)
    step = trials["step"].to_numpy()
    _check_distinct_steps(trials, sequence, step)

    days = None
    if "day" in trials.columns:
        enrolled_on = _last_days(enrolled, enrolment_model, index, row_of)[model_of_code][codes]
        days = _day_numbers(trials["day"])
        known = (days != UNKNOWN_DAY) & (enrolled_on != UNKNOWN_DAY)
        days = np.where(known, days - enrolled_on, 0)
    targets, only_scored = (
        trials[name].to_numpy(dtype=bool) if name in trials.columns else None
        for name in ("target", "only_scored")
    )

    heard, enrolled = np.unique(enrolled, return_inverse=True)
    used, tested = np.unique(tested, return_inverse=True)
    templates = mean_templates(
        _read_rows(embeddings, heard, index, row_of), enrolled, enrolment_model
    )
    if len(bad := np.flatnonzero(~have_directions(templates.numpy()))):
        raise InputError(
            f"enrolment table: the mean of the embeddings of model {models[bad[0]]!r} "
            f"{NO_DIRECTION}"
        )
    return Task(
        templates=templates,
        sequences=pack_sequences(
            sequence,
            step,
            tested,
            model_of_code[keys // (rounds.max() + 1)],
            days,
            targets,
            only_scored,
        ),
        embeddings=_read_rows(embeddings, used, index, row_of),
    )


def _find_rows(
    utterances: pd.Series, indexed: pd.Series, row_of: np.ndarray, table: str
) -> np.ndarray:
    # Arrow works on the ids in place. Only the few wanted ids are hashed, not all that are known.
    wanted = arrow_texts(utterances).dictionary_encode(null_encoding="encode")
    place = pc.index_in(arrow_texts(indexed), value_set=wanted.dictionary)
    row_of_wanted = np.full(len(wanted.dictionary), -1)
    row_of_wanted[pc.drop_null(place).to_numpy()] = row_of[pc.is_valid(place).to_numpy(False)]
    found = row_of_wanted[wanted.indices.to_numpy()]
    missing = np.flatnonzero(found < 0)
    if len(missing):
        raise InputError(
            f"{table} table: {utterances.iloc[missing[0]]!r} has no embedding"
            + (f" (one of {len(missing)} such rows)" if len(missing) > 1 else "")
        )
    return found


def _day_numbers(dates: pd.Series) -> np.ndarray:
    """Return int64 [n]: ISO dates as days since 1970; `UNKNOWN_DAY` for an empty one."""
    codes, names = pd.factorize(dates)
    return np.array(names, dtype="datetime64[D]").astype(np.int64)[codes]


def _last_days(
    rows: np.ndarray, model: np.ndarray, index: pd.DataFrame, row_of: np.ndarray
) -> np.ndarray:
    """Return int64 [M]: the last known day of each model's enrolment, from its rows."""
    used, codes = np.unique(rows, return_inverse=True)
    place = np.flatnonzero(np.isin(row_of, used))
    place = place[np.argsort(row_of[place])]
    days = _day_numbers(index["date"].iloc[place])
    last = np.full(model.max() + 1, UNKNOWN_DAY)
    np.maximum.at(last, model, days[codes])
    return last


def _read_rows(
    embeddings: np.ndarray, rows: np.ndarray, index: pd.DataFrame, row_of: np.ndarray
) -> Tensor:
    """Read rows as float32 [len(rows), D]; refuse rows without a cosine."""
    chosen = np.ascontiguousarray(embeddings[rows], dtype=np.float32)
    bad = np.flatnonzero(~have_directions(chosen))
    if len(bad):
        utterance = index["utterance"].to_numpy()[row_of == rows[bad[0]]][0]
        raise InputError(f"embeddings: that of {utterance!r} {NO_DIRECTION}")
    return torch.from_numpy(chosen)


def _check_distinct_steps(trials: pd.DataFrame, sequence: np.ndarray, step: np.ndarray) -> None:
    order = np.lexsort((step, sequence))
    again = (np.diff(sequence[order]) == 0) & (np.diff(step[order]) == 0)
    if again.any():
        row = trials.iloc[order[1:][again][0]]
        raise InputError(
            f"trial table: step {row['step']} of model {row['model']!r}, round {row['round']}, "
            "stands there twice"
        )
