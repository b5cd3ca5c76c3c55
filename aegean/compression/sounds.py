"""Sounds of any length to the bytes of an .aeg file and back, with no more than a few seconds of them in between."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from aegean.codec import CodecError, Header, pack
from aegean.codec.pictures import COUNT_LIMIT
from aegean.codec.sounds import CHANNELS, LENGTH, LIMIT, RATES, SPAN, Sound, SoundHeader, gain_of
from aegean.compression.frames import ROW, FrameCoder
from aegean.compression.parallel import side_by_side
from aegean.config import UserError
from aegean.data.info import DataInfo
from aegean.data.io.recordings import chunks, recordings, resampled, write_recording
from aegean.data.read.hearing import AT_ONCE, Recording
from aegean.data.read.sounds import unreadable
from aegean.nets.sound import loudness

Named = tuple[str, Recording]


def read(
    inputs: Sequence[str], info: DataInfo, exact: bool, skip_bad: bool, expect: Callable[[int], Any]
) -> Iterator[tuple[str, Recording]]:
    return recordings(inputs, info, skip_bad, expect)


def size(recording: Recording) -> tuple[int, float]:
    """Bytes of a sound's samples, as of a .wav of 16 bits, and its seconds."""
    return 2 * recording.channels * recording.frames, recording.frames / recording.rate


def told(sizes: Sequence[tuple[int, float]], count: int) -> str:
    """What became of sounds of these sizes in a file of so many bytes."""
    raw, seconds = map(sum, zip(*sizes))
    rate = 8 * count / seconds / 1000
    return f"{seconds:,.1f} s, {count:,} bytes, {rate:.2f} kbit/s, {100 * count / raw:.1f} % of {raw:,}"


def compress(coder: FrameCoder, named: Iterable[Named]) -> bytes:
    """Sounds, read one after another, -> the bytes of a file. UserError: one that cannot be read, or is too long."""
    sounds: list[Sound] = []
    blocks = list(side_by_side(coder.encode, _grouped(_rows(_places(coder, named, sounds)), coder.group)))
    if not sounds:
        raise UserError("There are no sounds to compress; give at least one.")
    form = (coder.info.rate, coder.hop, coder.depth, ROW, coder.group)
    return pack(SoundHeader(coder.fingerprint, *form, tuple(sounds)), blocks)


def decompress(coder: FrameCoder, header: Header, blocks: list[bytes]) -> Iterator[tuple[str, Callable[[Path], None]]]:
    """A file's checked content -> names, and functions that write a sound to a path without its ending, to be called
    one after another. CodecError: the file was made by another model."""
    for sound, pieces in decoded(coder, header, blocks):
        yield sound.name, partial(_write, sound, pieces)


def _write(sound: Sound, pieces: Iterator[np.ndarray], path: Path) -> None:
    write_recording(pieces, sound.rate, len(sound.gains), sound.length, path.with_name(path.name + ".wav"))


def decoded(coder: FrameCoder, header: Header, blocks: list[bytes]) -> Iterator[tuple[Sound, Iterator[np.ndarray]]]:
    """Its sounds, each in pieces (channels, n) of its own rate, which must be taken before the next sound's."""
    assert isinstance(header, SoundHeader)
    if (header.model, header.rate, header.hop, header.depth) != (
        coder.fingerprint,
        coder.info.rate,
        coder.hop,
        coder.depth,
    ) or header.row != ROW:
        raise CodecError(
            f"it was made by another model (its fingerprint is {header.model.hex()}, this one's "
            f"{coder.fingerprint.hex()}); give the model that compressed it"
        )
    counts = [min(header.group, header.count - start) for start in range(0, header.count, header.group)]
    places = _Places(row for rows in side_by_side(lambda b: coder.decode(*b), zip(blocks, counts)) for row in rows)
    for sound in header.sounds:
        yield sound, _cut(resampled(_sound(coder, sound, header.places(sound), places), coder.info.rate, sound.rate),
                          sound.length)  # fmt: skip


def compress_tensors(coder: FrameCoder, x: Tensor | Sequence[Tensor], rate: int = 0) -> bytes:
    """Sounds (n, channels, length), or a sequence of (channels, length) or (length,), -> the bytes of a file. rate: 0
    is the model's."""
    return compress(coder, (("", _recording(torch.as_tensor(one), rate or coder.info.rate)) for one in x))


def decompress_tensors(coder: FrameCoder, header: Header, blocks: list[bytes]) -> Tensor | list[Tensor]:
    """A file's checked content -> its sounds, as they were given."""
    found = [torch.from_numpy(np.concatenate(list(pieces), 1)) for _, pieces in decoded(coder, header, blocks)]
    return torch.stack(found) if len({one.shape for one in found}) == 1 else found


def _recording(x: Tensor, rate: int) -> Recording:
    values = x.detach().cpu().numpy()
    if not np.issubdtype(values.dtype, np.floating):
        raise UserError(f"Sounds of type {values.dtype}: expected floats, full scale at 1; divide int16 by 32768.")
    values = np.atleast_2d(values.astype(np.float32))
    if values.ndim != 2 or not values.size or not np.isfinite(values).all():
        raise UserError(f"Sounds of shape {tuple(values.shape)}: expected finite values (channels, length).")
    channels, frames = values.shape
    return Recording(rate, channels, frames, lambda: iter(np.split(values, range(AT_ONCE, frames, AT_ONCE), 1)))


def _places(coder: FrameCoder, named: Iterable[Named], sounds: list[Sound]) -> Iterator[np.ndarray]:
    """Symbols (depth, n) of all sounds in the order of the file; each sound is noted in `sounds`."""
    rate, total = coder.info.rate, 0
    for name, recording in named:
        what = f"Sound {name or len(sounds)}"
        if not (RATES[0] <= recording.rate <= RATES[1] and 1 <= recording.channels <= CHANNELS):
            raise UserError(f"{what} has {recording.channels} channels at {recording.rate} samples a second.")
        if len(sounds) == COUNT_LIMIT:
            raise UserError(f"More than {COUNT_LIMIT:,} sounds do not fit into one file; compress them in parts.")
        try:
            sound = _levelled(recording, coder, name)
            total += max(sound.length, -(-sound.length * rate // sound.rate)) * len(sound.gains)
            if sound.length * recording.channels > LENGTH or total > LIMIT:
                raise UserError(f"Up to {what.lower()} there is more than a file holds; compress in parts.")
            sounds.append(sound)
            audible = [channel for channel, code in enumerate(sound.gains) if code]
            if not audible:
                continue
            gains = np.array([gain_of(sound.gains[channel]) for channel in audible], np.float32)[:, None]
            pieces = (piece[audible] * gains for piece in resampled(recording.pieces(), recording.rate, rate))
            for chunk in chunks(pieces, SPAN * coder.hop, coder.reach * coder.hop):
                yield from coder.symbols(*chunk)
        except ValueError as error:
            raise UserError(unreadable(name or "A sound", str(error))) from None


def _levelled(recording: Recording, coder: FrameCoder, name: str) -> Sound:
    """What a file says of a sound, once all of it was heard."""
    frames = 0

    def counted() -> Iterator[np.ndarray]:
        nonlocal frames
        for piece in recording.pieces():
            frames += piece.shape[1]
            yield piece

    sums, peak = np.zeros((2, recording.channels)), np.zeros(recording.channels)
    for chunk, _, _ in chunks(resampled(counted(), recording.rate, coder.info.rate), SPAN * coder.hop, 0):
        blocks = np.pad(chunk, ((0, 0), (0, -chunk.shape[1] % coder.hop))).reshape(len(chunk), -1, coder.hop)
        power = (blocks.astype(np.float64) ** 2).mean(2)
        sums += power.sum(1), (power**2).sum(1)
        peak = np.maximum(peak, abs(chunk).max(1))
    if not frames:
        raise ValueError("it holds no samples")
    gains = (_code(coder.quality * loudness(*each)) if each[2] else 0 for each in zip(sums[0], sums[1], peak))
    return Sound(frames, recording.rate, tuple(gains), name)


def _code(gain: float) -> int:
    """The byte of the next lower gain."""
    return min(max(math.floor(40 * math.log10(gain)) + 64, 1), 255)


def _rows(places: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Symbols (depth, n) one after another -> rows (depth, ROW), the last one padded with its last place."""
    for chunk, _, count in chunks(places, ROW, 0):
        yield np.pad(chunk, ((0, 0), (0, ROW - count)), mode="edge")


def _grouped(rows: Iterable[np.ndarray], group: int) -> Iterator[np.ndarray]:
    """Rows -> blocks of them (group or fewer, depth, ROW)."""
    waiting: list[np.ndarray] = []
    for row in rows:
        waiting.append(row)
        if len(waiting) == group:
            yield np.stack(waiting)
            waiting = []
    if waiting:
        yield np.stack(waiting)


class _Places:
    """Rows (depth, ROW), of which any number of places is taken, one after another."""

    def __init__(self, rows: Iterator[np.ndarray]):
        self.rows, self.held = rows, np.empty((0, 0), np.uint8)

    def take(self, count: int) -> np.ndarray:
        parts, have = [self.held], self.held.shape[1]
        while have < count:
            parts.append(next(self.rows))
            have += ROW
        whole = np.concatenate([part for part in parts if part.size], 1)
        self.held = whole[:, count:]
        return whole[:, :count]


def _sound(coder: FrameCoder, sound: Sound, count: int, places: _Places) -> Iterator[np.ndarray]:
    """A sound of the model's rate in pieces (channels, n), silence behind it; of `count` places a channel."""
    audible = [channel for channel, code in enumerate(sound.gains) if code]
    if not audible:
        for first in range(0, count, SPAN):
            yield np.zeros((len(sound.gains), min(SPAN, count - first) * coder.hop), np.float32)
        return
    gains = np.array([gain_of(sound.gains[channel]) for channel in audible], np.float32)[:, None]
    spans = (min(SPAN, count - first) for first in range(0, count, SPAN))
    pieces = (np.stack([places.take(span) for _ in audible]) for span in spans)
    for chunk in chunks(pieces, SPAN, coder.reach):
        found = coder.sounds(*chunk) / gains
        whole = np.zeros((len(sound.gains), found.shape[1]), np.float32)
        whole[audible] = found
        yield whole


def _cut(pieces: Iterable[np.ndarray], length: int) -> Iterator[np.ndarray]:
    """The first `length` samples."""
    for piece in pieces:
        if length <= 0:
            continue  # the symbols of this sound are taken to their end
        yield piece[:, :length]
        length -= piece.shape[1]
