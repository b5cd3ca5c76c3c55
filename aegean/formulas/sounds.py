"""How near sounds are to their originals; all are (n, channels, length), full scale at 1."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from aegean.nets.mel import mel_bank

SDR_CAP = 100.0  # dB, of an exact copy
WINDOWS = (0.008, 0.016, 0.032, 0.064, 0.128)  # seconds
BANDS = 5  # of the shortest window; twice as many for each longer one
FLOOR = 1e-5  # of a magnitude, 100 dB below a sine of full scale: silence differs from it by nothing
CLIPS = 64  # at a time


def mel_distance(x: np.ndarray, y: np.ndarray, rate: int) -> float:
    """Mean absolute difference of log10 mel magnitudes over five resolutions (as in DAC, Kumar et al. 2023, 3.4)."""
    distances = []
    for number, seconds in enumerate(WINDOWS):
        window = max(4, min(x.shape[2], round(seconds * rate)))
        bank = mel_bank(window, rate, BANDS * 2**number)
        each = [abs(np.log10(a @ bank + FLOOR) - np.log10(b @ bank + FLOOR)).mean((1, 2, 3)).sum()
                for a, b in _spectra(x, y, window)]  # fmt: skip
        distances.append(sum(each) / len(x))
    return float(np.mean(distances))


def log_spectral_distance(x: np.ndarray, y: np.ndarray, rate: int) -> float:
    """Root mean square over frequencies of the difference in dB, mean over frames of 32 ms (Gray and Markel 1976)."""
    window, total = max(4, min(x.shape[2], round(0.032 * rate))), 0.0
    for a, b in _spectra(x, y, window):
        difference = 20 * (np.log10(a + FLOOR) - np.log10(b + FLOOR))
        total += float(np.sqrt((difference**2).mean(3)).mean((1, 2)).sum())
    return total / len(x)


def si_sdr(x: np.ndarray, y: np.ndarray) -> float:
    """Scale-invariant signal-to-distortion ratio in dB (Le Roux et al. 2019, equation 4), within +-SDR_CAP; the mean
    over originals x that are not silent."""
    a, b = (v.reshape(len(v), -1).astype(np.float64) for v in (x, y))
    power = (a**2).sum(1)
    a, b, power = a[power > 0], b[power > 0], power[power > 0]
    if not len(a):
        return SDR_CAP
    target = ((a * b).sum(1) / power)[:, None] * a
    ratio = ((target**2).sum(1) + 1e-30) / (((b - target) ** 2).sum(1) + 1e-30)
    return float(np.clip(10 * np.log10(ratio), -SDR_CAP, SDR_CAP).mean())


def _spectra(x: np.ndarray, y: np.ndarray, window: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Magnitudes (m, channels, frames, window // 2 + 1) of some clips of both; a sine of full scale has 1."""
    assert x.shape == y.shape
    for start in range(0, len(x), CLIPS):
        a, b = (_magnitudes(v[start : start + CLIPS], window) for v in (x, y))
        yield a, b


def _magnitudes(x: np.ndarray, window: int) -> np.ndarray:
    step = max(1, window // 4)
    pieces = np.lib.stride_tricks.sliding_window_view(x.astype(np.float64), window, axis=2)[:, :, ::step]
    return abs(np.fft.rfft(pieces * np.hanning(window), axis=3)) / (window / 4)
