"""Log mel filter banks as WeSpeaker's exported models expect them."""

import kaldi_native_fbank as knf
import numpy as np

SAMPLE_RATE = 16_000
MEL_BINS = 80
FRAME_SHIFT = 160
FRAME_LENGTH = 400


def compute_fbank(waveform: np.ndarray) -> np.ndarray:
    """Compute log mel filter banks with cepstral mean subtraction.

    The contract of WeSpeaker's ONNX exports: waveform times 2^15, 80 mel bins, frames of 25 ms
    every 10 ms, Hamming window, no dither, the mean over time subtracted, variance left alone.

    Parameters
    ----------
    waveform
        float32 [samples], 16 kHz, one channel, in [-1, 1].

    Returns
    -------
    ndarray
        float32 [T, 80] with T = 1 + (samples - 400) // 160; [0, 80] below 400 samples.
    """
    options = knf.FbankOptions()
    options.frame_opts.samp_freq = SAMPLE_RATE
    options.frame_opts.frame_length_ms = 25
    options.frame_opts.frame_shift_ms = 10
    options.frame_opts.window_type = "hamming"
    options.frame_opts.dither = 0
    options.mel_opts.num_bins = MEL_BINS
    options.use_energy = False
    fbank = knf.OnlineFbank(options)
    fbank.accept_waveform(SAMPLE_RATE, (waveform * np.float32(32768)).tolist())
    fbank.input_finished()
    frames = [fbank.get_frame(i) for i in range(fbank.num_frames_ready)]
    if not frames:
        return np.zeros((0, MEL_BINS), np.float32)
    features = np.stack(frames).astype(np.float32)
    return features - features.mean(axis=0, dtype=np.float64).astype(np.float32)
