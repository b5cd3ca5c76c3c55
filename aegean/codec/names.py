"""The names of what a file holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from aegean.codec.fields import CodecError, Reader, Writer

NAMES_LIMIT = 1 << 26  # bytes of all names together
NAME_LIMIT = 1024  # bytes of one


def write_names(fields: Writer, names: Sequence[str]) -> None:
    joined = "\0".join(names)
    fields.packed(joined.encode() if joined.strip("\0") else b"")


def read_names(reader: Reader, count: int) -> list[str]:
    data = reader.packed("names", NAMES_LIMIT)
    if not data:
        return [""] * count
    try:
        names = data.decode().split("\0")
    except UnicodeDecodeError:
        raise CodecError("its names are not UTF-8") from None
    if len(names) != count:
        raise CodecError(f"it has {len(names)} names for {count} things")
    for name in names:
        if not is_name(name):
            raise CodecError(f"it holds something named {name[:40]!r}, which is no place in a folder")
    if len({name for name in names if name}) < sum(map(bool, names)):
        raise CodecError("two things in it have the same name")
    return names


def is_name(name: str) -> bool:
    """Whether a name, with folders set off by /, stays within the folder that it is written to; "" does."""
    path = PurePosixPath(name)
    plain = not path.is_absolute() and ".." not in path.parts and (not name or str(path) == name != ".")
    return plain and len(name.encode()) <= NAME_LIMIT and not any(c < " " or c in '\\:*?"<>|\x7f' for c in name)
