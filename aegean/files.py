"""Files: written so that they are either the old one or the new one, whenever the power goes; and their headers."""

from __future__ import annotations

import contextlib
import errno
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aegean.config import JSON_LIMIT, UserError, parse_json

FULL = (errno.ENOSPC, errno.EDQUOT)
HEADER = 1 << 24  # bytes of a safetensors file's header; a model has some thousands
SIZES = {"BOOL": 1, "U8": 1, "I8": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2, "I32": 4, "U32": 4, "F32": 4,
         "I64": 8, "U64": 8, "F64": 8}  # bytes of a value  # fmt: skip
Shapes = dict[str, tuple[int, ...]]


def check_regular(file: str | Path) -> None:
    """UserError: it is there, but no regular file: reading a pipe or a device might never end."""
    path = Path(file)
    if path.exists() and not path.is_file() and not path.is_dir():
        raise UserError(f"{file} is a pipe or a device, not a file; write what it gives into a file first.")


def read_text(file: Path, limit: int = JSON_LIMIT) -> str:
    """The text of a small file; what is not UTF-8 in it is replaced. UserError: no regular file, or too long a one."""
    check_regular(file)
    with file.open("rb") as opened:
        data = opened.read(limit + 1)
    if len(data) > limit:
        raise UserError(f"{file} has more than {limit:,} bytes, which no run writes; restore it from a copy.")
    return data.decode(errors="replace")


def expanded(path: str | Path) -> Path:
    """A path with its ~ replaced. UserError: there is no such home folder."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        what = "set HOME, or AEGEAN_CACHE to a folder" if str(path) == "~" else "write the whole path"
        raise UserError(f"{path}: there is no such home folder: {what}.") from None


def read_tensor_header(file: Path) -> tuple[dict[str, Any], Shapes]:
    """The metadata of a safetensors file and its tensors' shapes by name; the tensors stay on disk.

    UserError: no such file, a header that is damaged or too long, tensors that are not all there.
    """
    check_regular(file)
    try:
        with file.open("rb") as opened:
            size = os.fstat(opened.fileno()).st_size
            length = int.from_bytes(opened.read(8), "little")
            if not 2 <= length <= min(HEADER, size - 8):
                raise UserError(f"{file} is not a readable safetensors file: its header is cut off or too long.")
            header = parse_json(opened.read(length).decode(errors="replace"), str(file))
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror}).") from None
    try:
        metadata = header.pop("__metadata__", {})
        places = sorted(_place(entry) for entry in header.values())
        ends = [0, *(end for _, end in places)]
        assert isinstance(metadata, dict) and ends[-1] == size - 8 - length
        assert [begin for begin, _ in places] == ends[:-1], "gaps, or tensors that lie on each other"
    except (AssertionError, LookupError, TypeError, ValueError, AttributeError):
        raise UserError(f"{file} is not a readable safetensors file: its header does not fit its tensors.") from None
    return metadata, {name: tuple(entry["shape"]) for name, entry in header.items()}


def _place(entry: Any) -> tuple[int, int]:
    """Where a tensor begins and ends, in bytes, by its entry in a header."""
    shape, (begin, end) = entry["shape"], entry["data_offsets"]
    assert all(type(n) is int and n >= 0 for n in (*shape, begin, end))
    assert end - begin == math.prod(shape) * SIZES[entry["dtype"]]
    return begin, end


def write_atomically(file: Path, data: bytes | str) -> None:
    """Write to a temporary name beside `file`, flush to disk, rename. The old file stays until then.

    UserError: no space left on the device; nothing has changed.
    """
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()  # what a killed process left, or a link that somebody laid there
        with temporary.open("xb") as out:
            out.write(data.encode() if isinstance(data, str) else data)
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        if error.errno in FULL:
            raise UserError(f"No space left to write {file} ({len(data):,} bytes); free some and resume.") from None
        raise


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary name beside `path`, whose file takes its place once all is written, or not at all; folders are made.
    UserError: no space left on the device."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.unlink(missing_ok=True)
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    except OSError as error:
        if error.errno in FULL:
            raise UserError(f"No space left to write {path}; free some.") from None
        raise
    finally:
        temporary.unlink(missing_ok=True)
