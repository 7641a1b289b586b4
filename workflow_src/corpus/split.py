"""The parts of the speakers: training, test, or only non-targets."""

from pathlib import Path

import pandas as pd

from workflow_src.common.errors import InputError
from workflow_src.common.seeds import generator
from workflow_src.corpus.ids import read_id_lines

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
        Ids of speakers that only serve as non-targets; `test` loses them.
    seed
        The config's seed.
    source
        The source of `test`, for errors.

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
        The file cannot be read, an id is listed twice, or there is none.
    """
    return [speaker for speaker, _ in read_id_lines(path, "speaker")]


def _check_known(wanted: list[str], known: list[str], source: str) -> None:
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        shown = ", ".join(unknown[:5]) + (" ..." if len(unknown) > 5 else "")
        raise InputError(f"{source}: no utterance in the corpus is of speaker {shown}")
