"""Pictures in their own sizes, exactly as they are stored, one after another."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from aegean.codec.container import NAME_LIMIT, is_name
from aegean.config import UserError
from aegean.data.address import Address, Local, address
from aegean.data.info import DataInfo
from aegean.data.io.write import PICTURES
from aegean.data.kinds import PICTURES as PICTURE_READER
from aegean.data.read.decode import deep_values, transparent, unreadable
from aegean.data.read.formats import Picture, endings, open_picture, reason_of
from aegean.data.read.lazy import LazyPictures
from aegean.data.read.pictures import PictureFiles
from aegean.data.read.source import Store, Want
from aegean.data.read.stored import be, remarks, say_left_out
from aegean.surface import muted, noted, option, say

Named = tuple[str, np.ndarray]
PART_LIMIT = 240  # bytes of a folder's or file's name: 255 less an ending and a number
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}  # of Windows
KEPT = ("turned", "in palette")  # conversions that change no pixel


def natural_pictures(
    inputs: Sequence[str],
    info: DataInfo,
    exact: bool,
    skip_bad: bool = False,
    expect: Callable[[int], Any] = lambda count: None,
) -> Iterator[Named]:
    """Pictures in their own sizes -> names and raw values (channels, H, W). Nothing is scaled or cropped.

    Channels are the model's, or one of a grey picture in a model for colours. A name is the file's, below the folder
    that was given and without its ending; all are different.

    inputs: picture files, folders and zips of them, or any data SPEC of pictures.
    info: of the model's data.
    exact: refuse pictures whose values would have to be converted.
    skip_bad: leave out what cannot be read, and say so.
    expect: told how many there are, before the first is read.

    UserError: what is refused.
    """
    taken, parts = set[str](), []
    for spec in inputs:
        place = address(spec)
        if isinstance(place, Local) and place.reader is PICTURE_READER:
            store = PictureFiles(place.files)
            encoded = _decoded(store, store.places, store.names, place.files.path.name, info, exact, skip_bad)
            parts.append((len(store.names), encoded))
        else:
            parts.append(_samples(place, info, exact, skip_bad))
    expect(sum(count for count, _ in parts))
    for _, found in parts:
        for name, values in found:
            yield _different(_plain(name), taken), values


def file_name(name: str, taken: set[str]) -> str:
    """A picture's name as that of a file without ending, on every system; different from those that are `taken`."""
    return _different("/".join(map(_portable, name.split("/"))), taken)


def write_picture(values: np.ndarray, path: Path) -> None:
    """Raw values (channels, H, W) into path.png, or path.npy where no PNG holds them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if (str(values.dtype), len(values)) not in PICTURES:
        np.save(path.with_name(path.name + ".npy"), values, allow_pickle=False)
        return
    pixels = np.ascontiguousarray(values[0] if len(values) == 1 else values.transpose(1, 2, 0))
    Image.fromarray(pixels).save(path.with_name(path.name + ".png"))


def _samples(place: Address, info: DataInfo, exact: bool, skip_bad: bool) -> tuple[int, Iterator[Named]]:
    """How many there are, and the pictures, of data in which they are no files: encoded ones are decoded as files are,
    others have one shape."""
    with muted(), noted() as notes:  # what happens to them on the way to one shape does not happen here
        source = place.source(Want(skip_bad=skip_bad, ranged=True))
    parts = [part for part in (source.train, source.test) if part]
    if all(isinstance(part.lazy, LazyPictures) for part in parts):
        for note in notes:
            if "left out" in note:
                say(note)
        lazy: Any = [(part.lazy, part.names) for part in parts]
        stored = (_decoded(p.store, p.places, names, source.name, info, exact, skip_bad) for p, names in lazy)
        return sum(part.count for part in parts), chain.from_iterable(stored)
    if (source.dtype, source.kind) != (info.dtype, info.kind):
        raise UserError(
            f"{source.origin} holds {source.dtype} of shape {source.shape}; this model takes images of {info.dtype}."
        )
    each = (values for part in parts for block in part.blocks() for values in np.asarray(block, source.dtype))
    named = ((f"{source.name}-{number:06d}", values) for number, values in enumerate(each))
    return sum(part.count for part in parts), named


def _decoded(
    store: Store,
    places: np.ndarray,
    names: Sequence[str],
    origin: str,
    info: DataInfo,
    exact: bool,
    skip_bad: bool,
) -> Iterator[Named]:
    """The images at some places of a store, decoded one after another.

    store, places: where they lie; (n, k) int64.
    names: of each, relative; "" of a file that was given alone.
    origin: what to call all.
    info, exact, skip_bad: as for `natural_pictures`.
    """
    said, bad = Counter[str](), list[tuple[str, str]]()
    for place, name in zip(places, (name or origin for name in names)):
        try:
            with open_picture(io.BytesIO(store.read(place))) as picture:
                found = _values(picture, said, info, exact)
        except Exception as error:  # Pillow's readers raise many kinds for damaged files
            reason = reason_of(error).rstrip(".")
            if skip_bad:
                bad.append((name, reason))
                continue
            if isinstance(error, UserError):
                reason = f"{store.name(place)}: {reason} ({option('skip_bad')} leaves such images out)."
                raise UserError(reason) from None
            raise UserError(unreadable(store.name(place), reason)) from None
        yield name, found
    if bad:
        say_left_out(origin, len(names), bad)
    for remark, count in said.items():
        say(f"{origin}: {count} of {len(names)} images {be(count)} {remark}")


def _values(picture: Picture, said: Counter[str], info: DataInfo, exact: bool) -> np.ndarray:
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


def _plain(name: str) -> str:
    """A file's name as that of a picture: without its ending, and fit for every system."""
    path = PurePosixPath(name)
    parts = (path.with_suffix("") if path.suffix.lower() in endings() else path).parts
    plain = "/".join(_portable(part) for part in parts if part not in ("/", ".."))
    return plain if plain and is_name(plain) and len(plain.encode()) < NAME_LIMIT - 16 else "picture"


def _portable(part: str) -> str:
    """A part of a path as every system can write it, with an ending and a number behind it."""
    part = "".join(c if c.isprintable() and c not in '\\:*?"<>|' else "-" for c in part)
    part = re.sub(r"[. ]+$", "-", part.encode()[:PART_LIMIT].decode(errors="ignore"))
    return f"-{part}" if part.split(".")[0].lower() in RESERVED else part


def _different(name: str, taken: set[str]) -> str:
    """A name that no picture has yet, not even in other letters' cases, which some systems do not tell apart, and whose
    file is no folder of another's."""
    if taken.intersection(f"{folder} is a file" for folder in _places(name)[1:]):
        name = _portable(name.replace("/", "-"))
    again, found = 1, name
    while _places(found)[0] in taken:
        again += 1
        found = f"{name}-{again}"
    places = _places(found)
    taken.update(places, [f"{places[0]} is a file"])
    return found


def _places(name: str) -> list[str]:
    """The file that `write_picture` makes of a name, and the folders that it lies in."""
    path = PurePosixPath(name.casefold() + ".png")
    return [str(path), *map(str, path.parents)]
