"""Progress of long work: a bar on a terminal, occasional lines in a log."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TypeVar

Item = TypeVar("Item")


def show_progress(
    items: Iterable[Item], what: str, total: int | None = None, delay: float = 0
) -> Iterable[Item]:
    """Iterate and show the progress: a bar on a terminal, a plain line every ten seconds in a log.

    Nothing is shown for work that ends within `delay` seconds.
    """
    from tqdm import tqdm

    if sys.stderr.isatty():
        return tqdm(items, desc=what, total=total, delay=delay, dynamic_ncols=True)
    return tqdm(
        items,
        desc=what,
        total=total,
        delay=delay,
        mininterval=10,
        file=_LineFile(),
        bar_format="{desc}: {n_fmt}/{total_fmt} in {elapsed}, {rate_fmt}",
    )


class _LineFile:
    """Standard error, with each refresh of a progress bar on a line of its own."""

    def write(self, text: str) -> None:
        text = text.strip("\r\n\x1b[A ")
        if text:
            sys.stderr.write(text + os.linesep)

    def flush(self) -> None:
        sys.stderr.flush()
