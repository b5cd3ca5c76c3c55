"""Whole recordings for a codec: read in pieces, however long they are, and written so."""

from __future__ import annotations

import math
import mmap
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from aegean.config import UserError
from aegean.data.address import Local, address
from aegean.data.info import DataInfo
from aegean.data.io.walk import different, plain
from aegean.data.read import wav
from aegean.data.read.hearing import ENDINGS, Recording, listen
from aegean.data.read.pictures import PictureFiles
from aegean.data.read.sounds import is_sound, unreadable
from aegean.data.read.stored import say_left_out
from aegean.surface import plural, say

CONTEXT = 10  # of the longer of two rates' periods, that one sample depends on to either side: scipy's filter


def recordings(
    inputs: Sequence[str],
    info: DataInfo,
    skip_bad: bool = False,
    expect: Callable[[int], Any] = lambda count: None,
) -> Iterator[tuple[str, Recording]]:
    """Sounds one after another -> names, as in `walk`, and recordings, of which nothing but headers was read.

    inputs: sounds, folders and zips of them.
    info: of the model's data; sounds of another rate are named.
    skip_bad: leave out what cannot be read, and say so.
    expect: told how many there are, before the first is read.

    UserError: what is refused.
    """
    places = [place for spec in inputs for place in _places(spec)]
    expect(len(places))
    taken, bad, others = set[str](), list[tuple[str, str]](), dict[int, int]()
    for store, row in places:
        name = store.names[row] or store.files.path.name
        try:
            found = listen(_mapped(store, row))
            if not found.frames:
                raise ValueError("it holds no samples")
        except ValueError as error:
            if not skip_bad:
                raise UserError(unreadable(store.name(store.places[row]), str(error))) from None
            bad.append((name, str(error)))
            continue
        if found.rate != info.rate:
            others[found.rate] = others.get(found.rate, 0) + 1
        yield different(plain(name, ENDINGS), taken), found
    if bad:
        say_left_out("sounds", len(places), bad)
    for rate, count in sorted(others.items()):
        lost = f": nothing above {info.rate / 2:g} Hz is kept" if rate > info.rate else ""
        say(f"{plural(count, 'sound')} of {rate} Hz in a model for {info.rate} Hz, resampled on both ways{lost}")


def _places(spec: str) -> list[tuple[PictureFiles, int]]:
    place = address(spec)
    store = PictureFiles(place.files) if isinstance(place, Local) else None
    rows = [] if store is None else [n for n, name in enumerate(store.names) if is_sound(name or store.files.path.name)]
    if store is None or not rows:
        raise UserError(f"{spec} holds no sounds, which this model compresses; give .wav files, or folders of them.")
    return [(store, row) for row in rows]


def _mapped(store: PictureFiles, row: int) -> Any:
    """The bytes of a file; of one that lies on a disk by itself a map, so that it may be larger than the memory."""
    path = store.files.path / store.names[row]
    if store.archive or PurePosixPath(path).suffix.lower() not in (".wav", ".wave") or not os.path.getsize(path):  # noqa: PTH202
        return store.read(store.places[row])
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def resampled(pieces: Iterable[np.ndarray], rate: int, new_rate: int) -> Iterator[np.ndarray]:
    """Pieces (channels, n) of a sound as pieces of the same sound at another rate: `scipy.signal.resample_poly`, whole
    periods of both rates at a time, each with as much around it as its filter sees."""
    if rate == new_rate:
        yield from pieces
        return
    from scipy.signal import resample_poly

    common = math.gcd(rate, new_rate)
    up, down = new_rate // common, rate // common
    around = -(-(CONTEXT + 1) * max(up, down) // (up * down)) * down  # whole periods
    size = max(1, (1 << 16) // down) * down
    for chunk, before, count in chunks(pieces, size, around):
        found = resample_poly(chunk, up, down, axis=1).astype(np.float32)
        start = before // down * up
        yield found[:, start : start + -(-count * up // down)]


def chunks(pieces: Iterable[np.ndarray], size: int, around: int) -> Iterator[tuple[np.ndarray, int, int]]:
    """Pieces of a sequence, along their last axis, -> chunks of `size`, each with as many as `around` of what is before
    and behind it; how many are before, and how many the chunk itself has: fewer than `size` at the end."""
    held, before = np.empty(0), 0
    for piece in pieces:
        held = np.concatenate((held, piece), -1) if held.size else piece
        while held.shape[-1] >= before + size + around:
            yield np.ascontiguousarray(held[..., : before + size + around]), before, size
            start = max(0, before + size - around)
            held, before = held[..., start:], before + size - start
    while (left := held.shape[-1] - before) > 0:
        count = min(size, left)
        yield np.ascontiguousarray(held[..., : before + count + around]), before, count
        start = max(0, before + count - around)
        held, before = held[..., start:], before + count - start


def write_recording(pieces: Iterable[np.ndarray], rate: int, channels: int, frames: int, path: Path) -> None:
    """Pieces (channels, n) -> a 16-bit .wav of so many frames."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(wav.begin(rate, channels, frames))
        for piece in pieces:
            file.write(wav.samples(piece))
