"""Reading recordings of any rate and number of channels as one channel of one rate."""

import os
import stat
from pathlib import Path

import numpy as np
import soxr

from workflow_src.corpus.sound_files import (
    DAMAGED,
    MAX_FRAMES,
    SoundFile,
    open_sound,
    read_samples,
    skip_frames,
)

# A recording is silent below this root mean square, taken after the offset is removed: one step of
# 16-bit audio, -90 dB of full scale. Faint speech is far above it.
SILENCE = 2.0**-15
# A part of a recording may end so many seconds after it, since other programs round.
ROUNDING = 0.05


class Rejected(Exception):  # noqa: N818 (no error of the program: the recording is counted)
    """A recording of which no embedding can be made; the message is a short, fixed reason."""


def read_audio(
    path: str | Path,
    sample_rate: int,
    min_seconds: float = 0.0,
    max_seconds: float = np.inf,
    part: tuple[float, float] | None = None,
) -> np.ndarray:
    """Read a recording, or a part of it, as a front end takes it.

    Parameters
    ----------
    path
        A file that libsndfile reads. Channels are averaged; other rates are resampled (soxr, high
        quality).
    sample_rate
        Of the result, in Hz.
    min_seconds, max_seconds
        Shorter and longer recordings or parts are rejected.
    part
        Start and end of the part, seconds; NaN where it begins or ends with the recording.

    Returns
    -------
    ndarray
        float32 [samples].

    Raises
    ------
    Rejected
        The file is missing, no plain file, empty, damaged, shorter or longer than allowed, or
        silent, or has samples that are not finite.
    """
    samples, rate = _read_samples(path, min_seconds, max_seconds, part)
    waveform = samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1)
    # One sum finds any NaN or infinity; in float64, no sum of finite samples overflows.
    if not np.isfinite(waveform.sum(dtype=np.float64)):
        raise Rejected("samples that are not finite")
    if waveform.std(dtype=np.float64) < SILENCE:
        raise Rejected("silent")
    if rate != sample_rate:
        waveform = soxr.resample(waveform, rate, sample_rate, quality="HQ")
    return np.ascontiguousarray(waveform)


def _read_samples(
    path: str | Path, min_seconds: float, max_seconds: float, part: tuple[float, float] | None
) -> tuple[np.ndarray, int]:
    """Return float32 [samples, channels] and the rate in Hz."""
    try:
        status = os.stat(path)  # noqa: PTH116
    except OSError as error:
        raise Rejected("missing file") from error
    if not stat.S_ISREG(status.st_mode):
        raise Rejected("not a plain file")  # reading a pipe would wait for ever
    if status.st_size == 0:
        raise Rejected("empty file")
    try:
        with open_sound(path) as file:
            promised, rate = file.frames, file.samplerate
            most = int(min(max_seconds * rate, MAX_FRAMES))
            wanted = None if part is None else _enter_part(file, part)
            samples = read_samples(file, most if wanted is None else min(most, wanted))
    except DAMAGED as error:
        raise Rejected("not readable as audio") from error
    if wanted is not None and wanted <= most:
        samples, promised = samples[:wanted], wanted - int(ROUNDING * rate)
    elif part is not None:
        promised = 0
    frames = len(samples)
    if frames > most:
        raise Rejected(f"longer than {max_seconds:g} s")
    if frames < promised < MAX_FRAMES:
        raise Rejected("cut short" if frames else "no samples")
    if frames < min_seconds * rate or frames == 0:
        raise Rejected(f"shorter than {min_seconds:g} s" if frames else "no samples")
    return samples, rate


def _enter_part(file: SoundFile, part: tuple[float, float]) -> int | None:
    """Skip to the start of a part; return its frames, None where it ends with the recording."""
    start, end = part
    first = round(start * file.samplerate) if start > 0 else 0  # also NaN
    skip_frames(file, first)
    return round(end * file.samplerate) - first if np.isfinite(end) else None
