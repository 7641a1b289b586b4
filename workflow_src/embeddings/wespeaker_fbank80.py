"""The front end wespeaker-fbank80: log mel filter banks as WeSpeaker's models take them."""

import numpy as np

from workflow_src.embeddings.log_mel import LogMel

MEL_BINS = 80
LOG_MEL = LogMel(sample_rate=16_000, bins=MEL_BINS, window="hamming", scale=2.0**15)


def compute_fbank(waveform: np.ndarray) -> np.ndarray:
    """Compute log mel filter banks with cepstral mean subtraction, for WeSpeaker's ONNX exports.

    The waveform is scaled by 2^15. 80 mel bins, frames of 25 ms every 10 ms, Hamming window, no
    dither; the mean over time is subtracted, the variance is not normalised.

    Parameters
    ----------
    waveform
        float32 [samples], 16 kHz, one channel, in [-1, 1].

    Returns
    -------
    ndarray
        float32 [T, 80] with T = 1 + (samples - 400) // 160; [0, 80] below 400 samples.
    """
    return LOG_MEL.compute(waveform)
