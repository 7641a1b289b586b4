"""Make the trials of one scenario from the manifest.

Scenarios share their draws through the seed, so a scenario made alone is the same as one made with
others. The step prints the numbers of models and trials, and what was left out.
"""

from dataclasses import dataclass, field

from workflow_src.common.files import read_parquet, write_parquet
from workflow_src.common.tables import read_split
from workflow_src.settings.generation import Generation
from workflow_src.trials.arguments import ScenarioArguments, read_rejected
from workflow_src.trials.pool import MANIFEST_COLUMNS, build_pool
from workflow_src.trials.protocol import make_scenario


@dataclass(frozen=True, kw_only=True)
class Arguments(ScenarioArguments):
    """The step's arguments."""

    settings: Generation = field(default_factory=Generation)
    """How trials are made."""
    seed: int
    """The config's seed."""


def run(args: Arguments) -> None:
    """Make and write the tables of a scenario."""
    pool = build_pool(
        manifest=read_parquet(args.manifest, MANIFEST_COLUMNS),
        split=read_split(args.split),
        rejected=read_rejected(args.rejected),
        settings=args.settings,
    )
    made = make_scenario(pool, args.scenario, args.settings, args.seed)
    write_parquet(made.enrolment, args.enrolment)
    write_parquet(made.trials, args.trials)
    print(
        f"{args.scenario.id} ({args.scenario.summary}): {made.enrolment['speaker'].nunique()} "
        f"speakers, {made.enrolment['model'].nunique()} models, {len(made.trials)} trials (half of "
        f"them targets), non-targets from {len(pool.speakers)} speakers; left out: {made.left_out}"
    )
