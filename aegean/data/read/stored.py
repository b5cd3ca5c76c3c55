"""Encoded images in a store -> samples of one form: what the headers say, and every conversion that follows."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from aegean.config import UserError
from aegean.data.read.cut import cut_part
from aegean.data.read.decode import Form, unreadable
from aegean.data.read.files import plain_name
from aegean.data.read.folders import in_parts
from aegean.data.read.formats import Picture, open_picture, reason_of
from aegean.data.read.lazy import KEY, LazyPictures, threads
from aegean.data.read.source import Part, Source, Store, Want
from aegean.surface import be, option, say

CHUNK = 256  # images in flight


class Header(NamedTuple):
    """What the first bytes of an image say."""

    size: tuple[int, int]  # height, width, upright
    grey: bool
    deep: bool  # 16-bit grey
    clear: bool  # has transparency
    remarks: tuple[str, ...]  # what a conversion does to it


def read_store(
    store: Store,
    path: Path,
    places: np.ndarray,
    trees: Sequence[tuple[str, ...]],
    labels_of: Callable[[Mapping[int, tuple[str, ...]]], np.ndarray | None],
    want: Want,
    refusal: Callable[[str, str], str] = unreadable,
) -> Source:
    """The images of a store -> samples (channels, height, width), uint8 or uint16.

    store: where they lie, encoded.
    path: of the source, for notes and errors.
    places: (n, k) int64, in the store.
    trees: the parts of each one's path: folders may be classes, or a training and a test part.
    labels_of: the class names of some, by their rows, or None.
    want: what they shall become.
    refusal: the sentence for an image, and why it cannot be read.
    """
    keys = np.zeros((len(places), KEY), np.uint8)
    headers = look(store, path, places, keys, want, refusal)
    wanted = settle(list(headers.values()), path, want)

    def part(rows: list[int], labels: np.ndarray | None) -> Part:
        sizes = [headers[row].size for row in rows]
        if want.cut:
            return cut_part(store, places[rows], sizes, wanted, labels, path.name)
        lazy = LazyPictures(store, places[rows], keys[rows], wanted)
        names = ["/".join(trees[row]) for row in rows]
        return Part(
            len(rows),
            lazy.blocks,
            labels,
            names,
            lazy if store.describe() else None,
            lambda chosen: lazy.at(chosen).blocks,
            sizes,
        )

    train, test, classes = in_parts({row: trees[row] for row in headers}, path, labels_of, part)
    return Source(str(path), plain_name(path), "image", wanted.shape, wanted.dtype, train, test, classes)


def look(
    store: Store, path: Path, places: np.ndarray, keys: np.ndarray, want: Want, refusal: Callable[[str, str], str]
) -> dict[int, Header]:
    """The headers of the readable images, by row; their sums go into `keys` (n, 32) uint8. With `skip_bad` all are
    decoded once, so that bad ones show here. The parameters are those of `read_store`."""

    def header(row: int) -> Header | str:
        """Or in words why there is none."""
        try:
            data = store.read(places[row])
            keys[row] = np.frombuffer(hashlib.sha256(data).digest(), np.uint8)
            with open_picture(io.BytesIO(data)) as picture:
                found = Header(picture.size, picture.grey, picture.deep, picture.clear, tuple(remarks(picture)))
                if want.skip_bad:
                    picture.image.load()
                return found
        except UserError:
            raise
        except Exception as error:  # Pillow's readers raise many kinds for damaged files
            return reason_of(error)

    headers, bad = dict[int, Header](), list[tuple[str, str]]()
    alike: dict[Header, Header] = {}  # most images of a set share a few headers; millions of copies would weigh
    for start in tqdm(range(0, len(places), CHUNK), "looking", leave=False, disable=None, delay=1):
        rows = range(start, min(start + CHUNK, len(places)))
        for row, found in zip(rows, threads().map(header, rows)):
            if isinstance(found, Header):
                headers[row] = alike.setdefault(found, found)
                continue
            name = store.name(places[row])
            if not want.skip_bad:
                raise UserError(refusal(name, found))
            bad.append((name.removeprefix(str(path)).lstrip("/: ") or path.name, found))
    if bad:
        say_left_out(path.name, len(places), bad)
    if not headers:
        raise UserError(f"{path}: none of its {len(bad)} files is a readable image.")
    return headers


def say_left_out(origin: str, count: int, bad: Sequence[tuple[str, str]]) -> None:
    """Say how many of `count` files are left out, of which kind. bad: (file, why) of each."""
    kinds: dict[str, list[str]] = {}
    for name, reason in bad:
        kinds.setdefault(reason, []).append(name)
    kinds = dict(sorted(kinds.items(), key=lambda kind: -len(kind[1])))
    found = [f"{len(names)} × {reason} ({some_of(names)})" for reason, names in kinds.items()]
    say(f"{origin}: {len(bad)} of {count} files left out: {some_of(found, '; ', 8)}")


def some_of(names: Sequence[str], between: str = ", ", most: int = 3) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return between.join(names[:most]) + more


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
        say(f"{path.name}: {number} of {count} images {be(number)} {remark}")
    grey, deep = sum(header.grey for header in headers), sum(header.deep for header in headers)
    channels = want.channels or (1 if grey == count else 3)
    if channels not in (1, 3, 4):
        raise UserError(f"{path}: images have 1, 3 or 4 channels, not {channels}; give arrays (.npy) instead.")
    keep_deep = deep == count and channels == 1 and want.dtype != "uint8"
    clear = sum(header.clear for header in headers)
    if clear and channels != 4:
        kept = f"{option('channels', 4)} keeps it"
        say(f"{path.name}: {clear} of {count} images have transparency: laid on white ({kept})")
    if deep > 0 and not keep_deep:
        say(f"{path.name}: {deep} of {count} images have 16 bits: scaled to 8")
    if grey > 0 and channels != 1:
        say(f"{path.name}: {grey} of {count} images are grey: read as colour")
    if grey < count and channels == 1:
        say(f"{path.name}: {count - grey} of {count} images are in colour: read as grey")
    sizes = {header.size for header in headers}
    size = want.size or (sizes.pop() if len(sizes) == 1 else want.mixed)
    if want.cut:
        say(f"{path.name}: cut into squares of {size[0]}x{size[1]}")
    elif len(sizes) > 1 or sizes - {size}:
        what = f"{len(sizes)} sizes" if len(sizes) > 1 else "another size"
        goal = f"on the shorter side to {size[0]}" if size[0] == size[1] else f"to cover {size[0]}x{size[1]}"
        say(f"{path.name}: images of {what}: scaled {goal} and centre-cropped")
    return Form(size, channels, keep_deep)
