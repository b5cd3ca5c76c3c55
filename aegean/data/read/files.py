"""The files of a source: a file, or a folder and all that lies below it, listed once."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from aegean.config import UserError

HIDDEN = {"thumbs.db", "desktop.ini", "__macosx"}
FILE_LIMIT = 1 << 30  # bytes of one encoded image


class Entry(NamedTuple):
    """A file of a source."""

    name: str  # relative to the folder, with forward slashes; "" where the source is this one file
    size: int
    changed: int  # modification time in ns


class Files:
    """A file, or a folder and the files below it, listed on first use. `column` is what a SPEC names in them, as in
    table.csv:COLUMN."""

    def __init__(self, path: Path, column: str = ""):
        self.path, self.column = path.absolute(), column
        self._digests: dict[str, str] = {}

    @cached_property
    def is_folder(self) -> bool:
        return self.path.is_dir()

    @property
    def ending(self) -> str:
        """ ".npy" of a file; "" of a folder."""
        return "" if self.is_folder else self.path.suffix.lower()

    @cached_property
    def entries(self) -> list[Entry]:
        names = folder_names(self.path) if self.is_folder else [""]
        return [_entry(self.path, name) for name in names]

    @property
    def names(self) -> list[str]:
        return [entry.name for entry in self.entries]

    def read(self, name: str) -> bytes:
        """One of the files; its digest is taken on the same occasion. ValueError: it is too large for an image."""
        with (self.path / name).open("rb") as file:
            check_size(os.fstat(file.fileno()).st_size)
            data = file.read()
        self._digests.setdefault(name, hashlib.sha256(data).hexdigest())
        return data

    def fingerprint(self) -> str:
        """sha256 over the names and contents of all files; those that were read are not read again."""
        total = hashlib.sha256(self.column.encode())
        for name in tqdm(self.names, "reading", leave=False, disable=None, unit="file", delay=1):
            if name not in self._digests:
                try:
                    with (self.path / name).open("rb") as file:
                        self._digests[name] = hashlib.file_digest(file, "sha256").hexdigest()
                except OSError as error:
                    raise UserError(_unreadable(self.path / name, error)) from None
            total.update(os.fsencode(name) + b"\0" + self._digests[name].encode())
        return total.hexdigest()


def check_size(size: int) -> None:
    """ValueError: an encoded image has more bytes than are read."""
    if size > FILE_LIMIT:
        raise ValueError(f"larger than {FILE_LIMIT >> 30} GiB")


def plain_name(path: Path) -> str:
    """A short name for data: the folder's name, or the file's without its ending."""
    path = path.absolute()
    return short_name(path.name if path.is_dir() else path.stem)


def short_name(name: str) -> str:
    """A name made of letters, digits, hyphens and dots alone."""
    return re.sub(r"[^\w.-]+", "-", name).strip(".-") or "data"


def distinct(names: Iterable[str], mark: str) -> list[str]:
    """The names, a mark and a number added where one comes again; empty ones stay."""
    found, seen = [], set[str]()
    for name in names:
        again, new = 1, name
        while new and new in seen:
            again += 1
            new = f"{name}{mark}{again}"
        found.append(new)
        seen.add(new)
    return found


def is_hidden(name: str) -> bool:
    """Whether a part of the relative path is a system's own: .DS_Store, Thumbs.db, __MACOSX."""
    return any((part.startswith(".") and part != ".") or part.lower() in HIDDEN for part in name.split("/"))


def folder_names(folder: Path) -> list[str]:
    """Relative names, with forward slashes, of all files below a folder, sorted; hidden ones left out."""
    names: list[str] = []
    seen: set[str] = set()

    def refuse(error: OSError) -> None:
        raise UserError(_unreadable(error.filename, error))

    for root, folders, files in os.walk(folder, followlinks=True, onerror=refuse):
        real = os.path.realpath(root)
        if real in seen:  # a link that leads back
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        below = Path(root).relative_to(folder).as_posix()
        names += [name if below == "." else f"{below}/{name}" for name in files if not is_hidden(name)]
    return sorted(names)


def _entry(path: Path, name: str) -> Entry:
    try:
        status = os.stat(os.path.join(path, name) if name else path)  # noqa: PTH116, PTH118 - pathlib is slow
    except OSError as error:
        raise UserError(f"{path / name} cannot be read ({error.strerror}); repair or remove it.") from None
    if not stat.S_ISREG(status.st_mode):
        raise UserError(f"{path / name} is not a file; remove it from the data.")
    return Entry(name, status.st_size, status.st_mtime_ns)


def _unreadable(place: Path | str, error: OSError) -> str:
    return f"{place} cannot be read ({error.strerror}); give yourself access to it."
