"""People's pictures as a restorer takes and returns them: colours, and beside them all that must not be lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image

from aegean.config import UserError
from aegean.data.info import INTEGERS, DataInfo
from aegean.data.io.natural import KEPT
from aegean.data.io.walk import Said, Taking, picture_at, plain, walk
from aegean.data.kinds import kind_of
from aegean.data.read.decode import deep_values, transparent
from aegean.data.read.files import Files
from aegean.data.read.formats import Picture
from aegean.data.read.pictures import PictureFiles
from aegean.data.read.source import Source
from aegean.data.read.stored import remarks
from aegean.surface import option

if TYPE_CHECKING:
    from torch import Tensor

TYPES = ("uint8", "uint16")
LINE = 8  # pixels between before and after
CUBIC = Image.Resampling.BICUBIC


class Photograph(NamedTuple):
    """A picture, upright."""

    values: np.ndarray  # (1 or 3, H, W), uint8 or uint16
    alpha: np.ndarray | None = None  # (H, W) uint8
    beside: dict[str, Any] = {}  # what is written with it: its colour profile, its EXIF

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
    said.update(remark for remark in remarks(picture) if not remark.startswith(KEPT))
    mode, image = picture.image.mode, picture.upright()
    beside: dict[str, Any] = {}
    if profile := image.info.get("icc_profile"):
        if mode in ("CMYK", "YCbCr", "LAB", "HSV"):
            said["of a colour profile that does not fit RGB: it is left out"] += 1
        else:
            beside["icc_profile"] = profile
    if exif := image.getexif():
        beside["exif"] = exif.tobytes()
    if picture.deep:
        values = deep_values(image)
        if transparent(image, values).any():
            said["of 16 bits with transparency, which is left out"] += 1
        return Photograph(values[None], None, beside)
    colours = "L" if picture.grey else "RGB"
    clear = image.has_transparency_data
    pixels = np.atleast_3d(np.asarray(image.convert(f"{colours}A" if clear else colours))).transpose(2, 0, 1)
    return Photograph(pixels[: len(colours)], pixels[-1] if clear else None, beside)


def _of_array(values: np.ndarray, source: Source) -> Photograph:
    if source.dtype not in TYPES or not kind_of(source).tiles or len(values) not in (1, 3, 4):
        raise UserError(
            f"{source.origin} holds {source.dtype} of shape {source.shape}; images of 8 or 16 bits with 1, 3 or 4 "
            "channels are restored."
        )
    if len(values) < 4:
        return Photograph(values)
    return Photograph(values[:3], (values[3] >> (8 if source.dtype == "uint16" else 0)).astype(np.uint8))


def write_photograph(photo: Photograph, path: Path) -> None:
    """Into path.png; of 16-bit colours, which no PNG of ours holds, into path.npy."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values, alpha = photo.values, photo.alpha
    if values.dtype == np.uint16 and (len(values) > 1 or alpha is not None):
        np.save(path.with_name(path.name + ".npy"), values, allow_pickle=False)
        return
    planes = [*values, *([] if alpha is None else [alpha])]
    pixels = planes[0] if len(planes) == 1 else np.stack(planes, 2)
    Image.fromarray(np.ascontiguousarray(pixels)).save(path.with_name(path.name + ".png"), **photo.beside)


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
    deep = after.values.dtype == np.uint16
    given = np.stack([enlarged(plane, after.size) for plane in before.values])
    line = np.full((len(given), after.size[0], LINE), np.iinfo(given.dtype).max, given.dtype)
    values = np.concatenate((given, line, after.values), 2)
    return Photograph((values >> 8).astype(np.uint8) if deep else values)


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
        photo = picture_at(self.store, self.store.places[row], photograph)
        if (photo.values != photo.values[:1]).any():
            where = self.store.name(self.store.places[row])
            raise UserError(f"{where} is in colour; a mask ({option('mask')}) is grey: 255 in holes, 0 elsewhere.")
        return photo.values[0] > np.iinfo(photo.values.dtype).max // 2
