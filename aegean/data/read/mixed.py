"""Tables of mixed columns: described by their rows, then read anew as raw rows of the columns that say something."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np

from aegean.config import UserError, nearest
from aegean.data.column import Column, trained, written
from aegean.data.read.cells import Reading, sample
from aegean.data.read.columns import LABELS
from aegean.data.read.describe import Choice, describe, say_columns
from aegean.data.read.source import Blocks, Part, Source, Want
from aegean.surface import muted, say

MOST_CLASSES = 100
Rows = Iterator[tuple[int, list[str]]]  # their numbers, and cells
Opened = Callable[[], AbstractContextManager[tuple[list[str], Rows]]]
NO_TYPES: Mapping[str, str] = {}


def read_mixed(path: Path, name: str, opened: Opened, want: Want, types: Mapping[str, str] = NO_TYPES) -> Source:
    """A table of any columns -> rows (trained columns,) float64.

    path: of the table, for errors; name: of the data
    opened: gives the names of all columns, and the numbered rows of cells
    types: of the columns, where the table knows them
    want: its `table` are the columns of a model; else they are described, as `columns` says
    UserError: it has no rows, or no columns that say anything.
    """
    with opened() as (names, rows):
        names = [each if each or place == 1 else f"column {place}" for place, each in enumerate(names, 1)]
        some, count = sample(row for _, row in rows)
    if not count:
        raise UserError(f"{path} has no rows below its header; give a table with some.")
    table = want.table or described(name, names, some, want, types)
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
    classes, labels = class_column(table, blocks)
    return Source(
        str(path),
        name,
        "table",
        (len(columns),),
        "float64",
        Part(count, blocks, labels),
        classes=classes,
        columns=columns,
        table=table,
    )


def class_column(table: Sequence[Column], blocks: Blocks) -> tuple[tuple[str, ...], np.ndarray | None]:
    """The names of the classes and the class of each row (n,), where one column is called so; it stays a column."""
    columns = trained(table)
    named = [i for i, column in enumerate(columns) if column.name.lower() in LABELS]
    if len(named) != 1:
        return (), None
    i, column = named[0], columns[named[0]]
    if column.kind not in ("category", "whole"):
        say(f"column {column.name!r} holds fractions or dates; taken as a column, not as classes")
        return (), None
    names = [*column.names, "rare"] if column.kind == "category" else [written(column, v) for v in column.values]
    if len(names) > MOST_CLASSES or column.missing:
        return (), None
    values = np.concatenate([block[:, i] for block in blocks()])
    codes = values if column.kind == "category" else np.searchsorted(column.values, values).clip(0, len(names) - 1)
    kept, labels = np.unique(codes.astype(np.int64), return_inverse=True)
    say(f"column {column.name!r} gives {len(kept)} classes, too")
    return tuple(names[code] or "missing" for code in kept), labels


def described(
    name: str, names: Sequence[str], rows: Sequence[Sequence[str]], want: Want, types: Mapping[str, str] = NO_TYPES
) -> tuple[Column, ...]:
    """The columns that are wanted, as they are found, and said. UserError: one that is wanted is not there, or none
    says anything."""
    kept = chosen(name, names, want.columns)
    rows = [[row[place] for place in kept] for row in rows]
    table = describe([names[place] for place in kept], rows, want.columns)
    table = tuple(column.replace(dtype=types.get(column.name, "")) for column in table)
    say_columns(name, table)
    if not trained(table):
        raise UserError(f"{name}: none of its columns varies or repeats; there is nothing to learn from them.")
    return table


def chosen(origin: str, names: Sequence[str], choice: Choice) -> list[int]:
    """The places of the columns that are wanted. UserError: another is named."""
    for name in (*choice.only, *choice.without, *choice.kinds):
        if name not in names:
            raise UserError(f"{origin} has no column {name!r}.{nearest(name, names)}")
    wanted = choice.only or names
    return [place for place, name in enumerate(names) if name in wanted and name not in choice.without]
