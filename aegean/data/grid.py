"""Samples as one picture for a person: tiles for images, a scatter plot for rows."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from aegean.data.info import DataInfo

TILE = 48  # pixels that a small tile is enlarged to, about
TEXT = 13  # pixels that a line of text is high


def grid(raw: np.ndarray, info: DataInfo, columns: int = 0) -> bytes:
    """A PNG of raw samples (n, *shape): tiles row by row, `columns` wide (0: square); rows as a scatter plot."""
    return tiles(as_pictures(raw, info), columns) if info.is_image else scatter({"": raw}, info)


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


def scatter(groups: dict[str, np.ndarray], info: DataInfo) -> bytes:
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


def pairs(first: np.ndarray, second: np.ndarray, info: DataInfo) -> bytes:
    """Samples above what became of them -> PNG: two raw arrays (n, *shape), shown n / k at a time on double rows."""
    if not info.is_image:
        return scatter({"given": first, "reconstructed": second}, info)
    a, b = as_pictures(first, info), as_pictures(second, info)
    columns = min(len(a), 8)
    blank = np.full((-len(a) % columns, *a.shape[1:]), 255, np.uint8)
    a, b = np.concatenate((a, blank)), np.concatenate((b, blank))
    rows = [part for i in range(0, len(a), columns) for part in (a[i : i + columns], b[i : i + columns])]
    return tiles(np.concatenate(rows), columns)


def bands(groups: dict[str, np.ndarray], info: DataInfo) -> bytes:
    """Groups of equally many raw samples (n, *shape), one row of tiles each -> PNG; rows as one scatter plot."""
    if not info.is_image:
        return scatter(groups, info)
    pictures = [as_pictures(raw, info) for raw in groups.values()]
    return tiles(np.concatenate(pictures), len(pictures[0]))


def png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, format="PNG")
    return out.getvalue()
