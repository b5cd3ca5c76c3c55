"""Listings and sums of the files of a source."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from pathlib import Path

from tqdm import tqdm

from aegean.config import UserError

HIDDEN = {"thumbs.db", "desktop.ini", "__macosx"}


def plain_name(path: Path) -> str:
    """A short name for data: the folder's name, or the file's without its ending."""
    path = path.absolute()
    return re.sub(r"[^\w.-]+", "-", path.name if path.is_dir() else path.stem).strip(".-") or "data"


def is_hidden(name: str) -> bool:
    """Whether a part of the relative path is a system's own: .DS_Store, Thumbs.db, __MACOSX."""
    return any((part.startswith(".") and part != ".") or part.lower() in HIDDEN for part in name.split("/"))


def folder_names(folder: Path) -> list[str]:
    """Relative names, with forward slashes, of all files below a folder, sorted; hidden ones left out."""
    names: list[str] = []
    seen: set[str] = set()

    def refuse(error: OSError) -> None:
        raise UserError(f"{error.filename} cannot be read ({error.strerror}); give yourself access to it.")

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


def listing(path: Path) -> list[tuple[str, int, int]]:
    """(name, size, modification time in ns) of every file of a source."""
    names = folder_names(path) if path.is_dir() else [""]
    found = []
    for name in names:
        try:
            status = os.stat(os.path.join(path, name) if name else path)  # noqa: PTH116, PTH118 - pathlib is slow
        except OSError as error:
            raise UserError(f"{path / name} cannot be read ({error.strerror}); repair or remove it.") from None
        if not stat.S_ISREG(status.st_mode):
            raise UserError(f"{path / name} is not a file; remove it from the data.")
        found.append((name, status.st_size, status.st_mtime_ns))
    return found


def content_sum(path: Path, names: list[str]) -> str:
    """sha256 over the names and contents of a source's files."""
    total = hashlib.sha256()
    for name in tqdm(names, "reading", leave=False, disable=None, unit="file", delay=1):
        try:
            with (path / name).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise UserError(f"{path / name} cannot be read ({error.strerror}); give yourself access to it.") from None
        total.update(os.fsencode(name) + b"\0" + digest.encode())
    return total.hexdigest()
