"""A source: samples as they lie somewhere, read block by block; what every reader of a format returns."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from aegean.config import UserError
from aegean.data.read.resize import fit

if TYPE_CHECKING:
    from aegean.data.read.lazy import Stored

Say = Callable[[str], None]
Blocks = Callable[[], Iterator[np.ndarray]]
BLOCK_BYTES = 4 << 20
BYTES_LIMIT = 64 << 30  # of one source, uncompressed
CLASS_LIMIT = 10_000


def say_to_stderr(note: str) -> None:
    print(note, file=sys.stderr)


@dataclass(frozen=True)
class Want:
    """What the samples shall become; None, 0 and "" leave it to the source."""

    size: tuple[int, int] | None = None  # height, width
    channels: int = 0
    axes: str = ""  # nchw or nhwc, of arrays
    skip_bad: bool = False
    ranged: bool = False  # the range of the values is known already
    dtype: str = ""  # of pictures: uint8 or uint16


@dataclass(frozen=True)
class Part:
    """`count` samples in source order. `blocks()` reads them anew, as raw arrays (m, *shape)."""

    count: int
    blocks: Blocks
    labels: np.ndarray | None = None  # (count,) int64 indices into the source's classes
    names: Sequence[str] = ()  # empty: numbered
    stored: Stored | None = None  # the same samples, where they need not be packed to be read in any order


@dataclass(frozen=True)
class Source:
    """Samples of one shape and number type, with the source's own test part if it has one."""

    origin: str  # the path or name, for errors
    name: str
    shape: tuple[int, ...]  # (channels, height, width) or (columns,)
    dtype: str  # uint8, uint16 or float32
    train: Part
    test: Part | None = None
    classes: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    range: tuple[float, float] | None = None  # of the values, where the source knows it
    standardise: bool = False  # columns by mean and standard deviation
    held_out: int = 0  # samples for a test part; 0: 10 %


def array_part(values: np.ndarray, labels: np.ndarray | None = None) -> Part:
    """A part from an array (n, *shape), perhaps memory-mapped."""
    return Part(len(values), lambda: in_blocks(values), labels)


def in_blocks(values: np.ndarray) -> Iterator[np.ndarray]:
    rows = max(1, BLOCK_BYTES // max(1, values[:1].nbytes))
    for start in range(0, len(values), rows):
        yield np.asarray(values[start : start + rows])


def conform(source: Source, want: Want, say: Say) -> Source:
    """An array source of images, its channels checked and its blocks scaled to the size wanted."""
    if len(source.shape) == 1:
        if want.size or want.channels:
            raise UserError(f"{source.origin} holds vectors of {source.shape[0]} numbers, which are no images.")
        return source
    channels, height, width = source.shape
    if want.channels not in (0, channels):
        raise UserError(
            f"{source.origin} has {channels} channels where {want.channels} are wanted; only pictures are "
            f"converted: convert the array, or leave --channels out."
        )
    if want.size is None or want.size == (height, width):
        return source
    say(f"images of {height}x{width}: scaled to cover {want.size[0]}x{want.size[1]} and centre-cropped")

    def fitted(part: Part, size: tuple[int, int]) -> Part:
        return replace(part, blocks=lambda: (np.stack([fit(x, size) for x in b]) for b in part.blocks()))

    test = fitted(source.test, want.size) if source.test else None
    return replace(source, shape=(channels, *want.size), train=fitted(source.train, want.size), test=test)


def class_names(values: np.ndarray, origin: str) -> np.ndarray:
    """The different labels, sorted: numbers by value, text by letter."""
    found = np.unique(values)
    if len(found) > CLASS_LIMIT:
        raise UserError(
            f"{origin}: the labels have {len(found)} different values, at most {CLASS_LIMIT} are taken; "
            f"if they are no classes, leave them out."
        )
    return found


def class_indices(values: np.ndarray, classes: np.ndarray, origin: str) -> np.ndarray:
    """Labels (n,) -> their places in `classes`, int64; a label that is not among them is refused."""
    places = np.searchsorted(classes, values).clip(0, len(classes) - 1)
    strange = np.flatnonzero(classes[places] != values)
    if len(strange):
        raise UserError(
            f"{origin}: the class {str(values[strange[0]])!r} of sample {strange[0]} does not occur in the "
            f"training part; give both parts the same classes."
        )
    return places.astype(np.int64)
