"""Where the files of a tar lie in it, read from its headers alone, within limits: a stranger may have written it.

The layouts are those of POSIX.1-1988 (ustar), POSIX.1-2001 (pax) and GNU tar. Nothing is extracted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, NamedTuple

BLOCK = 512
EXTRA_LIMIT = 1 << 20  # bytes of a long name or of pax records
END_LIMIT = 1 << 20  # zero bytes after which nothing more is looked for
FILES, LONG_NAME, LONG_LINK, PAX, PAX_FOR_ALL, SPARSE, FOLDER = b"0\0007", b"L", b"K", b"x", b"g", b"S", b"5"


class Member(NamedTuple):
    """A file in a tar. `size` bytes of it lie at `offset`."""

    name: str
    offset: int
    size: int


class Special(NamedTuple):
    """What is neither a plain file nor a folder: a link, a device, a sparse file."""

    name: str


def members(file: IO[bytes], length: int) -> Iterator[Member | Special]:
    """The files of a tar of `length` bytes, in order; folders are left out. ValueError, in words, where it is no tar
    or damaged."""
    position = zeros = 0
    name, records = "", dict[str, str]()  # of the next member, where they did not fit into its header
    while position < length:
        file.seek(position)
        header = file.read(BLOCK)
        if len(header) == BLOCK and not any(header):  # the end, unless another tar was written behind it
            position, zeros = position + BLOCK, zeros + BLOCK
            if zeros > END_LIMIT:
                return
            continue
        zeros = 0
        kind, size = _kind(header), _size(header, position)
        if kind not in (LONG_NAME, LONG_LINK, PAX, PAX_FOR_ALL) and "size" in records:
            size = _decimal(records["size"])
        start = position + BLOCK
        if start + size > length:
            raise ValueError(f"truncated: {size} bytes are promised at {start}, and it ends at {length}")
        position = start + -(-size // BLOCK) * BLOCK
        if kind in (LONG_NAME, PAX):
            if size > EXTRA_LIMIT:
                raise ValueError(f"a header of {size} bytes at {start}")
            extra = file.read(size)
            if kind == PAX:
                records = _records(extra)
            else:
                name = _text(extra)
        elif kind not in (LONG_LINK, PAX_FOR_ALL):
            found = records.get("path") or name or _name(header)
            sparse = kind == SPARSE or any(key.startswith("GNU.sparse.") for key in records)
            name, records = "", {}
            if kind in FILES and not sparse and not found.endswith("/"):
                yield Member(found, start, size)
            elif kind != FOLDER and not found.endswith("/"):
                yield Special(found)


def _kind(header: bytes) -> bytes:
    return header[156:157]


def _size(header: bytes, position: int) -> int:
    """A header's size, once its sum has shown that it is one."""
    if len(header) < BLOCK:
        raise ValueError(f"truncated: a header at {position} is incomplete")
    total = sum(header[:148]) + 8 * ord(" ") + sum(header[156:])
    if header[148:156].strip(b" \0").lstrip(b"0") != b"%o" % total:
        raise ValueError("no tar" if position == 0 else f"damaged: the sum of the header at {position} is wrong")
    return _number(header[124:136])


def _number(field: bytes) -> int:
    """Octal digits, or for large values base 256 as GNU tar writes it."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    digits = field.split(b"\0")[0].strip() or b"0"
    if not digits.isdigit() or b"8" in digits or b"9" in digits:
        raise ValueError(f"damaged: {digits!r} where a number is expected")
    return int(digits, 8)


def _decimal(digits: str) -> int:
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 20):
        raise ValueError(f"damaged: a size of {digits[:20]!r}")
    return int(digits)


def _name(header: bytes) -> str:
    prefix = _text(header[345:500]) if header[257:263] == b"ustar\0" else ""
    return f"{prefix}/{_text(header[:100])}" if prefix else _text(header[:100])


def _text(field: bytes) -> str:
    return field.split(b"\0")[0].decode("utf-8", "replace")


def _records(extra: bytes) -> dict[str, str]:
    """Pax records: '<length> <key>=<value>\\n', the length that of the whole record."""
    found = {}
    start, end = 0, len(extra.rstrip(b"\0"))
    while start < end:
        digits, _, _ = extra[start : start + 20].partition(b" ")
        stop = start + _decimal(digits.decode("latin-1"))
        key, equals, value = extra[start + len(digits) + 1 : stop - 1].partition(b"=")
        if stop > end or not equals or extra[stop - 1] != ord("\n"):
            raise ValueError("damaged: its pax records cannot be read")
        found[key.decode("utf-8", "replace")] = value.decode("utf-8", "replace")
        start = stop
    return found
