"""Make the manifest of a simulated corpus: who recorded when, without recordings.

The utterance ids are drawn, or, with --utterances, those of a text file (one a line; empty lines
and what follows a # are left out).

Columns: utterance, speaker, date (ISO), time (HH:MM), slot, take, kind, phrase, gender.
"""

from dataclasses import dataclass

from workflow_src.common.files import write_parquet
from workflow_src.corpus.ids import parse_utterance_ids
from workflow_src.running.arguments import Input, Output
from workflow_src.settings.corpus import SimulatedListing
from workflow_src.synthetic.listing import make_listing, read_utterance_list
from workflow_src.synthetic.voices import gender_of


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments."""

    utterances: Input | None = None
    """Text file of utterance ids to use in place of drawn ones."""
    settings: SimulatedListing = SimulatedListing()
    """Who records when; `utterances` in it is not looked at."""
    seed: int
    """The config's seed."""
    manifest: Output
    """Table of utterances, parquet."""


def run(args: Arguments) -> None:
    """List the utterances and write the manifest."""
    if args.utterances:
        table = read_utterance_list(args.utterances)
    else:
        drawn = make_listing(args.settings, args.seed)
        table = parse_utterance_ids(drawn, SimulatedListing.key)
    genders = {speaker: gender_of(speaker) for speaker in table["speaker"].unique()}
    write_parquet(table.assign(gender=table["speaker"].map(genders)), args.manifest)
    print(f"{len(table):,} utterances of {len(genders):,} speakers")
    print("durations are unknown: the filters by seconds of the policies' training do not apply")
