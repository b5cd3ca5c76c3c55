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
import struct
import zlib
from collections.abc import Callable, Sequence

from aegean.codec.fields import CodecError, Reader, Writer
from aegean.codec.pictures import DIGEST
from aegean.codec.pictures import Header as PictureHeader
from aegean.codec.pictures import read as read_pictures
from aegean.codec.sounds import SoundHeader
from aegean.codec.sounds import read as read_sounds

__all__ = ["CodecError", "Header", "pack", "unpack"]

MAGIC = b"\x89AEG\r\n\x1a\n"
VERSION = 1
PREFIX = struct.Struct("<8sHII")  # magic, version, length of the fields, checksum
BLOCK_LIMIT = 1 << 33  # bytes of a block: values of 32 bits, doubled
Header = PictureHeader | SoundHeader
KINDS: dict[str, Callable[[Reader, str], Header]] = {  # by their numbers
    "lossy": read_pictures,
    "lossless": read_pictures,
    "sound": read_sounds,
}


def pack(header: Header, blocks: Sequence[bytes]) -> bytes:
    """The bytes of a file."""
    assert len(blocks) == header.blocks
    fields = Writer()
    fields.number(list(KINDS).index(header.kind))
    header.write(fields)
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
    kind = list(KINDS)[reader.number("kind", 0, len(KINDS) - 1)]
    header = KINDS[kind](reader, kind)
    lengths = [reader.number("length of a block", 0, BLOCK_LIMIT) for _ in range(header.blocks)]
    digest = reader.take(DIGEST, "digest")
    reader.end("header")
    return head, header, lengths, digest


def _block_check(head: bytes, number: int, block: bytes) -> bytes:
    return struct.pack("<I", zlib.crc32(block, zlib.crc32(struct.pack("<I", number), zlib.crc32(head))))


def _digest(blocks: Sequence[bytes]) -> bytes:
    digest = hashlib.blake2b(digest_size=DIGEST)
    for block in blocks:
        digest.update(struct.pack("<Q", len(block)))
        digest.update(block)
    return digest.digest()
