"""What the bytes of an image file say that Pillow does not, or says otherwise: size, depth, orientation, pages."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import IO, Any

from PIL import Image

HEAD = 1 << 16  # bytes in which a depth is looked for
ORIENTATION = 0x0112  # EXIF
BITS, PHOTOMETRIC, WIDTH, HEIGHT, PLANAR, SAMPLE_FORMAT = 258, 262, 256, 257, 284, 339  # tags of TIFF
SUBFILE, DESCRIPTION, CHANNELS, DNG_VERSION = 254, 270, 277, 50706
SEPARATE, SIGNED, WHITE_IS_ZERO, REDUCED = 2, 2, 0, 1  # their values


def check_tiff(image: Any) -> None:
    """Refuse what Pillow claims to read, and reads as something else."""
    if DNG_VERSION in image.tag_v2 or tag(image, SUBFILE, 0) & REDUCED:
        raise ValueError("its first page is a thumbnail, as in raw photographs: save it as PNG or JPEG")
    bits, planes = _tiff_bits(image), tag(image, PLANAR, 1) == SEPARATE
    planes = planes and len(image.getbands()) > 1 and any(tile[0] == "raw" for tile in image.tile)
    if bits > 8 and planes:
        raise ValueError(f"its {bits}-bit colours lie in planes, uncompressed: save it compressed, or as PNG")
    if SIGNED in _tags(image, SAMPLE_FORMAT):
        raise ValueError("signed pixels have no known range: save them as .npy")
    if bits > 8 and tag(image, PHOTOMETRIC, 1) == WHITE_IS_ZERO:
        raise ValueError(f"its {bits}-bit grey counts from white: save it as one that counts from black")


def _tags(image: Any, tag: int) -> tuple:
    found = image.tag_v2.get(tag, ())
    return found if isinstance(found, tuple) else (found,)


def tag(image: Any, tag: int, otherwise: Any) -> Any:
    return next(iter(_tags(image, tag)), otherwise)


def _tiff_bits(image: Any) -> int:
    return max(_tags(image, BITS), default=1)


def stored_size(image: Image.Image) -> tuple[int, int]:
    """(height, width) as they are stored: from Pillow 11 on, `size` of a TIFF is that of the upright picture."""
    if image.format == "TIFF":
        return tag(image, HEIGHT, image.height), tag(image, WIDTH, image.width)
    return image.height, image.width


def orientation(image: Image.Image, file: IO[bytes]) -> int:
    """The orientation that EXIF tells."""
    if image.format == "PNG" and "exif" not in image.info and _is_late(file):
        image.load()  # Pillow reads what follows the pixels once it has decoded them
    return Image.Image.getexif(image).get(ORIENTATION, 1)  # PNG's own would decode every picture


def _is_late(file: IO[bytes]) -> bool:
    """Whether a PNG has its EXIF behind the pixels, as older versions of ExifTool wrote it."""
    with _from_start(file):
        place = 8
        while len(head := _at(file, place, 8)) == 8:
            if head[4:] == b"eXIf":
                return True
            place += 12 + int.from_bytes(head[:4], "big")
    return False


def pages_of(image: Any, file: IO[bytes]) -> int:
    """How many pictures a file holds, as far as its format tells."""
    if image.format == "TIFF":  # ImageJ describes a whole stack in its first page
        told = re.search(r"\Aimagej=.*^images=(\d{1,9})$", str(tag(image, DESCRIPTION, "")), re.M | re.S | re.I)
        return max(image.n_frames, int(told[1]) if told else 1)
    if image.format == "PPM" and image.tile[0].codec_name == "raw":  # Netpbm writes one behind the other
        rows = -(-image.width // 8) if image.mode == "1" else image.width * (2 if image.mode == "I" else 1)
        end = image.tile[0].offset + rows * image.height * len(image.getbands())
        with _from_start(file):
            return 2 if re.match(rb"P[1-6]\s", _at(file, end, 3)) else 1
    if image.format == "DDS":
        with _from_start(file):
            head = _at(file, 0, 148)
        faces, depth = head[113] & 2, head[114] & 0x20  # a cube, a volume
        layers = int.from_bytes(head[140:144], "little") if head[84:88] == b"DX10" else 1
        return max(6 if faces else 1, int.from_bytes(head[24:28], "little") if depth else 1, layers)
    return getattr(image, "n_frames", 1)


@contextlib.contextmanager
def _from_start(file: IO[bytes]) -> Iterator[None]:
    """Read elsewhere in a file that Pillow reads."""
    place = file.tell()
    yield
    file.seek(place)


def _at(file: IO[bytes], place: int, count: int) -> bytes:
    file.seek(place)
    return file.read(count)


def bits_of(image: Any, file: IO[bytes]) -> int:
    if image.format == "TIFF":
        return _tiff_bits(image)
    if image.format in ("JPEG2000", "AVIF", "HEIF"):
        return _boxed_bits(file)
    tile = str(getattr(image, "tile", ""))
    if image.format == "PPM" and "'ppm" in tile:
        return max(8, int(image.tile[0].args[1]).bit_length())
    return 16 if ";16" in tile or "SGI16" in tile or image.mode.startswith("I") else 8


def _boxed_bits(file: IO[bytes]) -> int:
    """The depth in a header of JPEG 2000, or of a file in boxes such as AVIF; 8 where none is found."""
    with _from_start(file):
        head = _at(file, 0, HEAD)
    if head.startswith(b"\xff\x4f\xff\x51"):  # a codestream alone: components of 3 bytes each
        count = int.from_bytes(head[40:42], "big")
        return max([(depth & 0x7F) + 1 for depth in head[42 : 42 + 3 * count : 3]] or [8])
    if (at := head.find(b"ihdr")) >= 0 and at + 15 < len(head):
        depth = head[at + 14]
        return (depth & 0x7F) + 1 if depth != 0xFF else 16  # 255: each channel its own
    at = head.find(b"pixi")
    return max(head[at + 9 : at + 9 + head[at + 8]], default=8) if 0 <= at < len(head) - 9 else 8
