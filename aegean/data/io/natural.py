"""Pictures in their own sizes, exactly as they are stored, for a codec."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from aegean.config import UserError
from aegean.data.info import DataInfo
from aegean.data.io.walk import Said, Taking, walk
from aegean.data.io.write import PICTURES
from aegean.data.read.decode import deep_values, transparent
from aegean.data.read.formats import Picture
from aegean.data.read.source import Source
from aegean.data.read.stored import remarks

Named = tuple[str, np.ndarray]
KEPT = ("turned", "in palette")  # conversions that change no pixel


def natural_pictures(
    inputs: Sequence[str],
    info: DataInfo,
    exact: bool,
    skip_bad: bool = False,
    expect: Callable[[int], Any] = lambda count: None,
) -> Iterator[Named]:
    """Pictures in their own sizes -> names and raw values (channels, H, W). Nothing is scaled or cropped.

    Channels are the model's, or one of a grey picture in a model for colours; names as in `walk`.

    inputs: picture files, folders and zips of them, or any data SPEC of pictures.
    info: of the model's data.
    exact: refuse pictures whose values would have to be converted.
    skip_bad: leave out what cannot be read, and say so.
    expect: told how many there are, before the first is read.

    UserError: what is refused.
    """
    yield from walk(inputs, Taking(partial(_values, info, exact), partial(_array, info)), skip_bad, expect)


def write_picture(values: np.ndarray, path: Path) -> None:
    """Raw values (channels, H, W) into path.png, or path.npy where no PNG holds them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if (str(values.dtype), len(values)) not in PICTURES:
        np.save(path.with_name(path.name + ".npy"), values, allow_pickle=False)
        return
    pixels = np.ascontiguousarray(values[0] if len(values) == 1 else values.transpose(1, 2, 0))
    Image.fromarray(pixels).save(path.with_name(path.name + ".png"))


def _array(info: DataInfo, values: np.ndarray, source: Source) -> np.ndarray:
    if (source.dtype, source.kind) != (info.dtype, info.kind):
        raise UserError(
            f"{source.origin} holds {source.dtype} of shape {source.shape}; this model takes images of {info.dtype}."
        )
    return values


def _values(info: DataInfo, exact: bool, picture: Picture, said: Said) -> np.ndarray:
    """A picture as raw values (1 or the model's channels, H, W)."""
    mode, channels = picture.image.mode, info.shape[0]
    if picture.deep is not (info.dtype == "uint16") or info.dtype not in ("uint8", "uint16"):
        raise UserError(f"it has {16 if picture.deep else 8} bits; this model compresses {info.dtype}.")
    if exact and picture.rounded:
        raise UserError(f"it has {picture.bits}-bit colours, of which 8 bits would be kept: save it with 8 bits.")
    if exact and picture.narrowed:
        raise UserError(f"it has {picture.channels} channels, of which {len(picture.image.getbands())} would be kept.")
    if exact and picture.blended:
        raise UserError("its colours are multiplied by its alpha, which is not undone exactly: save it as PNG.")
    if exact and picture.pages > 1:
        raise UserError(f"it has {picture.pages} pages or frames, of which one would be kept: save each as a file.")
    if exact and mode not in ("1", "L", "LA", "P", "PA", "RGB", "RGBA") and not picture.deep:
        raise UserError(f"its colours are {mode}, which no exact conversion makes RGB of; save it as RGB.")
    said.update(remark for remark in remarks(picture) if not remark.startswith(KEPT))
    image, grey = picture.upright(), picture.grey
    if picture.deep:
        values = deep_values(image)
        if transparent(image, values).any():
            raise UserError("it has transparency, which no 16-bit grey is compressed with: remove it.")
        return values[None]
    clear = image.has_transparency_data
    if clear and channels != 4:
        image = image.convert("RGBA")
        if image.getchannel("A").getextrema() != (255, 255):
            raise UserError(
                f"it has transparency, and this model {channels} channels: remove it, or train on 4 channels."
            )
        clear = False
        said["opaque everywhere: their alpha is left out"] += 1
    mode = "RGBA" if channels == 4 and not (grey and not clear) else "L" if grey else "RGB"
    values = np.atleast_3d(np.asarray(image.convert(mode))).transpose(2, 0, 1)
    if channels == 1 < len(values):
        if (values != values[:1]).any():
            raise UserError("it is in colour, and this model takes grey images.")
        return values[:1]  # grey, stored as colour
    return values
