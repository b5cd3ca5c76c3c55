"""Raw rows of described columns -> cells, as the input had them: header, order, kinds, decimals, missing ones."""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from aegean.data.column import MISSING, NUMBERS, Column, trained, written
from aegean.data.read.frames import frame_of, parquet, typed
from aegean.files import whole_file

ENDINGS = (".csv", ".parquet")
STEP = 20_000  # rows that are written at a time


def header(table: Sequence[Column]) -> list[str]:
    return [column.name for column in table]


def cells(table: Sequence[Column], raw: np.ndarray, start: int = 0) -> list[list[str]]:
    """Raw rows (n, trained columns) -> the cells of each column of the table, left-out ones among them: constants as
    they were, identifiers counted from `start` + 1. Of rare categories one is drawn."""
    values = dict(zip(header(trained(table)), raw.T))
    return [column_cells(column, values.get(column.name), len(raw), start) for column in table]


def column_cells(column: Column, values: np.ndarray | None, count: int, start: int) -> list[str]:
    if values is None:
        return [column.form] * count if column.kind == "constant" else [str(start + n) for n in range(1, count + 1)]
    if column.kind in NUMBERS:
        different, places = np.unique(values, return_inverse=True)
        texts = [MISSING if np.isnan(value) else written(column, value) for value in different.tolist()]
        return [texts[place] for place in places.tolist()]
    known = len(column.names)
    names = [*column.names, *(column.rare or column.names[-1:])]
    shares = np.array(column.counts[known:] or [1], np.float64)
    drawn = known + np.random.default_rng(start).choice(len(shares), count, p=shares / shares.sum())
    return [names[place] for place in np.where(values < known, values, drawn).astype(np.int64).tolist()]


def frame(table: Sequence[Column], raw: np.ndarray) -> Any:
    """Raw rows as a DataFrame. UserError: pandas is not installed."""
    return frame_of(table, cells(table, raw))


def csv_lines(table: Sequence[Column], raw: np.ndarray, start: int = 0) -> str:
    """Raw rows as lines of a .csv without its header."""
    return lines(zip(*cells(table, raw, start)))


def csv_text(table: Sequence[Column], raw: np.ndarray) -> str:
    """Raw rows as a whole .csv."""
    return lines([header(table)]) + csv_lines(table, raw)


def lines(rows: Iterable[Sequence[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


@contextlib.contextmanager
def rows_file(path: Path, table: Sequence[Column]) -> Iterator[Callable[[Sequence[Sequence[str]]], None]]:
    """Takes the cells of each column, some rows at a time, into a .csv or .parquet file, which is there once all are
    written, or not at all. UserError: pyarrow is not installed."""
    make = parquet_file if path.suffix.lower() == ".parquet" else _csv
    with whole_file(path) as temporary, make(temporary, table) as write:
        yield write


@contextlib.contextmanager
def _csv(path: Path, table: Sequence[Column]) -> Iterator[Callable[[Sequence[Sequence[str]]], None]]:
    with path.open("x", encoding="utf-8", newline="") as file:
        file.write(lines([header(table)]))

        def block(parts: Sequence[Sequence[str]]) -> None:
            file.write(lines(zip(*parts)))

        yield block


@contextlib.contextmanager
def parquet_file(path: Any, table: Sequence[Column]) -> Iterator[Callable[[Sequence[Sequence[str]]], None]]:
    arrow = parquet()
    schema = arrow.schema([(column.name, arrow_type(arrow, column)) for column in table])

    def block(parts: Sequence[Sequence[str]]) -> None:
        arrays = [arrow.array(typed(column, texts), kind) for column, texts, kind in zip(table, parts, schema.types)]
        writer.write_table(arrow.Table.from_arrays(arrays, schema=schema))

    with arrow.parquet.ParquetWriter(path, schema) as writer:
        yield block


def arrow_type(arrow: Any, column: Column) -> Any:
    if column.dtype == "bool":
        return arrow.bool_()
    if column.kind == "date":
        return arrow.timestamp("us") if "%H" in column.form else arrow.date32()
    if column.kind == "identifier":
        return arrow.int64() if "int" in column.dtype else arrow.string()
    return {"whole": arrow.int64(), "number": arrow.float64()}.get(column.kind, arrow.string())
