"""Parts of recordings, as a table's columns start and end or Kaldi's segments give them."""

import numpy as np
import pytest
import soundfile

from workflow_src.embeddings.audio import Rejected, read_audio

RATE = 16000
WAVEFORM = np.random.default_rng(1).uniform(-0.5, 0.5, 3 * RATE).astype(np.float32)
NAN = float("nan")


@pytest.fixture(params=["wav", "flac", "ogg"])
def recording(request, tmp_path):
    path = tmp_path / f"a.{request.param}"
    soundfile.write(path, WAVEFORM, RATE)
    return path


@pytest.mark.parametrize(
    ("part", "first", "last"),
    [((1.0, 2.0), 1.0, 2.0), ((NAN, 0.5), 0, 0.5), ((2.5, NAN), 2.5, 3), ((0.25, 3.02), 0.25, 3)],
)
def test_a_part_is_what_stands_there(recording, part, first, last):
    whole = read_audio(recording, RATE)
    expected = whole[round(first * RATE) : round(last * RATE)]
    np.testing.assert_array_equal(read_audio(recording, RATE, part=part), expected)


@pytest.mark.parametrize(
    ("part", "limits", "says"),
    [
        ((1.0, 3.5), {}, "cut short"),
        ((4.0, 5.0), {}, "no samples"),
        ((3.0, NAN), {}, "no samples"),
        ((0.0, 2.0), {"max_seconds": 1.5}, "longer than 1.5 s"),
        ((0.5, NAN), {"max_seconds": 1.5}, "longer than 1.5 s"),
        ((0.0, 0.2), {"min_seconds": 0.5}, "shorter than 0.5 s"),
    ],
)
def test_parts_that_are_rejected(recording, part, limits, says):
    with pytest.raises(Rejected, match=says):
        read_audio(recording, RATE, **limits, part=part)


def test_limits_are_those_of_the_part(recording):
    assert len(read_audio(recording, RATE, max_seconds=1, part=(1.0, 2.0))) == RATE
