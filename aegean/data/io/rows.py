"""Raw rows of described columns -> cells, as the input had them: header, order, kinds, decimals, missing ones."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

import numpy as np

from aegean.data.column import MISSING, NUMBERS, Column, trained, written


def header(table: Sequence[Column]) -> list[str]:
    return [column.name for column in table]


def cells(table: Sequence[Column], raw: np.ndarray, start: int = 0) -> list[list[str]]:
    """Raw rows (n, trained columns) -> the cells of each column of the table, left-out ones among them: constants as
    they were, identifiers counted from `start` + 1. Of rare categories one is drawn, the same for the same row."""
    values = dict(zip(header(trained(table)), raw.T))
    return [column_cells(column, values.get(column.name), len(raw), start) for column in table]


def column_cells(column: Column, values: np.ndarray | None, count: int, start: int) -> list[str]:
    if values is None:
        return [column.form] * count if column.kind == "constant" else [str(start + n) for n in range(1, count + 1)]
    if column.kind in NUMBERS:
        return [MISSING if np.isnan(value) else written(column, value) for value in values]
    known = len(column.names)
    rare = np.array(column.counts[known:], np.float64) if column.rare else np.ones(1)
    names = column.rare or column.names[-1:]
    drawn = np.random.default_rng(start).choice(len(rare), count, p=rare / rare.sum())
    codes = values.astype(np.int64)
    return [column.names[code] if 0 <= code < known else names[drawn[i]] for i, code in enumerate(codes)]


def csv_lines(table: Sequence[Column], raw: np.ndarray, start: int = 0) -> str:
    """Raw rows as lines of a .csv without its header."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(zip(*cells(table, raw, start)))
    return out.getvalue()


def csv_header(table: Sequence[Column]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(header(table))
    return out.getvalue()


def in_blocks(table: Sequence[Column], raw: np.ndarray, step: int = 20_000) -> Iterator[str]:
    """A whole .csv, piece by piece."""
    yield csv_header(table)
    for start in range(0, len(raw), step):
        yield csv_lines(table, raw[start : start + step], start)
