"""Sound whose header does not say how long it is, or says it wrongly, is read to its end."""

import collections
import struct

import numpy as np
import pytest
import soundfile

from tests.embeddings.conftest import speech_like
from workflow_src.common.errors import InputError
from workflow_src.corpus.durations import read_durations
from workflow_src.corpus.listing import list_recordings
from workflow_src.corpus.recording_digests import digest_recordings
from workflow_src.corpus.scan import OTHER_SUFFIXES, find_recordings
from workflow_src.embeddings.audio import Rejected, read_audio
from workflow_src.settings.corpus import DirectoryCorpus

RATE = 16000
WAVEFORM = speech_like(2.3)
UNKNOWN = 0xFFFFFFFF
MP3 = "MPEG_LAYER_III"  # libsndfile reads it in WAV, and does not write it


def written(path, **how):
    """Write the waveform, and return the bytes."""
    soundfile.write(path, WAVEFORM, RATE, **how)
    return bytearray(path.read_bytes())


def flac(path, frames):
    """Write FLAC whose header says a number of frames; 0 stands for unknown."""
    content = written(path, format="FLAC")
    # 36 bits at the end of eight bytes with the rate, the channels and the bits of a sample.
    (packed,) = struct.unpack_from(">Q", content, 18)
    struct.pack_into(">Q", content, 18, packed >> 36 << 36 | frames)
    path.write_bytes(content)


def wav(path, riff, data, after=b""):
    """Write WAV whose header says sizes in bytes."""
    content = written(path, format="WAV", subtype="PCM_16")
    assert content[36:40] == b"data"
    struct.pack_into("<I", content, 4, riff)
    struct.pack_into("<I", content, 40, data)
    path.write_bytes(content + after)


def empty_wav(path, after):
    soundfile.write(path, WAVEFORM[:0], RATE, format="WAV", subtype="PCM_16")
    path.write_bytes(path.read_bytes()[:44] + after)


def mp3_without_count(path):
    """Write MP3 of a variable rate without the header that holds the number of its frames."""
    sound = np.r_[np.zeros(RATE // 2, np.float32), WAVEFORM]  # the first frames are the smallest
    soundfile.write(path, sound, RATE, format="MP3", bitrate_mode="VARIABLE")
    content = path.read_bytes()
    assert b"Xing" in content
    path.write_bytes(content.replace(b"Xing", b"\0\0\0\0").replace(b"LAME", b"\0\0\0\0"))


def mp3_in_wav(path):
    """Put MP3 into RIFF, with a number of samples that no whole frames have."""
    sound = bytes(written(path, format="MP3"))
    form = struct.pack("<HHIIHHHHIHHH", 0x55, 1, RATE, 0, 576, 0, 12, 1, 2, 1152, 1, 1393)
    fact = struct.pack("<I", len(WAVEFORM) + 1105)
    chunks = ((b"fmt ", form), (b"fact", fact), (b"data", sound + b"\0" * (len(sound) % 2)))
    body = b"".join(name + struct.pack("<I", len(part)) + part for name, part in chunks)
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body)


UNCOUNTED = {
    "flac, unknown": lambda path: flac(path, 0),
    "wav, never finished": lambda path: wav(path, 36, 0),
    "wav, all zero": lambda path: wav(path, 0, 0),
    "wav, to a pipe": lambda path: wav(path, UNKNOWN, UNKNOWN),
    "wav, data to a pipe": lambda path: wav(path, 36, UNKNOWN),
    "wav, largest signed": lambda path: wav(path, 0x7FFFFFFF, 0x7FFFFFFF - 36),
    "wav, rf64": lambda path: written(path, format="RF64"),
}


@pytest.mark.parametrize("name", UNCOUNTED)
def test_what_does_not_tell_its_length_is_read_whole(tmp_path, name):
    path = tmp_path / "a.wav"
    UNCOUNTED[name](path)
    found = read_audio(path, RATE, 0.3, 300)
    np.testing.assert_allclose(found, WAVEFORM, atol=2**-15, rtol=0)
    assert read_durations(["a.wav"], tmp_path) == np.float32(2.3)
    with pytest.raises(Rejected, match=r"longer than 2\.2 s"):
        read_audio(path, RATE, 0.3, 2.2)
    with pytest.raises(Rejected, match=r"shorter than 2\.4 s"):
        read_audio(path, RATE, 2.4, 300)


@pytest.mark.parametrize("kind", ["wav", "mp3", "mp3 without a count"])
def test_mp3_in_any_box_is_read_whole(tmp_path, kind):
    path = tmp_path / "a.wav"
    least = len(WAVEFORM)
    if kind == "wav":
        mp3_in_wav(path)
    elif kind == "mp3":
        written(path, format="MP3")
    else:
        mp3_without_count(path)
        least += RATE // 2
    found = read_audio(path, RATE, 0.3, 300)
    # MP3 has frames of 576 or 1152 samples.
    assert least <= len(found) < least + 4 * 1152
    assert read_durations(["a.wav"], tmp_path) == np.float32(len(found) / RATE)


@pytest.mark.parametrize("subtype", sorted({*soundfile.available_subtypes("WAV")} - {MP3}))
def test_every_codec_of_wav_is_read_whole(tmp_path, subtype):
    written(tmp_path / "a.wav", format="WAV", subtype=subtype)
    found = read_audio(tmp_path / "a.wav", RATE, 0.3, 300)
    # A codec fills its last block.
    assert len(WAVEFORM) <= len(found) < len(WAVEFORM) + 1152
    assert read_durations(["a.wav"], tmp_path) == np.float32(len(found) / RATE)


@pytest.mark.parametrize("after", [b"", b"LIST\x04\0\0\0INFO"])
def test_a_wav_that_is_truly_empty_stays_empty(tmp_path, after):
    empty_wav(tmp_path / "a.wav", after)
    with pytest.raises(Rejected, match="no samples"):
        read_audio(tmp_path / "a.wav", RATE, 0.3, 300)


@pytest.mark.parametrize("frames", [len(WAVEFORM) + 1, RATE * 3600, 2**36 - 1])
def test_a_flac_with_less_than_it_says_is_cut_short(tmp_path, frames):
    flac(tmp_path / "a.flac", frames)
    with pytest.raises(Rejected, match="cut short"):
        read_audio(tmp_path / "a.flac", RATE, 0.3, 300)


def test_other_sound_files_are_counted_on_the_screen(tmp_path, capsys):
    root = tmp_path / "root"
    (root / "deep").mkdir(parents=True)
    for name in ("a.m4a", "deep/b.OGG", "deep/c.ogg", "d.txt", ".hidden.mp3"):
        (root / name).touch()
    with pytest.raises(InputError, match=r"below, but 1 \.m4a, 2 \.ogg that are passed over"):
        find_recordings(root)
    soundfile.write(root / "0001_05011100_3_1_ti_0.wav", WAVEFORM, RATE)
    list_recordings(root, DirectoryCorpus())
    digest_recordings(DirectoryCorpus(root=str(root)), 2, tmp_path / "records")
    said = capsys.readouterr()
    assert said.err.count("1 .m4a, 2 .ogg that are passed over") == 1
    assert "passed over: 1 .m4a files" in said.out
    assert "passed over: 2 .ogg files" in said.out


def test_every_other_suffix_is_counted_once(tmp_path):
    for suffix in OTHER_SUFFIXES:
        (tmp_path / f"a{suffix}").touch()
    (tmp_path / "a.wav").touch()
    others = collections.Counter()
    assert find_recordings(tmp_path, others) == ["a.wav"]
    assert others == dict.fromkeys(OTHER_SUFFIXES, 1)
