"""Draw embeddings for the utterances of a manifest: no recordings, no extractor."""

from pathlib import Path

import numpy as np
import pandas as pd

from workflow_src.common.files import (
    read_parquet,
    write_csv,
    write_npy_in_parts,
    write_parquet,
)
from workflow_src.embeddings.merge_embeddings import REJECTED_COLUMNS
from workflow_src.running.steps import (
    add_settings_argument,
    parse_settings,
    run_step,
    step_parser,
)
from workflow_src.settings.corpus import SimulatedLaw
from workflow_src.synthetic.simulation import COLUMNS, simulate


def main(argv: list[str] | None = None) -> None:
    """Draw the embeddings and write them with their index."""
    parser = step_parser(__doc__)
    parser.add_argument("--manifest", type=Path, required=True, help="parquet table of utterances")
    add_settings_argument(parser, SimulatedLaw)
    parser.add_argument("--seed", type=int, required=True, help="the config's seed")
    parser.add_argument("--embeddings", type=Path, required=True, help=".npy to write, [N, D]")
    parser.add_argument(
        "--index", type=Path, required=True, help="parquet to write: row, utterance"
    )
    parser.add_argument("--rejected", type=Path, required=True, help="CSV to write, without a row")
    args = parser.parse_args(argv)
    law = parse_settings(args.settings, SimulatedLaw, "corpus.simulated.law")
    manifest = read_parquet(args.manifest, COLUMNS)
    shape = len(manifest), law.dimension
    write_npy_in_parts(shape, np.float32, simulate(manifest, law, args.seed), args.embeddings)
    rows = np.arange(len(manifest), dtype=np.int64)
    write_parquet(pd.DataFrame({"row": rows, "utterance": manifest["utterance"]}), args.index)
    write_csv(pd.DataFrame(columns=REJECTED_COLUMNS, dtype="str"), args.rejected)
    print(
        f"{len(manifest):,} embeddings of {law.dimension} numbers, "
        f"{manifest['speaker'].nunique():,} speakers"
    )


if __name__ == "__main__":
    run_step(main)
