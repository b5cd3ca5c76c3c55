"""One encoded picture -> an array in the form that all pictures of a source become."""

from __future__ import annotations

import io
from typing import NamedTuple

import numpy as np
from PIL import Image

from aegean.data.read.formats import open_picture
from aegean.data.read.resize import fit, resized
from aegean.surface import option


class Form(NamedTuple):
    """What every picture becomes."""

    size: tuple[int, int]
    channels: int
    deep: bool  # 16 bits

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.channels, *self.size)

    @property
    def dtype(self) -> str:
        return "uint16" if self.deep else "uint8"


def decode(data: bytes, wanted: Form) -> np.ndarray:
    """One encoded image -> (channels, height, width), uint8 or uint16. Any exception: `reason_of` says why not."""
    with open_picture(io.BytesIO(data)) as picture:
        picture.image.draft(None, (2 * max(wanted.size),) * 2)  # a JPEG far too large is decoded smaller
        return _pixels(picture.upright(), wanted)


def unreadable(place: str, reason: str) -> str:
    """The refusal of an image, and what to do about it."""
    what = f"repair or remove it, or leave it out with {option('skip_bad')}"
    return f"{place} is not a readable image ({reason}); {what}."


def _pixels(image: Image.Image, wanted: Form) -> np.ndarray:
    if image.mode.startswith("I"):
        values = deep_values(image)
        clear = transparent(image, values)
        if wanted.deep:
            return fit(np.where(clear, np.uint16(65535), values)[None], wanted.size)
        image = Image.fromarray(np.rint(values / 257).astype(np.uint8))
        if clear.any():
            image.putalpha(Image.fromarray(np.where(clear, 0, 255).astype(np.uint8)))
    if image.has_transparency_data and wanted.channels != 4:
        white = Image.new("RGBA", image.size, "white")
        white.alpha_composite(image.convert("RGBA"))
        image = white
    image = resized(image.convert({1: "L", 3: "RGB", 4: "RGBA"}[wanted.channels]), wanted.size)
    values = np.asarray(image).reshape(*wanted.size, wanted.channels)
    return values.transpose(2, 0, 1)


def deep_values(image: Image.Image) -> np.ndarray:
    """16-bit grey (height, width), uint16. ValueError: it has 32 bits."""
    values = np.asarray(image)
    if values.min() < 0 or values.max() > 65535:
        raise ValueError("32-bit pixels have no known range: save them as .npy")
    return values.astype(np.uint16)


def transparent(image: Image.Image, values: np.ndarray) -> np.ndarray:
    """Which pixels of 16-bit grey are transparent, by the one shade that a PNG names as such: bool (height, width)."""
    shade = image.info.get("transparency")
    return values == shade if isinstance(shade, int) else np.zeros(values.shape, bool)
