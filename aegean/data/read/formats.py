"""Files of pictures that a stranger may have written: which formats are read, and what their own headers say."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import IO, Any, NamedTuple

from PIL import Image, ImageOps

FORMATS = (  # none that runs a program
    *("PNG", "JPEG", "MPO", "WEBP", "AVIF", "HEIF", "TIFF", "GIF", "BMP", "DIB", "PPM", "TGA", "JPEG2000", "QOI"),
    *("PCX", "SGI", "DDS"),
)
PIXEL_LIMIT = 200_000_000
FRAME_LIMIT = 25_000_000  # pixels of an animation, of which decoders hold several frames at once
ANIMATED = ("WEBP", "AVIF", "GIF", "PNG")
Image.MAX_IMAGE_PIXELS = PIXEL_LIMIT  # refused here by the header, before anything is decoded
HEAD = 1 << 16  # bytes in which a depth is looked for
ORIENTATION = 0x0112  # EXIF
BITS, PHOTOMETRIC, WIDTH, HEIGHT, PLANAR, SAMPLE_FORMAT = 258, 262, 256, 257, 284, 339  # tags of TIFF
SUBFILE, DNG_VERSION = 254, 50706
SEPARATE, SIGNED, WHITE_IS_ZERO, REDUCED = 2, 2, 0, 1  # their values
UNREAD = {  # brands of files in boxes: their format, and what such a file is where no library reads it
    **dict.fromkeys((b"avif", b"avis"), ("AVIF", "an AVIF picture, which needs pip install -U pillow")),
    **dict.fromkeys(
        (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"),
        ("HEIF", "a HEIC photograph, which needs pip install 'aegean[heic]'"),
    ),
}
OTHERS = (  # first bytes, from a place on, and what such a file is
    (4, b"ftypM4A", "a sound"),
    (4, b"ftyp", "a video"),  # MP4, QuickTime, 3GP
    (4, b"moov", "a video"),
    (4, b"mdat", "a video"),
    (0, b"\x1a\x45\xdf\xa3", "a video"),  # Matroska, WebM
    (8, b"AVI ", "a video"),
    (0, b"\0\0\x01\xba", "a video"),  # MPEG
    (0, b"\0\0\x01\xb3", "a video"),
    (0, b"FLV\x01", "a video"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a video or a sound"),  # ASF
    (8, b"WAVE", "a sound"),
    (0, b"ID3", "a sound"),
    (0, b"OggS", "a sound or a video"),
    (0, b"fLaC", "a sound"),
    (0, b"%PDF", "a PDF"),
    (0, b"%!PS", "a PostScript drawing"),
    (0, b"\x93NUMPY", "a NumPy array, to be given alone"),
    (0, b"PK\x03\x04", "a zip, to be unpacked or given alone"),
    (0, b"8BPS", "a Photoshop file, to be saved as PNG"),
    (0, b"<svg", "an SVG drawing, to be saved as PNG"),
)


class Picture(NamedTuple):
    """An open picture, and what its header says."""

    image: Image.Image  # not decoded yet
    size: tuple[int, int]  # height, width, upright
    turned: bool  # not stored upright
    bits: int  # of a channel, as they are stored
    pages: int  # or frames

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

    def upright(self) -> Image.Image:
        """The picture, decoded."""
        return ImageOps.exif_transpose(self.image)


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
    return frozenset(ending for ending, name in Image.registered_extensions().items() if name in formats())


@contextlib.contextmanager
def open_picture(file: IO[bytes]) -> Iterator[Picture]:
    """A picture whose header can be believed. ValueError and whatever Pillow raises: `reason_of` says why not."""
    try:
        image = Image.open(file, formats=formats())
    except Exception:
        file.seek(0)
        if other := what_else(file.read(32)):
            raise ValueError(other) from None
        raise
    with image:
        _check(image)
        # PNG's own getexif would decode the picture
        turn = Image.Image.getexif(image).get(ORIENTATION, 1)
        size = _stored_size(image)
        bits, pages = _bits(image, file), getattr(image, "n_frames", 1)
        if pages > 1 and image.format in ANIMATED and size[0] * size[1] > FRAME_LIMIT:
            raise ValueError(f"an animation of more than {FRAME_LIMIT // 1_000_000} megapixels")
        yield Picture(image, size[::-1] if turn in (5, 6, 7, 8) else size, turn in range(2, 9), bits, pages)


def what_else(head: bytes) -> str:
    """What a file that is no picture is, by its first bytes; "": unknown."""
    if head[4:8] == b"ftyp" and head[8:12] in UNREAD:
        format, name = UNREAD[head[8:12]]
        return "" if format in formats() else name
    return next((name for place, mark, name in OTHERS if head[place:].startswith(mark)), "")


def reason_of(error: Exception) -> str:
    """Why a picture cannot be read, in words."""
    if isinstance(error, Image.UnidentifiedImageError):
        return "no known picture format"
    if isinstance(error, (Image.DecompressionBombError, Image.DecompressionBombWarning)):
        return f"more than {PIXEL_LIMIT // 1_000_000} megapixels"
    return error.strerror or str(error) if isinstance(error, OSError) else str(error) or type(error).__name__


def _check(image: Image.Image) -> None:
    if image.width * image.height > PIXEL_LIMIT:
        raise ValueError(f"more than {PIXEL_LIMIT // 1_000_000} megapixels")
    if image.mode == "F" or (image.mode == "I" and image.format not in ("PNG", "PPM")):
        raise ValueError("32-bit pixels have no known range: save them as .npy")
    if image.format == "TIFF":
        _check_tiff(image)


def _check_tiff(image: Any) -> None:
    """Refuse what Pillow claims to read, and reads as something else."""
    if DNG_VERSION in image.tag_v2 or _tag(image, SUBFILE, 0) & REDUCED:
        raise ValueError("its first page is a thumbnail, as in raw photographs: save it as PNG or JPEG")
    bits, planes = _tiff_bits(image), _tag(image, PLANAR, 1) == SEPARATE
    planes = planes and len(image.getbands()) > 1 and any(tile[0] == "raw" for tile in image.tile)
    if bits > 8 and planes:
        raise ValueError(f"its {bits}-bit colours lie in planes, uncompressed: save it compressed, or as PNG")
    if SIGNED in _tags(image, SAMPLE_FORMAT):
        raise ValueError("signed pixels have no known range: save them as .npy")
    if bits > 8 and _tag(image, PHOTOMETRIC, 1) == WHITE_IS_ZERO:
        raise ValueError(f"its {bits}-bit grey counts from white: save it as one that counts from black")


def _tags(image: Any, tag: int) -> tuple:
    found = image.tag_v2.get(tag, ())
    return found if isinstance(found, tuple) else (found,)


def _tag(image: Any, tag: int, otherwise: int) -> int:
    return next(iter(_tags(image, tag)), otherwise)


def _tiff_bits(image: Any) -> int:
    return max(_tags(image, BITS), default=1)


def _stored_size(image: Image.Image) -> tuple[int, int]:
    """(height, width) as they are stored: from Pillow 11 on, `size` of a TIFF is that of the upright picture."""
    if image.format == "TIFF":
        return _tag(image, HEIGHT, image.height), _tag(image, WIDTH, image.width)
    return image.height, image.width


def _bits(image: Any, file: IO[bytes]) -> int:
    if image.format == "TIFF":
        return _tiff_bits(image)
    if image.format in ("JPEG2000", "AVIF", "HEIF"):
        return _boxed_bits(file)
    tile = str(getattr(image, "tile", ""))
    if image.format == "PPM" and "'ppm" in tile:
        return max(8, int(image.tile[0].args[1]).bit_length())
    return 16 if ";16" in tile or image.mode.startswith("I") else 8


def _boxed_bits(file: IO[bytes]) -> int:
    """The depth in a header of JPEG 2000, or of a file in boxes such as AVIF; 8 where none is found."""
    place = file.tell()
    file.seek(0)
    head = file.read(HEAD)
    file.seek(place)
    if head.startswith(b"\xff\x4f\xff\x51"):  # a codestream alone: components of 3 bytes each
        count = int.from_bytes(head[40:42], "big")
        return max([(depth & 0x7F) + 1 for depth in head[42 : 42 + 3 * count : 3]] or [8])
    if (at := head.find(b"ihdr")) >= 0 and at + 15 < len(head):
        depth = head[at + 14]
        return (depth & 0x7F) + 1 if depth != 0xFF else 16  # 255: each channel its own
    at = head.find(b"pixi")
    return max(head[at + 9 : at + 9 + head[at + 8]], default=8) if 0 <= at < len(head) - 9 else 8
