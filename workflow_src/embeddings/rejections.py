"""The table of recordings without an embedding."""

from pathlib import Path

import pandas as pd

from workflow_src.common.files import write_csv
from workflow_src.common.passed_over import REJECTED_COLUMNS

__all__ = ["REJECTED_COLUMNS", "write_no_rejections"]


def write_no_rejections(path: Path) -> None:
    """Write the table without rows, for embeddings that come from no recordings."""
    write_csv(pd.DataFrame(columns=REJECTED_COLUMNS, dtype="str"), path)
