"""From a row of the run table to its update rule, and to the templates that it starts from."""

import pandas as pd

from workflow_src.corpus.ids import parse_utterance_ids
from workflow_src.methods.rules import load_policy
from workflow_src.settings.runs import Run
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
        case "baseline" | "speaker-mean":
            return Baseline()
        case "fixed-weight":
            return FixedWeight(run.alpha, run.threshold)
        case _:
            return load_policy(run.checkpoint, run.threshold)


def choose_enrolment(run: Run, enrolment: pd.DataFrame, index: pd.DataFrame) -> pd.DataFrame:
    """Return what makes the templates of a run: its enrolment, but for the limit `speaker-mean`.

    That limit's template is the mean of all that the speaker ever says, the tests among it.

    Parameters
    ----------
    run
        The run.
    enrolment
        Columns model, speaker, order, utterance.
    index
        Column utterance: all that have an embedding.

    Returns
    -------
    DataFrame
        Columns model, utterance.
    """
    if run.method != "speaker-mean":
        return enrolment
    every = parse_utterance_ids(index["utterance"], "embedding index")[["speaker", "utterance"]]
    models = enrolment[["model", "speaker"]].drop_duplicates()
    return models.merge(every, on="speaker")
