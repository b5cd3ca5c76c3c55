"""Pictures of any sizes to the bytes of an .aeg file and back, with no more than a block of tiles in between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from threadpoolctl import threadpool_limits

from aegean.codec import Header, Refused, pack
from aegean.codec.container import COUNT_LIMIT, SIDE_LIMIT, Picture
from aegean.compression.coders import TileCoder, group_size
from aegean.compression.tiles import Assembly, cut
from aegean.config import UserError
from aegean.data.info import DataInfo

Named = tuple[str, np.ndarray]  # a name, "" for none, and raw values (channels, H, W)


def compress(coder: TileCoder, pictures: Iterable[Named]) -> bytes:
    """Pictures, read one after another, -> the bytes of a file. UserError: one that the model does not take."""
    said: list[Picture] = []
    blocks: list[bytes] = []
    waiting: list[np.ndarray] = []
    group, info = group_size(coder.info), coder.info

    def flush(least: int) -> None:
        while waiting and sum(map(len, waiting)) >= least:
            tiles = np.concatenate(waiting)
            blocks.append(_encoded(coder, tiles[:group]))
            waiting[:] = [tiles[group:]] if len(tiles) > group else []

    for name, values in pictures:
        said.append(_described(name, values, info, len(said)))
        for band in cut(values, _tile(info)):
            waiting.append(band)
            flush(group)
    if not said:
        raise UserError("There are no pictures to compress; give at least one.")
    flush(1)
    header = Header(coder.kind, coder.fingerprint, _tile(info), info.dtype, *_line(info), group, tuple(said))
    return pack(header, blocks)


def decompress(coder: TileCoder, header: Header, blocks: list[bytes]) -> Iterator[tuple[Picture, np.ndarray]]:
    """A file's checked content -> its pictures, one after another: raw values (channels, H, W) of the data's type.

    Refused: the file was made by another model, or its blocks are no tiles of this one.
    """
    if header.model != coder.fingerprint or header.tile != _tile(coder.info) or header.dtype != coder.info.dtype:
        raise Refused(
            f"it was made by another model (its fingerprint is {header.model.hex()}, this one's "
            f"{coder.fingerprint.hex()}); give the model that compressed it"
        )
    assembly, left = Assembly(header, np.dtype(header.dtype)), header.count
    for block in blocks:
        count = min(header.group, left)
        with threadpool_limits(1, "blas"):
            tiles = coder.decode(block, count)
        left -= count
        yield from assembly.add(tiles)


def _encoded(coder: TileCoder, tiles: np.ndarray) -> bytes:
    with threadpool_limits(1, "blas"):  # products of a front are too small to be shared out
        return coder.encode(tiles)


def _tile(info: DataInfo) -> tuple[int, int, int]:
    channels, height, width = info.shape
    return channels, height, width


def _line(info: DataInfo) -> tuple[float, float]:
    """The data range of pictures: one offset and one scale."""
    (offset,), (scale,) = info.offset, info.scale
    return float(offset), float(scale)


def _described(name: str, values: np.ndarray, info: DataInfo, number: int) -> Picture:
    what = f"Picture {name or number}"
    if values.ndim != 3 or len(values) not in (1, info.shape[0]) or str(values.dtype) != info.dtype:
        raise UserError(
            f"{what} is {values.dtype} of shape {values.shape}; this model compresses {info.dtype} of "
            f"{info.shape[0]} channels."
        )
    if not 0 < min(values.shape[1:]) <= max(values.shape[1:]) <= SIDE_LIMIT:
        size = "x".join(map(str, values.shape[1:]))
        raise UserError(f"{what} has {size} pixels; sides from 1 to {SIDE_LIMIT:,} are taken.")
    if number == COUNT_LIMIT:
        raise UserError(f"More than {COUNT_LIMIT:,} pictures do not fit into one file; compress them in parts.")
    return Picture(values.shape[1], values.shape[2], len(values), name)
