"""Where pictures have holes: masks in files of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from aegean.config import UserError
from aegean.data.io.photographs import photograph
from aegean.data.io.walk import picture_at, plain
from aegean.data.read.files import Files
from aegean.data.read.pictures import PictureFiles
from aegean.surface import option


class Masks:
    """Masks of holes: one for all pictures, or a folder or zip with one of the same name for each; 255 is the hole."""

    def __init__(self, path: str):
        files = Files(Path(path))
        if not files.path.exists():
            raise UserError(f"There is no mask at {path}; give an image, or a folder of images with the inputs' names.")
        self.path, self.store = path, PictureFiles(files)
        self.alone = not files.is_folder and not self.store.archive
        self.rows = {plain(name): row for row, name in enumerate(self.store.names)}
        self.known: np.ndarray | None = None

    def of(self, name: str, size: tuple[int, int]) -> np.ndarray:
        """Where the picture of a name and a size (height, width) has holes: bool (H, W). UserError: there is no mask
        for it, or one of another size, or in colour."""
        if self.alone and self.known is not None:
            hole = self.known
        else:
            hole = self.known = self._read(0 if self.alone else self._row(name))
        if hole.shape != size:
            ours, theirs = ("x".join(map(str, shape[::-1])) for shape in (size, hole.shape))
            raise UserError(f"{self.path}: the mask for {name} has {theirs} pixels, and the image {ours}, upright.")
        return hole

    def _row(self, name: str) -> int:
        if name not in self.rows:
            raise UserError(f"{self.path} holds no mask for {name}; expected an image of that name, 255 in its holes.")
        return self.rows[name]

    def _read(self, row: int) -> np.ndarray:
        photo, where = picture_at(self.store, place := self.store.places[row], photograph), self.store.name(place)
        if (photo.values != photo.values[:1]).any():
            raise UserError(f"{where} is in colour; a mask ({option('mask')}) is grey: 255 in holes, 0 elsewhere.")
        hole, most = photo.values[0] > (np.iinfo(photo.values.dtype).max >> 1), photo.values.max()
        if most and not hole.any():
            raise UserError(f"{where}: the mask's greatest value is {most}; holes are 255, and all else is 0.")
        return hole
