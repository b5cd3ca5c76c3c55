"""The kinds of data: what the rest of the house asks of the data room about a kind of sample, one row a kind.

Each room that must know the kind of its samples has such a table of its own (nets, metrics, report, ...), found by
`DataInfo.kind`; no other code asks which kind it has. A new kind is a row in each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from aegean.config import UserError
from aegean.data.info import DataInfo
from aegean.data.io.show import Groups, show_pictures, show_rows
from aegean.data.io.write import write_pictures, write_rows
from aegean.data.read.source import Want


class Kind(NamedTuple):
    """What the data room knows of a kind."""

    sample: str  # what one is called: "picture"
    samples: str  # and several
    describe: Callable[[DataInfo], str]  # the shape in words: "28×28 pixels, 1 channel"
    bounded: bool  # model values lie in [-1, 1], as those of pictures do; else they are standardised
    want: Callable[[DataInfo, bool], Want]  # how inputs of a model are asked for (skip_bad)
    show: Callable[[Groups, DataInfo, int], bytes]  # named groups of samples -> a PNG; columns of tiles, 0: square
    write: Callable[[np.ndarray, Sequence[str], Path, DataInfo], list[Path]]  # raw samples into a folder
    files: tuple[str, ...] = ()  # endings of a single file that holds many samples, beside .png and .npz: ".csv"


def describe_picture(info: DataInfo) -> str:
    channels, height, width = info.shape
    return f"{height}×{width} pixels, {channels} channel{'s' * (channels != 1)}"


def describe_rows(info: DataInfo) -> str:
    return f"rows of {info.shape[0]} columns"


def want_rows(info: DataInfo, skip_bad: bool = False) -> Want:
    return Want(skip_bad=skip_bad, ranged=True)


def want_pictures(info: DataInfo, skip_bad: bool = False) -> Want:
    return Want((info.shape[1], info.shape[2]), info.shape[0], skip_bad=skip_bad, ranged=True, dtype=info.dtype)


KINDS: dict[str, Kind] = {
    "image": Kind(
        "picture",
        "pictures",
        describe_picture,
        bounded=True,
        want=want_pictures,
        show=show_pictures,
        write=write_pictures,
    ),
    "table": Kind(
        "row",
        "rows",
        describe_rows,
        bounded=False,
        want=want_rows,
        show=show_rows,
        write=write_rows,
        files=(".csv",),
    ),
}


Row = TypeVar("Row")


def row_of(table: Mapping[str, Row], info: DataInfo) -> Row:
    """The row of a data set's kind in a room's table. UserError: that room knows no such kind."""
    if info.kind not in table:
        raise UserError(f"{info.name}: this is made for {' and '.join(table)} data, not for the kind {info.kind!r}.")
    return table[info.kind]


def kind_of(info: DataInfo) -> Kind:
    """What the data room knows of a data set's kind. UserError: nothing."""
    return row_of(KINDS, info)


def show(groups: Groups, info: DataInfo, columns: int = 0) -> bytes:
    """Named groups of raw samples (n, *shape) as a PNG for a person; `columns` of tiles, 0: square."""
    return kind_of(info).show(groups, info, columns)
