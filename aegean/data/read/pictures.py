"""Folders and zips of pictures: what lies there, what the headers say, and decoding, several at a time."""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, TypeVar

import numpy as np
from tqdm import tqdm

from aegean.config import UserError
from aegean.data.read.decode import Form, Open, decode
from aegean.data.read.files import Files, plain_name
from aegean.data.read.folders import folder_labels, in_parts
from aegean.data.read.formats import Picture, open_picture, reason_of
from aegean.data.read.source import Part, Source, Want
from aegean.data.read.zips import open_member, open_zip, zip_names
from aegean.surface import option, say

MIXED_SIZE = 64
CHUNK = 256  # pictures in flight
Name = TypeVar("Name", bound=Hashable)


class Header(NamedTuple):
    """What the first bytes of a picture say."""

    size: tuple[int, int]  # height, width, upright
    grey: bool
    deep: bool  # 16-bit grey
    clear: bool  # has transparency
    remarks: tuple[str, ...]  # what a conversion does to it


def read_pictures(files: Files, want: Want) -> Source:
    """Pictures of a folder, a zip or one file -> images (channels, height, width), uint8 or uint16.

    Sub-folders are classes; exactly two, `train` and `test`, are the two parts.
    """
    path, names = files.path, picture_names(files)
    with open_pictures(files, files.open) as opener:
        headers = dict(look(names, opener, partial(bad_picture, path), path, want))
    wanted = settle(list(headers.values()), path, want)
    trees = {name: PurePosixPath(name).parts for name in headers}
    labels = partial(folder_labels, path=path)
    train, test, classes = in_parts(trees, path, labels, partial(_part, files, wanted))
    return Source(str(path), plain_name(path), "image", wanted.shape, wanted.dtype, train, test, classes)


def picture_names(files: Files) -> list[str]:
    """Of the pictures of a folder, a zip or one file. UserError: there are none."""
    names = zip_names(files.path) if files.ending == ".zip" else [name or files.path.name for name in files.names]
    if not names:
        raise UserError(f"{files.path} holds no pictures; expected files such as .png or .jpg, perhaps in sub-folders.")
    return names


@contextmanager
def open_pictures(files: Files, opened: Open | None = None) -> Iterator[Open]:
    """A function from a picture's name to its open file; a zip stays open meanwhile. opened: opens one of the files."""
    opened = opened or (lambda name: (files.path / name).open("rb"))
    if files.ending == ".zip":
        with open_zip(files.path) as archive:
            yield lambda name: io.BytesIO(open_member(archive, name))
    else:
        yield opened if files.is_folder else lambda name: opened("")


def _part(files: Files, wanted: Form, names: list[str], labels: np.ndarray | None) -> Part:
    def blocks() -> Iterator[np.ndarray]:
        with open_pictures(files) as opener:
            for name, sample in in_threads(lambda name: decode(opener, name, wanted), names):
                if isinstance(sample, str):
                    raise UserError(bad_picture(files.path, name, sample))
                yield sample[None]

    return Part(len(names), blocks, labels, names)


def in_threads(function: Callable[[Name], Any], names: Sequence[Name]) -> Iterator[tuple[Name, Any]]:
    """(name, function(name)) in order; a few at a time, so that memory stays small."""
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for start in range(0, len(names), CHUNK):
            yield from zip(names[start : start + CHUNK], pool.map(function, names[start : start + CHUNK]))


def bad_picture(path: Path, name: str, reason: str) -> str:
    if path.name == name:
        return (
            f"{path} is no data that can be read ({reason}); expected a folder or .zip of pictures, a picture, .npy, "
            f".npz or .csv."
        )
    return unreadable(path / name if path.is_dir() else f"{path}: {name}", reason)


def unreadable(place: Path | str, reason: str) -> str:
    what = f"repair or remove it, or leave it out with {option('skip_bad')}"
    return f"{place} is not a readable picture ({reason}); {what}."


def look(
    names: Sequence[Name],
    opener: Open,
    refusal: Callable[[Name, str], str],
    path: Path,
    want: Want,
    title: Callable[[Name], str] = str,
) -> Iterator[tuple[Name, Header]]:
    """Every readable picture's header. With `skip_bad` all are decoded once, so that bad ones show here.

    names: of the pictures.
    opener: from a name to the open file.
    refusal: the sentence for a picture and why it cannot be read.
    path: of the source, for notes.
    want: whether bad ones are left out.
    title: what to call a picture in a list.
    """
    bad: list[tuple[Name, str]] = []
    good, count = 0, len(names)
    found = in_threads(lambda name: _header(opener, name, want.skip_bad), names)
    for name, header in tqdm(found, "looking", len(names), leave=False, disable=None, unit="picture"):
        if not isinstance(header, str):
            good += 1
            yield name, header
        elif want.skip_bad:
            bad.append((name, header))
        else:
            raise UserError(refusal(name, header))
    if bad:
        say_left_out(path.name, count, [(title(name), reason) for name, reason in bad])
    if not good:
        raise UserError(f"{path}: none of its {len(bad)} files is a readable picture.")


def say_left_out(origin: str, count: int, bad: Sequence[tuple[str, str]]) -> None:
    """Say how many of `count` files are left out, of which kind. bad: (file, why) of each."""
    kinds: dict[str, list[str]] = {}
    for name, reason in bad:
        kinds.setdefault(reason, []).append(name)
    kinds = dict(sorted(kinds.items(), key=lambda kind: -len(kind[1])))
    found = [f"{len(names)} × {reason} ({_some(names)})" for reason, names in kinds.items()]
    say(f"{origin}: {len(bad)} of {count} files left out: {_some(found, '; ', 8)}")


def be(number: int) -> str:
    return "is" if number == 1 else "are"


def _some(names: Sequence[str], between: str = ", ", most: int = 3) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return between.join(names[:most]) + more


def _header(opener: Open, name: Any, whole: bool) -> Header | str:
    """The header, or in words why there is none."""
    try:
        with opener(name) as file, open_picture(file) as picture:
            header = Header(picture.size, picture.grey, picture.deep, picture.clear, tuple(remarks(picture)))
            if whole:
                picture.image.load()
            return header
    except UserError:
        raise
    except Exception as error:  # Pillow's readers raise many kinds for damaged files
        return reason_of(error)


def remarks(picture: Picture) -> Iterator[str]:
    """What a conversion does to a picture."""
    mode = picture.image.mode
    if picture.turned:
        yield "turned upright as their EXIF says"
    if mode in ("P", "PA"):
        yield "in palette colours: turned into full colour"
    if mode in ("CMYK", "YCbCr", "LAB", "HSV"):
        yield f"in {mode}: converted to RGB"
    if picture.rounded:
        yield f"in {picture.bits}-bit colour: read with 8 bits"
    if picture.top:
        yield f"of values from 0 to {picture.top}: stretched to {16 if picture.deep else 8} bits"
    if picture.narrowed:
        yield f"of {picture.channels} channels: the first {len(picture.image.getbands())} are taken"
    if picture.pages > 1:
        yield "of several pages or frames: the first of each is taken"


def settle(headers: Sequence[Header], path: Path, want: Want) -> Form:
    """One size, number of channels and depth for all, and every conversion that follows said in words."""
    count = len(headers)
    for remark, number in Counter(remark for header in headers for remark in header.remarks).items():
        say(f"{path.name}: {number} of {count} pictures {be(number)} {remark}")
    grey, deep = sum(header.grey for header in headers), sum(header.deep for header in headers)
    channels = want.channels or (1 if grey == count else 3)
    if channels not in (1, 3, 4):
        raise UserError(f"{path}: pictures have 1, 3 or 4 channels, not {channels}; give arrays (.npy) instead.")
    keep_deep = deep == count and channels == 1 and want.dtype != "uint8"
    clear = sum(header.clear for header in headers)
    if clear and channels != 4:
        kept = f"{option('channels', 4)} keeps it"
        say(f"{path.name}: {clear} of {count} pictures have transparency: laid on white ({kept})")
    if deep > 0 and not keep_deep:
        say(f"{path.name}: {deep} of {count} pictures have 16 bits: scaled to 8")
    if grey > 0 and channels != 1:
        say(f"{path.name}: {grey} of {count} pictures are grey: read as colour")
    if grey < count and channels == 1:
        say(f"{path.name}: {count - grey} of {count} pictures are in colour: read as grey")
    sizes = {header.size for header in headers}
    size = want.size or (sizes.pop() if len(sizes) == 1 else (MIXED_SIZE, MIXED_SIZE))
    if len(sizes) > 1 or sizes - {size}:
        what = f"{len(sizes)} sizes" if len(sizes) > 1 else "another size"
        goal = f"on the shorter side to {size[0]}" if size[0] == size[1] else f"to cover {size[0]}x{size[1]}"
        say(f"{path.name}: pictures of {what}: scaled {goal} and centre-cropped")
    return Form(size, channels, keep_deep)
