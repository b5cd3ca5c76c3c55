"""The kinds of data: what the rest of the house asks of the data room about a kind of sample, one row a kind.

Each room that must know the kind of its samples has such a table of its own (nets, metrics, report, ...), found by
`DataInfo.kind`; no other code asks which kind it has. A new kind is a row in each.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from aegean.config import UserError
from aegean.data.column import width
from aegean.data.info import INTEGERS, DataInfo
from aegean.data.io.hearing import as_spectrograms, show_sounds, wav_bytes, write_sounds
from aegean.data.io.odd import odd_columns, odd_place, odd_second, odd_tokens
from aegean.data.io.show import Groups, Tiles, as_pictures, show_pictures, show_rows
from aegean.data.io.texts import json_lines, plain_lines, show_texts, write_texts
from aegean.data.io.write import csv_text, parquet_bytes, write_pictures, write_rows
from aegean.data.options import RATES
from aegean.data.read.arrays import read_arrays
from aegean.data.read.binary import is_cifar, is_idx, is_pickled, read_cifar, read_idx, refuse_pickles
from aegean.data.read.files import Files
from aegean.data.read.frames import read_parquet
from aegean.data.read.pictures import read_pictures
from aegean.data.read.resize import fit
from aegean.data.read.shards import has_shards, read_shards
from aegean.data.read.sounds import holds_sounds, read_sounds
from aegean.data.read.source import Part, Reader, Source, Want, ends_in
from aegean.data.read.tables import read_table
from aegean.data.read.texts import holds_texts, read_texts
from aegean.data.read.vocabulary import BYTES, END, FIRST
from aegean.surface import option, plural, say

if TYPE_CHECKING:
    from torch import Tensor

LEAST = 4  # pixels of a picture's sides
PICTURES = Reader(lambda files: True, read_pictures)  # whatever nothing else reads


def as_it_is(source: Source, want: Want) -> Source:
    """A source whose samples have no size that could be changed."""
    if want.size or want.channels:
        raise UserError(f"{source.origin} holds {kind_of(source).samples}, which have no size or channels to choose.")
    return source


class Kind(NamedTuple):
    """What the data room knows of a kind."""

    sample: str  # what one is called: "picture"
    samples: str  # and several
    describe: Callable[[DataInfo], str]  # the shape in words: "28×28 pixels, 1 channel"
    bounded: bool  # model values lie in [-1, 1], as those of pictures do; else they are standardised
    want: Callable[[DataInfo, bool], Want]  # how inputs of a model are asked for (skip_bad)
    show: Callable[[Groups, DataInfo, int], bytes]  # named groups of samples -> a PNG; columns of tiles, 0: square
    write: Callable[[np.ndarray, Sequence[str], Path, DataInfo], list[Path]]  # raw samples into a folder
    readers: tuple[Reader, ...] = ()  # of files that hold this kind; the first that fits is taken
    conform: Callable[[Source, Want], Source] = as_it_is  # a source in the form that is wanted
    check: Callable[[Source], None] = lambda source: None  # UserError: nothing can be trained on it
    flat: Callable[[np.ndarray], float] = lambda samples: 1.0  # share of neighbouring pixels that are equal
    tiles: Tiles | None = None  # samples as pictures (n, H, W, 3) uint8, if so
    files: Mapping[str, Callable[[np.ndarray, DataInfo], str | bytes]] = {}  # many samples in one
    odd: Callable[[np.ndarray, DataInfo], str] = odd_columns  # bits of a sample (*shape) -> where it is odd, in words
    play: Callable[[np.ndarray, DataInfo], bytes] | None = None  # samples as a .wav, one after another, if they sound


def describe_picture(info: DataInfo) -> str:
    channels, height, width = info.shape
    return f"{height}×{width} pixels, {plural(channels, 'channel')}"


def flat_areas(pictures: np.ndarray) -> float:
    """The share of pixels of pictures (n, channels, height, width) that equal their neighbour to the left."""
    if pictures.shape[3] < 2:
        return 1.0
    return float((pictures[..., 1:] == pictures[..., :-1]).all(1).mean())


def describe_rows(info: DataInfo) -> str:
    return f"rows of {plural(len(info.columns) if info.table else info.shape[0], 'column')}"


def describe_sounds(info: DataInfo) -> str:
    channels, length = info.shape
    return f"{length / info.rate:g} s at {info.rate} Hz, {plural(channels, 'channel')}"


def want_sounds(info: DataInfo, skip_bad: bool = False) -> Want:
    channels, length = info.shape
    return Want(None, channels, skip_bad=skip_bad, ranged=True, rate=info.rate, seconds=length / info.rate)


def describe_texts(info: DataInfo) -> str:
    return f"texts of up to {plural(info.shape[0], 'token')}, {len(info.vocabulary):,} different ones"


def want_texts(info: DataInfo, skip_bad: bool = False) -> Want:
    return Want(skip_bad=skip_bad, ranged=True, tokens=info.vocabulary, length=info.shape[0])


def want_rows(info: DataInfo, skip_bad: bool = False) -> Want:
    return Want(skip_bad=skip_bad, ranged=True, table=info.table)


def want_pictures(info: DataInfo, skip_bad: bool = False) -> Want:
    return Want((info.shape[1], info.shape[2]), info.shape[0], skip_bad=skip_bad, ranged=True, dtype=info.dtype)


def conform_images(source: Source, want: Want) -> Source:
    """Images of the channels wanted, scaled to the size wanted."""
    channels, height, width = source.shape
    if want.channels not in (0, channels):
        raise UserError(
            f"{source.origin} has {channels} channels where {want.channels} are wanted; only images are "
            f"converted: convert the array, or leave {option('channels')} out."
        )
    if want.size is None or want.size == (height, width):
        return source
    if want.cut:
        raise UserError(f"{source.origin}: only images in files are cut; leave {option('cut')} out for arrays.")
    say(f"images of {height}x{width}: scaled to cover {want.size[0]}x{want.size[1]} and centre-cropped")

    def fitted(part: Part, size: tuple[int, int]) -> Part:
        return replace(part, blocks=lambda: (np.stack([fit(x, size) for x in b]) for b in part.blocks()))

    test = fitted(source.test, want.size) if source.test else None
    return replace(source, shape=(channels, *want.size), train=fitted(source.train, want.size), test=test)


def check_images(source: Source) -> None:
    if min(source.shape[1:]) < LEAST:
        raise UserError(f"{source.origin}: images of {source.shape[1:]}; at least {LEAST}x{LEAST} are needed.")


KINDS: dict[str, Kind] = {
    "image": Kind(
        "image",
        "images",
        describe_picture,
        bounded=True,
        want=want_pictures,
        show=show_pictures,
        write=write_pictures,
        flat=flat_areas,
        tiles=as_pictures,
        odd=odd_place,
        readers=(
            Reader(has_shards, read_shards),
            Reader(is_idx, read_idx),
            Reader(is_cifar, read_cifar),
            Reader(is_pickled, refuse_pickles),
            PICTURES,
        ),
        conform=conform_images,
        check=check_images,
    ),
    "table": Kind(
        "row",
        "rows",
        describe_rows,
        bounded=False,
        want=want_rows,
        show=show_rows,
        write=write_rows,
        readers=(
            Reader(ends_in(".npy", ".npz"), read_arrays),
            Reader(ends_in(".csv", ".tsv"), read_table),
            Reader(ends_in(".parquet"), read_parquet),
        ),
        files={".csv": csv_text, ".parquet": parquet_bytes},
    ),
    "audio": Kind(
        "sound",
        "sounds",
        describe_sounds,
        bounded=True,
        want=want_sounds,
        show=show_sounds,
        write=write_sounds,
        tiles=as_spectrograms,
        odd=odd_second,
        readers=(Reader(holds_sounds, read_sounds),),
        conform=lambda source, want: source,  # read_sounds gives what is wanted
        files={".wav": wav_bytes},
        play=wav_bytes,
    ),
    "text": Kind(
        "text",
        "texts",
        describe_texts,
        bounded=False,
        want=want_texts,
        show=show_texts,
        write=write_texts,
        odd=odd_tokens,
        readers=(Reader(holds_texts, read_texts),),
        files={".txt": plain_lines, ".jsonl": json_lines},
    ),
}


Row = TypeVar("Row")


def row_of(table: Mapping[str, Row], info: DataInfo | Source) -> Row:
    """The row of a data set's kind in a room's table. UserError: that room knows no such kind."""
    if info.kind not in table:
        raise UserError(f"{info.name}: this is made for {' and '.join(table)} data, not for the kind {info.kind!r}.")
    return table[info.kind]


def kind_of(info: DataInfo | Source) -> Kind:
    """What the data room knows of the kind of a data set or of a source. UserError: nothing."""
    return row_of(KINDS, info)


def check_info(info: DataInfo) -> None:
    """AssertionError: a file describes data that cannot be."""
    assert info.shape and all(0 < side <= 1 << 24 for side in info.shape), f"samples of shape {info.shape}"
    assert math.prod(info.shape) <= 1 << 28, f"samples of shape {info.shape}"
    assert info.dtype in (*INTEGERS, "float32", "float64"), f"numbers of type {info.dtype}"
    assert {len(info.offset), len(info.scale)} <= {1, info.shape[-1]} and all(info.scale), "no range"
    assert 0 <= info.rate <= RATES[1], f"{info.rate} samples a second"
    assert min(info.count, info.test_count, *info.class_counts) >= 0, "counts below zero"
    assert bool(info.vocabulary) is (info.kind == "text"), "a vocabulary of no texts"
    assert not info.vocabulary or info.vocabulary[:FIRST] == (END, *BYTES), "a vocabulary without bytes"
    assert not info.class_counts or len(info.class_counts) == len(info.classes), "counts of other classes"
    assert not info.table or info.shape == (width(info.table),), "columns of another width"
    assert kind_of(info).describe(info), "samples of no kind"  # raises, too, where kind and shape do not fit
    if info.target is not None:
        assert info.target.target is None and info.target.shape[1:] == info.shape[1:], "odd sides"
        check_info(info.target)
    assert info.target is not None or not info.paired, "pairs of one side"


def inside(info: DataInfo, x: Tensor) -> Tensor:
    """Which model values (n, *shape) lie within their kind's range, its ends excluded; of an unbounded one, all."""
    import torch

    return x.abs() < 1 if kind_of(info).bounded else torch.ones_like(x, dtype=torch.bool)


def reader_of(files: Files) -> Reader:
    """The reader of a file or folder. Pictures take whatever is left, so the first kind is asked last."""
    return next(reader for kind in reversed(KINDS.values()) for reader in kind.readers if reader.fits(files))


def show(groups: Groups, info: DataInfo, columns: int = 0) -> bytes:
    """Named groups of raw samples (n, *shape) as a PNG for a person; `columns` of tiles, 0: square."""
    return kind_of(info).show(groups, info, columns)
