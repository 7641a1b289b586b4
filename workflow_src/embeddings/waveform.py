"""The front end waveform: the samples themselves, for models that carry their own front end."""

import numpy as np


def keep_samples(waveform: np.ndarray) -> np.ndarray:
    """Return the samples of a recording, float32 [S], in [-1, 1]."""
    return waveform
