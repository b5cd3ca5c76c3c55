"""How samples of each kind of data are drawn on the page: one row a kind."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from markupsafe import Markup, escape
from PIL import Image

from aegean.data.info import DataInfo
from aegean.data.io.hearing import as_spectrograms, wav_bytes
from aegean.data.io.show import as_pictures, tiles
from aegean.data.io.texts import texts
from aegean.data.kinds import row_of
from aegean.report.columns import distributions, lengths
from aegean.report.curves import clouds

LARGEST = 256  # pixels of a tile; larger pictures are scaled down
SHEET = 512  # pixels that a sheet of samples is wide, about
POINTS = 500  # rows in a scatter plot
ROWS = 2_000  # whose columns are drawn
STRIP = 12  # pictures beside each other in a strip
LINES = 24  # texts in a sheet
LENGTHS = 500  # texts whose lengths are counted
PLAYERS = 12  # sounds in a sheet or a strip: each is a file in the page


class Drawing(NamedTuple):
    """Samples to be drawn."""

    raw: np.ndarray  # (n, *shape), raw values
    real: np.ndarray  # held-out samples, for kinds that draw them behind
    info: DataInfo
    row: int  # of the table, which has a colour; -1: real data
    words: str  # what they are, for those who cannot see them


class Kind(NamedTuple):
    """What the page knows of a kind."""

    count: Callable[[DataInfo], int]  # samples of each model, and held-out ones
    pairs: int  # of the held-out ones that are reconstructed, at most
    bases: int  # samples whose levels are redrawn,
    draws: int  # and how often each
    held_out: Callable[[Drawing], Markup]  # real data alone
    sheet: Callable[[Drawing], Markup]  # many samples
    strip: Callable[[Drawing], Markup]  # some samples in one row: reconstructions, redrawn levels
    overlaid: bool  # held-out samples are drawn behind the others, so they need no strip of their own


def columns(info: DataInfo) -> int:
    """Pictures beside each other in a sheet."""
    return max(3, min(8, SHEET // max(info.shape[1:])))


def picture_sheet(drawing: Drawing) -> Markup:
    return tiled(drawing, columns(drawing.info))


def picture_strip(drawing: Drawing) -> Markup:
    return tiled(drawing, STRIP)


def two_blocks(drawing: Drawing) -> Markup:
    """Two blocks of two rows: beside each other, or on a phone one above the other."""
    half = 2 * columns(drawing.info)
    blocks = (drawing.raw[:half], drawing.raw[half : 2 * half])
    return Markup().join(picture_sheet(drawing._replace(raw=block)) for block in blocks if len(block))


def tiled(drawing: Drawing, wide: int) -> Markup:
    """Raw pictures as tiles, so many beside each other."""
    pictures = shrunk(as_pictures(drawing.raw, drawing.info))
    return image(tiles(pictures, wide), drawing.words)


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


def played(drawing: Drawing) -> Markup:
    """Sounds as players, the spectrogram of each above its own."""
    sounds = [player(clip, drawing.info, f"{drawing.words}, {n}") for n, clip in enumerate(drawing.raw[:PLAYERS], 1)]
    return Markup('<div style="display:flex;flex-wrap:wrap;gap:8px">{}</div>').format(Markup().join(sounds))


def player(clip: np.ndarray, info: DataInfo, words: str) -> Markup:
    """One raw sound (channels, length): a spectrogram and a player that holds its own data."""
    picture = image(tiles(as_spectrograms(clip[None], info)), words)
    data = base64.b64encode(wav_bytes(clip[None], info)).decode()
    return Markup(
        '<figure style="margin:0;width:160px">{}<audio controls preload="none" style="width:100%;height:28px" '
        'src="data:audio/wav;base64,{}"></audio></figure>'
    ).format(picture, data)


def listed(drawing: Drawing) -> Markup:
    """Texts as a numbered list, so that the same numbers can be compared; a browser has the letters of any script."""
    rows = Markup().join(
        Markup("<li>{}</li>").format(text or "(empty)") for text in texts(drawing.raw[:LINES], drawing.info)
    )
    return Markup('<ol aria-label="{}" style="margin:0;padding-left:2.5em;white-space:pre-wrap">{}</ol>').format(
        drawing.words, rows
    )


def written(drawing: Drawing) -> Markup:
    """Some texts, and how long all of them are."""
    made = None if drawing.row < 0 else drawing.raw
    return listed(drawing) + lengths(drawing.real, made, drawing.row, f"{drawing.words}: tokens in a text")


def cloud(drawing: Drawing) -> Markup:
    """Raw rows as points, held-out ones faint behind them; of described columns the shares in those that are least
    alike; real data alone where they are what is drawn."""
    made = None if drawing.row < 0 else drawing.raw
    if drawing.info.table:
        return distributions(drawing.real, made, drawing.row, drawing.info, drawing.words)
    return clouds(drawing.real, made, drawing.row, drawing.info, drawing.words)


KINDS: dict[str, Kind] = {
    "image": Kind(
        count=lambda info: columns(info) ** 2,
        pairs=STRIP,
        bases=2,
        draws=STRIP,
        held_out=two_blocks,
        sheet=picture_sheet,
        strip=picture_strip,
        overlaid=False,
    ),
    "audio": Kind(
        count=lambda info: PLAYERS,
        pairs=PLAYERS // 2,
        bases=2,
        draws=PLAYERS // 2,
        held_out=played,
        sheet=played,
        strip=played,
        overlaid=False,
    ),
    "text": Kind(
        count=lambda info: LENGTHS,
        pairs=PLAYERS,
        bases=2,
        draws=PLAYERS // 2,
        held_out=written,
        sheet=written,
        strip=listed,
        overlaid=False,
    ),
    "table": Kind(
        count=lambda info: ROWS if info.table else POINTS,
        pairs=POINTS,
        bases=1,
        draws=200,
        held_out=cloud,
        sheet=cloud,
        strip=cloud,
        overlaid=True,
    ),
}


def kind_of(info: DataInfo) -> Kind:
    """What the page knows of a data set's kind. UserError: nothing."""
    return row_of(KINDS, info)
