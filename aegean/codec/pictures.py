"""What a file of pictures says of itself."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from aegean.codec.fields import CodecError, Reader, Writer
from aegean.codec.names import read_names, write_names

TYPES = ("uint8", "uint16", "float32")
LIMIT = 1 << 30  # values (channels x pixels, padding included) of all pictures of a file
COUNT_LIMIT = 1 << 20  # pictures, and tiles of a block
SIDE_LIMIT = 1 << 20  # pixels
BLOCK_VALUES = 1 << 23  # of a block with several tiles, which are decoded at once
DIGEST = 16  # bytes of a fingerprint


@dataclass(frozen=True)
class Picture:
    """A picture of a file: its size in pixels, its channels (1, or those of the model) and its name, "" for none."""

    height: int
    width: int
    channels: int
    name: str = ""


@dataclass(frozen=True)
class Header:
    """What a file says of itself.

    kind: "lossy" or "lossless". model: the fingerprint of model and tables. tile: (channels, height, width) of what
    the model codes at once; pictures are cut into tiles, row by row, the last ones padded. dtype, offset, scale: the
    data range; raw = model value * scale + offset. group: tiles in a block, the last one's fewer.
    """

    kind: str
    model: bytes
    tile: tuple[int, int, int]
    dtype: str
    offset: float
    scale: float
    group: int
    pictures: tuple[Picture, ...]

    def tiles(self, picture: Picture) -> tuple[int, int]:
        """How many tiles a picture has downwards and across."""
        return -(-picture.height // self.tile[1]), -(-picture.width // self.tile[2])

    @property
    def count(self) -> int:
        """Tiles of all pictures."""
        return sum(math.prod(self.tiles(picture)) for picture in self.pictures)

    @property
    def blocks(self) -> int:
        return -(-self.count // self.group)

    @property
    def names(self) -> list[str]:
        return [picture.name for picture in self.pictures]

    def write(self, fields: Writer) -> None:
        """All fields but the kind."""
        fields.numbers(*self.tile, TYPES.index(self.dtype), self.group)
        fields.data += self.model + struct.pack("<dd", self.offset, self.scale)
        runs = [
            (size, len(list(same))) for size, same in groupby((p.height, p.width, p.channels) for p in self.pictures)
        ]
        fields.number(len(runs))
        for size, count in runs:
            fields.numbers(count, *size)
        write_names(fields, self.names)


def read(reader: Reader, kind: str) -> Header:
    """The inverse of `Header.write`."""
    tile = (
        reader.number("number of channels", 1, 4096),
        reader.number("height of tiles", 1, SIDE_LIMIT),
        reader.number("width of tiles", 1, SIDE_LIMIT),
    )
    dtype = TYPES[reader.number("number type", 0, len(TYPES) - 1)]
    group = reader.number("number of tiles in a block", 1, COUNT_LIMIT)
    if group > 1 and group * math.prod(tile) > BLOCK_VALUES:
        raise CodecError(
            f"its blocks hold {group * math.prod(tile):,} values; at most {BLOCK_VALUES:,} are decoded at once"
        )
    model = reader.take(DIGEST, "fingerprint")
    offset, scale = struct.unpack("<dd", reader.take(16, "data range"))
    if not (math.isfinite(offset) and math.isfinite(scale) and scale > 0):
        raise CodecError(f"its data range is {offset}, {scale}")
    sizes = list(_sizes(reader, tile))
    names = read_names(reader, len(sizes))
    pictures = tuple(Picture(*size, name) for size, name in zip(sizes, names))
    return Header(kind, model, tile, dtype, offset, scale, group, pictures)


def _sizes(reader: Reader, tile: tuple[int, int, int]) -> Iterator[tuple[int, int, int]]:
    """Height, width and channels of every picture; refused as soon as they come to more than the limits."""
    pictures, values = 0, 0
    for _ in range(reader.number("number of sizes", 1, COUNT_LIMIT)):
        count = reader.number("number of images", 1, COUNT_LIMIT - pictures)
        height = reader.number("height of an image", 1, SIDE_LIMIT)
        width = reader.number("width of an image", 1, SIDE_LIMIT)
        channels = reader.number("number of channels of an image", 1, tile[0])
        if channels not in (1, tile[0]):
            raise CodecError(f"it has images of {channels} channels in a model for {tile[0]}")
        pictures += count
        values += count * -(-height // tile[1]) * -(-width // tile[2]) * math.prod(tile)
        if values > LIMIT:
            raise CodecError(f"its images have {values:,} values; at most {LIMIT:,} are decoded from one file")
        yield from [(height, width, channels)] * count
