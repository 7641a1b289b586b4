"""Small synthetic development trials for checks of rules. They are always the same."""

from __future__ import annotations

import numpy as np
import pandas as pd

from workflow_src.corpus.ids import parse_utterance_ids, sort_in_corpus_order
from workflow_src.methods.development import make_partition
from workflow_src.methods.study import Study, TrainingSpeech
from workflow_src.settings.generation import Generation, RandomWalk
from workflow_src.settings.scenarios import BY_ID
from workflow_src.settings.tuning import Tuning
from workflow_src.trials.pool import build_pool
from workflow_src.trials.protocol import make_scenario

SPEAKERS, DAYS, DIMENSION = 10, 24, 16
SCENARIOS = ("random", "3das")


def make_study(tuning: Tuning | None = None) -> Study:
    """Return a study on development trials of ten voices that drift over 24 days.

    `tuning` holds the grids to choose from. By default they are small.
    """
    manifest, embeddings = draw_corpus()
    index = manifest[["utterance", "speaker", "date"]].assign(row=np.arange(len(manifest)))
    split = pd.DataFrame({"speaker": sorted(set(manifest["speaker"])), "part": "test"})
    law = Generation(random=RandomWalk(trajectories=4))
    pool = build_pool(manifest, split, [], law)
    made = {scenario: make_scenario(pool, BY_ID[scenario], law, 1) for scenario in SCENARIOS}
    trials = {name: (scenario.trials, scenario.enrolment) for name, scenario in made.items()}
    speech = TrainingSpeech(
        embeddings,
        pd.factorize(manifest["speaker"])[0],
        manifest["date"].to_numpy(dtype="datetime64[D]").astype(np.int64),
    )
    return Study(
        partition=make_partition(trials, embeddings, index, 0.3, 1),
        tuning=tuning or Tuning(alphas=[0.05, 0.1, 0.2], thresholds=[0.2, 0.4, 0.6]),
        seed=1,
        enrolled=law.enrolment_utterances,
        read_training=lambda: speech,
    )


def draw_corpus() -> tuple[pd.DataFrame, np.ndarray]:
    """Return a manifest in corpus order, and the embeddings, float32 [N, 16]."""
    ids = [
        f"{speaker:04d}_05{day + 1:02d}{hour:02d}{minute:02d}_{slot}_{minute // 10 + 1}_ti_0"
        for speaker in range(1, SPEAKERS + 1)
        for day in range(DAYS)
        for slot, hour in ((2, 11), (4, 18))
        for minute in (0, 10, 20)
    ]
    manifest = sort_in_corpus_order(parse_utterance_ids(ids, "made-up ids"))
    speaker = manifest["speaker"].astype(int).to_numpy() - 1
    day = manifest["date"].str[-2:].astype(int).to_numpy() - 1
    rng = np.random.default_rng(5)
    voices = rng.normal(size=(SPEAKERS, DIMENSION))
    steps = rng.normal(size=(SPEAKERS, DAYS, DIMENSION)) * 0.25
    embeddings = voices[speaker] + np.cumsum(steps, axis=1)[speaker, day]
    embeddings += rng.normal(size=embeddings.shape) * 0.8
    return manifest, embeddings.astype(np.float32)
