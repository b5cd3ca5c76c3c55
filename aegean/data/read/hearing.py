"""One encoded sound -> its values. WAV is read here; other formats need libsndfile (the extra `sound`)."""

from __future__ import annotations

import io
from typing import NamedTuple

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


def hear(data: bytes) -> tuple[np.ndarray, int]:
    """An encoded sound as values (channels, frames) float32, and its rate. ValueError: it cannot be read."""
    if wav.is_wav(data):
        header = wav.read_header(data)
        if header.coding in wav.WIDTHS:
            if header.frames * header.channels > LIMIT:
                raise ValueError(f"more than {LIMIT:,} values")
            return _finite(wav.read_values(data, header), header.rate), header.rate
    if not data:
        raise ValueError("an empty file")
    if not (wav.is_wav(data) or _is_other(data)):
        raise ValueError(what_else(data[:LONGEST], ()) or "no known sound format")
    return _through_library(data)


def _is_other(data: bytes) -> bool:
    """FLAC, Ogg, AIFF, or MP3 with or without tags before it."""
    marks = (b"fLaC", b"OggS", b"ID3", b"FORM")
    return data.startswith(marks) or (len(data) > 1 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0)


def _through_library(data: bytes) -> tuple[np.ndarray, int]:
    try:
        import soundfile
    except ImportError:
        raise UserError("Sounds other than plain WAV need the library soundfile: pip install 'aegean[sound]'") from None
    if data.startswith(b"FORM") and (size := 8 + int.from_bytes(data[4:8], "big")) > len(data):
        raise ValueError(f"it ends after {len(data):,} of {size:,} bytes")  # libsndfile reads what is there of an AIFF
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            rate, announced, parts, count = file.samplerate, file.frames, [], 0
            while len(part := file.read(AT_ONCE, dtype="float32", always_2d=True)):
                parts.append(part)
                count += len(part)
                if count * file.channels > LIMIT:
                    raise ValueError(f"more than {LIMIT:,} values")
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise ValueError(str(error).rstrip(".")) from None
    if not parts:
        raise ValueError("it holds no samples")
    if count < announced:
        raise ValueError(f"it ends after {count:,} of {announced:,} samples")
    return _finite(np.concatenate(parts).T, rate), rate


def _finite(values: np.ndarray, rate: int) -> np.ndarray:
    """ValueError: a value is not a number, or infinite; where."""
    if not np.isfinite(values).all():
        channel, frame = np.argwhere(~np.isfinite(values))[0]
        what = "NaN" if np.isnan(values[channel, frame]) else "an infinite value"
        raise ValueError(f"{what} at {frame / rate:.3f} s, channel {channel + 1}")
    return values
