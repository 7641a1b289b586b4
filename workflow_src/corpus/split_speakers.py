"""Split the speakers: who trains, who is tested, who serves only as a non-target.

The test speakers are drawn by the seed (--test-speakers N) or listed in a text file (one id a
line; empty lines and what follows a # are left out). Non-target-only speakers neither train nor
are tested, whether the list has them or not. All others train.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from workflow_src.common.errors import InputError
from workflow_src.common.files import read_parquet, write_csv
from workflow_src.common.seeds import generator
from workflow_src.corpus.ids import read_id_lines
from workflow_src.running.arguments import Input, Output

PARTS = ["train", "test", "nontarget-only"]


def split_speakers(
    speakers: list[str], test: int | list[str], nontarget_only: list[str], seed: int, source: str
) -> pd.DataFrame:
    """Give every speaker a part.

    Parameters
    ----------
    speakers
        Ids of all speakers of the corpus.
    test
        The test speakers' ids, or how many to draw.
    nontarget_only
        Ids that only serve as non-targets; they are taken out of `test`.
    seed
        The config's seed.
    source
        Where `test` comes from; named in errors.

    Returns
    -------
    DataFrame
        speaker, part (``train``, ``test`` or ``nontarget-only``), sorted by speaker.

    Raises
    ------
    InputError
        An id is unknown, there are too few speakers, or none is tested.
    """
    known = sorted(set(speakers))
    _check_known(nontarget_only, known, "trials.nontarget_only")
    others = [speaker for speaker in known if speaker not in set(nontarget_only)]
    if isinstance(test, int):
        if test > len(others):
            kept = f", {len(nontarget_only)} of them non-target only" if nontarget_only else ""
            raise InputError(
                f"{source}: {test} test speakers were asked for, but the corpus has "
                f"{len(known)} speakers{kept}"
            )
        order = generator(seed, "split").permutation(len(others))
        tested = {others[i] for i in order[:test]}
    else:
        _check_known(test, known, source)
        tested = set(test) - set(nontarget_only)
    if not tested:
        raise InputError(f"{source}: no speaker is tested; at least one is needed")
    if len(tested) + len(set(nontarget_only)) < 2:
        raise InputError(
            f"{source}: {min(tested)} is the only speaker of the test pool; non-targets "
            "need a second one"
        )
    part = dict.fromkeys(known, "train")
    part |= dict.fromkeys(tested, "test") | dict.fromkeys(nontarget_only, "nontarget-only")
    return pd.DataFrame({"speaker": list(part), "part": list(part.values())}, dtype="str")


def read_speaker_list(path: str | Path) -> list[str]:
    """Read speaker ids from a text file, one a line.

    Raises
    ------
    InputError
        The file cannot be read, a line is no id, an id stands there twice, or there is none.
    """
    speakers = read_id_lines(path, "speaker")
    for speaker, number in speakers:
        if not re.fullmatch("[0-9]{4}", speaker):
            raise InputError(f"{path}:{number}: {speaker!r} is not a speaker id (four digits)")
    return [speaker for speaker, _ in speakers]


def _check_known(wanted: list[str], known: list[str], source: str) -> None:
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        shown = ", ".join(unknown[:5]) + (" ..." if len(unknown) > 5 else "")
        raise InputError(f"{source}: no utterance in the corpus is of speaker {shown}")


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
