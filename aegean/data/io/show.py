"""Samples as one picture for a person: tiles of pictures, a scatter plot of rows."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from aegean.data.info import DataInfo

Groups = Mapping[str, np.ndarray]  # raw samples (n, *shape) by name
Tiles = Callable[[np.ndarray, DataInfo], np.ndarray]  # raw samples (n, *shape) as pictures (n, H, W, 3) uint8
TILE = 48  # pixels that a small tile is enlarged to, about
TEXT = 13  # pixels that a line of text is high


def show_pictures(groups: Groups, info: DataInfo, columns: int = 0) -> bytes:
    """Raw pictures (n, C, H, W) by name -> PNG of tiles."""
    return show_tiles([as_pictures(raw, info) for raw in groups.values()], columns)


def show_tiles(parts: Sequence[np.ndarray], columns: int = 0) -> bytes:
    """Groups of pictures (n, H, W, 3) uint8 -> PNG: tiles, `columns` wide (0: square); of several groups a row of each
    in turn, so that what became of a picture stands below it."""
    if len(parts) == 1:
        return tiles(parts[0], columns)
    columns = min(len(parts[0]), columns or 8)
    parts = list(parts)
    blank = np.full((-len(parts[0]) % columns, *parts[0].shape[1:]), 255, np.uint8)
    parts = [np.concatenate((part, blank)) for part in parts]
    rows = [part[i : i + columns] for i in range(0, len(parts[0]), columns) for part in parts]
    return tiles(np.concatenate(rows), columns)


def as_pictures(raw: np.ndarray, info: DataInfo) -> np.ndarray:
    """Raw images (n, C, H, W) -> (n, H, W, 3) uint8. Of other channel numbers than 1, 3 and 4 the first is shown."""
    low, high = (np.asarray(info.offset) + sign * np.asarray(info.scale) for sign in (-1, 1))
    x = np.clip((raw.astype(np.float64) - low) / (high - low) * 255, 0, 255).round().astype(np.uint8)
    x = x.transpose(0, 2, 3, 1)
    if x.shape[3] == 4:
        alpha = x[..., 3:] / 255
        return (x[..., :3] * alpha + 255 * (1 - alpha)).round().astype(np.uint8)
    return x if x.shape[3] == 3 else np.repeat(x[..., :1], 3, axis=3)


def tiles(pictures: np.ndarray, columns: int = 0) -> bytes:
    """(n, H, W, 3) uint8 -> PNG, a pixel of white between the tiles; small ones are enlarged without blur."""
    return png(Image.fromarray(sheet(pictures, columns)))


def labelled(pictures: np.ndarray, rows: Sequence[str], columns: Sequence[str]) -> bytes:
    """(rows * columns, H, W, 3) uint8, row by row -> PNG: tiles with a name beside each row and above each column."""
    tiled = sheet(pictures, len(columns))
    font = ImageFont.load_default(TEXT)
    left = max((int(font.getlength(row)) for row in rows), default=0) + TEXT
    top = 2 * TEXT
    page = Image.new("RGB", (left + tiled.shape[1], top + tiled.shape[0]), "white")
    page.paste(Image.fromarray(tiled), (left, top))
    draw = ImageDraw.Draw(page)
    height, width = (tiled.shape[0] + 1) / max(1, len(rows)), (tiled.shape[1] + 1) / len(columns)
    for i, row in enumerate(rows):
        draw.text((TEXT // 2, top + (i + 0.5) * height), row, "black", font, anchor="lm")
    for i, column in enumerate(columns):
        draw.text((left + (i + 0.5) * width, TEXT), column, "black", font, anchor="mm")
    return png(page)


def sheet(pictures: np.ndarray, columns: int = 0) -> np.ndarray:
    """(n, H, W, 3) uint8 -> one picture (height, width, 3) of tiles, `columns` wide (0: square)."""
    n, h, w, _ = pictures.shape
    columns = min(n, columns or math.ceil(math.sqrt(n)))
    rows = math.ceil(n / columns)
    zoom = max(1, round(TILE / max(h, w)))
    pictures = pictures.repeat(zoom, 1).repeat(zoom, 2)
    h, w = h * zoom + 1, w * zoom + 1
    page = np.full((rows * h - 1, columns * w - 1, 3), 255, np.uint8)
    for i, picture in enumerate(pictures):
        top, left = i // columns * h, i % columns * w
        page[top : top + h - 1, left : left + w - 1] = picture
    return page


def show_rows(groups: Groups, info: DataInfo, columns: int = 0) -> bytes:
    """Rows (n, columns) of each named group in the plane of the first two columns -> PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4, 4), layout="constrained")
    axes = figure.subplots()
    for name, rows in groups.items():
        second = rows[:, 1] if rows.shape[1] > 1 else np.zeros(len(rows))
        axes.plot(rows[:, 0], second, ".", markersize=3, alpha=0.5, label=name or None)
    names = [*info.columns, "column 1", "column 2"][: max(2, len(info.columns))]
    axes.set_xlabel(names[0], parse_math=False)  # a user's column may hold a dollar sign
    axes.set_ylabel(names[1], parse_math=False)
    if any(groups):
        axes.legend()
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=100)
    return out.getvalue()


def png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, format="PNG")
    return out.getvalue()
