"""Export the scores of all runs as text, for programs that evaluate, calibrate or fuse scores.

The step writes two lists for each table of scored trials: <model> <utterance> <score>, and the same
with target or nontarget behind it.
"""

from dataclasses import dataclass

import numpy as np

from workflow_src.common.errors import InputError
from workflow_src.common.files import read_parquet, write_text
from workflow_src.running.arguments import Inputs, Outputs
from workflow_src.running.progress import show_progress
from workflow_src.trials.pair_lists import WORDS, in_order, join_fields


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments; every list has one entry for each run and scenario."""

    scores: Inputs
    """Tables of scored trials, parquet."""
    score_lists: Outputs
    """Lists of scores, text."""
    labelled_lists: Outputs
    """Lists of scores with labels, text."""


def run(args: Arguments) -> None:
    """Write the lists of each table, in the order of models, rounds and steps."""
    files = (args.scores, args.score_lists, args.labelled_lists)
    if len(set(map(len, files))) > 1:
        raise InputError(
            "scores, score-lists, labelled-lists: there are "
            f"{', '.join(str(len(paths)) for paths in files)} files; each needs one of each table"
        )
    needed = ["model", "round", "step", "utterance", "target", "score"]
    tables = show_progress(zip(*files, strict=True), "tables", total=len(args.scores))
    for scores, score_list, labelled_list in tables:
        table = in_order(read_parquet(scores, needed, only=True))
        where = str(scores)
        lines = join_fields(table["model"], table["utterance"], table["score"], where=where)
        labels = WORDS[table["target"].to_numpy(dtype=np.int64)].tolist()
        write_text("".join(f"{line}\n" for line in lines), score_list)
        labelled = (f"{line} {label}\n" for line, label in zip(lines, labels, strict=True))
        write_text("".join(labelled), labelled_list)
    print(f"{len(args.scores)} tables of scores are exported")
