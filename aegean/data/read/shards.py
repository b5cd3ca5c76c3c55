"""A folder of .tar shards, as WebDataset lays them out: pictures `key.png`, classes in `key.cls` or `key.json`."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple

import numpy as np
from tqdm import tqdm

from aegean.config import UserError
from aegean.data.read.files import Files, check_size, is_hidden
from aegean.data.read.folders import folder_labels
from aegean.data.read.formats import endings
from aegean.data.read.source import Source, Want, resume_hint
from aegean.data.read.stored import read_store
from aegean.data.read.tar import Member, Special, members
from aegean.data.read.zips import leaves
from aegean.surface import say

PACKED = (".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2", ".tar.zst", ".tzst", ".tar.lz4")
LABEL_LIMIT = 1 << 20  # bytes of a .cls or .json
LABEL_LENGTH = 200


class Shard(NamedTuple):
    file: Path
    size: int
    changed: int  # modification time in ns


class Shards:
    """Encoded pictures in tars. A place is (shard, offset, size); a shard that has changed since is refused."""

    def __init__(self, files: Files):
        self.path = files.path
        entries = [entry for entry in files.entries if _is_tar(self.path / entry.name)]
        self.shards = [Shard(self.path / entry.name, entry.size, entry.changed) for entry in entries]

    def open(self, number: int) -> IO[bytes]:
        """UserError: the shard is gone, or not as it was when this store was made."""
        shard = self.shards[number]
        try:
            file = shard.file.open("rb")
        except OSError as error:
            raise UserError(f"{shard.file} cannot be read ({error.strerror}). {resume_hint('it')}") from None
        status = os.fstat(file.fileno())
        if (status.st_size, status.st_mtime_ns) != (shard.size, shard.changed):
            file.close()
            raise UserError(f"{shard.file} has changed while it was in use. {resume_hint('it as it was')}")
        return file

    def read(self, place: np.ndarray) -> bytes:
        number, offset, size = place.tolist()
        check_size(size)
        with self.open(number) as file:
            try:
                file.seek(offset)
                return file.read(size)
            except OSError as error:
                name = self.shards[number].file
                raise UserError(f"{name} cannot be read ({error.strerror}). {resume_hint('it')}") from None

    def name(self, place: np.ndarray) -> str:
        """The shard and, as far as its headers can still be read, the picture's name there."""
        number, offset, _ = place.tolist()
        shard = self.shards[number]
        try:
            with shard.file.open("rb") as file:
                found = (m.name for m in members(file, shard.size) if isinstance(m, Member) and m.offset == offset)
                return f"{shard.file}: {next(found, f'the image at byte {offset}')}"
        except (OSError, ValueError):
            return f"{shard.file}: the image at byte {offset}"

    def describe(self) -> dict[str, Any]:
        return {"shards": [shard.file.relative_to(self.path).as_posix() for shard in self.shards]}


def has_shards(files: Files) -> bool:
    """Whether a source is a tar, or a folder with tars in it. UserError: compressed ones."""
    path, names = files.path, files.names
    packed = [name for name in names if (path / name).name.lower().endswith(PACKED)]
    if packed:
        raise UserError(
            f"{path / packed[0]} is compressed as a whole, so that its images cannot be read one by one: unpack it "
            f"to a .tar (images are compressed already)."
        )
    return any(_is_tar(path / name) for name in names)


def open_shards(files: Files, description: Mapping[str, Any]) -> Shards:
    """The shards that an index speaks of. ValueError: they are others."""
    shards = Shards(files)
    if shards.describe() != description:
        raise ValueError(f"{files.path} holds other shards than were indexed")
    return shards


def read_shards(files: Files, want: Want) -> Source:
    """The pictures of a tar, or of all tars of a folder -> images (channels, height, width), uint8 or uint16.

    Classes: the integer in `key.cls`, or "label" in `key.json`, else the first sub-folder in the tars; as with
    folders of pictures, two sub-folders `train` and `test` are the two parts.
    """
    path, store = files.path, Shards(files)
    contents = _Contents()
    for number in tqdm(range(len(store.shards)), "indexing", leave=False, disable=None, unit="shard", delay=1):
        contents.add(store, number)
    if not contents.places:
        raise UserError(f"{path}: its shards hold no images; expected files such as .png or .jpg in them.")
    if contents.skipped:
        say(f"{path.name}: {contents.skipped} links, devices and sparse files in the shards are left out")
    if contents.others:
        say(f"{path.name}: {contents.others} files that are neither images nor classes are left out")
    if contents.several:
        say(f"{path.name}: {contents.several} images share their key with another; each is taken as a sample")
    labels = folder_labels if not contents.labels else contents.label_names
    places = np.array(contents.places, np.int64)
    return read_store(store, path, places, contents.parts, partial(labels, path=path), want)


class _Contents:
    """What lies in the shards."""

    def __init__(self) -> None:
        self.places: list[tuple[int, int, int]] = []  # of pictures: shard, offset, size
        self.parts: list[tuple[str, ...]] = []  # of their paths: folders of the shard, then those in the shard
        self.keys: list[tuple[int, str]] = []  # shard, and name up to the first dot
        self.labels: dict[tuple[int, str], int | str] = {}  # by key
        self.skipped = self.several = self.others = 0

    def add(self, store: Shards, number: int) -> None:
        shard = store.shards[number]
        above = shard.file.relative_to(store.path).parts[:-1] if shard.file != store.path else ()
        with store.open(number) as file:
            try:
                for found in members(file, shard.size):
                    if leaves(found.name):
                        raise ValueError(f"the name {found.name!r} leaves it")
                    if isinstance(found, Special):
                        self.skipped += 1
                    elif not is_hidden(PurePosixPath(found.name).as_posix()):
                        self._add(file, number, above, found)
            except (ValueError, OSError) as error:
                raise UserError(f"{shard.file} cannot be read as a tar ({error}); make or download it again.") from None

    def _add(self, file: IO[bytes], number: int, above: tuple[str, ...], found: Member) -> None:
        path = PurePosixPath(found.name)
        key = number, str(path.with_name(path.name.partition(".")[0] or path.name))
        ending = path.suffix.lower()
        if ending in endings():
            self.several += bool(self.keys) and self.keys[-1] == key
            self.places.append((number, found.offset, found.size))
            self.parts.append((*above, *path.parts))
            self.keys.append(key)
        elif ending in (".cls", ".json"):
            if found.size > LABEL_LIMIT:
                raise ValueError(f"{found.name} has {found.size} bytes, at most {LABEL_LIMIT} are read")
            file.seek(found.offset)
            label = _label(file.read(found.size), ending, found.name)
            if label is not None:
                self.labels[key] = label
        else:
            self.others += 1

    def label_names(self, trees: Mapping[int, tuple[str, ...]], path: Path) -> np.ndarray | None:
        """The classes that .cls and .json files give, where they do for every picture."""
        found = [self.labels.get(self.keys[row]) for row in trees]
        if any(label is None for label in found):
            missing = sum(label is None for label in found)
            say(f"{path.name}: {missing} of {len(found)} images have no .cls or .json; no classes are taken")
            return None
        return np.array(found if all(isinstance(label, int) for label in found) else list(map(str, found)))


def _label(data: bytes, ending: str, name: str) -> int | str | None:
    """The class in a .cls, or in a .json that has a "label". ValueError: neither an integer nor text."""
    try:
        if ending == ".cls":
            text = data[:LABEL_LENGTH].decode("utf-8").strip()
            return _integer(int(text)) if re.fullmatch(r"[+-]?\d+", text, re.ASCII) else text or None
        content = json.loads(data)
        label = content.get("label") if isinstance(content, dict) else None
        return _integer(label) if isinstance(label, int) else None if label is None else str(label)[:LABEL_LENGTH]
    except (ValueError, RecursionError):
        raise ValueError(f"{name} holds no class") from None


def _integer(value: int) -> int:
    if abs(value) >= 1 << 53:
        raise ValueError(value)
    return int(value)


def _is_tar(path: Path) -> bool:
    return path.suffix.lower() == ".tar"
