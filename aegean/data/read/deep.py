"""Colours of 16 bits, of which Pillow gives 8: it is asked twice, for the upper byte of each value and the lower."""

from __future__ import annotations

import io
import re
import sys
from typing import IO, Any

import numpy as np
from PIL import Image

from aegean.data.read.formats import Picture

LOWER = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}  # the order of bytes that gives the lower
STORED = re.compile(r"(RGBA?);16([BLN])")


def lower_bytes(picture: Picture) -> Image.Image | None:
    """The same picture, not decoded yet, of which the lower byte of each value will be; None: it has 8 bits, or a form
    that Pillow gives 8 bits of. To be called before the picture is decoded."""
    image: Any = picture.image
    file: IO[bytes] | None = image.fp
    if image.format not in ("PNG", "TIFF") or "transparency" in image.info or not isinstance(file, io.BytesIO):
        return None
    again: Any = Image.open(io.BytesIO(file.getvalue()), formats=(image.format,))
    tiles = []
    for tile in again.tile:
        first, *more = (tile.args,) if isinstance(tile.args, str) else tile.args
        if not (found := STORED.fullmatch(str(first))):
            return None
        mode = f"{found[1]};16{LOWER[found[2]]}"
        tiles.append(tile._replace(args=mode if isinstance(tile.args, str) else (mode, *more)))
    again.tile = tiles
    return again if tiles else None


def joined(upper: Image.Image, lower: Image.Image) -> np.ndarray:
    """(channels, height, width) uint16."""
    high, low = (np.asarray(image).transpose(2, 0, 1).astype(np.uint16) for image in (upper, lower))
    return high << 8 | low
