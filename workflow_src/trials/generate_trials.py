"""Make the trials of one scenario from the manifest, in one order.

Scenarios share their draws through the seed, so a scenario made alone is the same as one made with
others. The step prints the numbers of models and trials, and what was left out.
"""

from dataclasses import dataclass, field

from workflow_src.common.files import read_parquet, write_parquet
from workflow_src.common.passed_over import note, noted_in
from workflow_src.common.tables import read_split
from workflow_src.settings.generation import Generation
from workflow_src.trials.arguments import (
    ListArguments,
    note_speakers_without_trials,
    read_rejected,
)
from workflow_src.trials.pool import MANIFEST_COLUMNS, build_pool
from workflow_src.trials.protocol import make_scenario


@dataclass(frozen=True, kw_only=True)
class Arguments(ListArguments):
    """The step's arguments."""

    settings: Generation = field(default_factory=Generation)
    """How trials are made."""


def run(args: Arguments) -> None:
    """Make and write the tables of a scenario."""
    split = read_split(args.split)
    pool = build_pool(
        manifest=read_parquet(args.manifest, MANIFEST_COLUMNS),
        split=split,
        rejected=read_rejected(args.rejected),
        settings=args.settings,
        unit=args.scenario.unit,
    )
    made = make_scenario(pool, args.scenario, args.settings, args.seed, args.order)
    with noted_in(args.passed_over, "trials"):
        for reason, count in made.left_out.counts.items():
            note(f"{reason} ({args.list_id})", count)
        note_speakers_without_trials("test", split, made.enrolment, args.list_id)
        write_parquet(made.enrolment, args.enrolment)
        write_parquet(made.trials, args.trials)
    print(
        f"{args.list_id} ({args.scenario.summary}): {made.enrolment['speaker'].nunique()} "
        f"speakers, {made.enrolment['model'].nunique()} models, {len(made.trials)} trials, "
        f"{int(made.trials['target'].sum())} of them targets, non-targets from "
        f"{len(pool.speakers)} speakers"
    )
