"""Draw embeddings for the utterances of a manifest, without recordings or an extractor."""

from dataclasses import dataclass

import numpy as np

from workflow_src.common.files import read_parquet, write_npy_in_parts
from workflow_src.common.tables import write_index
from workflow_src.embeddings.rejections import write_no_rejections
from workflow_src.running.arguments import Input, Output
from workflow_src.settings.laws import EmbeddingLaw, read_law
from workflow_src.synthetic.simulation import COLUMNS, simulate


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments."""

    manifest: Input
    """Table of utterances, parquet."""
    law: Input
    """The law of the embeddings, YAML."""
    seed: int
    """The config's seed."""
    embeddings: Output
    """Matrix of embeddings, .npy, float32 [N, D]."""
    index: Output
    """The utterance, speaker and date of each embedding, parquet."""
    rejected: Output
    """Table of rejected recordings, CSV, without rows."""


def run(args: Arguments) -> None:
    """Draw the embeddings and write them with their index."""
    law = read_law(args.law, EmbeddingLaw)
    manifest = read_parquet(args.manifest, COLUMNS)
    shape = len(manifest), law.dimension
    write_npy_in_parts(shape, np.float32, simulate(manifest, law, args.seed), args.embeddings)
    write_index(manifest, args.index, "simulated")
    write_no_rejections(args.rejected)
    print(
        f"{len(manifest):,} embeddings of {law.dimension} numbers, "
        f"{manifest['speaker'].nunique():,} speakers"
    )
