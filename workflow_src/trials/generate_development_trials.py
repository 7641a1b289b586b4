"""Make development trials: trials of one scenario among training speakers.

Some training speakers enrol; they are also each other's non-targets. No test speaker takes part.
Methods are fitted and chosen on these trials, and thresholds are set. Where fewer than two speakers
train, they recorded too little, or the corpus does not tell its days, the tables are empty. Then
nothing can be fitted, and no threshold is set.
"""

from dataclasses import dataclass, field

import pandas as pd

from workflow_src.common.errors import AbsentError
from workflow_src.common.files import read_parquet, write_parquet
from workflow_src.common.passed_over import note, noted_in
from workflow_src.common.seeds import generator
from workflow_src.common.tables import ENROLMENT_COLUMNS, TRIAL_COLUMNS, read_split
from workflow_src.running.arguments import Output
from workflow_src.settings.generation import Generation
from workflow_src.settings.tuning import Development
from workflow_src.trials.arguments import (
    ScenarioArguments,
    note_speakers_without_trials,
    read_rejected,
)
from workflow_src.trials.pool import MANIFEST_COLUMNS, build_pool
from workflow_src.trials.protocol import LeftOut, ScenarioTrials, make_scenario


@dataclass(frozen=True, kw_only=True)
class Arguments(ScenarioArguments):
    """The step's arguments."""

    settings: Generation = field(default_factory=Generation)
    """How trials are made."""
    development: Development = field(default_factory=Development)
    """The number of training speakers and of their trajectories, and the order of trials."""
    seed: int
    """The config's seed."""
    passed_over: Output | None = None
    """Days, models and speakers without development trials, CSV."""


def choose_development_speakers(split: pd.DataFrame, most: int, seed: int) -> pd.DataFrame:
    """Return a split in which at most `most` training speakers are tested and all others train.

    `split` has the columns speaker and part; `seed` is that of the draw.

    Raises
    ------
    AbsentError
        Fewer than two speakers train.
    """
    training = sorted(split.loc[split["part"] == "train", "speaker"])
    if len(training) < 2:
        raise AbsentError(
            f"split: development trials need two speakers of part 'train' or more; there are "
            f"{len(training)}"
        )
    order = generator(seed, "development", "speakers").permutation(len(training))
    chosen = {training[i] for i in order[:most]}
    part = ["test" if speaker in chosen else "train" for speaker in split["speaker"]]
    return pd.DataFrame({"speaker": split["speaker"], "part": part})


def adapt_generation(settings: Generation, development: Development) -> Generation:
    """Return the settings of development trials, which have their own number of trajectories."""
    law = settings.random.model_copy(update={"trajectories": development.trajectories})
    return settings.model_copy(update={"random": law})


def make_trials(args: Arguments) -> ScenarioTrials:
    """Make the trials of a scenario, and note what is left out.

    Raises
    ------
    AbsentError
        The corpus has no such trials.
    """
    settings = adapt_generation(args.settings, args.development)
    split = choose_development_speakers(
        read_split(args.split), args.development.speakers, args.seed
    )
    manifest = read_parquet(args.manifest, MANIFEST_COLUMNS)
    rejected = read_rejected(args.rejected)
    pool = build_pool(manifest, split, rejected, settings, args.scenario.unit)
    made = make_scenario(pool, args.scenario, settings, args.seed, args.development.order)
    for reason, count in made.left_out.counts.items():
        note(f"{reason} ({args.scenario.id})", count)
    note_speakers_without_trials("training", split, made.enrolment, args.scenario.id)
    return made


def make_none() -> ScenarioTrials:
    """Return tables without a row."""
    types = {"round": "int16", "step": "int32", "order": "int8", "target": "bool"}
    trials, enrolment = (
        pd.DataFrame({name: pd.Series(dtype=types.get(name, "str")) for name in columns})
        for columns in (TRIAL_COLUMNS, ENROLMENT_COLUMNS)
    )
    return ScenarioTrials(trials, enrolment, LeftOut())


def run(args: Arguments) -> None:
    """Make and write the tables of a scenario."""
    with noted_in(args.passed_over, "development trials"):
        try:
            made = make_trials(args)
        except AbsentError as error:
            print(f"no development trials: {error}")
            made = make_none()
            note("scenarios without development trials", 1, args.scenario.id)
        write_parquet(made.enrolment, args.enrolment)
        write_parquet(made.trials, args.trials)
    print(
        f"{args.scenario.id} ({args.scenario.summary}): {made.enrolment['speaker'].nunique()} "
        f"training speakers, {made.enrolment['model'].nunique()} models, {len(made.trials)} trials"
    )
