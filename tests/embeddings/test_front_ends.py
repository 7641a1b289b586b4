import kaldi_native_fbank as knf
import numpy as np
import pytest

from tests.embeddings.conftest import speech_like
from workflow_src.embeddings.wespeaker_fbank80 import (
    MEL_BINS,
    compute_fbank,
    count_frames,
    fbank_options,
)


def reference(waveform):
    """kaldi-native-fbank's own online extractor."""
    fbank = knf.OnlineFbank(fbank_options())
    fbank.accept_waveform(16000, (waveform * np.float32(32768)).tolist())
    fbank.input_finished()
    frames = [fbank.get_frame(i) for i in range(fbank.num_frames_ready)]
    features = np.array(frames, np.float32).reshape(-1, MEL_BINS)
    return features - features.mean(axis=0, dtype=np.float64)


@pytest.mark.parametrize("offset", [0.0, 0.3])
@pytest.mark.parametrize("seconds", [0.025, 0.3, 2.0])
def test_equals_kaldi_native_fbank(seconds, offset):
    waveform = speech_like(seconds) + np.float32(offset)
    np.testing.assert_allclose(compute_fbank(waveform), reference(waveform), atol=2e-3)


def test_equals_kaldi_native_fbank_on_noise_and_silence():
    waveform = np.random.default_rng(0).standard_normal(16000).astype(np.float32) * 0.1
    waveform[4000:9000] = 0
    np.testing.assert_allclose(compute_fbank(waveform), reference(waveform), atol=2e-4)


@pytest.mark.parametrize("samples", [0, 399, 400, 559, 560, 16000])
def test_shape(samples):
    features = compute_fbank(np.ones(samples, np.float32))
    assert features.shape == (count_frames(samples), MEL_BINS)
    assert features.dtype == np.float32
    assert len(features) == (0 if samples < 400 else 1 + (samples - 400) // 160)


def test_long_recordings_are_worked_on_in_blocks():
    waveform = speech_like(45)
    features = compute_fbank(waveform)
    assert len(features) > 4096
    start = 4000
    # The mean over time is another; differences between frames are the same.
    part = compute_fbank(waveform[start * 160 :])
    np.testing.assert_allclose(
        features[start:] - features[start], part - part[0], atol=1e-3, rtol=1e-4
    )
