"""A source: samples as they lie somewhere, read block by block; what every reader of a format returns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from aegean.config import UserError
from aegean.data.column import Column
from aegean.data.read.describe import NOTHING, Choice
from aegean.data.read.files import Files
from aegean.surface import either

Blocks = Callable[[], Iterator[np.ndarray]]
BLOCK_BYTES = 4 << 20
BYTES_LIMIT = 64 << 30  # of one source, uncompressed
CLASS_LIMIT = 10_000


@dataclass(frozen=True)
class Want:
    """What the samples shall become; None, 0 and "" leave it to the source."""

    size: tuple[int, int] | None = None  # height, width
    channels: int = 0
    axes: str = ""  # nchw or nhwc, of arrays
    skip_bad: bool = False
    ranged: bool = False  # the range of the values is known already
    dtype: str = ""  # of pictures: uint8 or uint16
    cut: bool = False  # pictures are cut into pieces of that size instead of scaled
    mixed: tuple[int, int] = (64, 64)  # of pictures that have several sizes, where none is wanted
    rate: int = 0  # samples a second, of sounds
    seconds: float = 0.0  # of a clip
    table: tuple[Column, ...] = ()  # columns that a table is read with
    columns: Choice = NOTHING  # what is said of them otherwise
    scheme: str = ""  # of a vocabulary of texts: words, characters or bytes
    tokens: tuple[str, ...] = ()  # a vocabulary that is there already
    length: int = 0  # tokens of a text
    tested: bool = False  # the test part comes from elsewhere


class LazyArray(Protocol):
    """Samples (n, *shape) that are decoded when they are indexed, and can be found again by an index."""

    @property
    def keys(self) -> np.ndarray: ...  # (n, 32) uint8: sha256 of each encoded sample

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype: ...

    @property
    def nbytes(self) -> int: ...  # of the samples, decoded

    @property
    def index_bytes(self) -> int: ...  # of one sample's entry in the index

    def __len__(self) -> int: ...

    def __getitem__(self, index: np.ndarray | slice) -> np.ndarray: ...

    def at(self, rows: np.ndarray) -> LazyArray: ...  # some of its samples: a mask or rows

    def write(self, folder: Path, part: str) -> None: ...  # the index of a part of a pack


class Store(Protocol):
    """Encoded samples, each at a place: a few integers."""

    def read(self, place: np.ndarray) -> bytes:
        """The encoded sample at a place (k,) int64. UserError: it is gone. ValueError: it cannot be read."""

    def name(self, place: np.ndarray) -> str:
        """What to call the sample in a sentence."""

    def describe(self) -> dict[str, Any] | None:
        """What is needed to open it again, besides the SPEC; as JSON. None: its samples are packed, never indexed."""


@dataclass(frozen=True)
class Part:
    """`count` samples in source order. `blocks()` reads them anew, as raw arrays (m, *shape)."""

    count: int
    blocks: Blocks
    labels: np.ndarray | None = None  # (count,) int64 indices into the source's classes
    names: Sequence[str] = ()  # empty: numbered
    lazy: LazyArray | None = None  # the same samples, where they need not be packed to be read in any order
    at: Callable[[np.ndarray], Blocks] | None = None  # some of them, by rows, in any order
    sizes: Sequence[tuple[int, int]] = ()  # height and width of each, before any scaling, where they may differ
    groups: Sequence[int] = ()  # samples of one number come from one recording: all are trained on, or none


@dataclass(frozen=True)
class Source:
    """Samples of one shape and number type, with the source's own test part if it has one."""

    origin: str  # the path or name, for errors
    name: str
    kind: str  # of its samples (data.kinds)
    shape: tuple[int, ...]  # (channels, height, width), (channels, length), (columns,) or (tokens,)
    dtype: str  # uint8, uint16, float32 or float64
    train: Part
    test: Part | None = None
    classes: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    range: tuple[float, float] | None = None  # of the values, where the source knows it
    standardise: bool = False  # columns by mean and standard deviation
    held_out: int = 0  # samples for a test part; 0: 10 %
    split: int = 0  # of pairs: channels of the first side,
    other: str = ""  # and the name of the other one
    rate: int = 0  # samples a second, of sounds
    table: tuple[Column, ...] = ()  # of rows of mixed columns; (n, trained columns) float64, NaN for missing numbers
    vocabulary: tuple[str, ...] = ()  # of texts; token 0 ends and pads
    mask: np.ndarray | None = None  # (train.count,) bool: what is held out, where the source had to know it


class Reader(NamedTuple):
    """A format of files: which ones are written in it, and how they are read."""

    fits: Callable[[Files], bool]
    read: Callable[[Files, Want], Source]


def ends_in(*endings: str) -> Callable[[Files], bool]:
    """Whether a source is one file with one of these endings."""
    return lambda files: files.ending in endings


def array_part(values: np.ndarray, labels: np.ndarray | None = None) -> Part:
    """A part from an array (n, *shape), perhaps memory-mapped."""
    return Part(len(values), lambda: in_blocks(values), labels, at=lambda rows: lambda: in_blocks(values[rows]))


def in_blocks(values: np.ndarray) -> Iterator[np.ndarray]:
    rows = max(1, BLOCK_BYTES // max(1, values[:1].nbytes))
    for start in range(0, len(values), rows):
        yield np.asarray(values[start : start + rows])


def fits_float32(table: np.ndarray) -> bool:
    """Whether float32 tells the values of each column of (n, columns) apart, to a thousandth of their spread: time
    stamps it does not."""
    with np.errstate(over="ignore"):
        narrow = table.astype(np.float32)
    if not np.isfinite(narrow).all():
        return True  # to be refused by row
    return bool((np.abs(table - narrow).max(0) <= 1e-3 * table.std(0)).all() or (table == narrow).all())


def class_labels(
    labels: np.ndarray, origin: str, test: np.ndarray | None = None
) -> tuple[tuple[str, ...], np.ndarray, np.ndarray | None]:
    """The different labels as names, sorted (numbers by value, text by letter), and the labels of the training part
    (n,) and of the test part (m,) as their places among them, int64. UserError: too many, or one of the test part
    alone."""
    classes = np.unique(labels)
    if len(classes) > CLASS_LIMIT:
        raise UserError(
            f"{origin}: the labels have {len(classes)} different values, at most {CLASS_LIMIT} are taken; "
            f"if they are no classes, leave them out."
        )

    def places(values: np.ndarray) -> np.ndarray:
        found = np.searchsorted(classes, values).clip(0, len(classes) - 1)
        strange = np.flatnonzero(classes[found] != values)
        if len(strange):
            raise UserError(
                f"{origin}: the class {str(values[strange[0]])!r} of sample {strange[0]} does not occur in the "
                f"training part; give both parts the same classes."
            )
        return found.astype(np.int64)

    return tuple(map(str, classes)), places(labels), None if test is None else places(test)


def resume_hint(what: str) -> str:
    """What to do once data have vanished while they were in use."""
    again = either("aegean train --resume RUN", "aegean.resume(run)")
    return f"Restore {what} and resume with {again}: nothing that was saved is lost."
