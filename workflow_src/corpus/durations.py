"""How long recordings are, from their headers."""

import os
from pathlib import Path

import numpy as np
import soundfile

from workflow_src.running.progress import show_progress

# libsndfile's number of frames of a file that doesn't say how many it has is near 2^63.
_MAX_FRAMES = 2**48


def read_durations(paths: list[str], root: str | Path) -> np.ndarray:
    """Read from their headers how long recordings are.

    Parameters
    ----------
    paths
        N paths relative to `root`.
    root
        The folder.

    Returns
    -------
    ndarray
        float32 [N], seconds; NaN where the header cannot be read. Such a file stays listed:
        extraction rejects it and says why.
    """
    seconds = np.full(len(paths), np.nan, np.float32)
    for i, path in enumerate(show_progress(paths, "reading headers", len(paths))):
        full = os.path.join(root, path)  # noqa: PTH118
        # Only plain files are opened: a pipe of that name would wait for ever.
        if not os.path.isfile(full):  # noqa: PTH113
            continue
        try:
            info = soundfile.info(full)
        except (soundfile.SoundFileError, OSError, ValueError):
            continue
        if 0 < info.frames < _MAX_FRAMES and info.samplerate > 0:
            seconds[i] = info.frames / info.samplerate
    return seconds
