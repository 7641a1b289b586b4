"""Import embeddings that were made elsewhere: no recordings, no extractor.

Files end in .npy (a pickled dict of utterance -> vector), .npz (arrays utterance [N] and
embedding [N, D]), .ark or .scp (Kaldi, binary). The utterance ids or a table give the manifest; the
lengths of the recordings are unknown. The step stops at the first bad embedding; it rejects none.
"""

from dataclasses import dataclass

from workflow_src.common.files import write_npy, write_parquet
from workflow_src.common.passed_over import noted_in
from workflow_src.common.tables import write_index
from workflow_src.embeddings.importing import merge_parts, read_part
from workflow_src.embeddings.rejections import write_no_rejections
from workflow_src.running.arguments import Input, Inputs, Output
from workflow_src.settings.corpus import ImportedCorpus


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The step's arguments."""

    files: Inputs
    """Files of embeddings."""
    table: Input | None = None
    """The table that names the utterances, if `settings` has one."""
    settings: ImportedCorpus = ImportedCorpus()
    """How the utterances are named; its `embeddings` are ignored."""
    manifest: Output
    """Table of utterances, parquet."""
    embeddings: Output
    """Matrix of embeddings, .npy, float32 [N, D]."""
    index: Output
    """The utterance, speaker and date of each embedding, parquet."""
    rejected: Output
    """Table of rejected recordings, CSV, without rows."""
    passed_over: Output | None = None
    """Table of what is passed over, CSV."""


def run(args: Arguments) -> None:
    """Import the files."""
    parts = []
    for path in args.files:
        parts.append(read_part(path))
        print(f"{path}: {len(parts[-1].utterances):,} embeddings")
    with noted_in(args.passed_over, "corpus"):
        manifest, embeddings = merge_parts(parts, args.settings)
    write_npy(embeddings, args.embeddings)
    write_index(manifest, args.index, args.settings.extractor)
    write_no_rejections(args.rejected)
    write_parquet(manifest, args.manifest)
    print(
        f"{len(manifest):,} embeddings of {embeddings.shape[1]} numbers, "
        f"{manifest['speaker'].nunique():,} speakers"
    )
    print("durations are unknown: the filters by seconds of the policies' training do not apply")
