"""Sounds for a person: as .wav files, and as pictures of their spectrum."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from aegean.config import UserError
from aegean.data.info import DataInfo
from aegean.data.io.show import Groups, show_tiles
from aegean.files import write_atomically
from aegean.surface import plural, say

HEIGHT, WIDTH = 64, 128  # pixels of a spectrogram, at most, of one channel
DEPTH = 80  # decibels from white to black
WINDOW = 0.032  # seconds


def write_sounds(raw: np.ndarray, names: Sequence[str], folder: Path, info: DataInfo) -> list[Path]:
    """Sounds (n, channels, length) as one 16-bit .wav each, of their rate. What is beyond full scale is clipped, and
    said."""
    paths = [folder / (name.replace("/", "-") + ".wav") for name in names]
    if loud := sum(bool((abs(clip) > 1).any()) for clip in raw):
        say(f"{plural(loud, 'sound')} of {len(raw)} beyond full scale, clipped in the files")
    for clip, path in zip(raw, paths):
        write_atomically(path, wav_bytes(clip[None], info))
    return paths


def wav_bytes(raw: np.ndarray, info: DataInfo) -> bytes:
    """Sounds (n, channels, length), one after another, as a 16-bit WAV. UserError: a value is not finite."""
    from scipy.io import wavfile

    if not np.isfinite(raw).all():
        raise UserError("A sound holds NaN or infinite values, which a .wav cannot; use an earlier state of the model.")
    out = io.BytesIO()
    values = np.concatenate(list(raw), axis=1).T
    wavfile.write(out, info.rate, np.clip(np.rint(values * 32768.0), -32768, 32767).astype(np.int16))
    return out.getvalue()


def show_sounds(groups: Groups, info: DataInfo, columns: int = 0) -> bytes:
    """Sounds (n, channels, length) by name -> PNG of spectrograms, as pictures are shown."""
    return show_tiles([as_spectrograms(raw, info) for raw in groups.values()], columns)


def as_spectrograms(raw: np.ndarray, info: DataInfo) -> np.ndarray:
    """Sounds (n, channels, length) -> (n, H, W, 3) uint8: time to the right, frequency upwards, loud is dark; the
    channels above each other."""
    n, channels, length = raw.shape
    window = max(2, min(length, round(WINDOW * info.rate)))
    starts = np.linspace(0, length - window, min(WIDTH, max(1, 4 * length // window))).round().astype(int)
    pieces = np.lib.stride_tricks.sliding_window_view(raw, window, axis=2)[:, :, starts]
    power = abs(np.fft.rfft(pieces * np.hanning(window).astype(np.float32), axis=3)) ** 2
    edges = np.linspace(0, power.shape[3], min(HEIGHT, power.shape[3]) + 1).astype(int)[:-1]
    power = np.maximum.reduceat(power, edges, axis=3) / (window / 4) ** 2  # a sine of full scale is 1
    grey = 255 * np.clip(-10 * np.log10(power + 1e-12) / DEPTH, 0, 1)
    pictures = grey.transpose(0, 1, 3, 2)[:, :, ::-1].reshape(n, channels * len(edges), len(starts))
    return np.repeat(pictures.round().astype(np.uint8)[..., None], 3, axis=3)
