import os

import numpy as np
import pytest
import soundfile

from tests.embeddings.conftest import speech_like
from workflow_src.embeddings.audio import Rejected, read_audio


def reason(path, **limits):
    with pytest.raises(Rejected) as error:
        read_audio(path, 16000, **limits)
    return str(error.value)


@pytest.mark.parametrize(
    ("name", "subtype", "tolerance"),
    [
        ("a.wav", "PCM_16", 2**-15),
        ("a.wav", "PCM_24", 2**-23),
        ("a.wav", "FLOAT", 0),
        ("a.wav", "DOUBLE", 0),
        ("a.flac", "PCM_16", 2**-15),
        ("a.flac", "PCM_24", 2**-23),
    ],
)
def test_formats(tmp_path, name, subtype, tolerance):
    waveform = speech_like(0.5)
    soundfile.write(tmp_path / name, waveform, 16000, subtype=subtype)
    found = read_audio(tmp_path / name, 16000)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, waveform, atol=tolerance, rtol=0)


def test_channels_are_averaged(tmp_path):
    left, right = speech_like(0.5, seed=1), speech_like(0.5, seed=2)
    soundfile.write(tmp_path / "a.wav", np.stack([left, right], axis=1), 16000, subtype="FLOAT")
    np.testing.assert_allclose(read_audio(tmp_path / "a.wav", 16000), (left + right) / 2, atol=1e-7)


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000])
def test_other_rates_are_resampled(tmp_path, rate):
    t = np.arange(rate) / rate
    soundfile.write(tmp_path / "a.wav", 0.5 * np.sin(2 * np.pi * 440 * t), rate, subtype="FLOAT")
    found = read_audio(tmp_path / "a.wav", 16000)
    assert len(found) == 16000
    wanted = 0.5 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    np.testing.assert_allclose(found[800:-800], wanted[800:-800], atol=1e-3)


def test_rejections(tmp_path):
    path = tmp_path / "a.wav"
    assert reason(path) == "missing file"
    assert reason(tmp_path) == "not a plain file"
    os.mkfifo(tmp_path / "pipe.wav")
    assert reason(tmp_path / "pipe.wav") == "not a plain file"
    path.write_bytes(b"")
    assert reason(path) == "empty file"
    path.write_bytes(np.random.default_rng(0).bytes(20_000))
    assert reason(path) == "not readable as audio"
    soundfile.write(path, np.zeros(0, np.float32), 16000)
    assert reason(path, min_seconds=0.3) == "no samples"
    assert reason(path) == "no samples"
    soundfile.write(path, speech_like(0.25), 16000)
    assert reason(path, min_seconds=0.3) == "shorter than 0.3 s"
    soundfile.write(path, speech_like(1), 16000)
    assert reason(path, max_seconds=0.9) == "longer than 0.9 s"


@pytest.mark.parametrize("value", [0.0, 0.25, 1e-6])
def test_silence(tmp_path, value):
    soundfile.write(tmp_path / "a.wav", np.full(8000, value), 16000, subtype="FLOAT")
    assert reason(tmp_path / "a.wav") == "silent"
    # The least that 16-bit audio can hold is no speech either, wherever its zero is.
    hum = value + 2.0**-16 * np.sign(np.sin(np.arange(8000)))
    soundfile.write(tmp_path / "a.wav", hum, 16000, subtype="FLOAT")
    assert reason(tmp_path / "a.wav") == "silent"


def test_faint_speech_is_no_silence(tmp_path):
    soundfile.write(tmp_path / "a.wav", speech_like(1) * 1e-3, 16000, subtype="FLOAT")
    assert len(read_audio(tmp_path / "a.wav", 16000)) == 16000


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite(tmp_path, value):
    waveform = np.stack([speech_like(0.5)] * 2, axis=1)
    waveform[77, 1] = value
    soundfile.write(tmp_path / "a.wav", waveform, 16000, subtype="FLOAT")
    assert reason(tmp_path / "a.wav") == "samples that are not finite"


def test_truncated_flac(tmp_path):
    soundfile.write(tmp_path / "a.flac", speech_like(2), 16000)
    content = (tmp_path / "a.flac").read_bytes()
    (tmp_path / "a.flac").write_bytes(content[: len(content) // 2])
    assert reason(tmp_path / "a.flac") in {"cut short", "not readable as audio"}
