"""Split the speakers into training, test and non-target-only speakers.

The test speakers are drawn by the seed (--test-speakers N) or listed in a text file (one id a
line; empty lines and comments after a # are left out). Non-target-only speakers neither train nor
are tested, whether they are listed or not. All others train.
"""

from dataclasses import dataclass, field

from workflow_src.common.files import read_parquet, write_csv
from workflow_src.corpus.split import PARTS, read_speaker_list, split_speakers
from workflow_src.running.arguments import Input, Output


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments."""

    manifest: Input
    """Table of utterances, parquet."""
    test_speakers: str
    """How many speakers are tested, or a text file of their ids."""
    nontarget_only: list[str] = field(default_factory=list)
    """Ids of speakers that only serve as non-targets."""
    seed: int
    """The config's seed."""
    split: Output
    """Table of speaker and part, CSV."""


def run(args: Arguments) -> None:
    """Split the speakers of a manifest."""
    speakers = read_parquet(args.manifest, ["speaker"])["speaker"].unique().tolist()
    test: int | list[str]
    if args.test_speakers.isdecimal():
        test, source = int(args.test_speakers), "corpus.test_speakers"
    else:
        test, source = read_speaker_list(args.test_speakers), args.test_speakers
    split = split_speakers(speakers, test, args.nontarget_only, args.seed, source)
    write_csv(split, args.split)
    counts = split["part"].value_counts()
    print(", ".join(f"{part}: {counts.get(part, 0)}" for part in PARTS))
    if counts.get("train", 0) == 0:
        print("no speaker is left to train on; only methods without training can run")
