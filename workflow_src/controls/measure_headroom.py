"""Measure how much of what updating could bring a method gets.

The most that updates can bring is what the oracle gains over the run that never updates: it updates
on every target and on no non-target, with the weight that is best on development trials. The share
of a run is

    (EER of the baseline - EER of the run) / (EER of the baseline - EER of the oracle)

It is 0 for the baseline and 1 for the oracle. It can be more than 1, since other weights may be
better on test trials.

Another limit is the mean of everything that the speaker says on other occasions, later ones too:
the template of a trial is the mean of all utterances of its speaker without the test itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from workflow_src.common.directions import LEAST_LENGTH
from workflow_src.common.errors import InputError, blamed_on
from workflow_src.common.files import write_csv
from workflow_src.common.tables import read_scenario
from workflow_src.controls.arguments import ListControlArguments, build_rules
from workflow_src.controls.conditions import Condition, describe_eer
from workflow_src.evaluation.intervals import Sampled, difference, interval

LEFT_OUT = "speaker-mean-without-test"
"""The row of the limit that is no method: with the test left out, each trial has its template."""

TRIALS_AT_ONCE = 4096


@dataclass(frozen=True, kw_only=True)
class Arguments(ListControlArguments):
    """The step's arguments."""

    ceiling: str
    """The run that updates on targets alone."""


def headroom_share(eer: Sampled, baseline: Sampled, ceiling: Sampled) -> Sampled:
    """Return the share of the headroom that a run gets; NaN where there is no headroom.

    The share is a ratio of two differences. Its deviation in a resample is linear in theirs (the
    delta method): ``(gain - share * headroom) / headroom of all trials``. The ratio itself has no
    moments, for the headroom of a resample can be near 0.
    """
    gain, headroom = difference(baseline, eer), difference(baseline, ceiling)
    if not headroom.value > 0:
        return replace(gain, value=math.nan)
    share = gain.value / headroom.value
    samples = share + (gain.samples - share * headroom.samples) / headroom.value
    return replace(gain, value=share, samples=samples)


def score_without_test(
    trials: pd.DataFrame, embeddings: np.ndarray, index: pd.DataFrame
) -> np.ndarray:
    """Score each trial against the mean of all utterances of the speaker but the test: float32 [T].

    Parameters
    ----------
    trials
        Columns speaker (of the model), utterance.
    embeddings, index
        float [N, D], and the utterance and the speaker of each row.

    Raises
    ------
    InputError
        An utterance or a speaker has no embedding, or nothing is left of a speaker without the
        test.
    """
    if len(index) and index["row"].max() >= len(embeddings):
        raise InputError(
            f"the embeddings have {len(embeddings)} rows, and the index names row "
            f"{index['row'].max()}"
        )
    rows = index.set_index("utterance")["row"]
    speakers, names = pd.factorize(trials["speaker"])
    tested = rows.reindex(trials["utterance"])
    if tested.isna().any():
        raise InputError(f"the utterance {tested.index[tested.isna()][0]!r} has no embedding")
    of_speaker = index.groupby("speaker")["row"].agg(list).reindex(names)
    if of_speaker.isna().any():
        raise InputError(f"the speaker {of_speaker.index[of_speaker.isna()][0]!r} has no embedding")
    sums = np.array([embeddings[own].sum(axis=0, dtype=np.float64) for own in of_speaker])
    own = index.set_index("utterance")["speaker"].reindex(trials["utterance"]).to_numpy()
    left_out = own == trials["speaker"].to_numpy()
    scores = np.empty(len(trials), dtype=np.float32)
    # A few at a time: each trial has a template of its own.
    for some in np.array_split(np.arange(len(trials)), len(trials) // TRIALS_AT_ONCE + 1):
        test = embeddings[tested.to_numpy(dtype=np.int64)[some]].astype(np.float64)
        template = sums[speakers[some]] - left_out[some, None] * test
        norms = np.linalg.norm(template, axis=1) * np.linalg.norm(test, axis=1)
        if not (norms > LEAST_LENGTH).all():
            row = trials.iloc[some[int(np.argmin(norms > LEAST_LENGTH))]]
            raise InputError(
                f"nothing is left of the speaker {row['speaker']!r} without {row['utterance']!r}"
            )
        scores[some] = np.vecdot(template, test) / norms
    return scores


def run(args: Arguments) -> None:
    """Read the trials, measure all runs and limits, write one table."""
    bench, rules = args.open_bench(), build_rules(args.runs)
    for option, name in (("--baseline", args.baseline), ("--ceiling", args.ceiling)):
        if name not in rules:
            raise InputError(f"{option}: {name!r} is none of the runs")
    rows = []
    for one in args.lists:
        trials, enrolment = read_scenario(args.trials, one.id)
        with blamed_on(args.trials / f"{one.id}.parquet"):
            scores = {LEFT_OUT: score_without_test(trials, bench.embeddings, bench.index)}
            conditions = {one.id: Condition(trials, enrolment, rules, scores=scores)}
            measured = {each.run: each.eer for each in bench.measure(conditions, one.id)}
        for name, eer in measured.items():
            share = headroom_share(eer, measured[args.baseline], measured[args.ceiling])
            low, high = interval(share, args.intervals.confidence)
            cells = {"share": share.value, "share_low": low, "share_high": high}
            rows.append(
                {**one.model_dump(), "run": name, **describe_eer(eer, args.intervals), **cells}
            )
    write_csv(pd.DataFrame(rows), args.table)
