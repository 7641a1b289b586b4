"""Import embeddings that were made elsewhere: no recordings, no extractor.

Files end in .npy (a pickled dict of utterance -> vector), .npz (arrays utterance [N] and
embedding [N, D]), .ark or .scp (Kaldi, binary). The utterance ids give the manifest; how long the
recordings were is not known. Anything that is not as it should be ends the step: it rejects none.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from workflow_src.common.files import write_csv, write_npy, write_parquet
from workflow_src.embeddings.importing import find_files, merge_parts, read_part
from workflow_src.embeddings.merge_embeddings import REJECTED_COLUMNS
from workflow_src.running.steps import run_step, step_parser


def main(argv: list[str] | None = None) -> None:
    """Import the files."""
    parser = step_parser(__doc__)
    parser.add_argument(
        "--embeddings", nargs="+", required=True, metavar="PATH|GLOB", help="files to import"
    )
    parser.add_argument("--manifest", type=Path, required=True, help="parquet to write")
    parser.add_argument("--matrix", type=Path, required=True, help=".npy to write, [N, D]")
    parser.add_argument(
        "--index", type=Path, required=True, help="parquet to write: row, utterance"
    )
    parser.add_argument("--rejected", type=Path, required=True, help="CSV to write, without a row")
    args = parser.parse_args(argv)
    parts = []
    for path in find_files(args.embeddings):
        parts.append(read_part(Path(path)))
        print(f"{path}: {len(parts[-1].utterances):,} embeddings")
    manifest, embeddings = merge_parts(parts)
    write_npy(embeddings, args.matrix)
    rows = np.arange(len(manifest), dtype=np.int64)
    write_parquet(pd.DataFrame({"row": rows, "utterance": manifest["utterance"]}), args.index)
    write_csv(pd.DataFrame(columns=REJECTED_COLUMNS, dtype="str"), args.rejected)
    write_parquet(manifest, args.manifest)
    print(
        f"{len(manifest):,} embeddings of {embeddings.shape[1]} numbers, "
        f"{manifest['speaker'].nunique():,} speakers"
    )
    print("durations are unknown: the filters by seconds of the policies' training do not apply")


if __name__ == "__main__":
    run_step(main)
