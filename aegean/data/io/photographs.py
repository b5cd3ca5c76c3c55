"""People's pictures as a restorer takes and returns them: colours, and beside them all that must not be lost."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image, ImageOps

from aegean.config import UserError
from aegean.data.info import INTEGERS, DataInfo
from aegean.data.io.natural import KEPT
from aegean.data.io.origin import Origin, write_with
from aegean.data.io.png import deep_png
from aegean.data.io.walk import Said, Taking, walk
from aegean.data.kinds import kind_of
from aegean.data.read.decode import deep_values, transparent
from aegean.data.read.deep import joined, lower_bytes
from aegean.data.read.formats import Picture
from aegean.data.read.source import Source
from aegean.data.read.stored import remarks

if TYPE_CHECKING:
    from torch import Tensor

TYPES = ("uint8", "uint16")
ENDINGS = {"PNG": ".png", "TIFF": ".tif", "BMP": ".bmp"}  # formats that lose nothing: files keep them
OPTIONS = {".tif": {"compression": "tiff_adobe_deflate"}}
ORIENTATION, EXIF, GPS = 0x0112, 0x8769, 0x8825
TEXTS = (0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298)  # of a TIFF's tags: of what, made and owned by whom
LINE = 8  # pixels between before and after
CUBIC = Image.Resampling.BICUBIC


class Photograph(NamedTuple):
    """A picture, upright."""

    values: np.ndarray  # (1 or 3, H, W), uint8 or uint16
    alpha: np.ndarray | None = None  # (H, W), of the same type
    beside: dict[str, Any] = {}  # what is written with it: its colour profile, EXIF and resolution
    ending: str = ".png"  # of the file that it becomes

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.values.shape[1], self.values.shape[2]


def photographs(
    inputs: Sequence[str], skip_bad: bool = False, expect: Callable[[int], Any] = lambda count: None
) -> Iterator[tuple[str, Photograph]]:
    """Pictures with their names; the parameters are those of `walk`. What is lost of one is said."""
    yield from walk(inputs, Taking(photograph, _of_array), skip_bad, expect)


def photograph(picture: Picture, said: Said) -> Photograph:
    """A picture that lies in a file."""
    lower = lower_bytes(picture)
    kept = (*KEPT, "in 16-bit colour") if lower else KEPT
    said.update(remark for remark in remarks(picture) if not remark.startswith(kept))
    image = picture.upright()
    beside = _beside(picture, image, said)
    clear, colours = image.has_transparency_data, "L" if picture.grey else "RGB"
    if lower:
        both = joined(image, ImageOps.exif_transpose(lower) if picture.turned else lower)
        values, alpha = both[:3], both[3] if len(both) > 3 else None
    elif picture.deep:
        values, alpha = deep_values(image)[None], None
        if transparent(image, values[0]).any():
            said["of 16 bits with transparency, which is left out"] += 1
    else:
        mode = f"{colours}A" if clear else colours
        pixels = np.atleast_3d(np.asarray(image if image.mode == mode else image.convert(mode))).transpose(2, 0, 1)
        values, alpha = pixels[: len(colours)], pixels[-1] if clear else None
    ending = ".png" if lower else ENDINGS.get(picture.image.format or "", ".png")
    if ending == ".bmp" and (alpha is not None or picture.deep or beside.keys() - {"dpi"}):
        ending = ".png"
    if ending == ".png" and picture.image.format != "PNG":
        said[f"in {picture.image.format}: written as PNG, which loses nothing"] += 1
    return Photograph(values, alpha, beside, ending)


def _beside(picture: Picture, image: Image.Image, said: Said) -> dict[str, Any]:
    """What is written with the upright image of a picture."""
    beside: dict[str, Any] = {}
    if profile := image.info.get("icc_profile"):
        if picture.image.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
            said["of a colour profile that does not fit RGB: it is left out"] += 1
        else:
            beside["icc_profile"] = profile
    try:
        if exif := _of_tiff(picture.image) if picture.image.format == "TIFF" else image.getexif():
            beside["exif"] = exif.tobytes()
    except Exception:  # Pillow reads damaged tags that it cannot write
        said["of damaged EXIF, which is left out"] += 1
    dpi = image.info.get("dpi")
    if isinstance(dpi, tuple) and len(dpi) == 2 and all(0 < float(d) < 1e5 for d in dpi):
        beside["dpi"] = tuple(map(float, dpi))
    return beside


def _of_tiff(image: Image.Image) -> Image.Exif:
    """The EXIF of a TIFF, without the tags that say how its pixels are stored."""
    found, exif = image.getexif(), Image.Exif()
    exif.update({tag: found[tag] for tag in TEXTS if tag in found})
    for part in (EXIF, GPS):
        if inner := found.get_ifd(part):
            exif.get_ifd(part).update(inner)
    return exif


def _of_array(values: np.ndarray, source: Source) -> Photograph:
    if source.dtype not in TYPES or not kind_of(source).tiles or len(values) not in (1, 3, 4):
        raise UserError(
            f"{source.origin} holds {source.dtype} of shape {source.shape}; images of 8 or 16 bits with 1, 3 or 4 "
            "channels are restored."
        )
    if len(values) < 4:
        return Photograph(values)
    return Photograph(values[:3], values[3])


def write_photograph(photo: Photograph, path: Path, origin: Origin | None = None) -> None:
    """Into a file of this name and the photograph's ending, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values, alpha, file = photo.values, photo.alpha, io.BytesIO()
    planes, target = [*values, *([] if alpha is None else [alpha])], path.with_name(path.name + photo.ending)
    if values.dtype == np.uint16 and len(planes) > 1:
        write_with(target.with_suffix(".png"), deep_png(np.stack(planes), photo.beside), origin)
        return
    image = Image.fromarray(np.ascontiguousarray(planes[0] if len(planes) == 1 else np.stack(planes, 2)))
    image.save(file, Image.registered_extensions()[photo.ending], **photo.beside, **OPTIONS.get(photo.ending, {}))
    write_with(target, file.getvalue(), origin)


def enlarged(plane: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A plane (H, W) in another size (height, width), by the cubic filter; it keeps its number type."""
    if plane.shape == size:
        return plane
    values = np.asarray(Image.fromarray(plane.astype(np.float32)).resize(size[::-1], CUBIC))
    return values.round().clip(0, np.iinfo(plane.dtype).max).astype(plane.dtype)


def with_channels(values: np.ndarray, channels: int) -> np.ndarray:
    """Grey (1, H, W) as colours, or colours (3, H, W) as grey (ITU-R BT.601). UserError: other numbers of channels."""
    if len(values) == channels:
        return values
    if {len(values), channels} != {1, 3}:
        raise UserError(f"An image of {len(values)} channels for a model of {channels}; expected 1 or 3.")
    if channels == 3:
        return np.repeat(values, 3, 0)
    grey = np.tensordot((0.299, 0.587, 0.114), values.astype(np.float64), 1)
    return grey.round().astype(values.dtype)[None]


def side_by_side(before: Photograph, after: Photograph) -> Photograph:
    """Before, as large as after, and after; 8 bits, between them a white line."""
    shift = 8 if after.values.dtype == np.uint16 else 0

    def beside(left: np.ndarray, right: np.ndarray) -> np.ndarray:
        line = np.full((right.shape[0], LINE), np.iinfo(right.dtype).max, right.dtype)
        return np.concatenate((enlarged(left, right.shape), line, right), 1)

    values = np.stack([beside(*planes) for planes in zip(before.values, after.values)])
    alpha = None
    if before.alpha is not None and after.alpha is not None:
        alpha = beside(before.alpha, after.alpha)
        alpha = (alpha >> shift).astype(np.uint8)
    profile = {name: value for name, value in after.beside.items() if name == "icc_profile"}
    return Photograph((values >> shift).astype(np.uint8), alpha, profile)


def normaliser(
    info: DataInfo, dtype: np.dtype
) -> tuple[Callable[[np.ndarray], Tensor], Callable[[Tensor], np.ndarray]]:
    """Raw values of 8 or 16 bits -> a model's values, and back, rounded and clipped. Black and white are the model's
    own, whatever its number of bits."""
    import torch

    most = int(np.iinfo(dtype).max)
    share = most / INTEGERS[info.dtype] if info.dtype in INTEGERS else most / (2 * info.scale[0])
    offset = info.offset[0] * share if info.dtype in INTEGERS else most / 2
    scale = info.scale[0] * share

    def normalise(raw: np.ndarray) -> Tensor:
        return (torch.from_numpy(raw.astype(np.float32)) - offset) / scale

    def back(x: Tensor) -> np.ndarray:
        return (x.detach().double().cpu() * scale + offset).round().clamp(0, most).numpy().astype(dtype)

    return normalise, back
