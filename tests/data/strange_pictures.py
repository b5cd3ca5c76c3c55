"""Pictures in forms that no library here writes: TIFFs by their tags, 16-bit PNGs, boxes of other formats."""

import struct
import zlib

import numpy as np


def tiff(
    samples,
    *,
    planar=False,
    deflate=False,
    photometric=None,
    sample_format=None,
    orientation=None,
    subfile=None,
    extra=None,
    description=None,
):
    """A little-endian TIFF of samples (height, width, channels), uint8 or uint16, or int8 of two's complement."""
    height, width, channels = samples.shape
    planes = [samples[..., c] for c in range(channels)] if planar else [samples]
    strips = [np.ascontiguousarray(plane).astype(plane.dtype.newbyteorder("<")).tobytes() for plane in planes]
    strips = [zlib.compress(strip) if deflate else strip for strip in strips]
    tags = [
        *([(254, "I", [subfile])] if subfile else []),
        (256, "I", [width]),
        (257, "I", [height]),
        (258, "H", [8 * samples.dtype.itemsize] * channels),
        (259, "H", [8 if deflate else 1]),
        (262, "H", [photometric if photometric is not None else 2 if channels > 1 else 1]),
        *([(270, "B", list(description))] if description else []),
        (273, "I", []),  # where the strips are
        *([(274, "H", [orientation])] if orientation else []),
        (277, "H", [channels]),
        (278, "I", [height]),
        (279, "I", [len(strip) for strip in strips]),
        (284, "H", [2 if planar else 1]),
        *([(338, "H", [extra])] if extra is not None else []),
        *([(339, "H", [sample_format] * channels)] if sample_format else []),
    ]
    at = 8 + 2 + 12 * len(tags) + 4
    room = sum(len(values or strips) * struct.calcsize(kind) for _, kind, values in tags)
    place = at + room
    offsets = [place + sum(map(len, strips[:n])) for n in range(len(strips))]
    head, more = [], b""
    for tag, kind, values in tags:
        data = struct.pack(f"<{len(values or offsets)}{kind}", *(values or offsets))
        count = len(values or offsets)
        if len(data) > 4:
            head.append(struct.pack("<HHII", tag, {"B": 2, "H": 3, "I": 4}[kind], count, at + len(more)))
            more += data
        else:
            head.append(struct.pack("<HHI", tag, {"B": 2, "H": 3, "I": 4}[kind], count) + data.ljust(4, b"\0"))
    more = more.ljust(room, b"\0")
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + b"".join(head) + bytes(4) + more + b"".join(strips)


def png(samples, transparent=None):
    """A 16-bit PNG of samples (height, width, channels 1 to 4) uint16; transparent: the one shade of grey that is."""
    height, width, channels = samples.shape

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)),
            b"" if transparent is None else chunk(b"tRNS", struct.pack(">H", transparent)),
            chunk(b"IDAT", zlib.compress(rows)),
            chunk(b"IEND", b""),
        ]
    )


def boxes(brand):
    """The first box of a file of the family of MP4 and HEIF, and some of the next."""
    return (
        struct.pack(">I", 24)
        + b"ftyp"
        + brand
        + bytes(4)
        + brand
        + b"mp41"
        + struct.pack(">I", 64)
        + b"meta"
        + bytes(56)
    )
