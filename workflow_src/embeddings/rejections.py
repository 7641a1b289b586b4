"""The table of recordings of which no embedding could be made."""

from pathlib import Path

import pandas as pd

from workflow_src.common.files import write_csv

REJECTED_COLUMNS = ["utterance", "path", "reason"]


def write_no_rejections(path: Path) -> None:
    """Write the table without a row, for embeddings that come from no recording."""
    write_csv(pd.DataFrame(columns=REJECTED_COLUMNS, dtype="str"), path)
