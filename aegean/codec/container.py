"""The container of .aeg files, version 1: a header that says everything, then blocks of entropy-coded tiles.

    8   magic, with the line ends that transfers as text would change
    2   version
    4   length H of the header's fields
    4   CRC-32 of the 14 bytes above and of the fields
    H   the fields (see `Header`): data, model, pictures, lengths of the blocks, a digest of all blocks
    and for each block: its bytes, then the CRC-32 of the whole header, the block's number (4 bytes) and its bytes

Numbers of fixed size are little-endian. Since the header holds a digest of the content and each block's checksum
covers the header and the block's place, blocks of two good files cannot be mixed. Whatever is read is checked, and
sizes are compared with `LIMIT`, before anything is allocated for it.
"""

from __future__ import annotations

import hashlib
import math
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import PurePosixPath

from aegean.codec.fields import CodecError, Reader, Writer

__all__ = ["LIMIT", "CodecError", "Header", "Picture", "pack", "unpack"]

MAGIC = b"\x89AEG\r\n\x1a\n"
VERSION = 1
PREFIX = struct.Struct("<8sHII")  # magic, version, length of the fields, checksum
KINDS = ("lossy", "lossless")
TYPES = ("uint8", "uint16", "float32")
LIMIT = 1 << 30  # values (channels x pixels, padding included) of all pictures of a file
COUNT_LIMIT = 1 << 20  # pictures, and tiles of a block
SIDE_LIMIT = 1 << 20  # pixels
BLOCK_LIMIT = 1 << 33  # bytes of a block: values of 32 bits, doubled
BLOCK_VALUES = 1 << 23  # of a block with several tiles, which are decoded at once
NAMES_LIMIT = 1 << 26  # bytes of all names together
NAME_LIMIT = 1024  # bytes of one
DIGEST = 16  # bytes of fingerprint and digest


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


def pack(header: Header, blocks: Sequence[bytes]) -> bytes:
    """The bytes of a file."""
    assert len(blocks) == header.blocks
    fields = Writer()
    fields.numbers(KINDS.index(header.kind), *header.tile, TYPES.index(header.dtype), header.group)
    fields.data += header.model + struct.pack("<dd", header.offset, header.scale)
    runs = [
        (size, len(list(same))) for size, same in groupby(header.pictures, lambda p: (p.height, p.width, p.channels))
    ]
    fields.number(len(runs))
    for size, count in runs:
        fields.numbers(count, *size)
    names = "\0".join(picture.name for picture in header.pictures)
    fields.packed(names.encode() if names.strip("\0") else b"")
    fields.numbers(*map(len, blocks))
    fields.data += _digest(blocks)
    start = PREFIX.pack(MAGIC, VERSION, len(fields.data), 0)[:-4]
    check = zlib.crc32(bytes(fields.data), zlib.crc32(start))
    head = start + struct.pack("<I", check) + bytes(fields.data)
    parts = [head]
    for number, block in enumerate(blocks):
        parts += (block, _block_check(head, number, block))
    return b"".join(parts)


def unpack(data: bytes) -> tuple[Header, list[bytes]]:
    """A file's header and blocks, all of them checked. CodecError: in words, what is wrong with it."""
    head, header, lengths, digest = _head(data)
    expected = len(head) + sum(lengths) + 4 * len(lengths)
    if len(data) != expected:
        raise CodecError(f"it has {len(data):,} bytes, expected {expected:,}: it is cut short or something was added")
    blocks, place = [], len(head)
    for number, length in enumerate(lengths):
        block, check = data[place : place + length], data[place + length : place + length + 4]
        if check != _block_check(head, number, block):
            raise CodecError(f"block {number} of {len(lengths)} is damaged: its checksum is wrong")
        blocks.append(block)
        place += length + 4
    if _digest(blocks) != digest:
        raise CodecError("its blocks do not belong to its header")
    return header, blocks


def read_header(data: bytes) -> Header:
    """The header alone, checked. CodecError: see `unpack`."""
    return _head(data)[1]


def _head(data: bytes) -> tuple[bytes, Header, list[int], bytes]:
    """The bytes of the head, what they say, the lengths of the blocks, and the digest of all of them."""
    if len(data) < PREFIX.size:
        raise CodecError(f"it has {len(data)} bytes, too few for an .aeg file")
    magic, version, length, check = PREFIX.unpack_from(data)
    if magic != MAGIC:
        raise CodecError("it does not begin as an .aeg file does")
    if version != VERSION:
        raise CodecError(f"it has version {version}, this aegean reads version {VERSION}")
    head = bytes(data[: PREFIX.size + length])
    if len(head) < PREFIX.size + length:
        raise CodecError("its header is cut short")
    fields = head[PREFIX.size :]
    if check != zlib.crc32(fields, zlib.crc32(head[: PREFIX.size - 4])):
        raise CodecError("its header is damaged: its checksum is wrong")
    reader = Reader(fields)
    header = _header(reader)
    lengths = [reader.number("length of a block", 0, BLOCK_LIMIT) for _ in range(header.blocks)]
    digest = reader.take(DIGEST, "digest")
    reader.end("header")
    return head, header, lengths, digest


def _header(reader: Reader) -> Header:
    kind = KINDS[reader.number("kind", 0, len(KINDS) - 1)]
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
    names = _names(reader, len(sizes))
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


def _names(reader: Reader, count: int) -> list[str]:
    data = reader.packed("names", NAMES_LIMIT)
    if not data:
        return [""] * count
    try:
        names = data.decode().split("\0")
    except UnicodeDecodeError:
        raise CodecError("its names are not UTF-8") from None
    if len(names) != count:
        raise CodecError(f"it has {len(names)} names for {count} images")
    for name in names:
        if not is_name(name):
            raise CodecError(f"it has an image named {name[:40]!r}, which is no place in a folder")
    if len({name for name in names if name}) < sum(map(bool, names)):
        raise CodecError("two of its images have the same name")
    return names


def is_name(name: str) -> bool:
    """Whether a name, with folders set off by /, stays within the folder that it is written to; "" does."""
    path = PurePosixPath(name)
    plain = not path.is_absolute() and ".." not in path.parts and (not name or str(path) == name != ".")
    return plain and len(name.encode()) <= NAME_LIMIT and not any(c < " " or c in '\\:*?"<>|\x7f' for c in name)


def _block_check(head: bytes, number: int, block: bytes) -> bytes:
    return struct.pack("<I", zlib.crc32(block, zlib.crc32(struct.pack("<I", number), zlib.crc32(head))))


def _digest(blocks: Sequence[bytes]) -> bytes:
    digest = hashlib.blake2b(digest_size=DIGEST)
    for block in blocks:
        digest.update(struct.pack("<Q", len(block)))
        digest.update(block)
    return digest.digest()
