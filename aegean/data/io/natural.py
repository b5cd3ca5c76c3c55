"""Pictures in their own sizes, exactly as they are stored, one after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image, ImageOps

from aegean.codec.container import NAME_LIMIT, is_name
from aegean.config import UserError
from aegean.data.address import Address, Local, address
from aegean.data.info import DataInfo
from aegean.data.io.write import PICTURES
from aegean.data.kinds import PICTURES as PICTURE_READER
from aegean.data.read.files import Files
from aegean.data.read.pictures import FORMATS, bad_picture, check, open_pictures, picture_names, reason_of
from aegean.data.read.source import Want
from aegean.surface import option, say

Named = tuple[str, np.ndarray]


def natural_pictures(inputs: Sequence[str], info: DataInfo, exact: bool, skip_bad: bool = False) -> Iterator[Named]:
    """Picture files, folders and zips of them, or any data SPEC of pictures -> names and raw values (channels, H, W).

    Nothing is scaled or cropped. Channels are the model's, or one of a grey picture in a model for colours. A name is
    the file's, below the folder that was given and without its ending; all are different. `exact`: pictures whose
    values would have to be converted are refused. UserError: that, or what cannot be read.
    """
    taken: set[str] = set()
    for spec in inputs:
        place = address(spec)
        found = (
            _files(place.files, info, exact, skip_bad)
            if isinstance(place, Local) and place.reader is PICTURE_READER
            else _samples(place, info, skip_bad)
        )
        for name, values in found:
            yield _different(name, taken), values


def write_picture(values: np.ndarray, path: Path) -> None:
    """Raw values (channels, H, W) into path.png, or path.npy where no PNG holds them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if (str(values.dtype), len(values)) not in PICTURES:
        np.save(path.with_name(path.name + ".npy"), values, allow_pickle=False)
        return
    pixels = np.ascontiguousarray(values[0] if len(values) == 1 else values.transpose(1, 2, 0))
    Image.fromarray(pixels).save(path.with_name(path.name + ".png"))


def _samples(place: Address, info: DataInfo, skip_bad: bool) -> Iterator[Named]:
    source = place.source(Want(skip_bad=skip_bad, ranged=True))
    if (source.dtype, source.kind) != (info.dtype, info.kind):
        raise UserError(
            f"{source.origin} holds {source.dtype} of shape {source.shape}; this model takes pictures of {info.dtype}."
        )
    number = 0
    for part in (source.train, source.test):
        for block in part.blocks() if part else ():
            for values in np.asarray(block, source.dtype):
                own = part.names[number] if part and part.names and number < len(part.names) else ""
                yield (_plain(own) if own else f"{source.name}-{number:06d}"), values
                number += 1


def _files(files: Files, info: DataInfo, exact: bool, skip_bad: bool) -> Iterator[Named]:
    path, names = files.path, picture_names(files)
    said: set[str] = set()
    with open_pictures(files) as opener:
        for name in names:
            try:
                with opener(name) as file, Image.open(file, formats=FORMATS) as picture:
                    check(picture)
                    values = _values(ImageOps.exif_transpose(picture), info, exact, said)
            except Exception as error:  # Pillow's readers raise many kinds for damaged files
                place = path / name if files.is_folder else path
                if not skip_bad and isinstance(error, UserError):
                    raise UserError(f"{place}: {error} ({option('skip_bad')} leaves such pictures out)") from None
                if not skip_bad:
                    raise UserError(bad_picture(path, name, reason_of(error))) from None
                say(f"{place} is left out ({error if isinstance(error, UserError) else reason_of(error)})")
                continue
            yield _plain(name), values
    for remark in sorted(said):
        say(f"{path.name}: {remark}")


def _values(picture: Image.Image, info: DataInfo, exact: bool, said: set[str]) -> np.ndarray:
    """A decoded picture as raw values (1 or the model's channels, H, W)."""
    deep, channels = picture.mode.startswith("I"), info.shape[0]
    if deep is not (info.dtype == "uint16") or info.dtype not in ("uint8", "uint16"):
        raise UserError(f"it has {16 if deep else 8} bits; this model compresses {info.dtype}.")
    if deep:
        values = np.asarray(picture)
        if values.min() < 0 or values.max() > 65535:
            raise UserError("it has 32 bits; this model compresses 16.")
        return values.astype(np.uint16)[None]
    if picture.has_transparency_data and channels != 4:
        raise UserError(f"it has transparency, and this model {channels} channels: remove it, or train on 4 channels.")
    grey = picture.mode in ("1", "L", "LA", "La")
    if picture.mode not in ("1", "L", "LA", "P", "PA", "RGB", "RGBA"):
        if exact:
            raise UserError(f"its colours are {picture.mode}, which no exact conversion makes RGB of; save it as RGB.")
        said.add(f"pictures in {picture.mode} are converted to RGB")
    mode = "RGBA" if channels == 4 and not (grey and not picture.has_transparency_data) else "L" if grey else "RGB"
    values = np.atleast_3d(np.asarray(picture.convert(mode))).transpose(2, 0, 1)
    if channels == 1 < len(values):
        if (values != values[:1]).any():
            raise UserError("it is in colour, and this model takes grey pictures.")
        return values[:1]  # grey, stored as colour
    return values


def _plain(name: str) -> str:
    """A file's name as that of a picture: without its ending, and fit for every system."""
    parts = PurePosixPath(name).with_suffix("").parts
    plain = "/".join(part.translate({ord(c): "-" for c in '\\:*?"<>|'}) for part in parts if part not in ("/", ".."))
    plain = "".join(c if c.isprintable() else "-" for c in plain)
    return plain if plain and is_name(plain) and len(plain.encode()) < NAME_LIMIT - 16 else "picture"


def _different(name: str, taken: set[str]) -> str:
    """A name that no picture has yet, not even in other letters' cases, which some systems do not tell apart, and whose
    file is no folder of another's."""
    if taken.intersection(f"{folder} is a file" for folder in _places(name)[1:]):
        name = name.replace("/", "-")
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
