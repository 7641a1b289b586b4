"""Make the manifest of a simulated corpus, which has no recordings.

The step draws the utterances, or reads them from --utterances: a text file with one id per line, or
a table. In a text, empty lines and what follows a # do not count.

Columns: utterance, speaker, date (ISO), time (HH:MM), slot, phrase, gender, and what else is known
(of drawn utterances take and kind).
"""

from dataclasses import dataclass

from workflow_src.common.files import write_parquet
from workflow_src.running.arguments import Input, Output
from workflow_src.settings.corpus import SimulatedListing
from workflow_src.synthetic.listing import find_genders, make_listing, read_utterance_list


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments."""

    utterances: Input | None = None
    """Text file of ids, or table, of utterances that replace drawn ones."""
    settings: SimulatedListing = SimulatedListing()
    """The settings of the listing; `utterances` in it is not used."""
    seed: int
    """The config's seed."""
    manifest: Output
    """Table of utterances, parquet."""


def run(args: Arguments) -> None:
    """List the utterances and write the manifest."""
    if args.utterances:
        table = read_utterance_list(args.utterances, args.settings.names)
    else:
        table = make_listing(args.settings, args.seed)
    if "gender" not in table:
        table["gender"] = find_genders(table, args.seed)
    write_parquet(table, args.manifest)
    print(f"{len(table):,} utterances of {table['speaker'].nunique():,} speakers")
    print("durations are unknown: the filters by seconds of the policies' training do not apply")
