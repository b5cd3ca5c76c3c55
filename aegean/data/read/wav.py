"""WAV files that a stranger may have written: their chunks, checked against the bytes that are there, and samples.

RIFF, RIFX (big-endian) and RF64 (sizes above 4 GiB, EBU Tech 3306); PCM of 8 to 32 bits and floats of 32 and 64.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np

ORDERS = {b"RIFF": "<", b"RF64": "<", b"RIFX": ">"}  # of the bytes of a number
PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
OTHERS = {2: "ADPCM", 6: "A-law", 7: "mu-law", 17: "IMA ADPCM", 49: "GSM", 80: "MPEG", 85: "MP3"}  # RFC 2361
TO_THE_END = 0xFFFFFFFF  # the size of chunks whose end their writer did not know
WIDTHS = {PCM: (1, 2, 3, 4), FLOAT: (4, 8)}  # bytes of a value


class Header(NamedTuple):
    """What a WAV file says, as far as its bytes bear it out."""

    rate: int  # samples a second
    channels: int
    frames: int  # samples of each channel
    coding: int  # PCM, FLOAT or one of OTHERS
    width: int  # bytes of a value
    order: str  # "<" or ">"
    start: int  # of the samples, in bytes


def is_wav(data: bytes) -> bool:
    return data[:4] in ORDERS and data[8:12] == b"WAVE"


def read_header(data: bytes) -> Header:
    """ValueError: no WAV file, a damaged one, or one that ends too early."""
    if not is_wav(data):
        raise ValueError("no WAV file" if data else "an empty file")
    order = ORDERS[data[:4]]
    place, form, long_size = 12, b"", TO_THE_END
    while place + 8 <= len(data):
        name, size = struct.unpack_from(f"{order}4sI", data, place)
        place += 8
        if name == b"data":
            if not form:
                raise ValueError("its samples come before its format")
            size = long_size if size == TO_THE_END else size
            return _header(data, form, place, len(data) - place if size == TO_THE_END else size, order)
        if name == b"fmt ":
            form = data[place : place + size]
        elif name == b"ds64" and data[:4] == b"RF64" and size >= 16:
            long_size = int.from_bytes(data[place + 8 : place + 16], "little")
        place += size + size % 2
    raise ValueError("it has no samples (no data chunk)")


def _header(data: bytes, form: bytes, start: int, size: int, order: str) -> Header:
    """form: the format chunk. start, size: of the samples, in bytes."""
    if len(form) < 16:
        raise ValueError("its format is cut off")
    coding, channels, rate, _, block, bits = struct.unpack_from(f"{order}HHIIHH", form)
    if coding == EXTENSIBLE and len(form) >= 26:
        coding = struct.unpack_from(f"{order}H", form, 24)[0]  # the first bytes of the GUID
    if not channels or not rate:
        raise ValueError(f"it has {channels} channels at {rate} samples a second")
    width = (bits + 7) // 8
    if coding not in WIDTHS:
        return Header(rate, channels, 0, coding, width, order, start)
    if width not in WIDTHS[coding] or block != width * channels:
        raise ValueError(f"values of {bits} bits in {channels} channels and {block} bytes")
    if (there := len(data) - start) < size:
        raise ValueError(f"it ends after {there // block:,} of {size // block:,} samples")
    if size % block:
        raise ValueError("it ends within a sample")
    return Header(rate, channels, size // block, coding, width, order, start)


def cut(header: Header, first: int, frames: int) -> Header:
    """The header of some of the samples alone."""
    return header._replace(start=header.start + first * header.channels * header.width, frames=frames)


def begin(rate: int, channels: int, frames: int) -> bytes:
    """What a file of 16-bit samples begins with."""
    size = 2 * channels * frames
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, PCM, channels, rate, 2 * channels * rate, 2 * channels, 16)
    return struct.pack("<4sI4s", b"RIFF", 36 + size, b"WAVE") + form + struct.pack("<4sI", b"data", size)


def samples(values: np.ndarray) -> bytes:
    """Values (channels, n), full scale at 1, as 16-bit samples."""
    return np.clip(np.rint(values.T * 32768.0), -32768, 32767).astype("<i2").tobytes()


def read_values(data: bytes, header: Header) -> np.ndarray:
    """(channels, frames) float32: integers in [-1, 1), floats as they are."""
    size = header.frames * header.channels * header.width
    raw = np.frombuffer(data, np.uint8, size, header.start)
    if header.coding == FLOAT:
        values = raw.view(f"{header.order}f{header.width}").astype(np.float32)
    elif header.width == 1:
        values = (raw.astype(np.float32) - 128) * np.float32(2**-7)  # unsigned, unlike all others
    elif header.width == 3:
        wide = np.zeros((size // 3, 4), np.uint8)
        (wide[:, 1:] if header.order == "<" else wide[:, :3])[:] = raw.reshape(-1, 3)
        values = wide.view(f"{header.order}i4")[:, 0].astype(np.float32) * np.float32(2.0**-31)
    else:
        full = np.float32(2.0 ** (8 * header.width - 1))
        values = raw.view(f"{header.order}i{header.width}").astype(np.float32) / full
    return values.reshape(header.frames, header.channels).T
