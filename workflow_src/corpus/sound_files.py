"""Opening sound files so that they are read to their end, whatever their headers say of it.

The count of frames in a header can be unknown (a FLAC file or a WAV file that was written to a
pipe), estimated (an MP3 file of a variable rate) or rounded (MP3 within WAV).
"""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

# libsndfile gives nearly 2^63 frames for a file that does not tell its length.
MAX_FRAMES = 2**48
# Numbers that are read at once.
BLOCK = 1 << 22
# The largest header of a WAV file that is looked through for its sound.
MAX_HEADER = 1 << 20
DAMAGED = (soundfile.SoundFileError, OSError, ValueError, RuntimeError)


class SoundFile(soundfile.SoundFile):
    """A sound file that is read from its beginning to its end, once.

    A file that counts as seekable is read no further than its header says, and libsndfile seeks
    after each read, which fails at the end of a FLAC file of unknown length.
    """

    def seekable(self) -> bool:
        """Return False."""
        return False


class _Unmeasured(io.RawIOBase):
    """A file that tells no length, so that libsndfile looks for the end itself.

    `instead` are bytes that take the place of others: offset -> bytes.
    """

    def __init__(self, path: str | Path, measured: bool, instead: dict[int, bytes]) -> None:
        self._file = io.FileIO(path)
        self._measured = measured
        self._instead = instead
        self._at_end = False

    def readinto(self, buffer: Any) -> int:
        start = self._file.tell()
        count = self._file.readinto(buffer) or 0
        for offset, content in self._instead.items():
            for place, byte in enumerate(content, offset - start):
                if 0 <= place < count:
                    buffer[place : place + 1] = bytes([byte])
        return count

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at_end = whence == os.SEEK_END
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell() if self._measured or not self._at_end else 2**63 - 1

    def close(self) -> None:
        self._file.close()
        super().close()


def open_sound(path: str | Path) -> SoundFile:
    """Open a plain sound file; its `frames` may still be unknown, and then exceed `MAX_FRAMES`.

    Raises
    ------
    SoundFileError, OSError, ValueError
        It cannot be read.
    """
    file = SoundFile(path)
    if file.subtype.startswith("MPEG"):
        file.close()
        return SoundFile(_Unmeasured(path, measured=False, instead={}))
    if file.frames == 0 and file.format in {"WAV", "WAVEX"} and (sizes := _sizes_to_end(path)):
        file.close()
        return SoundFile(_Unmeasured(path, measured=True, instead=sizes))
    return file


def read_samples(file: SoundFile, most: int) -> np.ndarray:
    """Read to the end, but at most somewhat more than `most` frames; float32 [frames, channels]."""
    blocks = []
    step = max(1, BLOCK // file.channels)
    left = most + 1
    # Most files say how long they are; the second read then finds the end.
    size = min(max(file.frames, 1), step)
    while left > 0:
        block = file.read(out=np.empty((size, file.channels), np.float32), dtype="float32")
        if len(block) == 0:
            break
        blocks.append(block)
        left -= len(block)
        size = min(step, 1 << 16)
    if len(blocks) == 1:
        return blocks[0]
    return np.concatenate(blocks or [np.empty((0, file.channels), np.float32)])


def skip_frames(file: SoundFile, count: int) -> None:
    """Skip frames from the beginning, without reading them where the file allows it."""
    if file.frames < MAX_FRAMES and file.subtype.startswith("PCM"):
        file.seek(min(count, file.frames))
        return
    out = np.empty((max(1, (1 << 16) // file.channels), file.channels), np.float32)
    while count > 0 and (read := len(file.read(out=out[:count], dtype="float32"))):
        count -= read


def count_frames(file: SoundFile) -> int:
    """Return the number of frames; a file that does not tell it is read."""
    if file.frames < MAX_FRAMES:
        return file.frames
    out = np.empty((max(1, (1 << 16) // file.channels), file.channels), np.float32)
    total = 0
    while count := len(file.read(out=out, dtype="float32")):
        total += count
    return total


def _sizes_to_end(path: str | Path) -> dict[int, bytes]:
    """Return the sizes that a WAV file would have if its sound reached to the end of the file.

    Nothing where its sound is truly empty: where nothing follows it, or more chunks.
    """
    with Path(path).open("rb") as file:
        header = file.read(MAX_HEADER)
        end = file.seek(0, os.SEEK_END)
    place = 12
    while place + 8 <= len(header):
        name, size = struct.unpack_from("<4sI", header, place)
        begin = place + 8
        if name == b"data":
            if size or begin == end or _are_chunks(header, begin, end):
                return {}
            most = 2**32 - 1
            return {
                4: struct.pack("<I", min(end - 8, most)),
                place + 4: struct.pack("<I", min(end - begin, most)),
            }
        place = begin + size + size % 2
    return {}


def _are_chunks(header: bytes, place: int, end: int) -> bool:
    """Whether chunks with names of letters fill a WAV file from a place to its end."""
    while place + 8 <= len(header):
        name, size = struct.unpack_from("<4sI", header, place)
        if not (name.isascii() and name.decode("latin1").isprintable()):
            return False
        place += 8 + size + size % 2
    return place in {end, end + 1}
