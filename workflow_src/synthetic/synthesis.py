"""A source-filter speech synthesiser in the frame domain.

The synthesiser filters the spectra of 20 ms frames, with a Hann window every 10 ms, and adds up the
frames. The source is a pulse train with jitter, shimmer and aspiration. It passes five formants in
cascade, and a nasal pole and zero. Friction is noise in a band. The speaker's equaliser, the device
and background noise act on the same spectra, before one inverse transform. The theory is G. Fant's
source-filter theory. The cascade and the nasal pair follow D. Klatt, JASA 67, 1980.
"""

from __future__ import annotations

import numpy as np

from workflow_src.common.seeds import generator
from workflow_src.settings.corpus import SyntheticCorpus
from workflow_src.synthetic.phonetics import Plan, draw_plan
from workflow_src.synthetic.voices import DEVICES, Device, Recording, Voice, voice_of

SAMPLE_RATE = 16_000
HOP = 160
FRAME = 2 * HOP
FFT = 512
FRAME_RATE = SAMPLE_RATE / HOP
PEAK = 0.95

_F4_F5 = np.array([3500, 4500], np.float32)
_BANDWIDTHS = np.array([80, 95, 130, 200, 260], np.float32)
_NASAL_POLE, _NASAL_ZERO, _NASAL_BANDWIDTH = 270.0, 1100.0, 120.0

_HANN = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)).astype(np.float32)
_FREQUENCY = (np.arange(FFT // 2 + 1) * (SAMPLE_RATE / FFT)).astype(np.float32)
# e^(-i w n) for delays of n = 0..12 samples.
_DELAYS = np.exp(-2j * np.pi / FFT * np.outer(np.arange(13), np.arange(FFT // 2 + 1)))
_DELAYS_REAL, _DELAYS_IMAGINARY = np.ascontiguousarray(_DELAYS.real), _DELAYS.imag.copy()
_OCTAVES = np.log2(np.maximum(_FREQUENCY, 80) / 500)
_MEL = np.log1p(_FREQUENCY / 700) / np.log1p(_FREQUENCY[-1] / 700)
_COSINES = np.cos(np.pi * np.arange(1, 11)[:, None] * _MEL[None, :])

# A resonator rings beyond the end of a frame and wraps to its start. The fade of both ends prevents
# a click at every frame.
_FADE = np.ones(FFT, np.float32)
_FADE[:48] = 0.5 - 0.5 * np.cos(np.pi * (np.arange(48) + 0.5) / 48)
_FADE[-144:] = 0.5 + 0.5 * np.cos(np.pi * (np.arange(144) + 0.5) / 144)


def _smoother(milliseconds: float) -> np.ndarray:
    half = max(1, round(milliseconds / 1000 * FRAME_RATE / 2))
    kernel = np.hanning(2 * half + 3)[1:-1]
    return kernel / kernel.sum()


_ARTICULATION, _AMPLITUDE = _smoother(70), _smoother(25)


def _smooth(tracks: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Convolve the columns of [T, n] with a short kernel; the edge values continue outside."""
    half = len(kernel) // 2
    padded = np.pad(tracks, ((half, half), (0, 0)), mode="edge")
    total = np.zeros(tracks.shape, np.float32)
    for i, value in enumerate(kernel.astype(np.float32)):
        total += value * padded[i : i + len(tracks)]
    return total


def _resonators(frequency: np.ndarray, bandwidth: np.ndarray) -> np.ndarray:
    """Return the polynomials of n resonators in cascade, each with unit gain at 0 Hz.

    Frequencies and bandwidths are [T, n] in Hz. The coefficients, float64 [T, 2n + 1], are in
    powers of one sample's delay.
    """
    radius = np.exp(-np.pi / SAMPLE_RATE * bandwidth)
    first = -2 * radius * np.cos(2 * np.pi / SAMPLE_RATE * frequency)
    second = radius**2
    gain = 1 / (1 + first + second)
    count = frequency.shape[1]
    total = np.zeros((len(frequency), 2 * count + 1))
    total[:, 0] = gain.prod(axis=1)
    for i in range(count):
        delayed = total.copy()
        delayed[:, 1:] += first[:, i, None] * total[:, :-1]
        delayed[:, 2:] += second[:, i, None] * total[:, :-2]
        total = delayed
    return total


def _response(polynomial: np.ndarray) -> np.ndarray:
    """Evaluate polynomials of delays, float64 [T, n] -> complex64 [T, FFT // 2 + 1].

    The sum is in double precision, since its terms cancel to a millionth near 0 Hz.
    """
    order = polynomial.shape[1]
    response = np.empty((len(polynomial), FFT // 2 + 1), np.complex64)
    response.real = polynomial @ _DELAYS_REAL[:order]
    response.imag = polynomial @ _DELAYS_IMAGINARY[:order]
    return response


def _frames(signal: np.ndarray) -> np.ndarray:
    """Cut [(T + 1) * HOP] into spectra of T windowed frames, complex64 [T, FFT // 2 + 1]."""
    halves = signal.reshape(-1, HOP)
    framed = np.concatenate([halves[:-1], halves[1:]], axis=1) * _HANN
    return np.fft.rfft(framed, FFT, axis=1)


def _overlap_add(spectra: np.ndarray) -> np.ndarray:
    """Add up frames, [T, FFT // 2 + 1] -> float32 [T * HOP]."""
    count = len(spectra)
    parts = -(-FFT // HOP)
    blocks = np.zeros((count, parts * HOP), np.float32)
    np.multiply(np.fft.irfft(spectra, FFT, axis=1), _FADE, out=blocks[:, :FFT])
    total = np.zeros((count + parts, HOP), np.float32)
    for i in range(parts):
        total[i : i + count] += blocks[:, i * HOP : (i + 1) * HOP]
    # The first half frame is the rise of the window.
    return total[1 : count + 1].ravel()


def _pulses(
    rng: np.random.Generator, f0: np.ndarray, voicing: np.ndarray, voice: Voice
) -> np.ndarray:
    """Return glottal pulses of unit mean power for f0 in Hz and voicing, [T] -> [(T + 1) * HOP]."""
    samples = (len(f0) + 1) * HOP
    centres = (np.arange(len(f0)) + 1) * HOP
    phase = np.cumsum(f0) / FRAME_RATE
    count = int(phase[-1])
    ideal = np.arange(1, count + 1)
    # Jitter and shimmer of neighbouring pulses are correlated.
    shake = rng.standard_normal((2, count + 1))
    shake = (shake[:, 1:] + 0.5 * shake[:, :-1]) / np.sqrt(1.25)
    moments = np.interp(ideal + voice.jitter * shake[0], phase, centres)
    size = np.interp(moments, centres, voicing * np.sqrt(SAMPLE_RATE / f0))
    size *= np.maximum(1 + voice.shimmer * shake[1], 0.1)
    moments = np.clip(moments, 0, samples - 2)
    left = moments.astype(np.int64)
    share = moments - left
    train = np.bincount(left, size * (1 - share), samples)
    train += np.bincount(left + 1, size * share, samples)
    return train.astype(np.float32)


def device_response(device: Device) -> np.ndarray:
    """Return a device's magnitude response, float64 [FFT // 2 + 1]."""
    f = np.maximum(_FREQUENCY.astype(np.float64), 1)
    band = 1 / np.sqrt((1 + (device.low / f) ** 4) * (1 + (f / device.high) ** 12))
    peak = device.gain * np.exp(-0.5 * (np.log2(f / device.peak) / 0.5) ** 2)
    return band * 10 ** ((peak + device.slope * _OCTAVES) / 20)


_RESPONSES = {name: device_response(device) for name, device in DEVICES.items()}


def synthesize(
    voice: Voice, plan: Plan, device: str, snr: float, rng: np.random.Generator
) -> np.ndarray:
    """Synthesise a plan of T frames in a voice, as float32 [T * HOP] in [-1, 1].

    `device` is one of `voices.DEVICES`. `snr` is the ratio of speech to background noise in dB over
    the whole utterance. `rng` is the utterance's random stream.
    """
    # A segment's formants are the neutral man's, times the factors of the tract and of the vowel.
    own = np.ones((len(plan.vowel), 3))
    spoken = plan.vowel >= 0
    own[spoken] = voice.vowels[plan.vowel[spoken]]
    low = plan.formants * own * voice.formants[:3]
    tracks = np.repeat(np.concatenate([low, plan.sources[:, 3:]], axis=1), plan.frames, axis=0)
    tracks = _smooth(tracks, _ARTICULATION)
    amplitudes = _smooth(np.repeat(plan.sources[:, :3], plan.frames, axis=0), _AMPLITUDE)
    voicing, breathing, friction = amplitudes.T
    count = len(tracks)
    centre, width, nasal = tracks[:, 3], tracks[:, 4], tracks[:, 5]
    nasal = np.clip(nasal + voice.nasality, 0, 1)

    semitones = _smooth(plan.pitch[:, None], _ARTICULATION)[:, 0]
    f0 = np.clip(voice.f0 * 2 ** (voice.span * semitones / 12), 45, 600)

    # Vocal tract: five formants and a nasal pole over a nasal zero. Without nasality, the zero
    # cancels the pole.
    high = np.broadcast_to(_F4_F5 * voice.formants[3:], (count, 2))
    tract = voice.formants[:3].mean()
    pole = np.full((count, 1), _NASAL_POLE * tract)
    zero = pole + nasal[:, None] * (_NASAL_ZERO - _NASAL_POLE) * tract
    widths = np.broadcast_to(_BANDWIDTHS * voice.bandwidth, (count, 5)) * (1 + 0.8 * nasal[:, None])
    nasal_width = np.full((count, 1), _NASAL_BANDWIDTH)
    poles = _resonators(
        np.concatenate([tracks[:, :3], high, pole], axis=1),
        np.concatenate([widths, nasal_width], axis=1),
    )
    filters = _response(_resonators(zero, nasal_width)) / _response(poles)

    tilt = (10 ** (-voice.tilt * _OCTAVES / 20)).astype(np.float32)
    aspiration = breathing + voicing * np.float32(10 ** (voice.breath / 20))
    noise = rng.standard_normal((2, (count + 1) * HOP), dtype=np.float32)
    hiss = _frames(noise[0])
    spectra = _frames(_pulses(rng, f0, voicing, voice))
    spectra *= tilt
    spectra += hiss * (0.35 * aspiration)[:, None]
    spectra *= filters
    rough = np.flatnonzero(friction > 1e-4)
    distance = _FREQUENCY - (centre * np.float32(voice.friction))[rough, None]
    distance = distance / width[rough, None]
    np.square(distance, out=distance)
    np.square(distance, out=distance)
    spectra[rough] += hiss[rough] * (friction[rough, None] / (1 + distance))

    shape = 10 ** (voice.equaliser @ _COSINES / 20)
    spectra *= shape.astype(np.float32)

    # Background: coloured noise whose level varies slowly around that of the SNR.
    colour = 10 ** (-rng.uniform(3, 8) * _OCTAVES / 20)
    colour *= 10 ** (rng.normal(0, 2.0, 4) @ _COSINES[:4] / 20)
    swell = _smooth(rng.normal(0, 1.5, (count, 1)), _ARTICULATION)
    background = _frames(noise[1])
    background *= colour.astype(np.float32) * 10 ** (swell / 20)
    speech_power = np.vdot(spectra, spectra).real
    noise_power = np.vdot(background, background).real
    background *= np.float32(np.sqrt(speech_power / noise_power) * 10 ** (-snr / 20))
    spectra += background
    spectra *= _RESPONSES[device].astype(np.float32)

    wave = _overlap_add(spectra)
    level = rng.normal(-25, 3)
    gain = 10 ** (level / 20) / np.sqrt(np.mean(np.square(wave), dtype=np.float64))
    return wave * np.float32(min(gain, PEAK / np.abs(wave).max()))


def synthesize_recording(
    seed: int, population: str, recording: Recording, settings: SyntheticCorpus
) -> np.ndarray:
    """Synthesise one recording as float32 [samples], 16 kHz, in [-1, 1].

    The result depends on nothing except the arguments.
    """
    rng = generator(seed, population, recording.utterance, "sound")
    voice = voice_of(recording)
    least, most = settings.seconds
    plan = draw_plan(rng, recording.kind, recording.phrase, voice.rate, (least, most), FRAME_RATE)
    return synthesize(voice, plan, recording.device, recording.snr, rng)
