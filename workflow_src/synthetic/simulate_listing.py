"""Make the manifest of a simulated corpus, which has no recordings.

The step draws the utterances, or reads their ids from the text file --utterances. That file has one
id per line. Empty lines and the text after a # do not count.

Columns: utterance, speaker, date (ISO), time (HH:MM), slot, take, kind, phrase, gender.
"""

from dataclasses import dataclass

from workflow_src.common.files import write_parquet
from workflow_src.running.arguments import Input, Output
from workflow_src.settings.corpus import SimulatedListing
from workflow_src.synthetic.listing import make_listing, read_utterance_list
from workflow_src.synthetic.voices import gender_of


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments."""

    utterances: Input | None = None
    """Text file of utterance ids, which replace drawn ones."""
    settings: SimulatedListing = SimulatedListing()
    """The settings of the listing; `utterances` in it is not used."""
    seed: int
    """The config's seed."""
    manifest: Output
    """Table of utterances, parquet."""


def run(args: Arguments) -> None:
    """List the utterances and write the manifest."""
    if args.utterances:
        table = read_utterance_list(args.utterances)
    else:
        table = make_listing(args.settings, args.seed)
    genders = {speaker: gender_of(speaker) for speaker in table["speaker"].unique()}
    write_parquet(table.assign(gender=table["speaker"].map(genders)), args.manifest)
    print(f"{len(table):,} utterances of {len(genders):,} speakers")
    print("durations are unknown: the filters by seconds of the policies' training do not apply")
