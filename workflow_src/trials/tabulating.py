"""From what files list to the two tables of a scenario, checked against the corpus.

This module reads and writes no files.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from workflow_src.common.errors import InputError
from workflow_src.common.passed_over import note
from workflow_src.trials.listing import Listing
from workflow_src.trials.tables import count_within_runs, take_texts

# Ends of the names of sound files, which an utterance id has or has not.
_SUFFIX = r"(?i)\.(?:wav|flac|mp3|m4a|aac|ogg|opus|wma|sph)$"


class Utterances:
    """The utterances of a corpus, found by their ids.

    Parameters
    ----------
    manifest
        Columns utterance, speaker, date; N rows.
    rejected
        Utterances without an embedding.

    Attributes
    ----------
    ids
        N utterance ids.
    dates
        N dates (ISO; empty where unknown).
    speakers
        The speakers' ids.
    speaker
        int64 [N]: the place in `speakers` of each utterance's speaker.
    silent
        bool [N]: the utterance has no embedding.
    """

    def __init__(self, manifest: pd.DataFrame, rejected: list[str]) -> None:
        self.ids = pd.Index(manifest["utterance"])
        self.dates = manifest["date"].to_numpy(dtype=object)
        self.speaker, speakers = pd.factorize(manifest["speaker"])
        self.speakers = speakers.to_numpy(dtype=object)
        self.silent = manifest["utterance"].isin(rejected).to_numpy()

    def find(self, names: pd.Series) -> np.ndarray:
        """Return the place of each name in the manifest, int64; -1 where it is not there.

        A name that is no id may differ from one by the suffix of a sound file.
        """
        codes, unique = pd.factorize(names)
        wanted = pd.Index(unique)
        place = self.ids.get_indexer(wanted)
        if (place < 0).any():
            wanted = wanted.str.replace(_SUFFIX, "", regex=True)
            place = np.where(place < 0, self.ids.get_indexer(wanted), place)
        if (place < 0).any():
            bare = self.ids.str.replace(_SUFFIX, "", regex=True)
            alone = np.flatnonzero(~bare.duplicated(keep=False))
            among = bare[alone].get_indexer(wanted)
            there = (place < 0) & (among >= 0)
            place[there] = alone[among[there]]
        return place[codes]


def tabulate_lists(
    trials: Listing,
    enrolment: Listing | None,
    utterances: Utterances,
    split: pd.DataFrame,
    *,
    scenario: str,
    leave_out: bool = False,
    apart: bool = False,
    spare: bool = False,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make the tables of trials and of enrolments of a scenario.

    Parameters
    ----------
    trials, enrolment
        What the files list. Without enrolments, a model is an utterance that enrols alone.
    utterances
        Those of the corpus.
    split
        Columns speaker and part.
    scenario
        Its id, for what is told.
    leave_out
        Leave out, and note, what is listed of an utterance that the corpus has not or that has no
        embedding; by default the file is refused.
    apart
        Each trial is a sequence of its own: it has its own round, from 1 for each model.
    spare
        A model may be enrolled without being tested; it is left out and noted.

    Returns
    -------
    trials
        Columns `workflow_src.common.tables.TRIAL_COLUMNS`. Models are in the order of the file,
        with their rounds together. What the file does not tell follows from its order and the
        corpus: no rounds; steps in the order of the file; targets are utterances of the model's
        speaker; a target's day is its date, and a non-target has the day of the target before it in
        its sequence (before the first one, of that; without any, its own date).
    enrolment
        Columns `workflow_src.common.tables.ENROLMENT_COLUMNS`, models in the order of the file.

    Raises
    ------
    InputError
        An entry is wrong, or the files do not fit together, the corpus or the split. The error
        names file and entry.
    """
    if enrolment is None:
        trials, enrolment = _enrol_by_utterance(trials, utterances)
    _check_models(trials, enrolment, spare, scenario)
    heard, enrolled = utterances.find(trials["utterance"]), utterances.find(enrolment["utterance"])
    if leave_out:
        trials, heard, enrolment, enrolled = _leave_out(
            trials, heard, enrolment, enrolled, utterances, scenario
        )
    else:
        for listing, place in ((enrolment, enrolled), (trials, heard)):
            _refuse_missing(listing, place, utterances)
    # Models without trials go, whether they were spare or lost their trials.
    tested = enrolment["model"].isin(trials["model"].unique()).to_numpy()
    if not tested.all():
        enrolment, enrolled = enrolment.keep(tested), enrolled[tested]
    template, models = pd.factorize(enrolment["model"])
    _check_enrolments(enrolment, template, enrolled, utterances)
    speaker = np.empty(len(models), dtype=np.int64)
    speaker[template[::-1]] = utterances.speaker[enrolled[::-1]]
    parts = split.set_index("speaker")["part"].reindex(utterances.speakers).to_numpy(dtype=object)
    enrolment.refuse(
        parts[speaker[template]] != "test",
        lambda row: (
            f"the speaker {utterances.speakers[speaker[template[row]]]!r} is not tested; "
            "corpus.test_speakers must name a file that lists the speakers of the models"
        ),
    )
    model = models.get_indexer(pd.Index(trials["model"]))
    _check_trials(trials, speaker[model], heard, utterances, parts)
    return (
        _order_trials(trials, model, speaker, heard, utterances, apart),
        _order_enrolments(enrolment, template, enrolled, utterances),
    )


def _enrol_by_utterance(trials: Listing, utterances: Utterances) -> tuple[Listing, Listing]:
    """Return trials whose models have the ids of the corpus, and the enrolments of these models."""
    place = utterances.find(trials["model"])
    ids = utterances.ids.to_numpy(dtype=object)
    listed = trials["model"].to_numpy(dtype=object)
    names = pd.Series(pd.array(np.where(place < 0, listed, ids[place]), dtype="str"))
    trials = replace(trials, table=trials.table.assign(model=names))
    first = trials.table.loc[~names.duplicated(), ["place", "model"]].reset_index(drop=True)
    return trials, replace(trials, table=first.assign(utterance=first["model"]))


def _check_models(trials: Listing, enrolment: Listing, spare: bool, scenario: str) -> None:
    """Check that the models of one file are those of the other."""
    trials.refuse(
        ~trials["model"].isin(enrolment["model"].unique()),
        lambda row: f"the model {trials['model'].iloc[row]!r} has no enrolment in {enrolment.path}",
    )
    untested = ~enrolment["model"].isin(trials["model"].unique())
    if spare:
        names = enrolment["model"][untested].unique()
        note(f"enrolled models without a trial ({scenario})", len(names), *names[:1])
        return
    enrolment.refuse(
        untested,
        lambda row: f"the model {enrolment['model'].iloc[row]!r} has no trial in {trials.path}",
    )


def _refuse_missing(listing: Listing, place: np.ndarray, utterances: Utterances) -> None:
    def name(row: int) -> str:
        return repr(listing["utterance"].iloc[row])

    listing.refuse(place < 0, lambda row: f"{name(row)} is not in the corpus")
    listing.refuse(
        utterances.silent[place], lambda row: f"{name(row)} has no embedding; rejected.csv says why"
    )


def _leave_out(
    trials: Listing,
    heard: np.ndarray,
    enrolment: Listing,
    enrolled: np.ndarray,
    utterances: Utterances,
    scenario: str,
) -> tuple[Listing, np.ndarray, Listing, np.ndarray]:
    """Leave out what is listed of utterances without an embedding, and note how much that is."""
    names = pd.concat([enrolment["utterance"], trials["utterance"]], ignore_index=True)
    place = np.concatenate([enrolled, heard])
    for what, missing in (
        ("are not in the corpus", place < 0),
        ("have no embedding", (place >= 0) & utterances.silent[place]),
    ):
        lost = names[missing].unique()
        note(f"listed utterances that {what} ({scenario})", len(lost), *lost[:1])
    usable = (enrolled >= 0) & ~utterances.silent[enrolled]
    left = enrolment["model"][usable].unique()
    lost = enrolment["model"][~enrolment["model"].isin(left)].unique()
    note(f"models without an enrolment utterance ({scenario})", len(lost), *lost[:1])
    kept = (heard >= 0) & ~utterances.silent[heard] & trials["model"].isin(left).to_numpy()
    note(f"trials of what is left out ({scenario})", int((~kept).sum()))
    if not kept.any():
        raise InputError(f"{trials.path}: nothing is left of its {len(kept):,} trials")
    return trials.keep(kept), heard[kept], enrolment.keep(usable), enrolled[usable]


def _check_enrolments(
    enrolment: Listing, template: np.ndarray, enrolled: np.ndarray, utterances: Utterances
) -> None:
    """Check that each model has different utterances of one speaker."""
    model, name = enrolment["model"], enrolment["utterance"]
    enrolment.refuse(
        pd.DataFrame({"template": template, "enrolled": enrolled}).duplicated(),
        lambda row: f"{model.iloc[row]!r} enrols with {name.iloc[row]!r} twice",
    )
    speaker = utterances.speakers[utterances.speaker[enrolled]]
    first = np.empty(template.max() + 1, dtype=object)
    first[template[::-1]] = speaker[::-1]
    said = first[template]
    if "speaker" in enrolment.table:
        said = enrolment["speaker"].to_numpy(dtype=object)
    enrolment.refuse(
        speaker != said,
        lambda row: (
            f"{name.iloc[row]!r} is of the speaker {speaker[row]!r}, but {model.iloc[row]!r} is a "
            f"model of {said[row]!r}"
        ),
    )
    enrolment.refuse(
        first[template] != said,
        lambda row: f"the utterances of {model.iloc[row]!r} are of several speakers",
    )
    if "order" in enrolment.table:
        enrolment.refuse(
            enrolment.table.duplicated(["model", "order"]),
            lambda row: f"{model.iloc[row]!r} has the order {enrolment['order'].iloc[row]} twice",
        )


def _check_trials(
    trials: Listing,
    speaker: np.ndarray,
    heard: np.ndarray,
    utterances: Utterances,
    parts: np.ndarray,
) -> None:
    """Check what a file tells of its trials against the corpus.

    `speaker` is int64 [T], that of each trial's model; `parts` has the part of each speaker.
    """
    spoken, names = utterances.speaker[heard], utterances.speakers
    model, utterance = trials["model"], trials["utterance"]
    target = spoken == speaker
    if "speaker" in trials.table:
        trials.refuse(
            trials["speaker"].to_numpy(dtype=object) != names[speaker],
            lambda row: (
                f"{trials['speaker'].iloc[row]!r} stands there as the speaker of "
                f"{model.iloc[row]!r}, whose enrolment is of {names[speaker[row]]!r}"
            ),
        )
    if "target" in trials.table:
        trials.refuse(
            trials["target"].to_numpy(bool) != target,
            lambda row: (
                f"{utterance.iloc[row]!r} is listed as a {_kind(not target[row])} of "
                f"{model.iloc[row]!r}; by the corpus it is of {names[spoken[row]]!r}, and the "
                f"model of {names[speaker[row]]!r}"
            ),
        )
    if "step" in trials.table:
        keys = ["model", "step", *(["round"] if "round" in trials.table else [])]
        trials.refuse(
            trials.table.duplicated(keys),
            lambda row: f"the step {trials['step'].iloc[row]} of {model.iloc[row]!r} comes again",
        )
    if "day" in trials.table:
        date, day = utterances.dates[heard], trials["day"].to_numpy(dtype=object)
        trials.refuse(
            target & (date != "") & (day != "") & (date != day),
            lambda row: f"the target {utterance.iloc[row]!r} is of {date[row]}, not of {day[row]}",
        )
    trials.refuse(
        parts[spoken] == "train",
        lambda row: (
            f"{utterance.iloc[row]!r} is of the speaker {names[spoken[row]]!r}, who would train; "
            "list such speakers in trials.nontarget_only"
        ),
    )
    for kind in (True, False):
        if not (target == kind).any():
            raise InputError(
                f"{trials.path}: none of its {len(target):,} trials is a {_kind(kind)}; both are "
                "needed"
            )


def _kind(target: bool) -> str:
    return "target" if target else "non-target"


def _order_trials(
    trials: Listing,
    model: np.ndarray,
    speaker: np.ndarray,
    heard: np.ndarray,
    utterances: Utterances,
    apart: bool,
) -> pd.DataFrame:
    """Put trials in the order of models, rounds and steps, and add what the file does not tell.

    `model` is int64 [T], each trial's template; `speaker` is the speaker of each template.
    """
    listed, table = np.arange(len(model)), trials.table
    first = pd.factorize(model)[0]
    number = table["round"].to_numpy() if "round" in table else np.zeros(len(model), np.int64)
    step = table["step"].to_numpy() if "step" in table else listed
    order = np.lexsort((listed, step, number, first))
    model, number, heard = model[order], number[order], heard[order]
    if apart:
        number = count_within_runs(model) + 1
    target = utterances.speaker[heard] == speaker[model]
    step = count_within_runs(model, number)
    if "day" in table:
        day = table["day"].to_numpy(dtype=object)[order]
    else:
        day = _days_of_sequences(step, target, utterances.dates[heard])
    models = trials["model"].iloc[np.unique(first, return_index=True)[1]]
    return pd.DataFrame(
        {
            "model": take_texts(models, first[order]),
            "speaker": take_texts(utterances.speakers, speaker[model]),
            "round": _narrow(number, np.int16),
            "step": step.astype(np.int32),
            "day": pd.Series(pd.array(day, dtype="str")),
            "utterance": take_texts(utterances.ids, heard),
            "target": target,
        }
    )


def _days_of_sequences(step: np.ndarray, target: np.ndarray, dates: np.ndarray) -> np.ndarray:
    """Return the day of each trial; sequences follow each other, and each begins with step 0."""
    rows = np.arange(len(step))
    begin = rows - step
    length = np.diff(np.r_[np.flatnonzero(step == 0), len(step)])
    end = np.repeat(begin[step == 0] + length, length)
    before = np.maximum.accumulate(np.where(target, rows, -1))
    after = np.minimum.accumulate(np.where(target, rows, len(rows))[::-1])[::-1]
    chosen = np.where(before >= begin, before, np.where(after < end, after, rows))
    return dates[chosen]


def _order_enrolments(
    enrolment: Listing, template: np.ndarray, enrolled: np.ndarray, utterances: Utterances
) -> pd.DataFrame:
    listed = np.arange(len(template))
    order = enrolment["order"].to_numpy() if "order" in enrolment.table else listed
    order = np.lexsort((listed, order, template))
    template, enrolled = template[order], enrolled[order]
    return pd.DataFrame(
        {
            "model": take_texts(enrolment["model"].unique(), template),
            "speaker": take_texts(utterances.speakers, utterances.speaker[enrolled]),
            "order": _narrow(count_within_runs(template), np.int8),
            "utterance": take_texts(utterances.ids, enrolled),
        }
    )


def _narrow(numbers: np.ndarray, dtype: type[np.signedinteger]) -> np.ndarray:
    """Return whole numbers in a type that holds them: `dtype`, else int32."""
    fits = numbers.max(initial=0) <= np.iinfo(dtype).max
    return numbers.astype(dtype if fits else np.int32)
