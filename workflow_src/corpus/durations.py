"""Lengths of recordings, from their headers."""

import os
from pathlib import Path

import numpy as np
import soundfile

from workflow_src.running.progress import show_progress

# libsndfile gives nearly 2^63 frames for a file that does not tell its length.
_MAX_FRAMES = 2**48


def read_durations(paths: list[str], root: str | Path) -> np.ndarray:
    """Read the lengths of recordings from their headers.

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
            info = soundfile.info(full)
        except (soundfile.SoundFileError, OSError, ValueError):
            continue
        if 0 < info.frames < _MAX_FRAMES and info.samplerate > 0:
            seconds[i] = info.frames / info.samplerate
    return seconds
