"""Zips that a stranger may have written: read in place, never unpacked to disk, within limits."""

from __future__ import annotations

import zipfile
from collections import Counter
from pathlib import Path, PurePosixPath

from aegean.config import UserError
from aegean.data.read.files import check_size, is_hidden
from aegean.data.read.source import BYTES_LIMIT

RATIO_LIMIT = 200  # of the whole zip; pictures hardly shrink
SMALL = 1 << 30  # below this the ratio does not matter


def open_zip(path: Path) -> zipfile.ZipFile:
    """A zip whose names have forward slashes: Windows PowerShell 5 writes backslashes, against APPNOTE 4.4.17.1."""
    try:
        archive = zipfile.ZipFile(path)
    except Exception as error:  # zipfile raises many kinds for damaged files
        raise UserError(f"{path} is not a readable zip ({error}); make or download it again.") from None
    for info in archive.infolist():
        info.filename = info.filename.replace("\\", "/")
    archive.NameToInfo = {info.filename: info for info in archive.infolist()}
    return archive


def zip_names(archive: zipfile.ZipFile) -> list[str]:
    """The names of its files, sorted, hidden ones left out; unsafe names and bombs are refused."""
    path = Path(str(archive.filename))
    members = [info for info in archive.infolist() if not info.is_dir()]
    names = [info.filename for info in members]
    if twice := next((name for name, times in Counter(names).items() if times > 1), ""):
        raise UserError(f"{path} holds two files named {twice!r}; make the zip anew with one.")
    for info in members:
        if leaves(info.filename):
            raise UserError(f"{path}: the name {info.filename!r} leaves the zip; make the zip anew without it.")
        if info.flag_bits & 1:
            raise UserError(f"{path}: {info.filename} is encrypted; make the zip anew without a password.")
    total = sum(info.file_size for info in members)
    if total > BYTES_LIMIT or (total > SMALL and total > RATIO_LIMIT * path.stat().st_size):
        raise UserError(f"{path} unpacks to {total} bytes, more than is read from one zip; give a folder instead.")
    return sorted(name for name in names if not is_hidden(name))


def read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """The bytes of one file; zipfile stops at the size that its header gives, and checks the sum."""
    check_size(archive.getinfo(name).file_size)
    return archive.read(name)


def leaves(name: str) -> bool:
    """Whether a name in an archive points out of it."""
    return name.startswith("/") or "\\" in name or ":" in name[:2] or ".." in PurePosixPath(name).parts
