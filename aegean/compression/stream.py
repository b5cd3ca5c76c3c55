"""Pictures of any sizes to the bytes of an .aeg file and back, with no more than a block of tiles in between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from aegean.codec import CodecError, Header, pack
from aegean.codec.pictures import COUNT_LIMIT, LIMIT, SIDE_LIMIT, Picture
from aegean.compression.coders import TileCoder, group_size
from aegean.compression.parallel import side_by_side
from aegean.compression.tiles import Assembly, cut
from aegean.config import UserError
from aegean.data.info import DataInfo

Named = tuple[str, np.ndarray]  # a name, "" for none, and raw values (channels, H, W)


def compress(coder: TileCoder, pictures: Iterable[Named]) -> bytes:
    """Pictures, read one after another, -> the bytes of a file. UserError: one that the model does not take."""
    said: list[Picture] = []
    group = group_size(coder.info)
    blocks = list(side_by_side(coder.encode, _grouped(_tiles(pictures, coder.info, said), group)))
    if not said:
        raise UserError("There are no images to compress; give at least one.")
    header = Header(coder.kind, coder.fingerprint, _tile(coder.info), coder.info.dtype, *_line(coder.info), group,
                    tuple(said))  # fmt: skip
    return pack(header, blocks)


def decompress(coder: TileCoder, header: Header, blocks: list[bytes]) -> Iterator[tuple[Picture, np.ndarray]]:
    """A file's checked content -> its pictures, one after another: raw values (channels, H, W) of the data's type.

    CodecError: the file was made by another model, or its blocks are no tiles of this one.
    """
    if header.model != coder.fingerprint or header.tile != _tile(coder.info) or header.dtype != coder.info.dtype:
        raise CodecError(
            f"it was made by another model (its fingerprint is {header.model.hex()}, this one's "
            f"{coder.fingerprint.hex()}); give the model that compressed it"
        )
    assembly = Assembly(header, np.dtype(header.dtype))
    counts = [min(header.group, header.count - start) for start in range(0, header.count, header.group)]
    for tiles in side_by_side(lambda block: coder.decode(*block), zip(blocks, counts)):
        yield from assembly.add(tiles)


def _tiles(pictures: Iterable[Named], info: DataInfo, said: list[Picture]) -> Iterator[np.ndarray]:
    """Bands of tiles (n, *shape) of all pictures, each of which is noted in `said`."""
    total, (channels, height, width) = 0, _tile(info)
    for name, values in pictures:
        said.append(_described(name, values, info, len(said)))
        total += channels * height * width * -(-said[-1].height // height) * -(-said[-1].width // width)
        if total > LIMIT:
            raise UserError(
                f"Up to image {name or len(said) - 1} there are {total:,} values; one file holds {LIMIT:,}. Compress "
                "in parts."
            )
        yield from cut(values, _tile(info))


def _grouped(bands: Iterable[np.ndarray], size: int) -> Iterator[np.ndarray]:
    """The same tiles in groups of `size`, the last one smaller."""
    waiting: list[np.ndarray] = []
    count = 0
    for band in bands:
        waiting.append(band)
        count += len(band)
        if count >= size:
            tiles = np.concatenate(waiting)
            whole = count - count % size
            yield from np.split(tiles[:whole], whole // size)
            waiting, count = [tiles[whole:]], count - whole
    if count:
        yield np.concatenate(waiting)


def _tile(info: DataInfo) -> tuple[int, int, int]:
    channels, height, width = info.shape
    return channels, height, width


def _line(info: DataInfo) -> tuple[float, float]:
    """The data range of pictures: one offset and one scale."""
    (offset,), (scale,) = info.offset, info.scale
    return float(offset), float(scale)


def _described(name: str, values: np.ndarray, info: DataInfo, number: int) -> Picture:
    what = f"Image {name or number}"
    if values.ndim != 3 or len(values) not in (1, info.shape[0]) or str(values.dtype) != info.dtype:
        raise UserError(
            f"{what} is {values.dtype} of shape {values.shape}; this model compresses {info.dtype} of "
            f"{info.shape[0]} channels."
        )
    if not 0 < min(values.shape[1:]) <= max(values.shape[1:]) <= SIDE_LIMIT:
        size = "x".join(map(str, values.shape[1:]))
        raise UserError(f"{what} has {size} pixels; sides from 1 to {SIDE_LIMIT:,} are taken.")
    if number == COUNT_LIMIT:
        raise UserError(f"More than {COUNT_LIMIT:,} images do not fit into one file; compress them in parts.")
    return Picture(values.shape[1], values.shape[2], len(values), name)
