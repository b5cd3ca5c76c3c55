"""What was made, beside what is real: data and models to pictures that stand in the page itself."""

from __future__ import annotations

import base64
import io

import numpy as np
import torch
from markupsafe import Markup, escape
from PIL import Image

from aegean.data import DataInfo, Dataset
from aegean.data.io.show import as_pictures, tiles
from aegean.model import Model
from aegean.report.curves import clouds

LARGEST = 256  # pixels of a tile; larger pictures are scaled down
SHEET = 512  # pixels that a sheet of samples is wide, about
POINTS = 500  # rows in a scatter plot
STRIP = 12  # held-out samples that are reconstructed, and draws of a level
BASES = 2  # samples whose levels are redrawn
VERSIONS = 200  # draws of a level of a row


class Shown:
    """Held-out samples, and what each model makes; the same samples and the same seed for all."""

    def __init__(self, dataset: Dataset):
        self.info = dataset.info
        side = max(self.info.shape[1:], default=1)
        self.columns = max(3, min(8, SHEET // side))
        count = self.columns**2 if self.info.is_image else POINTS
        chosen = np.sort(np.random.default_rng(0).permutation(len(dataset.test))[:count])
        self.real = np.asarray(dataset.test[chosen])
        self.labels = None if dataset.test_labels is None else torch.as_tensor(dataset.test_labels[chosen])

    def held_out(self) -> Markup:
        """The row of real data, as HTML."""
        if not self.info.is_image:
            return clouds(self.real, None, 0, self.info, "held-out data")
        half = 2 * self.columns  # two blocks of two rows: beside each other, or on a phone one above the other
        blocks = (self.real[:half], self.real[half : 2 * half])
        return Markup().join(image(self._tiles(b, self.columns), "held-out samples") for b in blocks if len(b))

    def samples(self, model: Model, row: int, label: str) -> Markup:
        made = self.info.restore(model.sample(self.columns**2 if self.info.is_image else len(self.real), seed=0))
        if not self.info.is_image:
            return clouds(self.real, made, row, self.info, "samples")
        return image(self._tiles(made, self.columns), f"samples of {label}")

    def originals(self) -> Markup:
        """The strip that stands above the strips of reconstructions; nothing for rows."""
        if not self.info.is_image:
            return Markup("")
        return image(self._tiles(self.real[:STRIP], STRIP), "held-out samples")

    def reconstructions(self, model: Model, row: int, label: str) -> Markup:
        x, labels = self.info.normalise(self.real), self.labels if model.conditional else None
        if self.info.is_image:
            x, labels = x[:STRIP], None if labels is None else labels[:STRIP]
        made = self.info.restore(model.reconstruct(x, labels))
        if not self.info.is_image:
            return clouds(self.real, made, row, self.info, "reconstructions")
        return image(self._tiles(made, STRIP), f"reconstructions of {label}")

    def redrawn(self, model: Model, row: int, label: str) -> list[tuple[str, Markup]]:
        """For each level, from the top: samples, and each with that level drawn anew, the rest kept. (words, HTML)"""
        found = []
        for level in reversed(range(model.depth)):
            words = f"level {level} redrawn"
            if self.info.is_image:
                draws = torch.stack([model.redraw(level, BASES, 0, again) for again in range(STRIP)], 1)
                made = self.info.restore(draws.flatten(0, 1))
                found.append((words, image(self._tiles(made, STRIP), f"{words}, of {label}")))
            else:
                draws = torch.cat([model.redraw(level, 1, 0, again) for again in range(VERSIONS)])
                found.append((words, clouds(self.real, self.info.restore(draws), row, self.info, words)))
        return found

    def added(self, model: Model, row: int, label: str) -> list[tuple[str, Markup]]:
        """Reconstructions from the top level alone, from the upper two, and so on: (words, HTML)."""
        x, labels = self.info.normalise(self.real), self.labels if model.conditional else None
        if self.info.is_image:
            x, labels = x[:STRIP], None if labels is None else labels[:STRIP]
        found = []
        for top in range(1, model.depth + 1):
            words = f"levels {model.depth - top} and up" if top > 1 else f"level {model.depth - 1} alone"
            made = self.info.restore(model.reconstruct(x, labels, top=top))
            if self.info.is_image:
                found.append((words, image(self._tiles(made, STRIP), f"reconstructions of {label} from {words}")))
            else:
                found.append((words, clouds(self.real, made, row, self.info, words)))
        return found

    def _tiles(self, raw: np.ndarray, columns: int) -> bytes:
        return tiles(shrunk(as_pictures(raw, self.info)), columns)


def shrunk(pictures: np.ndarray) -> np.ndarray:
    """(n, H, W, 3) uint8 with the longer side at most LARGEST."""
    h, w = pictures.shape[1:3]
    if max(h, w) <= LARGEST:
        return pictures
    size = (max(1, w * LARGEST // max(h, w)), max(1, h * LARGEST // max(h, w)))
    return np.stack([np.asarray(Image.fromarray(p).resize(size, Image.Resampling.BOX)) for p in pictures])


def image(png: bytes, words: str) -> Markup:
    """An <img> element that holds its own data."""
    width, height = Image.open(io.BytesIO(png)).size
    data = base64.b64encode(png).decode()
    return Markup(f'<img src="data:image/png;base64,{data}" width="{width}" height="{height}" alt="{escape(words)}">')


def info_line(info: DataInfo) -> str:
    """The shape of the samples in words."""
    if not info.is_image:
        return f"rows of {info.shape[0]} columns"
    channels, height, width = info.shape
    return f"{height}×{width} pixels, {channels} channel{'s' * (channels != 1)}"
