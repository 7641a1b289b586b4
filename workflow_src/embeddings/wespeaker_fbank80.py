"""The front end wespeaker-fbank80: log mel filter banks as WeSpeaker's models take them.

The window and the mel filters are those of kaldi-native-fbank. Its own online extractor takes the
samples one by one from Python. Here one matrix does everything up to the spectrum, because all of
it is linear in the samples: offset removal, pre-emphasis, window, Fourier transform. An utterance
costs two matrix products, which is two to three times as fast and equal up to rounding.
"""

import functools

import kaldi_native_fbank as knf
import numpy as np

SAMPLE_RATE = 16_000
MEL_BINS = 80
FRAME_SHIFT = 160
FRAME_LENGTH = 400
_FFT_LENGTH = 512
# Frames that are computed at once; this limits the memory for a long recording.
_BLOCK = 4096


def fbank_options() -> knf.FbankOptions:
    """Return the options of WeSpeaker's ONNX exports for kaldi-native-fbank."""
    options = knf.FbankOptions()
    options.frame_opts.samp_freq = SAMPLE_RATE
    options.frame_opts.frame_length_ms = 1000 * FRAME_LENGTH / SAMPLE_RATE
    options.frame_opts.frame_shift_ms = 1000 * FRAME_SHIFT / SAMPLE_RATE
    options.frame_opts.window_type = "hamming"
    options.frame_opts.dither = 0
    options.mel_opts.num_bins = MEL_BINS
    options.use_energy = False
    return options


def count_frames(samples: int) -> int:
    """Return how many frames `compute_fbank` makes of a number of samples."""
    return max(0, 1 + (samples - FRAME_LENGTH) // FRAME_SHIFT)


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
    fbank = np.empty((count_frames(len(waveform)), MEL_BINS), np.float32)
    if len(fbank) == 0:
        return fbank
    spectrum_of_frame, mel_of_power = _matrices()
    # Each frame loses its own offset below. Removing the common offset first avoids rounding.
    waveform = waveform - waveform.mean(dtype=np.float64).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(waveform, FRAME_LENGTH)[::FRAME_SHIFT]
    for start in range(0, len(frames), _BLOCK):
        power = frames[start : start + _BLOCK] @ spectrum_of_frame
        power *= power
        fbank[start : start + _BLOCK] = power @ mel_of_power
    np.maximum(fbank, np.finfo(np.float32).eps, out=fbank)
    np.log(fbank, out=fbank)
    fbank -= fbank.mean(axis=0, dtype=np.float64).astype(np.float32)
    return fbank


@functools.cache
def _matrices() -> tuple[np.ndarray, np.ndarray]:
    """Return the matrices from frames to spectra and from squared spectra to mel energies.

    Returns
    -------
    spectrum_of_frame
        float32 [400, S]: real and imaginary parts of the Fourier bins that a filter uses.
    mel_of_power
        float32 [S, 80]: each bin's filter weight, once for each of its two parts.
    """
    options = fbank_options()
    frame = options.frame_opts
    # Row i is the result for a frame with a single 1 at sample i.
    rows = np.eye(FRAME_LENGTH) - 1 / FRAME_LENGTH
    before = np.concatenate([rows[:, :1], rows[:, :-1]], axis=1)
    rows = (rows - frame.preemph_coeff * before) * knf.FeatureWindowFunction(frame).window
    spectrum = np.fft.rfft(rows * 2**15, _FFT_LENGTH).view(np.float64)
    filters = np.repeat(knf.MelBanks(options.mel_opts, frame).get_matrix().T, 2, axis=0)
    used = np.flatnonzero(filters.any(axis=1))
    part = slice(used[0], used[-1] + 1)
    return spectrum[:, part].astype(np.float32), np.ascontiguousarray(filters[part])
