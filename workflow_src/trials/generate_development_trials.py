"""Make development trials: trials of one scenario among training speakers.

Some training speakers enrol; they are also each other's non-targets. No test speaker takes part.
Methods are fitted and chosen on these trials, and thresholds are set. Where fewer than two speakers
train, or where they recorded too little, the tables are empty; then nothing can be fitted or set.
"""

from dataclasses import dataclass, field

import pandas as pd

from workflow_src.common.files import read_parquet, write_parquet
from workflow_src.common.seeds import generator
from workflow_src.common.tables import ENROLMENT_COLUMNS, TRIAL_COLUMNS, read_split
from workflow_src.settings.generation import Generation
from workflow_src.settings.tuning import Development
from workflow_src.trials.arguments import ScenarioArguments, read_rejected
from workflow_src.trials.pool import MANIFEST_COLUMNS, build_pool
from workflow_src.trials.protocol import LeftOut, NothingLeftError, ScenarioTrials, make_scenario


@dataclass(frozen=True, kw_only=True)
class Arguments(ScenarioArguments):
    """The step's arguments."""

    settings: Generation = field(default_factory=Generation)
    """How trials are made."""
    development: Development = field(default_factory=Development)
    """The number of training speakers and of their trajectories, and the order of trials."""
    seed: int
    """The config's seed."""


def choose_development_speakers(split: pd.DataFrame, most: int, seed: int) -> pd.DataFrame:
    """Return a split in which at most `most` training speakers are tested and all others train.

    `split` has the columns speaker and part; `seed` is that of the draw.

    Raises
    ------
    NothingLeftError
        Fewer than two speakers train.
    """
    training = sorted(split.loc[split["part"] == "train", "speaker"])
    if len(training) < 2:
        raise NothingLeftError(
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
    """Make the trials of a scenario; raises `NothingLeftError` where there are none."""
    settings = adapt_generation(args.settings, args.development)
    split = choose_development_speakers(
        read_split(args.split), args.development.speakers, args.seed
    )
    manifest = read_parquet(args.manifest, MANIFEST_COLUMNS)
    rejected = read_rejected(args.rejected)
    pool = build_pool(manifest, split, rejected, settings, args.scenario.unit)
    return make_scenario(pool, args.scenario, settings, args.seed, args.development.order)


def run(args: Arguments) -> None:
    """Make and write the tables of a scenario."""
    try:
        made = make_trials(args)
    except NothingLeftError as error:
        print(f"no development trials: {error}")
        types = {"round": "int16", "step": "int32", "order": "int8", "target": "bool"}
        trials, enrolment = (
            pd.DataFrame({name: pd.Series(dtype=types.get(name, "str")) for name in columns})
            for columns in (TRIAL_COLUMNS, ENROLMENT_COLUMNS)
        )
        made = ScenarioTrials(trials, enrolment, LeftOut())
    write_parquet(made.enrolment, args.enrolment)
    write_parquet(made.trials, args.trials)
    print(
        f"{args.scenario.id} ({args.scenario.summary}): {made.enrolment['speaker'].nunique()} "
        f"training speakers, {made.enrolment['model'].nunique()} models, {len(made.trials)} trials"
        f"; left out: {made.left_out}"
    )
