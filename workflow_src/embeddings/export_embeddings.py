"""Export the embeddings for other programs: as .npz, and as a Kaldi archive with its script file.

import_embeddings reads either back. The script file has the path of the archive as the step was
given it.
"""

from dataclasses import dataclass

import numpy as np
from kaldiio.matio import write_array

from workflow_src.common.errors import InputError
from workflow_src.common.files import write_npz, write_text, written_whole
from workflow_src.common.tables import read_embeddings, read_index
from workflow_src.running.arguments import Input, Output


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments."""

    embeddings: Input
    """Matrix of embeddings, .npy."""
    index: Input
    """The utterance of each row, parquet."""
    npz: Output
    """Arrays utterance [N] and embedding [N, D], .npz."""
    ark: Output
    """Binary Kaldi archive of float vectors."""
    scp: Output
    """Kaldi script file: <utterance> <archive>:<offset>."""


def run(args: Arguments) -> None:
    """Write the files, in the order of the index."""
    matrix = read_embeddings(args.embeddings, mmap=True)
    index = read_index(args.index)
    rows, utterances = index["row"].to_numpy(), index["utterance"].tolist()
    if len(rows) and not 0 <= rows.min() <= rows.max() < len(matrix):
        raise InputError(f"{args.index}: has rows that {args.embeddings} has not")
    vectors = np.asarray(matrix[rows], dtype=np.float32)
    write_npz(args.npz, utterance=np.array(utterances, dtype=str), embedding=vectors)
    lines = []
    with written_whole(args.ark) as part, part.open("wb") as file:
        for utterance, vector in zip(utterances, vectors, strict=True):
            file.write(f"{utterance} ".encode())
            lines.append(f"{utterance} {args.ark}:{file.tell()}\n")
            write_array(file, vector)
    write_text("".join(lines), args.scp)
    print(f"{len(vectors):,} embeddings of {matrix.shape[1]} numbers are exported")
