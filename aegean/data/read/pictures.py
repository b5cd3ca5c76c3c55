"""Images in files: those of a folder or a zip, or one alone."""

from __future__ import annotations

from functools import partial
from pathlib import PurePosixPath

import numpy as np

from aegean.config import UserError
from aegean.data.read.decode import unreadable
from aegean.data.read.files import Files
from aegean.data.read.folders import folder_labels
from aegean.data.read.source import Source, Want
from aegean.data.read.stored import read_store, some_of
from aegean.data.read.zips import open_zip, read_member, zip_names
from aegean.surface import plural, say

# What people keep beside their images: notes, tables, and what cameras and systems write.
BESIDE = {".csv", ".db", ".html", ".ini", ".json", ".log", ".md", ".tsv", ".txt", ".xml", ".xmp", ".yaml", ".yml"}


class PictureFiles:
    """The images of a folder, a zip or one file. A place is (number,). UserError: there are none."""

    def __init__(self, files: Files):
        self.files = files
        self.archive = open_zip(files.path) if files.ending == ".zip" else None
        self.take(zip_names(self.archive) if self.archive else files.names)

    def take(self, names: list[str]) -> None:
        if not names:
            raise UserError(
                f"{self.files.path} holds no images; expected files such as .png or .jpg, perhaps in sub-folders."
            )
        self.names, self.places = names, np.arange(len(names))[:, None]

    def read(self, place: np.ndarray) -> bytes:
        name = self.names[int(place[0])]
        return read_member(self.archive, name) if self.archive else self.files.read(name)

    def name(self, place: np.ndarray) -> str:
        name, path = self.names[int(place[0])], self.files.path
        return f"{path}: {name}" if self.archive else str(path / name)

    def describe(self) -> None:
        """They are packed."""


def pictures_of(files: Files) -> PictureFiles:
    """The files that may be images: others beside them are left out by their endings, and this is said."""
    store = PictureFiles(files)
    beside = [PurePosixPath(name).suffix.lower() in BESIDE for name in store.names]
    if others := [name for name, is_beside in zip(store.names, beside) if is_beside]:
        store.take([name for name, is_beside in zip(store.names, beside) if not is_beside])
        said = f"{plural(len(others), 'file')} no images by their endings, left out: {some_of(others)}"
        say(f"{files.path.name}: {said}")
    return store


def read_pictures(files: Files, want: Want) -> Source:
    """Images of a folder, a zip or one file -> samples (channels, height, width), uint8 or uint16.

    Sub-folders are classes; exactly two, `train` and `test`, are the two parts.
    """
    store, path = pictures_of(files), files.path
    trees = [PurePosixPath(name or path.name).parts for name in store.names]
    refusal = unreadable if files.is_folder or store.archive else no_data
    return read_store(store, path, store.places, trees, partial(folder_labels, path=path), want, refusal)


def no_data(place: str, reason: str) -> str:
    """The refusal of a file that was given as data, and is no image."""
    return (
        f"{place} is no data that can be read ({reason}); expected a folder or .zip of images, an image, .npy, .npz or "
        ".csv."
    )
