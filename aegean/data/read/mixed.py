"""Tables of mixed columns: described by their rows, then read anew as raw rows of the columns that say something."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np

from aegean.config import UserError
from aegean.data.column import Column, trained
from aegean.data.read.cells import Reading, sample
from aegean.data.read.describe import describe, say_columns
from aegean.data.read.source import Part, Source, Want
from aegean.surface import muted

Opened = Callable[[], AbstractContextManager[tuple[list[str], Iterable[tuple[int, Sequence[str]]]]]]


class Mixed(Exception):
    """A table holds more than numbers."""


def read_mixed(path: Path, name: str, opened: Opened, want: Want) -> Source:
    """A table of any columns -> rows (trained columns,) float64.

    path: of the table, for errors; name: of the data
    opened: gives the names of all columns, and the numbered rows of cells
    want: its `table` are the columns of a model; else they are described, as `columns` says
    UserError: it has no rows, or no columns that say anything.
    """
    with muted(), opened() as (names, rows):
        names = [each or f"column {place}" for place, each in enumerate(names, 1)]
        some, count = sample(row for _, row in rows)
    if not count:
        raise UserError(f"{path} has no rows below its header; give a table with some.")
    table = want.table or described(name, names, some, want)
    reading = Reading(path.name, table, names, want.columns)
    first = True

    def blocks() -> Iterator[np.ndarray]:
        nonlocal first
        with muted(), opened() as (_, rows):
            yield from reading.blocks(row for _, row in rows)
        if first:
            reading.say(known=bool(want.table))
        first = False

    columns = tuple(column.name for column in trained(table))
    return Source(
        str(path), name, "table", (len(columns),), "float64", Part(count, blocks), columns=columns, table=table
    )


def described(name: str, names: Sequence[str], rows: Sequence[Sequence[str]], want: Want) -> tuple[Column, ...]:
    """The columns as they are found, and said."""
    table = describe(names, rows, want.columns)
    say_columns(name, table, want.columns)
    if not trained(table):
        raise UserError(f"{name}: none of its columns varies or repeats; there is nothing to learn from them.")
    return table
