"""Lengths of recordings, from their headers where these tell them."""

import os
from pathlib import Path

import numpy as np

from workflow_src.corpus.sound_files import DAMAGED, count_frames, open_sound
from workflow_src.running.progress import show_progress


def read_durations(paths: list[str], root: str | Path) -> np.ndarray:
    """Read the lengths of recordings: headers, and recordings whose headers tell no length.

    Parameters
    ----------
    paths
        N paths relative to the folder `root`.

    Returns
    -------
    ndarray
        float32 [N], seconds; NaN where the header cannot be read. Such a file stays listed:
        extraction rejects it with a reason.
    """
    seconds = np.full(len(paths), np.nan, np.float32)
    for i, path in enumerate(show_progress(paths, "reading headers", len(paths))):
        full = os.path.join(root, path)  # noqa: PTH118
        # Only plain files are opened: a pipe would wait for ever.
        if not os.path.isfile(full):  # noqa: PTH113
            continue
        try:
            with open_sound(full) as file:
                frames, rate = count_frames(file), file.samplerate
        except DAMAGED:
            continue
        if frames > 0 and rate > 0:
            seconds[i] = frames / rate
    return seconds
