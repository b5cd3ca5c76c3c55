"""Where samples are odd, for a person: in words, and drawn into them. All bits are those beyond what is usual."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from aegean.data.column import trained
from aegean.data.info import DataInfo
from aegean.data.io.show import Tiles, png
from aegean.files import write_atomically

MOST = 3  # columns that are named
LEAST = 1.0  # bits that one has at least,
SHARE = 0.1  # and of those of the oddest one
PATCH = 8  # of so many parts of a side the oddest is shown
RED = np.array([220, 20, 20])


def columns_of(info: DataInfo) -> list[str]:
    """The names of a table's columns, those that a model sees."""
    found = [column.name for column in trained(info.table)] or list(info.columns)
    return found or [f"column {n}" for n in range(1, info.shape[0] + 1)]


def odd_columns(bits: np.ndarray, info: DataInfo) -> str:
    """Bits (columns,) -> "age 12.3; hours 4.0": the oddest columns, nothing where none is odd."""
    order = np.argsort(-bits, kind="stable")[:MOST]
    names = columns_of(info)
    return "; ".join(f"{names[i]} {bits[i]:.1f}" for i in order if bits[i] >= max(LEAST, SHARE * bits[order[0]]))


def odd_place(bits: np.ndarray, info: DataInfo) -> str:
    """Bits (C, H, W) -> "x=12 y=3": the middle of the oddest patch, in pixels of the model's size."""
    y, x = np.unravel_index(heat(bits).argmax(), bits.shape[1:])
    return f"x={x} y={y}"


def odd_second(bits: np.ndarray, info: DataInfo) -> str:
    """Bits (channels, length) -> "0.35 s": the middle of the oddest stretch."""
    return f"{heat(bits).argmax() / info.rate:.2f} s"


def odd_tokens(bits: np.ndarray, info: DataInfo) -> str:
    """Bits of tokens (length,) -> "7 (12.3); 9 (4.0)": the places of the oddest, counted from 1."""
    order = np.argsort(-bits, kind="stable")[:MOST]
    return "; ".join(f"{i + 1} ({bits[i]:.1f})" for i in order if bits[i] >= max(LEAST, SHARE * bits[order[0]]))


def heat(bits: np.ndarray) -> np.ndarray:
    """Bits (channels, *places) -> their mean over a patch around each place (*places), none below 0."""
    from scipy.ndimage import uniform_filter

    size = [max(1, side // PATCH) for side in bits.shape[1:]]
    return uniform_filter(bits.sum(0).clip(min=0).astype(np.float64), size)


def draw_odd(
    raw: np.ndarray, bits: np.ndarray, names: Sequence[str], folder: Path, info: DataInfo, tiles: Tiles
) -> None:
    """A PNG of each sample, red where it is odd: as red as the oddest place of all.

    raw, bits: (n, *shape)
    names: of the files
    folder: that is there
    tiles: raw samples as pictures (n, H, W, 3) uint8, with time to the right where they have no height
    """
    maps = [heat(one) for one in bits]
    most = max(float(one.max()) for one in maps) or 1.0
    for picture, one, name in zip(tiles(raw, info), maps, names):
        one = one.reshape(-1, one.shape[-1])  # of sounds one row
        size = (picture.shape[1], picture.shape[0])
        red = np.asarray(Image.fromarray((one / most).astype(np.float32)).resize(size, Image.Resampling.BILINEAR))
        grey = picture.mean(2, keepdims=True)
        write_atomically(
            folder / f"{name}.png", png(Image.fromarray((grey + red[..., None] * (RED - grey)).astype(np.uint8)))
        )
