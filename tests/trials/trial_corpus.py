"""A made-up manifest and its split, for the tests of the trial protocols."""

import datetime

import numpy as np
import pandas as pd

from tests.manifests import manifest_of
from workflow_src.corpus.ids import format_utterance_id

HOURS = {1: 6, 2: 9, 3: 12, 4: 17, 5: 20}
SPEAKERS = ["0003", "0011", "0020", "0124", "0200", "0300"]


def make_manifest(days=40, speakers=SPEAKERS, seed=0):
    """Speakers who miss days, whose days differ in size, and whose clock disagrees with slots."""
    rng = np.random.default_rng(seed)
    utterances = []
    for speaker in speakers:
        for day in range(days):
            if day and rng.random() < 0.15:
                continue
            for slot, hour in HOURS.items():
                for take in range(1, 1 + rng.integers(0, 4)):
                    moment = datetime.datetime(2020, 5, 1, hour) + datetime.timedelta(
                        days=day, minutes=int(rng.integers(-100, 100))
                    )
                    utterances.append(
                        format_utterance_id(
                            speaker, moment, slot, take, "ti", int(rng.integers(10))
                        )
                    )
    return manifest_of(utterances)


def make_split(test=("0003", "0011", "0020", "0300"), nontarget_only=("0124",)):
    return pd.DataFrame(
        [(speaker, "test") for speaker in test]
        + [(speaker, "nontarget-only") for speaker in nontarget_only]
        + [("0200", "train")],
        columns=["speaker", "part"],
    )
