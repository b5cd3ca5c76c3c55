"""Whole numbers and bytes one after another, read back within stated bounds: a stranger may have written them."""

from __future__ import annotations

import zlib

from aegean.config import UserError

LONGEST = 9  # bytes of a whole number: up to 63 bits


class CodecError(UserError):
    """A file that is damaged, cut short, made by another model or by no version of aegean: nothing of it is used."""


class Writer:
    """Fields, appended to `data`."""

    def __init__(self) -> None:
        self.data = bytearray()

    def number(self, value: int) -> None:
        """A whole number from 0 on, seven bits a byte, the lowest first (LEB128)."""
        assert 0 <= value < 1 << 7 * LONGEST
        while value >= 0x80:
            self.data.append(value & 0x7F | 0x80)
            value >>= 7
        self.data.append(value)

    def numbers(self, *values: int) -> None:
        for value in values:
            self.number(value)

    def counted(self, data: bytes) -> None:
        self.number(len(data))
        self.data += data

    def packed(self, data: bytes) -> None:
        """Bytes, deflated; no bytes at all take one."""
        self.counted(zlib.compress(data, 9) if data else b"")


class Reader:
    """The inverse of `Writer`. CodecError: a field that is cut short, too large, or not as a Writer writes it."""

    def __init__(self, data: bytes):
        self.data, self.place = data, 0

    def take(self, count: int, what: str) -> bytes:
        found = self.data[self.place : self.place + count]
        if len(found) < count:
            raise CodecError(f"its {what} is cut short")
        self.place += count
        return found

    def number(self, what: str, least: int = 0, most: int = (1 << 7 * LONGEST) - 1) -> int:
        value = 0
        for shift in range(0, 7 * LONGEST, 7):
            byte = self.take(1, what)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if shift and not byte:
                    break  # a longer form of a shorter number
                if not least <= value <= most:
                    raise CodecError(f"its {what} is {value:,}, expected {least:,} to {most:,}")
                return value
        raise CodecError(f"its {what} is not a number")

    def counted(self, what: str, most: int) -> bytes:
        return self.take(self.number(f"length of {what}", 0, most), what)

    def packed(self, what: str, most: int) -> bytes:
        """Deflated bytes; never more than `most` of them are unpacked."""
        data = self.counted(what, most)
        if not data:
            return b""
        unpacker = zlib.decompressobj()
        try:
            found = unpacker.decompress(data, most)
        except zlib.error as error:
            raise CodecError(f"its {what} cannot be unpacked ({error})") from None
        if not found or not unpacker.eof or unpacker.unused_data:
            raise CodecError(f"its {what} unpacks to more than {most:,} bytes, to none, or not to an end")
        return found

    def end(self, what: str) -> None:
        if self.place != len(self.data):
            raise CodecError(f"its {what} has {len(self.data) - self.place} bytes too many")
