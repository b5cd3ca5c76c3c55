"""Files of pictures that a stranger may have written: which formats are read, and what their own headers say."""

from __future__ import annotations

import contextlib
import functools
import re
import warnings
from collections.abc import Iterator
from typing import IO, NamedTuple

from PIL import Image, ImageOps

from aegean.data.read.headers import CHANNELS, bits_of, check_tiff, orientation, pages_of, stored_size, tag
from aegean.data.read.unread import LONGEST, what_else

FORMATS = (  # none that runs a program
    *("PNG", "JPEG", "MPO", "WEBP", "AVIF", "HEIF", "TIFF", "GIF", "BMP", "DIB", "PPM", "TGA", "JPEG2000", "QOI"),
    *("PCX", "SGI", "DDS"),
)
PIXEL_LIMIT = 200_000_000
FRAME_LIMIT = 25_000_000  # pixels of an animation, of which decoders hold several frames at once
ANIMATED = ("WEBP", "AVIF", "GIF", "PNG")
Image.MAX_IMAGE_PIXELS = PIXEL_LIMIT  # refused here by the header, before anything is decoded
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


class Picture(NamedTuple):
    """An open picture, and what its header says."""

    image: Image.Image  # not decoded yet
    size: tuple[int, int]  # height, width, upright
    turned: bool  # not stored upright
    bits: int  # of a channel, as they are stored
    channels: int  # as they are stored
    pages: int  # or frames

    @property
    def tile(self) -> str:
        """How it is decoded, in Pillow's words."""
        return str(getattr(self.image, "tile", ""))

    @property
    def deep(self) -> bool:
        """Whether it is decoded to 16-bit grey."""
        return self.image.mode.startswith("I")

    @property
    def grey(self) -> bool:
        return self.deep or self.image.mode in ("1", "L", "LA", "La")

    @property
    def clear(self) -> bool:
        """Whether it can have transparent places."""
        return self.image.has_transparency_data

    @property
    def rounded(self) -> bool:
        """Whether it has more bits than are decoded."""
        return self.bits > 8 and not self.deep

    @property
    def narrowed(self) -> bool:
        """Whether it has more channels than are decoded, such as infrared beside colours."""
        return self.channels > len(self.image.getbands())

    @property
    def blended(self) -> bool:
        """Whether its colours are stored multiplied by their alpha, which no exact conversion takes back."""
        return re.search(r"'(RGBa|La)\b", self.tile) is not None

    @property
    def top(self) -> int:
        """The greatest value that its own format knows, where what is decoded knows another; 0: the same."""
        deepest = 65535 if self.deep else 255
        if self.rounded:
            return 0
        if self.image.format == "PPM" and "'ppm" in self.tile:
            top = int(self.image.tile[0].args[1])  # type: ignore[attr-defined]
        else:
            top = (1 << self.bits) - 1 if self.image.format == "JPEG2000" else deepest
        return top if top != deepest else 0

    def upright(self) -> Image.Image:
        """The picture, upright; a copy only where it is turned."""
        return ImageOps.exif_transpose(self.image) if self.turned else self.image


@functools.cache
def formats() -> tuple[str, ...]:
    """The formats that the installed libraries read."""
    with contextlib.suppress(ImportError):
        from pillow_heif import register_heif_opener

        register_heif_opener()
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


@functools.cache
def endings() -> frozenset[str]:
    """Their files' endings: ".png"."""
    known = formats()
    return frozenset(ending for ending, name in Image.registered_extensions().items() if name in known)


@contextlib.contextmanager
def open_picture(file: IO[bytes]) -> Iterator[Picture]:
    """A picture whose header can be believed. ValueError and whatever Pillow raises: `reason_of` says why not."""
    try:
        image = Image.open(file, formats=formats())
    except Exception:
        file.seek(0)
        if other := what_else(file.read(LONGEST), formats()):
            raise ValueError(other) from None
        raise
    with image:
        _check(image)
        size, channels = stored_size(image), len(image.getbands())
        bits, pages = bits_of(image, file), pages_of(image, file)
        turn = orientation(image, file)  # may decode it
        if image.format == "TIFF":
            channels = max(channels, tag(image, CHANNELS, 1))
        if pages > 1 and image.format in ANIMATED and size[0] * size[1] > FRAME_LIMIT:
            raise ValueError(f"an animation of more than {FRAME_LIMIT // 1_000_000} megapixels")
        size = size[::-1] if turn in (5, 6, 7, 8) else size
        yield Picture(image, size, turn in range(2, 9), bits, channels, pages)


def reason_of(error: Exception) -> str:
    """Why a picture cannot be read, in words."""
    if isinstance(error, Image.UnidentifiedImageError):
        return "no known image format"
    if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
        return f"more than {PIXEL_LIMIT // 1_000_000} megapixels"
    return error.strerror or str(error) if isinstance(error, OSError) else str(error) or type(error).__name__


def _check(image: Image.Image) -> None:
    if image.width * image.height > PIXEL_LIMIT:
        raise ValueError(f"more than {PIXEL_LIMIT // 1_000_000} megapixels")
    if image.mode == "F" or (image.mode == "I" and image.format not in ("PNG", "PPM")):
        raise ValueError("32-bit pixels have no known range: save them as .npy")
    if image.format == "TIFF":
        check_tiff(image)
