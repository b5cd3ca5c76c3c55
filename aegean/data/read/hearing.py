"""One encoded sound -> its values. WAV is read here; other formats need libsndfile (the extra `sound`)."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from aegean.config import UserError
from aegean.data.read import wav
from aegean.data.read.unread import LONGEST, what_else

OTHERS = (".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc")
ENDINGS = frozenset((".wav", ".wave", *OTHERS))
LIMIT = 1 << 28  # values of one sound
AT_ONCE = 1 << 16  # frames
RUN = 3  # samples at full scale one after another are taken for clipped ones


class Sound(NamedTuple):
    """What is known of a sound once it has been heard."""

    rate: int
    channels: int
    frames: int
    peak: float  # the greatest absolute value; full scale is 1
    clipped: float  # seconds to the first place at which it is cut off at full scale; -1: none


def look_at(data: bytes) -> Sound:
    """ValueError: it cannot be read, or holds numbers that are none."""
    values, rate = hear(data)
    size = abs(values)
    peak = float(size.max(initial=0.0))
    full = size >= 1 - 2.0**-7 if peak <= 1 else np.zeros_like(size, bool)
    return Sound(rate, len(values), values.shape[1], peak, _clipped(values, full) / rate if full.any() else -1.0)


def _clipped(values: np.ndarray, full: np.ndarray) -> float:
    """The first frame of a run of equal samples at full scale; minus infinity: there is none."""
    same = full[:, 1:] & (values[:, 1:] == values[:, :-1])
    runs = same[:, : -(RUN - 2) or None]
    for step in range(1, RUN - 1):
        runs = runs & same[:, step : step + runs.shape[1]]
    found = np.flatnonzero(runs.any(0))
    return float(found[0]) if len(found) else -np.inf


class Recording(NamedTuple):
    """A sound whose values are read in pieces (channels, n) float32, as often as `pieces` is called, which raises
    ValueError where they are damaged or not finite. `frames` is what its header says."""

    rate: int
    channels: int
    frames: int
    pieces: Callable[[], Iterator[np.ndarray]]


def hear(data: Any) -> tuple[np.ndarray, int]:
    """An encoded sound as values (channels, frames) float32, and its rate. ValueError: it cannot be read."""
    found = listen(data)
    if found.frames * found.channels > LIMIT:
        raise ValueError(f"more than {LIMIT:,} values")
    parts, count = [], 0
    for part in found.pieces():
        parts.append(part)
        count += part.size
        if count > LIMIT:
            raise ValueError(f"more than {LIMIT:,} values")
    if not parts:
        raise ValueError("it holds no samples")
    return np.concatenate(parts, 1), found.rate


def listen(data: Any) -> Recording:
    """An encoded sound, bytes or a map of a file, to be read in pieces. ValueError: it cannot be read."""
    if wav.is_wav(data):
        header = wav.read_header(data)
        if header.coding in wav.WIDTHS:
            return Recording(header.rate, header.channels, header.frames, partial(_wav_pieces, data, header))
    if not len(data):
        raise ValueError("an empty file")
    if not sounds_like(data):
        raise ValueError(what_else(data[:LONGEST], ()) or "no known sound format")
    return _through_library(bytes(data))


def _wav_pieces(data: Any, header: wav.Header) -> Iterator[np.ndarray]:
    for first in range(0, header.frames, AT_ONCE):
        part = wav.cut(header, first, min(AT_ONCE, header.frames - first))
        yield _finite(wav.read_values(data, part), header.rate, first)


def sounds_like(data: Any) -> bool:
    """Whether a file begins as WAV, FLAC, Ogg, AIFF, or MP3 with or without tags before it."""
    marks = (b"fLaC", b"OggS", b"ID3", b"FORM")
    return (
        wav.is_wav(data) or data[:4].startswith(marks) or (len(data) > 1 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0)
    )


def _through_library(data: bytes) -> Recording:
    try:
        import soundfile
    except ImportError:
        raise UserError("Sounds other than plain WAV need the library soundfile: pip install 'aegean[sound]'") from None
    if data.startswith(b"FORM") and (size := 8 + int.from_bytes(data[4:8], "big")) > len(data):
        raise ValueError(f"it ends after {len(data):,} of {size:,} bytes")  # libsndfile reads what is there of an AIFF

    def pieces() -> Iterator[np.ndarray]:
        try:
            with soundfile.SoundFile(io.BytesIO(data)) as file:
                count = 0
                while len(part := file.read(AT_ONCE, dtype="float32", always_2d=True)):
                    yield _finite(part.T, file.samplerate, count)
                    count += len(part)
                announced = file.frames
        except (soundfile.LibsndfileError, RuntimeError) as error:
            raise ValueError(_said(error)) from None
        if count < announced:
            raise ValueError(f"it ends after {count:,} of {announced:,} samples")

    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            return Recording(file.samplerate, file.channels, file.frames, pieces)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise ValueError(_said(error)) from None


def _said(error: Exception) -> str:
    """What libsndfile says of a file, without the name of an object in memory."""
    return str(getattr(error, "error_string", error)).rstrip(".")


def _finite(values: np.ndarray, rate: int, first: int) -> np.ndarray:
    """ValueError: a value is not a number, or infinite; where. first: the number of the first frame."""
    if not np.isfinite(values).all():
        channel, frame = np.argwhere(~np.isfinite(values))[0]
        what = "NaN" if np.isnan(values[channel, frame]) else "an infinite value"
        raise ValueError(f"{what} at {(first + frame) / rate:.3f} s, channel {channel + 1}")
    return values
