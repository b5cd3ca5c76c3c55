"""PNG files of 16-bit colours, which Pillow does not write (Portable Network Graphics, third edition, W3C 2025)."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

COLOURS = {3: 2, 4: 6}  # types of colour by channels
UP = 2  # the filter: differences to the row above
METRE = 39.3701  # inches


def deep_png(values: np.ndarray, beside: Mapping[str, Any]) -> bytes:
    """Pixels (3 or 4, H, W) uint16; beside them perhaps their colour profile, EXIF and resolution (dpi), by Pillow's
    names."""
    channels, height, width = values.shape
    rows = np.ascontiguousarray(values.transpose(1, 2, 0), ">u2").view(np.uint8).reshape(height, -1)
    parts = [_chunk(b"IHDR", _numbers(width, height) + bytes((16, COLOURS[channels], 0, 0, 0)))]
    if profile := beside.get("icc_profile"):
        parts.append(_chunk(b"iCCP", b"profile\0\0" + zlib.compress(profile)))
    if dpi := beside.get("dpi"):
        parts.append(_chunk(b"pHYs", _numbers(*(round(d * METRE) for d in dpi)) + b"\1"))
    if exif := beside.get("exif"):
        parts.append(_chunk(b"eXIf", exif.removeprefix(b"Exif\0\0")))
    packer, above = zlib.compressobj(), np.zeros_like(rows[0])
    packed = []
    for row in rows:
        packed.append(packer.compress(bytes((UP,)) + (row - above).tobytes()))
        above = row
    packed.append(packer.flush())
    return b"".join((b"\x89PNG\r\n\x1a\n", *parts, _chunk(b"IDAT", b"".join(packed)), _chunk(b"IEND", b"")))


def _numbers(*values: int) -> bytes:
    return b"".join(value.to_bytes(4, "big") for value in values)


def _chunk(name: bytes, data: bytes) -> bytes:
    return _numbers(len(data)) + name + data + _numbers(zlib.crc32(name + data))
